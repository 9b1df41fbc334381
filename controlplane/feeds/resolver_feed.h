// Has the resolvers of `dns.forward` asked whether they answer, and tells the reconciler which do
// not, so that others are asked in their place.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/named_counters.h"
#include "controlplane/config/config.h"
#include "controlplane/feeds/loop_client.h"
#include "controlplane/health/health_checker.h"
#include "controlplane/loop/reconciler.h"

namespace vipgate {

// How each resolver of the configuration is asked. One that stands in several lists is asked once,
// as one of the list for all names before those of zones. Empty: they are not asked.
std::map<RealKey, HealthConfig> resolver_checks(const DnsForwardConfig& forward);

// Owned by the control loop's feeds, called by the control thread. The reference outlives this.
class ResolverFeed : public LoopClient {
 public:
  ResolverFeed(std::unique_ptr<HealthChecker> checker, Reconciler& reconciler)
      : checker_(std::move(checker)), reconciler_(reconciler) {}

  [[nodiscard]] int fd() const override { return checker_->fd(); }
  void process(int64_t now_ms) override;
  // Follows the configuration in force. What is known of resolvers that stay is kept.
  void act(int64_t now_ms) override;
  [[nodiscard]] int64_t next_deadline_ms() const override {
    return std::numeric_limits<int64_t>::max();
  }
  [[nodiscard]] NamedCounters counters() const override;
  void add_sources(std::vector<SourceReport>& sources,
                   std::optional<size_t> ignored) const override;

 private:
  struct Resolver {
    HealthConfig check;
    RealHealth health = RealHealth::kUnknown;
    std::string why;
  };
  void tell(int64_t now_ms);

  const std::unique_ptr<HealthChecker> checker_;
  Reconciler& reconciler_;
  DnsForwardConfig followed_;
  std::map<RealKey, Resolver> resolvers_;
};

}  // namespace vipgate
