// Which questions of others' names are forwarded, for whom and to whom: `dns.forward` as the packet
// path and the kernel's side read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/addresses.h"
#include "common/byte_order.h"
#include "common/dns_wire.h"
#include "common/prefix_set.h"

namespace vipgate {

// A server that is asked, and the way there.
struct DnsResolver {
  IpAddress address;
  uint16_t port = 53;
  bool is_resolved = false;  // the next hop's link-layer address is known
  bool is_left_out = false;  // it does not answer, and another one of its list does
  uint8_t out_port = 0;      // position in Snapshot::ports
  MacAddress next_hop_mac;
  MacAddress port_mac;
  Be16 vlan;  // 0: untagged
  friend bool operator==(const DnsResolver&, const DnsResolver&) = default;
};

// The names at and below `suffix` have servers of their own.
struct DnsForwardZone {
  std::string suffix;  // a folded wire name
  std::vector<DnsResolver> resolvers;
  friend bool operator==(const DnsForwardZone&, const DnsForwardZone&) = default;
};

// Addresses of the SNAT pool that questions are sent from: positions in Snapshot::snat_addresses.
struct DnsSources {
  uint32_t first = 0;
  uint32_t count = 0;
  friend bool operator==(const DnsSources&, const DnsSources&) = default;
};

struct DnsForwarding {
  static constexpr size_t kMaxResolvers = 16;  // of one zone
  static constexpr uint32_t kMaxAttempts = 4;  // questions sent for one

  bool is_on = false;
  bool has_local_zones = false;  // names of private addresses are answered here: see local_zone()
  PrefixSet clients;
  std::vector<DnsForwardZone> zones;  // longer suffixes before shorter ones; the last: of all names
  DnsSources sources4, sources6;
  uint64_t race_after_ns = 0;  // then the next resolver is asked, too
  uint64_t timeout_ns = 0;     // then the question has failed
  uint32_t attempts = 1;       // resolvers that are asked for one question; at most kMaxAttempts
  uint32_t per_client = 0;     // questions of one client that wait, at each worker
  uint32_t max_ttl_s = 0;
  uint32_t negative_ttl_s = 0;
  uint32_t stale_s = 0;  // 0: what has expired is never answered
  // Of a snapshot: epoch_of() it.
  uint32_t epoch = 0;

  friend bool operator==(const DnsForwarding&, const DnsForwarding&) = default;

  // `client`: as it stands in a packet, 4 or 16 octets.
  bool serves(const uint8_t* client, size_t length) const {
    if (!is_on) return false;
    if (length == sizeof(Ipv4Address)) return clients.contains(load<Ipv4Address>(client));
    return length == sizeof(Ipv6Address) && clients.contains(load<Ipv6Address>(client));
  }

  // The servers for the name. REQUIRES: is_on; `name` is a folded wire name.
  const std::vector<DnsResolver>& resolvers(std::string_view name) const;

  // The zone of RFC 6303 that the name lies in and that has no servers here; empty: none. `name`:
  // as above.
  std::string_view local_zone(std::string_view name) const;
  // A hash of who is to be asked for what, but not of the way there, nor of who answers: what was
  // said under another one is not told any more.
  static uint32_t epoch_of(const DnsForwarding& forwarding);

  // Whether a zone with servers of its own lies below the name. `name`: as above.
  bool has_zone_below(std::string_view name) const;

  const DnsSources& sources(const IpAddress& resolver) const {
    return resolver.is_v4() ? sources4 : sources6;
  }
  bool is_source(size_t snat_position) const {
    const auto is_in = [&](const DnsSources& sources) {
      return snat_position >= sources.first && snat_position - sources.first < sources.count;
    };
    return is_on && (is_in(sources4) || is_in(sources6));
  }
};

// What becomes of a query that came by a stream.
struct DnsStreamAnswer {
  size_t length = 0;  // of the reply, which stands in the query's place; 0: there is none
  // A resolver is to be asked, and the rest says what was asked. The reply, if there is one, has
  // the CNAME records that lead to the name which it is to be asked for.
  bool is_for_others = false;
  uint16_t question_end = 0;
  bool has_opt = false;
  bool is_dnssec_ok = false;
  bool is_above_zone = false;  // the name it is to be asked for: it is there, whatever it says
  // Of the reply's OPT record, where a resolver is to be asked: a cookie, and what else the query
  // wants to have said.
  std::vector<uint8_t> options{};
};

// Whether no server outside may be asked for the name, or for that type: names that are not in the
// DNS (RFC 6761 6.3, 6.4; RFC 7686 2), types that are no data (RFC 6895 3.1). `name`: folded.
bool dns_stays_here(std::string_view name, DnsType type);

}  // namespace vipgate
