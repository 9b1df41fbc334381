// Groups of a link that the kernel's side listens to: those of routing daemons beside the gateway,
// and what keeps switches sending them.
#pragma once

#include <cstdint>

#include "common/addresses.h"
#include "common/headers.h"

namespace vipgate {

// OSPF (RFC 2328 A.1), PIM (RFC 7761 4.9) and VRRP (RFC 9568 1.3.1) by their groups; IGMP, whose
// reports and queries go to any group that they are about (RFC 2236 9, RFC 3376 4).
inline bool is_routing_group(Ipv4Address destination, uint8_t protocol) {
  constexpr uint32_t kThisLink = 224u << 24;
  const uint32_t address = destination.value.host();
  switch (protocol) {
    case kProtocolIgmp:
      return address >> 28 == 0xe;
    case kProtocolOspf:
      return address == kThisLink + 5 || address == kThisLink + 6;
    case kProtocolPim:
      return address == kThisLink + 13;
    case kProtocolVrrp:
      return address == kThisLink + 18;
    default:
      return false;
  }
}

// The same (RFC 5340 A.1). What is ICMPv6 (MLD) has a way of its own.
inline bool is_routing_group(const Ipv6Address& destination, uint8_t protocol) {
  Ipv6Address link = destination;
  link.bytes[15] = 0;
  if (link != Ipv6Address{{0xff, 0x02}}) return false;
  const uint8_t group = destination.bytes[15];
  switch (protocol) {
    case kProtocolOspf:
      return group == 5 || group == 6;
    case kProtocolPim:
      return group == 13;
    case kProtocolVrrp:
      return group == 18;
    default:
      return false;
  }
}

}  // namespace vipgate
