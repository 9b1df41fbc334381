// What is put before a packet to reach a real through a tunnel: IP in IP (RFC 2003, RFC 2473), GRE
// (RFC 2784) or GUE (draft-ietf-intarea-gue: variant 0 with its header, variant 1 without).
//
// All of it that does not depend on the packet is made here, once per real, as one block that the
// packet path copies; see fastpath/encapsulate.h for the rest.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/addresses.h"
#include "common/headers.h"
#include "common/service.h"

namespace vipgate {

inline constexpr uint16_t kGuePort = 6080;   // IANA's, which Linux and katran use
inline constexpr uint16_t kGlbPort = 19523;  // GLB's, for GUE with its hops
inline constexpr uint8_t kMaxGueHops = 8;
inline constexpr uint8_t kMaxDscp = 63;
inline constexpr uint8_t kCopyDscp = UINT8_MAX;  // in place of a DSCP: the packet's own

// How a service's tunnels look.
struct TunnelOptions {
  // The outer source address. Bits behind the prefix come from the client's address and port, so
  // that a real's receive queues share the load of its one gateway; a whole address is fixed.
  // katran's prefixes.
  IpPrefix source_ipv4{Ipv4Address{Be32(0xac100000)}, 16};
  IpPrefix source_ipv6{Ipv6Address{{0x01}}, 64};
  uint16_t gue_port = 0;  // 0: kGlbPort with hops, else kGuePort
  uint8_t gue_variant = 1;
  // GLB's second-chance hops in the header of variant 0: 0 for none, also no private data.
  uint8_t gue_hops = 0;
  // UDP over IPv6 without a checksum (RFC 6935); over IPv4 there is none in any case.
  bool gue_zero_checksum = false;
  // DSCP of the outer header (RFC 2983 3.1), 0 to kMaxDscp or kCopyDscp. ECN is copied in any case
  // (RFC 6040 4.1).
  uint8_t dscp = kCopyDscp;
  // TCP: SYNs leave with a maximum segment size of at most this; 0: as they came.
  uint16_t mss_clamp = 0;

  bool operator==(const TunnelOptions&) const = default;
};

// The headers before a packet to one real, and all else that the packet path reads of the real.
// Usual headers (IPv4 in IPv4, GRE, GUE of variant 1; no tag) lie in the second line with the rest,
// so that a packet to any of a million reals costs one line.
struct alignas(64) TunnelHeader {
  static constexpr size_t kMaxLength = 106;
  static constexpr size_t kShortLength = kMaxLength - 64;
  static constexpr uint16_t kNobody = UINT16_MAX;

  // Ethernet, outer IP, UDP, GRE or GUE: the last `length` of these bytes.
  std::array<uint8_t, kMaxLength> bytes{};
  // One's complement sum of the IPv4 header, or of what a UDP checksum over IPv6 covers, as far as
  // it is known here.
  uint16_t sum = 0;
  // What of the client goes into the low 32 bits of the source address, and their fixed bits.
  Be32 source_mask;
  Be32 source_base;
  // Of the real, as long as it is up and its next hop known; kNobody: it is not.
  uint16_t up_generation = kNobody;
  uint16_t max_inner = 0;    // the longest packet that fits the port's MTU, and the way's
  uint8_t length = 0;        // 0: no tunnel
  uint8_t outer_length = 0;  // from the outer IP header on
  uint8_t outer_family = 4;
  uint8_t out_port = 0;
  // What of the packet's traffic class the outer one has, and what is set in it besides.
  uint8_t class_mask = UINT8_MAX;
  uint8_t class_base = 0;
  bool is_udp : 1 = false;
  bool has_udp_checksum : 1 = false;
  bool has_gue_header : 1 = false;
  uint8_t reserved = 0;

  bool is_short() const { return length <= kShortLength; }
  friend bool operator==(const TunnelHeader&, const TunnelHeader&) = default;
};
static_assert(sizeof(TunnelHeader) == 128);
// Ethernet with a tag, IPv6, UDP, GUE.
static_assert(sizeof(EthernetHeader) + sizeof(VlanTag) + sizeof(Ipv6Header) + sizeof(UdpHeader) +
                  sizeof(GueHeader) <=
              TunnelHeader::kMaxLength);
static_assert(sizeof(EthernetHeader) + sizeof(Ipv4Header) + sizeof(UdpHeader) <=
              TunnelHeader::kShortLength);

// The way to a real, and from which port.
struct TunnelWay {
  IpAddress real;
  MacAddress next_hop;
  MacAddress port_mac;
  uint16_t vlan = 0;
  uint16_t mtu = 1500;
  // Of the whole way, as routers have told: at most `mtu` counts.
  uint16_t path_mtu = UINT16_MAX;
};

// What the outer header says is within it, and the UDP port of `gue`. REQUIRES: is_tunnel(mode).
[[nodiscard]] uint8_t tunnel_protocol(Mode mode, int inner_family);
[[nodiscard]] uint16_t tunnel_port(const TunnelOptions& options);

// REQUIRES: is_tunnel(mode).
[[nodiscard]] TunnelHeader make_tunnel_header(Mode mode, int inner_family,
                                              const TunnelOptions& options, const TunnelWay& way);

}  // namespace vipgate
