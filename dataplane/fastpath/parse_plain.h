// The usual packet, parsed with a few wide loads: untagged Ethernet to our address, IPv4 without
// options, whole, TCP or UDP. parse() does the same for every packet, and tells what is wrong; a
// test compares the two.
#pragma once

#include <immintrin.h>
#include <rte_mbuf.h>

#include <cstddef>

#include "common/headers.h"
#include "common/snapshot.h"
#include "dataplane/fastpath/packet.h"

namespace vipgate {

// What the first 32 bytes of a plain frame to one port look like.
class PlainFrame {
 public:
  explicit PlainFrame(const PortEntry& port) {
    alignas(32) Start wanted{}, mask{};
    wanted.ethernet.destination = port.mac;
    mask.ethernet.destination = kAllOnes;
    mask.ethernet.source = MacAddress{{1}};  // the bit of groups
    wanted.ethernet.ether_type = Be16(kEtherTypeIpv4);
    mask.ethernet.ether_type = Be16(0xffff);
    wanted.ip.version_ihl = 0x45;
    mask.ip.version_ihl = 0xff;
    mask.ip.fragment = Be16(Ipv4Header::kMoreFragments | Ipv4Header::kFragmentOffset);
    // Ports that expect a tag, or do not compare addresses, are for parse(): no frame has a bit
    // that the mask leaves out.
    if (!port.check_mac || port.vlan != 0) wanted.ip.fragment = Be16(0x8000);
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
  static constexpr MacAddress kAllOnes{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
  struct Start {
    EthernetHeader ethernet;
    Ipv4Header ip;
  };
  static_assert(sizeof(Start) >= 32 && offsetof(Start, ip.source) < 32);

  __m256i wanted_, mask_;
};

// True: `packet` is what parse() would have made of it, and nothing is wrong. False: parse() must
// look, and none of what was written counts. REQUIRES: packet.mbuf is set.
[[gnu::always_inline]] inline bool parse_plain(Packet& packet, const PlainFrame& plain) {
  constexpr unsigned kL4 = sizeof(Ipv4Header);
  constexpr unsigned kL3 = sizeof(EthernetHeader);
  const rte_mbuf* mbuf = packet.mbuf;
  auto* const frame = rte_pktmbuf_mtod(mbuf, uint8_t*);
  const unsigned bytes = mbuf->data_len;
  // What is read below lies within these bytes.
  if (bytes < kL3 + kL4 + sizeof(TcpHeader) || mbuf->nb_segs != 1) [[unlikely]]
    return false;
  if (!plain.matches(frame)) [[unlikely]]
    return false;
  const auto& ip = *reinterpret_cast<const Ipv4Header*>(frame + kL3);
  const uint8_t* const l4 = frame + kL3 + kL4;
  const unsigned length = byte_swap(load<uint16_t>(&ip.total_length));
  const auto first = static_cast<uint8_t>(ip.source.value.raw());
  if (kL3 + length > bytes || static_cast<uint8_t>(first - 1) >= 223 || first == 127) [[unlikely]] {
    return false;
  }
  const uint8_t protocol = ip.protocol;
  uint8_t flags = 0;
  if (protocol == kProtocolTcp) [[likely]] {
    const unsigned words = l4[offsetof(TcpHeader, data_offset)] >> 4;
    if (words < sizeof(TcpHeader) / 4 || kL4 + words * 4 > length) [[unlikely]]
      return false;
    flags = l4[offsetof(TcpHeader, flags)];
  } else if (protocol == kProtocolUdp) {
    const unsigned udp = load<Be16>(l4 + offsetof(UdpHeader, length)).host();
    if (udp < sizeof(UdpHeader) || kL4 + udp > length) [[unlikely]]
      return false;
  } else {
    return false;
  }
  packet.l3 = frame + kL3;
  packet.set_ports(l4);
  packet.tci = Be16{};
  packet.ipv6_fragment_at = 0;
  packet.l4_offset = kL4;
  packet.l2_length = sizeof(EthernetHeader);
  packet.fragment = 0;
  packet.l3_length = static_cast<uint16_t>(length);
  packet.protocol = protocol;
  packet.tcp_flags = flags;
  packet.step = Step::kLookup4;
  return true;
}

}  // namespace vipgate
