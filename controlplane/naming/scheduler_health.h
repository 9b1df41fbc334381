// What a scheduler's own health checks say of its tasks (Marathon's HTTP and TCP checks, which
// Mesos does not know).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vipgate {

// By the framework's name and the task's id. Owned by the control loop's feeds, used by the control
// thread.
class SchedulerHealth {
 public:
  using Verdicts = std::map<std::string, bool, std::less<>>;  // by task id: whether it is healthy

  // Nothing: no verdict any more. False: it is known already.
  bool set(const std::string& framework, const std::string& task_id, std::optional<bool> healthy) {
    Verdicts& verdicts = verdicts_[framework];
    if (!healthy) return verdicts.erase(task_id) != 0;
    const auto [at, is_new] = verdicts.try_emplace(task_id, *healthy);
    return is_new || std::exchange(at->second, *healthy) != *healthy;
  }

  // All verdicts of a framework. Returns the tasks of which they differ from those before.
  std::vector<std::string> replace(const std::string& framework, const Verdicts& verdicts) {
    std::vector<std::string> changed;
    const Verdicts before = verdicts_[framework];
    for (const auto& [task_id, healthy] : before) {
      if (!verdicts.contains(task_id) && set(framework, task_id, std::nullopt)) {
        changed.push_back(task_id);
      }
    }
    for (const auto& [task_id, healthy] : verdicts) {
      if (set(framework, task_id, healthy)) changed.push_back(task_id);
    }
    return changed;
  }

  [[nodiscard]] bool is_unhealthy(const std::string& framework, std::string_view task_id) const {
    const auto verdicts = verdicts_.find(framework);
    if (verdicts == verdicts_.end()) return false;
    const auto found = verdicts->second.find(task_id);
    return found != verdicts->second.end() && !found->second;
  }
  [[nodiscard]] size_t size(const std::string& framework) const {
    const auto verdicts = verdicts_.find(framework);
    return verdicts == verdicts_.end() ? 0 : verdicts->second.size();
  }

 private:
  std::map<std::string, Verdicts> verdicts_;
};

}  // namespace vipgate
