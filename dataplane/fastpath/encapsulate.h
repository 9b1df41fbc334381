// Putting a tunnel's headers before a packet: the real's block as it is, then what depends on the
// packet: lengths, traffic class, the client's share of the source, ports, checksums. The packet
// itself is not touched.
#pragma once

#include <immintrin.h>
#include <rte_mbuf.h>

#include <bit>
#include <cstring>
#include <type_traits>

#include "common/checksum.h"
#include "common/headers.h"
#include "common/tunnel.h"
#include "dataplane/fastpath/packet.h"
#include "dataplane/fastpath/swap16.h"

namespace vipgate {

namespace encapsulate_detail {

inline uint8_t traffic_class(const Ipv4Header& ip) { return ip.tos; }
inline uint8_t traffic_class(const Ipv6Header& ip) {
  return static_cast<uint8_t>(ip.version_class_flow.host() >> 20);
}

inline uint8_t outer_class(uint8_t inner, const TunnelHeader& tunnel) {
  return static_cast<uint8_t>((inner & tunnel.class_mask) | tunnel.class_base);
}

inline Be32 low_bits(Ipv4Address address) { return address.value; }
inline Be32 low_bits(const Ipv6Address& address) { return load<Be32>(address.bytes.data() + 12); }

// The same for all packets of a flow, on every gateway: the low bits of the client's address, the
// port added to the last two bytes, without being turned round.
template <class IpHeader>
Be32 client_entropy(const IpHeader& ip, Be16 client_port) {
  return Be32::from_raw(low_bits(ip.source).raw() ^ uint32_t{client_port.raw()} << 16);
}

// From the range of ephemeral ports, which no middlebox takes for a service (RFC 8086 3.2).
inline Be16 entropy_port(uint32_t entropy) {
  return Be16(static_cast<uint16_t>(0xc000 | (entropy * 0x9e3779b1u) >> 18));
}

// Sum of a packet whose checksums are right, from its headers alone: its TCP or UDP segment adds up
// to the complement of its pseudo header (Linux: "local checksum offload"). If they are wrong, so
// is what is made of it, and the real drops the packet as it would have anyway. Anything else must
// be added up: a UDP packet without a checksum, an ICMP error, a fragment.
template <class IpHeader>
uint64_t packet_sum(const Packet& packet) {
  const auto& ip = packet.ip<IpHeader>();
  const bool has_checksum =
      packet.fragment == 0 &&
      (packet.protocol == kProtocolTcp ||
       (packet.protocol == kProtocolUdp && packet.l4<UdpHeader>().checksum != Be16{}));
  if (!has_checksum) [[unlikely]] {
    return ones_sum(&ip, packet.l3_length);
  }
  uint64_t pseudo;
  if constexpr (std::is_same_v<IpHeader, Ipv4Header>) {
    pseudo = pseudo_header_sum(ip, packet.l4_length());
  } else {
    pseudo = pseudo_header_sum(ip, packet.protocol, packet.l4_length());
  }
  return ones_sum(&ip, packet.l4_offset, ones_negate(ones_fold(pseudo)));
}

// The last bytes of the block's headers so that they end at `end`. Whole vectors: the bytes before
// the first header are headroom, which is nobody's.
template <size_t kBytes>
[[gnu::always_inline]] inline void copy_headers(uint8_t* end, const TunnelHeader& tunnel) {
  const uint8_t* from = tunnel.bytes.data() + TunnelHeader::kMaxLength;
  for (size_t at = 32; at <= kBytes; at += 32) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(end - at),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from - at)));
  }
}
// The same of those that are short: no byte of the block's first line is read.
[[gnu::always_inline]] inline void copy_short_headers(uint8_t* end, const TunnelHeader& tunnel) {
  constexpr size_t kRest = TunnelHeader::kShortLength;
  static_assert(kRest > 32 && kRest <= 48);
  const uint8_t* from = tunnel.bytes.data() + TunnelHeader::kMaxLength;
  const auto last = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from - 32));
  const auto first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from - kRest));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(end - kRest), first);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(end - 32), last);
}

