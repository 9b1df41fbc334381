#include "controlplane/dns_policy_compiler.h"

#include "controlplane/dns_secrets.h"

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

}  // namespace

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
  return policy;
}

}  // namespace vipgate
