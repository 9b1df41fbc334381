#include "controlplane/feeds/resolver_feed.h"

#include <spdlog/spdlog.h>

#include <set>
#include <utility>

#include "controlplane/event_log.h"
#include "controlplane/feeds/source_report.h"

namespace vipgate {
namespace {

// The checker's targets are those of services; no service is without a VIP.
const ServiceKey kResolversKey{IpAddress{}, 0, Protocol::kUdp};

std::string resolver_text(const RealKey& resolver) {
  return endpoint_to_string(resolver.address, resolver.port);
}

std::string_view resolver_state(RealHealth health) {
  switch (health) {
    case RealHealth::kUp:
      return "up";
    case RealHealth::kDown:
      return "down";
    case RealHealth::kUnknown:
      break;
  }
  return "unknown";
}

}  // namespace

std::map<RealKey, HealthConfig> resolver_checks(const DnsForwardConfig& forward) {
  std::map<RealKey, HealthConfig> checks;
  if (!forward.is_on || forward.health.interval_s == 0) return checks;
  HealthConfig check;
  check.type = HealthType::kDns;
  check.interval_s = forward.health.interval_s;
  check.timeout_ms = forward.health.timeout_ms;
  check.rise = 1;
  check.fall = forward.health.fall;
  const auto add = [&](const std::vector<DnsResolverConfig>& resolvers, const std::string& name) {
    check.host = forward.health.name.empty() ? name : forward.health.name;
    for (const DnsResolverConfig& resolver : resolvers) {
      checks.try_emplace({resolver.address, resolver.port}, check);
    }
  };
  add(forward.resolvers, ".");
  for (const DnsForwardZoneConfig& zone : forward.zones) add(zone.resolvers, zone.name);
  return checks;
}

void ResolverFeed::process(int64_t now_ms) {
  bool has_changed = false;
  for (HealthResult& result : checker_->take_results()) {
    const auto known = resolvers_.find(result.real);
    if (known == resolvers_.end() || known->second.health == result.health) continue;
    const RealHealth before = std::exchange(known->second.health, result.health);
    known->second.why = std::move(result.why);
    has_changed = true;
    if (result.health == RealHealth::kDown) {
      log_event(spdlog::level::warn, "resolver_down",
                {{"resolver", resolver_text(known->first)}, {"why", known->second.why}},
                "dns.forward: the resolver {} is down: {}", resolver_text(known->first),
                known->second.why);
    } else if (before == RealHealth::kDown) {
      log_event(
          spdlog::level::info, "resolver_back",
          {{"resolver", resolver_text(known->first)}, {"state", resolver_state(result.health)}},
          "dns.forward: the resolver {} is {} again", resolver_text(known->first),
          resolver_state(result.health));
    }
  }
  if (has_changed) tell(now_ms);
}

void ResolverFeed::act(int64_t now_ms) {
  const DnsForwardConfig& forward = reconciler_.config().dns.forward;
  if (forward == followed_) return;
  followed_ = forward;
  const std::map<RealKey, HealthConfig> wanted = resolver_checks(forward);
  std::vector<HealthTarget> targets;
  for (const auto& [key, check] : wanted) {
    const auto [known, is_new] = resolvers_.try_emplace(key);
    if (!is_new && known->second.check == check) continue;
    known->second.check = check;
    targets.push_back({.service = kResolversKey, .real = key, .config = check});
  }
  for (auto known = resolvers_.begin(); known != resolvers_.end();) {
    if (wanted.contains(known->first)) {
      ++known;
      continue;
    }
    checker_->remove(kResolversKey, known->first);
    known = resolvers_.erase(known);
  }
  if (!targets.empty()) checker_->add(std::move(targets));
  tell(now_ms);
}

void ResolverFeed::tell(int64_t now_ms) {
  std::set<RealKey> down;
  for (const auto& [key, resolver] : resolvers_) {
    if (resolver.health == RealHealth::kDown) down.insert(key);
  }
  if (down == reconciler_.down_resolvers()) return;
  const Status status = reconciler_.resolvers_changed(std::move(down), now_ms / 1000);
  if (!status) spdlog::error("dns.forward: {}", status.error());
}

NamedCounters ResolverFeed::counters() const {
  std::map<RealHealth, uint64_t> count;
  for (const auto& [key, resolver] : resolvers_) ++count[resolver.health];
  return {{"dns_resolvers.up", count[RealHealth::kUp]},
          {"dns_resolvers.down", count[RealHealth::kDown]},
          {"dns_resolvers.unknown", count[RealHealth::kUnknown]}};
}

void ResolverFeed::add_sources(std::vector<SourceReport>& sources,
                               std::optional<size_t> /*ignored*/) const {
  for (const auto& [key, resolver] : resolvers_) {
    SourceReport& report = sources.emplace_back();
    report.id = "resolver." + resolver_text(key);
    report.kind = "resolver";
    report.name = resolver.check.host;
    report.state = resolver_state(resolver.health);
    if (resolver.health == RealHealth::kDown) report.detail = resolver.why;
  }
}

}  // namespace vipgate
