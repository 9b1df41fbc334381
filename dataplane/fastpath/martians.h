// Addresses that no packet of the outside may come from, or be forwarded to.
#pragma once

#include "common/addresses.h"

namespace vipgate {

// 0.0.0.0/8, 127.0.0.0/8, multicast, class E and broadcast are no source of a packet (RFC 1812
// 5.3.7).
inline bool is_martian_source(Ipv4Address source) {
  const auto first = static_cast<uint8_t>(source.value.raw());
  return first == 0 || first == 127 || first >= 224;
}

// Multicast, :: and ::1 (RFC 4291 2.5.2, 2.5.3, 2.7).
inline bool is_martian_source(const Ipv6Address& source) {
  if (source.bytes[0] == 0xff) return true;
  Ipv6Address rest = source;
  rest.bytes[15] &= 0xfe;
  return rest == Ipv6Address{};
}

// That no router forwards to (RFC 4291 2.5.6, 2.7); of IPv4, what is, comes here by other ways.
inline bool is_link_local_or_group(Ipv4Address) { return false; }
inline bool is_link_local_or_group(const Ipv6Address& address) {
  return address.bytes[0] == 0xff ||
         (address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80);
}

// Whether a router may forward what comes from there or goes there (RFC 1812 5.3.7, RFC 3927 2.7,
// RFC 4291 2.5.6).
inline bool is_routable(Ipv4Address address) {
  constexpr uint32_t kLinkLocal = 169u << 8 | 254;
  return !is_martian_source(address) && address.value.host() >> 16 != kLinkLocal;
}
inline bool is_routable(const Ipv6Address& address) {
  return !is_martian_source(address) && !is_link_local_or_group(address);
}

}  // namespace vipgate
