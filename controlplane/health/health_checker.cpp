#include "controlplane/health/health_checker.h"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>

#include <csignal>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

#include "common/system_error.h"
#include "controlplane/file_descriptor.h"
#include "controlplane/health/check_engine.h"

namespace vipgate {
namespace {

// A counter of wake-ups: signals that come before the other side looks are one.
class WakeFd {
 public:
  WakeFd() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  int get() const { return fd_.get(); }
  // Neither can fail but for a counter that is full, and then it wakes all the same.
  void signal() const { (void)eventfd_write(fd_.get(), 1); }
  void clear() const {
    eventfd_t count = 0;
    (void)eventfd_read(fd_.get(), &count);
  }

 private:
  FileDescriptor fd_;
};

struct Command {
  enum class Kind : uint8_t { kAdd, kRemove, kSuspect } kind;
  uint64_t id;
  RealKey real;         // kAdd
  HealthConfig config;  // kAdd
  bool sends_proxy_header = false;
};

struct RawResult {
  uint64_t id;
  RealHealth health;
  std::string why;
};

// The soft limit of open files, after it was raised to the hard one.
uint64_t raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  if (limit.rlim_cur < limit.rlim_max && setrlimit(RLIMIT_NOFILE, &raised) == 0) {
    return raised.rlim_cur;
  }
  return limit.rlim_cur;
}

// The control thread's side. Targets have numbers that are never used again, so that a result that
// is under way when its target is removed finds nobody.
class ThreadedHealthChecker : public HealthChecker {
 public:
  ~ThreadedHealthChecker() override {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(commands_mutex_);
      stop_ = true;
    }
    wake_.signal();
    thread_.join();
  }

  Status start(const HealthCheckerOptions& options) {
    if (wake_.get() < 0 || ready_.get() < 0) {
      return system_error("health checks: eventfd");
    }
    auto engine = CheckEngine::create(
        options, wake_.get(), [this](uint64_t id, RealHealth health, const std::string& why) {
          const std::lock_guard lock(results_mutex_);
          results_.push_back({id, health, why});
          ready_.signal();
        });
    if (!engine) return Error{engine.error()};
    engine_ = std::move(engine).value();
    thread_ = std::thread([this] { run(); });
    return Done{};
  }

  void add(std::vector<HealthTarget> targets) override {
    std::vector<Command> commands;
    commands.reserve(targets.size());
    for (HealthTarget& target : targets) {
      const Target key{target.service, target.real};
      const auto [entry, is_new] = ids_.try_emplace(key, next_id_);
      if (is_new) targets_.emplace(next_id_++, key);
      commands.push_back({Command::Kind::kAdd, entry->second, target.real, std::move(target.config),
                          target.sends_proxy_header});
    }
    send(std::move(commands));
  }

  void remove(const ServiceKey& service, const RealKey& real) override {
    const auto found = ids_.find({service, real});
    if (found == ids_.end()) return;
    send({{Command::Kind::kRemove, found->second, {}, {}}});
    targets_.erase(found->second);
    ids_.erase(found);
  }

  void suspect(const ServiceKey& service, const RealKey& real) override {
    const auto found = ids_.find({service, real});
    if (found != ids_.end()) send({{Command::Kind::kSuspect, found->second, {}, {}}});
  }

  int fd() const override { return ready_.get(); }

  std::vector<HealthResult> take_results() override {
    ready_.clear();
    std::vector<RawResult> taken;
    {
      const std::lock_guard lock(results_mutex_);
      taken.swap(results_);
    }
    std::vector<HealthResult> results;
    results.reserve(taken.size());
    for (RawResult& raw : taken) {
      const auto target = targets_.find(raw.id);
      if (target == targets_.end()) continue;
      results.push_back(
          {target->second.first, target->second.second, raw.health, std::move(raw.why)});
    }
    return results;
  }

  NamedCounters counters() const override {
    const HealthCounters& from = engine_->counters();
    return {{"health.checks", from.checks.value()},
            {"health.alive", from.alive.value()},
            {"health.failed", from.failed.value()},
            {"health.no_verdict", from.no_verdict.value()},
            {"health.connections", from.connections.value()},
            {"health.kept", from.kept.value()},
            {"health.suspicions", from.suspicions.value()},
            {"health.changes", from.changes.value()},
            {"health.in_flight", from.in_flight.value()},
            {"health.waiting", from.waiting.value()},
            {"health.targets", from.targets.value()}};
  }

  CheckTimes times() const override { return engine_->counters().times.times(); }

 private:
  using Target = std::pair<ServiceKey, RealKey>;

  void send(std::vector<Command> commands) {
    {
      const std::lock_guard lock(commands_mutex_);
      std::move(commands.begin(), commands.end(), std::back_inserter(commands_));
    }
    wake_.signal();
  }

  // What follows is the checking thread's.

  // Nothing: it is time to stop.
  std::optional<std::vector<Command>> take_commands() {
    wake_.clear();
    const std::lock_guard lock(commands_mutex_);
    if (stop_) return std::nullopt;
    return std::exchange(commands_, {});
  }

  void run() {
    pthread_setname_np(pthread_self(), "vg-health");
    // Signals are the control loop's; SIGPIPE, of a TLS connection that is gone, nobody's.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    while (const auto commands = take_commands()) {
      for (const Command& command : *commands) obey(command);
      if (auto status = engine_->run_once(); !status) {
        // Only a programming error or a broken kernel comes here; the last health stays in force.
        spdlog::error("{}; health checks have stopped, restart vipgated", status.error());
        return;
      }
    }
  }

  void obey(const Command& command) {
    switch (command.kind) {
      case Command::Kind::kAdd:
        return engine_->add(command.id, command.real, command.config, command.sends_proxy_header);
      case Command::Kind::kRemove:
        return engine_->remove(command.id);
      case Command::Kind::kSuspect:
        return engine_->suspect(command.id);
    }
  }

  std::map<Target, uint64_t> ids_;
  std::unordered_map<uint64_t, Target> targets_;
  uint64_t next_id_ = 1;

  std::mutex commands_mutex_;
  std::vector<Command> commands_;
  bool stop_ = false;
  WakeFd wake_;

  std::mutex results_mutex_;
  std::vector<RawResult> results_;
  WakeFd ready_;

  std::unique_ptr<CheckEngine> engine_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<HealthChecker>> HealthChecker::create(const HealthCheckerOptions& options) {
  HealthCheckerOptions effective = options;
  // The other half is everyone else's.
  const uint64_t room = raise_file_limit() / 2;
  if (effective.max_in_flight > room) effective.max_in_flight = static_cast<uint32_t>(room);
  // Checks come first: what is kept open between them takes no more than they leave.
  const uint64_t room_to_keep = room - effective.max_in_flight;
  if (effective.max_kept > room_to_keep) effective.max_kept = static_cast<uint32_t>(room_to_keep);
  if (effective.seed == 0 &&
      getrandom(&effective.seed, sizeof effective.seed, 0) != sizeof effective.seed) {
    return system_error("health checks: getrandom");
  }
  auto checker = std::make_unique<ThreadedHealthChecker>();
  if (auto status = checker->start(effective); !status) return Error{status.error()};
  return std::unique_ptr<HealthChecker>(std::move(checker));
}

}  // namespace vipgate