// Puts into the outer header what depends on the packet; `traffic` is the outer class.
[[gnu::always_inline]] inline void complete_ipv4(Ipv4Header& outer, uint32_t traffic,
                                                 const TunnelHeader& tunnel, Be32 source,
                                                 uint32_t total_length) {
  const uint32_t length = swap16(total_length);  // as it lies in memory
  outer.tos = static_cast<uint8_t>(traffic);
  outer.total_length = Be16::from_raw(static_cast<uint16_t>(length));
  outer.source = Ipv4Address{source};
  // The class is the second byte of its word, as it lies in memory. The address is added to the
  // rest as one word of 32 bits, whose carry is worth one, too.
  const uint32_t rest = uint32_t{tunnel.sum} + (traffic << 8) + length;
  uint32_t sum = 0;
  const bool carry = __builtin_add_overflow(rest, source.raw(), &sum);
  sum += carry;
  sum += std::rotl(sum, 16);
  outer.checksum = Be16::from_raw(static_cast<uint16_t>(~sum >> 16));
}

template <class IpHeader>
void complete_ipv6(Ipv6Header& outer, const Packet& packet, const TunnelHeader& tunnel, Be32 source,
                   uint16_t payload) {
  const auto length = static_cast<uint16_t>(tunnel.outer_length - sizeof(Ipv6Header) + payload);
  outer.version_class_flow =
      Be32(6u << 28 | uint32_t{outer_class(traffic_class(packet.ip<IpHeader>()), tunnel)} << 20);
  outer.payload_length = Be16(length);
  std::memcpy(outer.source.bytes.data() + 12, &source, sizeof source);
}

template <class IpHeader>
void complete_udp(UdpHeader& udp, const Packet& packet, const TunnelHeader& tunnel, Be32 source,
                  uint32_t entropy, Be16 length) {
  udp.source_port = entropy_port(entropy);
  udp.length = length;
  if (!tunnel.has_udp_checksum) return;
  // The length stands in the pseudo header, too.
  const uint64_t known =
      uint64_t{tunnel.sum} + udp.source_port.raw() + 2 * uint64_t{length.raw()} + source.raw();
  const uint64_t sum = known + ones_fold(packet_sum<IpHeader>(packet));
  udp.checksum = Be16::from_raw(udp_checksum_field(static_cast<uint16_t>(~ones_fold(sum))));
}

}  // namespace encapsulate_detail

// Bytes before the packet that encapsulate() may write, besides `extra`.
inline constexpr size_t kMaxTunnelRoom = 96;
static_assert(kMaxTunnelRoom <= TunnelHeader::kMaxLength);
inline constexpr size_t kIpv4TunnelRoom = 64;
static_assert(sizeof(EthernetHeader) + sizeof(VlanTag) + sizeof(Ipv4Header) + sizeof(UdpHeader) +
                  sizeof(GueHeader) <=
              kIpv4TunnelRoom);
static_assert(sizeof(EthernetHeader) + sizeof(VlanTag) + sizeof(Ipv6Header) + sizeof(UdpHeader) +
                  sizeof(GueHeader) <=
              kMaxTunnelRoom);
constexpr size_t tunnel_room(const TunnelHeader& tunnel) {
  return tunnel.outer_family == 4 ? kIpv4TunnelRoom : kMaxTunnelRoom;
}

namespace encapsulate_detail {

// The frame begins `length` bytes before `end` now, and goes on with so many bytes behind it.
[[gnu::always_inline]] inline void set_frame(rte_mbuf* mbuf, const uint8_t* end, uint32_t length,
                                             uint32_t payload) {
  mbuf->data_off = static_cast<uint16_t>(end - length - static_cast<uint8_t*>(mbuf->buf_addr));
  mbuf->data_len = static_cast<uint16_t>(length + payload);
  mbuf->pkt_len = length + payload;
}

inline Be32 outer_source(Be32 entropy, const TunnelHeader& tunnel) {
  return Be32::from_raw(tunnel.source_base.raw() | (entropy.raw() & tunnel.source_mask.raw()));
}

}  // namespace encapsulate_detail

