// The checks of all targets, on one thread: what is due is begun, what has come is taken in, and
// changes of health are reported.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/counters.h"
#include "controlplane/config/config.h"
#include "controlplane/file_descriptor.h"
#include "controlplane/health/check_plan.h"
#include "controlplane/health/check_times.h"
#include "controlplane/health/health_checker.h"
#include "controlplane/health/probe.h"

namespace vipgate {

// Written by the engine's thread, read by any.
struct HealthCounters {
  Counter checks, alive, failed;
  Counter no_verdict;   // checks that could not be made: no socket, no port, no route of our own
  Counter connections;  // that were opened, or attempted
  Counter kept;         // idle ones, now
  Counter suspicions;
  Counter changes;  // of health, per check
  Counter in_flight, waiting, targets;
  CheckTimer times;  // of checks that have told something
};

// Whoever wants to know of a real is a subscription, by a number of the caller's. Those that want
// the same thing of the same real share one check. Used by one thread; add() to suspect() may also
// be called before that thread begins.
class CheckEngine {
 public:
  using Report =
      std::function<void(uint64_t subscription, RealHealth health, const std::string& why)>;

  // `wake_fd` ends a wait when it is readable; its owner reads it. `report` is called by add() and
  // run_once(). `second_ms`: of the intervals between checks; tests let them pass faster.
  static Result<std::unique_ptr<CheckEngine>> create(const HealthCheckerOptions& options,
                                                     int wake_fd, Report report,
                                                     int64_t second_ms = 1000);

  // A subscription that is known moves to the new check, and hears of it when it has a verdict that
  // differs from what was reported last. `type: none` leaves it with no check and unknown.
  // `sends_proxy_header`: see HealthTarget.
  void add(uint64_t subscription, const RealKey& real, const HealthConfig& config,
           bool sends_proxy_header = false);
  void remove(uint64_t subscription);
  void suspect(uint64_t subscription);

  // Waits for something to do, and does all that there is, or a good part. An error: epoll fails.
  Status run_once();

  const HealthCounters& counters() const { return counters_; }

 private:
  struct Subscription {
    uint32_t check = kNone;
    RealHealth reported = RealHealth::kUnknown;
  };
  struct CheckSpec {
    RealKey real;
    HealthConfig config;
    bool sends_proxy_header = false;
    bool operator<(const CheckSpec& other) const;
  };
  struct Check {
    const CheckSpec* spec = nullptr;  // the key in by_spec_
    std::vector<uint64_t> subscriptions;
    std::unique_ptr<Probe> probe;  // while it is in flight, or its connection is kept
    bool is_kept = false;          // the connection waits for the next check
    std::chrono::steady_clock::time_point begun;  // the check that is in flight
    uint32_t checks_left = 0;                     // that the connection may serve after this one
    TlsSession tls_session;                       // of the last good probe
    uint32_t connection = 0;  // tells events of an earlier connection from those of this one
    std::string why;          // of the last change
  };

  CheckEngine(const HealthCheckerOptions& options, Report report, int64_t second_ms);
  void leave_check(uint64_t id, Subscription& subscription);
  void begin(uint32_t number, int64_t now_ms);
  void connect(uint32_t number, int64_t now_ms);
  std::optional<CheckVerdict> connect_once(uint32_t number);
  void settle(uint32_t number, const std::optional<CheckVerdict>& verdict, int64_t now_ms);
  uint32_t lifetime(const Check& check);
  uint32_t next_random();
  bool may_keep(const Check& check, const CheckVerdict& verdict, int64_t now_ms) const;
  void set_kept(Check& check, bool is_kept);
  void forget(Check& check);
  void forget_all_kept();
  void handle_event(uint64_t tag, uint32_t events);
  Status handle_events(int timeout_ms);
  void handle_due();
  void conclude(uint32_t number, const CheckVerdict& verdict, int64_t now_ms);
  void tell(uint64_t id, Subscription& subscription, RealHealth health, const std::string& why);
  void note_no_verdict(const CheckSpec& spec, const std::string& why, int64_t now_ms);

  Report report_;
  int64_t second_ms_;
  HealthCounters counters_;
  FileDescriptor epoll_;
  ProbeTools tools_;
  CheckPlan plan_;
  std::map<CheckSpec, uint32_t> by_spec_;
  std::vector<Check> checks_;  // by the plan's numbers
  std::unordered_map<uint64_t, Subscription> subscriptions_;
  uint64_t random_;
  uint32_t max_kept_;
  uint32_t max_checks_per_connection_;
  int64_t keep_from_ms_ = 0;  // not before: files were short
  int64_t next_complaint_ms_ = 0;
};

}  // namespace vipgate
