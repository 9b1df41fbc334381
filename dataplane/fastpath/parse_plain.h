// The usual packets, parsed with a few wide loads: untagged Ethernet to our address, IPv4 without
// options or IPv6 without extension headers, whole, TCP or UDP. parse() does the same for every
// packet, and tells what is wrong; a test compares the two.
#pragma once

#include <immintrin.h>
#include <rte_mbuf.h>

#include <cstddef>

#include "common/headers.h"
#include "common/snapshot.h"
#include "dataplane/fastpath/martians.h"
#include "dataplane/fastpath/packet.h"
#include "dataplane/fastpath/parse.h"

namespace vipgate {

// What the first 32 bytes of a plain frame to one port look like.
template <class IpHeader>
class PlainFrame {
 public:
  explicit PlainFrame(const PortEntry& port) {
    Start wanted{}, mask{};
    wanted.ethernet.destination = port.mac;
    mask.ethernet.destination = kAllOnes;
    mask.ethernet.source = MacAddress{{1}};  // the bit of groups
    wanted.ethernet.ether_type = Be16(kIsV4 ? kEtherTypeIpv4 : kEtherTypeIpv6);
    mask.ethernet.ether_type = Be16(0xffff);
    set(wanted.ip, mask.ip);
    // Ports that expect a tag, or do not compare addresses, are for parse(): no frame has a bit
    // that the mask leaves out.
    if (!port.check_mac || port.vlan != 0) wanted.ethernet.source = MacAddress{{2}};
    wanted_ = load<__m256i>(&wanted);
    mask_ = load<__m256i>(&mask);
  }

  // REQUIRES: 32 bytes can be read.
  bool matches(const uint8_t* frame) const {
    const __m256i start = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(frame));
    const __m256i difference = _mm256_xor_si256(_mm256_and_si256(start, mask_), wanted_);
    return _mm256_testz_si256(difference, difference) != 0;
  }

 private:
  static constexpr bool kIsV4 = sizeof(IpHeader) == sizeof(Ipv4Header);
  static constexpr MacAddress kAllOnes{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
  struct Start {
    EthernetHeader ethernet;
    IpHeader ip;
  };
  static_assert(sizeof(Start) >= 32);

  static void set(Ipv4Header& wanted, Ipv4Header& mask) {
    wanted.version_ihl = 0x45;
    mask.version_ihl = 0xff;
    mask.fragment = Be16(Ipv4Header::kMoreFragments | Ipv4Header::kFragmentOffset);
  }
  static void set(Ipv6Header& wanted, Ipv6Header& mask) {
    wanted.version_class_flow = Be32(6u << 28);
    mask.version_class_flow = Be32(0xfu << 28);
  }

  __m256i wanted_, mask_;
};

namespace parse_plain_detail {

inline unsigned total_length(const Ipv4Header& ip) {
  return byte_swap(load<uint16_t>(&ip.total_length));
}
inline unsigned total_length(const Ipv6Header& ip) {
  return unsigned{sizeof(Ipv6Header)} + byte_swap(load<uint16_t>(&ip.payload_length));
}

inline uint8_t protocol(const Ipv4Header& ip) { return ip.protocol; }
inline uint8_t protocol(const Ipv6Header& ip) { return ip.next_header; }

}  // namespace parse_plain_detail

// True: `packet` is what parse() would have made of it, and nothing is wrong. False: somebody else
// must look, and none of what was written counts. REQUIRES: packet.mbuf is set.
template <class IpHeader>
[[gnu::always_inline]] inline bool parse_plain(Packet& packet, const PlainFrame<IpHeader>& plain) {
  using namespace parse_plain_detail;  // NOLINT(google-build-using-namespace)
  constexpr bool kIsV4 = sizeof(IpHeader) == sizeof(Ipv4Header);
  constexpr unsigned kL3 = sizeof(EthernetHeader);
  constexpr unsigned kL4 = sizeof(IpHeader);
  const rte_mbuf* mbuf = packet.mbuf;
  auto* const frame = rte_pktmbuf_mtod(mbuf, uint8_t*);
  const unsigned bytes = mbuf->data_len;
  // What is read below lies within these bytes.
  if (bytes < kL3 + kL4 + sizeof(TcpHeader) || mbuf->nb_segs != 1) [[unlikely]]
    return false;
  if (!plain.matches(frame)) [[unlikely]]
    return false;
  const auto& ip = *reinterpret_cast<const IpHeader*>(frame + kL3);
  const uint8_t* const l4 = frame + kL3 + kL4;
  const unsigned length = total_length(ip);
  if (kL3 + length > bytes || is_martian_source(ip.source)) [[unlikely]]
    return false;
  const uint8_t number = protocol(ip);
  uint8_t flags = 0;
  if (number == kProtocolTcp) [[likely]] {
    const unsigned header = (l4[offsetof(TcpHeader, data_offset)] >> 2) & 0x3cu;
    if (header < sizeof(TcpHeader) || kL4 + header > length) [[unlikely]]
      return false;
    flags = l4[offsetof(TcpHeader, flags)];
  } else if (number == kProtocolUdp) {
    const unsigned udp = load<Be16>(l4 + offsetof(UdpHeader, length)).host();
    if (udp < sizeof(UdpHeader) || kL4 + udp > length) [[unlikely]]
      return false;
    // "No checksum" exists over IPv4 only (RFC 8200 8.1).
    if (!kIsV4 && load<uint16_t>(l4 + offsetof(UdpHeader, checksum)) == 0) [[unlikely]]
      return false;
  } else {
    return false;
  }
  packet.l3 = frame + kL3;
  packet.take_ports(l4);
  packet.set_plain(kL4);
  packet.set_segment(static_cast<uint16_t>(length), number, flags);
  packet.step = kIsV4 ? Step::kLookup4 : Step::kLookup6;
  return true;
}

}  // namespace vipgate
