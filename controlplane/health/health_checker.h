// Whether reals answer. One thread, one epoll, thousands of checks in flight; never touches a
// worker. Results come by a queue with an eventfd beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/named_counters.h"
#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/health/check_times.h"
#include "controlplane/health/health_state.h"
#include "controlplane/model/model.h"

namespace vipgate {

// The same real may be checked for several services, in their own ways.
struct HealthTarget {
  ServiceKey service;
  RealKey real;
  HealthConfig config;
  // A connection begins with a PROXY header of its own, as what is forwarded to the real does.
  bool sends_proxy_header = false;
};

struct HealthResult {
  ServiceKey service;
  RealKey real;
  RealHealth health = RealHealth::kUnknown;
  std::string why;  // of the last check: "connection refused", "status 503"
};

struct HealthCheckerOptions {
  uint32_t max_in_flight = 2000;  // checks at a time; the others wait in order
  uint32_t max_kept = 20'000;     // idle connections that wait for the next check of their real
  // After at most so many checks a real is asked over a new connection, so that one which accepts
  // none is found out. 1: each time.
  uint32_t max_checks_per_connection = 16;
  uint64_t seed = 0;  // of the jitter; 0: another one at each start
};

// Created and called by the control thread; the destructor ends its thread.
class HealthChecker {
 public:
  // Raises the process's limit of open files as far as it may. The new thread runs on the CPUs of
  // the calling one.
  static Result<std::unique_ptr<HealthChecker>> create(const HealthCheckerOptions& options = {});
  virtual ~HealthChecker() = default;

  // Adds targets, or gives those that are known a new configuration: their health stays what it was
  // until the new checks have a verdict. With `type: none` a target is only watched no longer:
  // what was up or down becomes unknown.
  virtual void add(std::vector<HealthTarget> targets) = 0;
  // No result of the target comes after it.
  virtual void remove(const ServiceKey& service, const RealKey& real) = 0;
  // Something was seen that makes a check at once worth while (RSTs, SYNs without answer). May be
  // called as often as it is seen; a target that is not known, or not checked, is ignored.
  virtual void suspect(const ServiceKey& service, const RealKey& real) = 0;

  // Readable when there are results.
  [[nodiscard]] virtual int fd() const = 0;
  // Only changes of health.
  virtual std::vector<HealthResult> take_results() = 0;

  // By name: "health.checks", "health.no_verdict", … Any thread.
  [[nodiscard]] virtual NamedCounters counters() const { return {}; }
  // How long checks took that had a verdict. Any thread.
  [[nodiscard]] virtual CheckTimes times() const { return {}; }
};

}  // namespace vipgate
