// How the DNS responder treats those who ask: the options of `dns` that the packet path reads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/dns_forwarding.h"
#include "common/dns_rate_limit.h"
#include "common/dns_search.h"
#include "common/dns_wire.h"
#include "common/siphash.h"

namespace vipgate {

// Plain data, made by the control plane, owned by the snapshot.
struct DnsPolicy {
  DnsRateLimit rate_limit = {};
  // Without a good cookie a reply over UDP is at most so many times as long as its query; 0: as
  // long as any.
  uint16_t max_amplification = 0;
  // Octets of an answer over UDP at most, where the client's EDNS allows so many: 512-4096.
  uint16_t udp_size = kDnsUdpLimit;
  // What an NSID option says (RFC 5001); empty: there is none.
  std::string nsid;
  // The TXT records of class CH (RFC 4892), at most 255 octets each; empty: they are refused.
  std::string version;   // version.bind, version.server
  std::string hostname;  // hostname.bind, id.server
  // The first one makes server cookies, all of them verify them (RFC 9018 5); empty: the option is
  // one that we do not know.
  std::vector<SipKey> cookie_secrets;
  // After what time without a query a TCP connection is closed, in units of 100 ms (RFC 7828).
  uint16_t tcp_idle_100ms = 0;

  DnsForwarding forwarding;
  DnsSearch search;
  friend bool operator==(const DnsPolicy&, const DnsPolicy&) = default;
};

}  // namespace vipgate