// Encapsulates the packet. `extra` bytes before it have been written already: what a GUE header of
// variant 0 carries. Nothing of `packet` but its mbuf is of use afterwards.
// REQUIRES: tunnel_room() and `extra` bytes lie in the buffer before the IP header; the packet with
// `extra` is at most tunnel.max_inner bytes; `extra` is a multiple of 4, and 0 over IPv6.
template <class IpHeader>
[[gnu::always_inline]] inline void encapsulate(const Packet& packet, const TunnelHeader& tunnel,
                                               size_t extra = 0) {
  using namespace encapsulate_detail;  // NOLINT(google-build-using-namespace)
  uint8_t* const end = packet.l3 - extra;
  const auto payload = static_cast<uint16_t>(packet.l3_length + extra);
  const Be32 entropy = client_entropy(packet.ip<IpHeader>(), packet.source_port);
  const Be32 source = outer_source(entropy, tunnel);
  uint8_t* const ip = end - tunnel.outer_length;
  uint8_t* l4;
  if (tunnel.outer_family == 4) {
    copy_headers<kIpv4TunnelRoom>(end, tunnel);
    complete_ipv4(*reinterpret_cast<Ipv4Header*>(ip),
                  outer_class(traffic_class(packet.ip<IpHeader>()), tunnel), tunnel, source,
                  uint32_t{tunnel.outer_length} + payload);
    l4 = ip + sizeof(Ipv4Header);
  } else {
    copy_headers<kMaxTunnelRoom>(end, tunnel);
    complete_ipv6<IpHeader>(*reinterpret_cast<Ipv6Header*>(ip), packet, tunnel, source, payload);
    l4 = ip + sizeof(Ipv6Header);
  }
  if (tunnel.is_udp) {
    const Be16 length(static_cast<uint16_t>(end - l4 + payload));
    complete_udp<IpHeader>(*reinterpret_cast<UdpHeader*>(l4), packet, tunnel, source,
                           entropy.host(), length);
    if (extra != 0) {
      reinterpret_cast<GueHeader*>(end)[-1].version_control_length =
          static_cast<uint8_t>(extra / 4);
    }
  }
  set_frame(packet.mbuf, end, tunnel.length, payload);
}

// Whether encapsulate_in_ipv4() may be called for the plain packet.
[[gnu::always_inline]] inline bool fits_in_ipv4(const Packet& packet, const TunnelHeader& tunnel) {
  return tunnel.outer_family == 4 && packet.l3_length <= tunnel.max_inner &&
         packet.mbuf->data_off >= kIpv4TunnelRoom;
}

// The same for the usual tunnel, over IPv4 without `extra`, where there is no UDP checksum. What of
// the packet is needed is read before anything is written, as whatever is written as octets might
// be any of it; and what is read late need not be kept in a register.
// REQUIRES: the packet is plain: its frame begins with an Ethernet header alone.
[[gnu::always_inline]] inline void encapsulate_in_ipv4(const Packet& packet,
                                                       const TunnelHeader& tunnel) {
  using namespace encapsulate_detail;  // NOLINT(google-build-using-namespace)
  rte_mbuf* const mbuf = packet.mbuf;
  uint8_t* const end = packet.l3;
  const auto& inner = *reinterpret_cast<const Ipv4Header*>(end);
  const uint32_t payload = packet.l3_length;
  const Be32 entropy = client_entropy(inner, packet.source_port);
  const Be32 source = outer_source(entropy, tunnel);
  const uint32_t traffic = outer_class(inner.tos, tunnel);
  if (tunnel.is_short()) [[likely]] {
    copy_short_headers(end, tunnel);
  } else {
    copy_headers<kIpv4TunnelRoom>(end, tunnel);
  }
  const uint64_t outer_length = tunnel.outer_length;
  uint8_t* const ip = end - outer_length;
  complete_ipv4(*reinterpret_cast<Ipv4Header*>(ip), traffic, tunnel, source,
                static_cast<uint32_t>(outer_length) + payload);
  if (tunnel.is_udp) {
    auto& udp = *reinterpret_cast<UdpHeader*>(ip + sizeof(Ipv4Header));
    udp.source_port = entropy_port(entropy.host());
    udp.length = Be16(static_cast<uint16_t>(end - ip - sizeof(Ipv4Header) + payload));
  }
  const uint32_t length = tunnel.length;
  mbuf->data_off = static_cast<uint16_t>(mbuf->data_off + sizeof(EthernetHeader) - length);
  mbuf->data_len = static_cast<uint16_t>(length + payload);
  mbuf->pkt_len = length + payload;
}

}  // namespace vipgate
