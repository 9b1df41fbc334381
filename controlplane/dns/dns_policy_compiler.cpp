#include "controlplane/dns/dns_policy_compiler.h"

#include <algorithm>

#include "common/dns_wire.h"
#include "controlplane/dns/dns_secrets.h"
#include "controlplane/model/snat_layout.h"

namespace vipgate {
namespace {

DnsRateLimit rate_limit_of(const DnsRateLimitConfig& config) {
  DnsRateRules rules;
  rules.responses_per_s = config.responses_per_s;
  rules.errors_per_s =
      config.errors_per_s < 0 ? config.responses_per_s : static_cast<uint32_t>(config.errors_per_s);
  rules.window_s = config.window_s;
  rules.slip = config.slip;
  rules.ipv4_prefix = config.ipv4_prefix;
  rules.ipv6_prefix = config.ipv6_prefix;
  rules.exempt = config.exempt;
  return DnsRateLimit(rules);
}

std::vector<DnsResolver> resolvers_of(const std::vector<DnsResolverConfig>& configured) {
  std::vector<DnsResolver> resolvers;
  for (const DnsResolverConfig& resolver : configured) {
    DnsResolver& added = resolvers.emplace_back();
    added.address = resolver.address;
    added.port = resolver.port;
  }
  return resolvers;
}

DnsForwarding forwarding_of(const Config& config) {
  const DnsForwardConfig& forward = config.dns.forward;
  DnsForwarding forwarding;
  if (!forward.is_on) return forwarding;
  forwarding.is_on = true;
  forwarding.has_local_zones = config.dns.local_zones;
  forwarding.clients = PrefixSet(forward.clients);
  for (const DnsForwardZoneConfig& zone : forward.zones) {
    // The reader has let only names of that form pass.
    const auto name = dns_name_from_text(zone.name);
    if (name) forwarding.zones.push_back({dns_fold(*name), resolvers_of(zone.resolvers)});
  }
  forwarding.zones.push_back({std::string(1, '\0'), resolvers_of(forward.resolvers)});
  std::stable_sort(forwarding.zones.begin(), forwarding.zones.end(),
                   [](const DnsForwardZone& a, const DnsForwardZone& b) {
                     return a.suffix.size() > b.suffix.size();
                   });
  for (const SnatRange& range : snat_layout(config).ranges) {
    if (range.pool != forward.snat_pool) continue;
    (range.family == 4 ? forwarding.sources4 : forwarding.sources6) = {range.first, range.count};
  }
  constexpr uint64_t kNanoseconds = 1'000'000;
  forwarding.race_after_ns = forward.race_after_ms * kNanoseconds;
  forwarding.timeout_ns = forward.timeout_ms * kNanoseconds;
  forwarding.attempts = forward.attempts;
  forwarding.per_client = forward.per_client;
  forwarding.max_ttl_s = forward.max_ttl_s;
  forwarding.negative_ttl_s = forward.negative_ttl_s;
  forwarding.stale_s = forward.stale_s;
  return forwarding;
}

DnsSearch search_of(const std::vector<DnsSearchConfig>& configured) {
  DnsSearch search;
  std::vector<PrefixValue> clients;
  for (const DnsSearchConfig& list : configured) {
    const auto number = static_cast<uint16_t>(search.lists.size());
    for (const IpPrefix& prefix : list.clients) clients.emplace_back(prefix, number);
    auto& suffixes = search.lists.emplace_back();
    for (const std::string& suffix : list.suffixes) {
      // The reader has let only names of that form pass.
      if (const auto name = dns_name_from_text(suffix)) suffixes.push_back(dns_fold(*name));
    }
  }
  search.clients4 = PrefixValues<Ipv4Address>(clients);
  search.clients6 = PrefixValues<Ipv6Address>(clients);
  return search;
}

}  // namespace

void leave_out(DnsForwarding& forwarding, const std::set<RealKey>& down) {
  const auto is_down = [&](const DnsResolver& resolver) {
    return down.contains({resolver.address, resolver.port});
  };
  for (DnsForwardZone& zone : forwarding.zones) {
    const bool are_all_down = std::all_of(zone.resolvers.begin(), zone.resolvers.end(), is_down);
    for (DnsResolver& resolver : zone.resolvers) {
      resolver.is_left_out = !are_all_down && is_down(resolver);
    }
  }
}

DnsPolicy dns_policy_of(const Config& config) {
  const DnsConfig& dns = config.dns;
  DnsPolicy policy;
  policy.rate_limit = rate_limit_of(dns.rate_limit);
  policy.max_amplification = dns.max_amplification;
  policy.udp_size = dns.udp_size;
  // It has been checked.
  if (!dns.nsid.empty()) policy.nsid = *dns_nsid_octets(dns.nsid);
  policy.version = dns.chaos.version;
  policy.hostname = dns.chaos.hostname;
  if (dns.cookies.enabled) policy.cookie_secrets = dns.cookies.secrets;
  policy.tcp_idle_100ms = static_cast<uint16_t>(dns.tcp.idle.count() / 100);
  policy.forwarding = forwarding_of(config);
  policy.search = search_of(dns.search);
  return policy;
}

}  // namespace vipgate
