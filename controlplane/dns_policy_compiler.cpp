#include "controlplane/dns_policy_compiler.h"

#include "controlplane/dns_secrets.h"

namespace vipgate {

DnsPolicy dns_policy_of(const Config& config) {
  const DnsConfig& dns = config.dns;
  DnsPolicy policy;
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
