// What a scheduler's own health checks say of its tasks (Marathon's HTTP and TCP checks, which
// Mesos does not know).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace vipgate {

// By the framework's name and the task's id. Owned by the control loop's feeds, used by the control
// thread.
class SchedulerHealth {
 public:
  // Nothing: no verdict any more. False: it is known already.
  bool set(const std::string& framework, const std::string& task_id, std::optional<bool> healthy) {
    const std::pair key(framework, task_id);
    if (!healthy) return verdicts_.erase(key) != 0;
    const auto [at, is_new] = verdicts_.try_emplace(key, *healthy);
    return is_new || std::exchange(at->second, *healthy) != *healthy;
  }
  [[nodiscard]] bool is_unhealthy(const std::string& framework, const std::string& task_id) const {
    if (verdicts_.empty()) return false;
    const auto found = verdicts_.find({framework, task_id});
    return found != verdicts_.end() && !found->second;
  }

 private:
  std::map<std::pair<std::string, std::string>, bool> verdicts_;
};

}  // namespace vipgate
