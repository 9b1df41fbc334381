// Whether reals answer. One thread, one epoll, thousands of checks in flight; never touches a
// worker. Results come by a queue with an eventfd beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/result.h"
#include "controlplane/config.h"
#include "controlplane/model.h"

namespace vipgate {

enum class RealHealth : uint8_t {
  kUnknown,  // no verdict yet: counts as up
  kUp,
  kDown,
};

// The same real may be checked for several services, in their own ways.
struct HealthTarget {
  ServiceKey service;
  RealKey real;
  HealthConfig config;
};

struct HealthResult {
  ServiceKey service;
  RealKey real;
  RealHealth health = RealHealth::kUnknown;
  std::string why;  // of the last check: "connection refused", "status 503"
};

// Created and called by the control thread; the destructor ends its thread.
class HealthChecker {
 public:
  static Result<std::unique_ptr<HealthChecker>> create();
  virtual ~HealthChecker() = default;

  // Adds targets, or gives those that are known a new configuration.
  virtual void add(std::vector<HealthTarget> targets) = 0;
  virtual void remove(const ServiceKey& service, const RealKey& real) = 0;
  // Something was seen that makes a check at once worth while (RSTs, SYNs without answer).
  virtual void suspect(const ServiceKey& service, const RealKey& real) = 0;

  // Readable when there are results.
  [[nodiscard]] virtual int fd() const = 0;
  // Only changes of health.
  virtual std::vector<HealthResult> take_results() = 0;
};

}  // namespace vipgate
