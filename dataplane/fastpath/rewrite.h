// Writing into packets: link headers, translated addresses and ports with incremental checksums
// (RFC 1624), and the headers of answers made in place.
#pragma once

#include <rte_mbuf.h>

#include <cstring>
#include <utility>

#include "common/checksum.h"
#include "common/headers.h"
#include "dataplane/fastpath/fragment_note.h"
#include "dataplane/fastpath/packet.h"
#include "dataplane/fastpath/sctp.h"
#include "dataplane/fastpath/swap16.h"

namespace vipgate {

// The way of set_ethernet() where a tag comes, goes or stays.
[[gnu::noinline]] inline void set_tagged_ethernet(Packet& packet, const MacAddress& destination,
                                                  const MacAddress& source, Be16 tci) {
  Be16 ether_type;
  std::memcpy(&ether_type, packet.l3 - 2, 2);
  const size_t length = sizeof(EthernetHeader) + (tci == Be16{} ? 0 : sizeof(VlanTag));
  const int growth = static_cast<int>(length) - packet.l2_length;
  if (growth != 0) {
    rte_mbuf* mbuf = packet.mbuf;
    mbuf->data_off = static_cast<uint16_t>(mbuf->data_off - growth);
    mbuf->data_len = static_cast<uint16_t>(mbuf->data_len + growth);
    mbuf->pkt_len = mbuf->data_len;
    packet.l2_length = static_cast<uint8_t>(length);
  }
  uint8_t* frame = packet.l3 - length;
  std::memcpy(frame, &destination, sizeof destination);
  std::memcpy(frame + 6, &source, sizeof source);
  if (tci != Be16{}) {
    const Be16 tag_type(kEtherTypeVlan);
    std::memcpy(frame + 12, &tag_type, 2);
    std::memcpy(frame + 14, &tci, 2);
  }
  std::memcpy(frame + length - 2, &ether_type, 2);
}

// Gives the packet a link header: addresses, the tag (0: none), the ether type it had. The header
// grows into the headroom or shrinks where the tag comes or goes.
[[gnu::always_inline]] inline void set_ethernet(Packet& packet, const MacAddress& destination,
                                                const MacAddress& source, Be16 tci) {
  if (tci != Be16{} || packet.l2_length != sizeof(EthernetHeader)) [[unlikely]] {
    return set_tagged_ethernet(packet, destination, source, tci);
  }
  uint8_t* frame = packet.l3 - sizeof(EthernetHeader);
  std::memcpy(frame, &destination, sizeof destination);
  std::memcpy(frame + 6, &source, sizeof source);
}

// The same for an IPv4 packet that has no tag and gets none, by two stores of a word: the first one
// goes into what the second one writes. REQUIRES: two bytes can be read behind either address.
[[gnu::always_inline]] inline void set_plain_ethernet(uint8_t* l3, const MacAddress& destination,
                                                      const MacAddress& source) {
  constexpr uint64_t kEtherType = uint64_t{byte_swap(kEtherTypeIpv4)} << 48;
  const uint64_t first = load<uint64_t>(&destination);
  const uint64_t second = (load<uint64_t>(&source) & 0xffff'ffff'ffff) | kEtherType;
  std::memcpy(l3 - sizeof(EthernetHeader), &first, sizeof first);
  std::memcpy(l3 - sizeof second, &second, sizeof second);
}

// The same on the way to a real: both addresses lie there as in the header, and are copied at once.
[[gnu::always_inline]] inline void set_untagged_ethernet(uint8_t* l3, const RealEntry& real) {
  static_assert(offsetof(RealEntry, next_hop_mac) == 0);
  std::memcpy(l3 - sizeof(EthernetHeader), &real, 2 * sizeof(MacAddress));
}
[[gnu::always_inline]] inline void set_ethernet(Packet& packet, const RealEntry& real,
                                                uint8_t l2_length) {
  if (real.vlan != Be16{} || l2_length != sizeof(EthernetHeader)) [[unlikely]] {
    return set_tagged_ethernet(packet, real.next_hop_mac, real.port_mac, real.vlan);
  }
  set_untagged_ethernet(packet.l3, real);
}

// Sends the frame back where it came from, tag included.
inline void turn_ethernet(Packet& packet, const MacAddress& own) {
  auto* frame = packet.l3 - packet.l2_length;
  std::memcpy(frame, frame + 6, 6);
  std::memcpy(frame + 6, &own, 6);
}

// One hop further, from `source` to `destination`. `delta` is what the addresses add to the sum.
[[gnu::always_inline]] inline void set_addresses(Ipv4Header& ip, Ipv4Address source,
                                                 Ipv4Address destination, uint16_t delta) {
  // The TTL is the low byte of its word as it lies in memory: one less is -1, in one's complement.
  constexpr uint16_t kMinusOne = 0xfffe;
  ip.source = source;
  ip.destination = destination;
  --ip.ttl;
  ip.checksum = Be16::from_raw(checksum_apply(ip.checksum.raw(), ones_add(delta, kMinusOne)));
}

inline void set_addresses(Ipv6Header& ip, const Ipv6Address& source, const Ipv6Address& destination,
                          uint16_t) {
  ip.source = source;
  ip.destination = destination;
  --ip.hop_limit;
}

// `ports`: source and destination, as they follow each other in the header.
[[gnu::always_inline]] inline void set_tcp_ports(TcpHeader& tcp, uint32_t ports, uint16_t delta) {
  static_assert(offsetof(TcpHeader, source_port) == 0);
  std::memcpy(static_cast<void*>(&tcp), &ports, sizeof ports);
  tcp.checksum = Be16::from_raw(checksum_apply(tcp.checksum.raw(), delta));
}

// `l4`: where the packet's transport header lies.
[[gnu::always_inline]] inline void set_ports(Packet& packet, uint8_t* l4, Be16 source,
                                             Be16 destination, uint16_t delta) {
  if (packet.protocol == kProtocolTcp) {
    auto& tcp = *reinterpret_cast<TcpHeader*>(l4);
    tcp.source_port = source;
    tcp.destination_port = destination;
    tcp.checksum = Be16::from_raw(checksum_apply(tcp.checksum.raw(), delta));
    return;
  }
  if (packet.protocol == kProtocolSctp) [[unlikely]] {
    return set_sctp_ports(packet, source, destination);
  }
  auto& udp = *reinterpret_cast<UdpHeader*>(l4);
  udp.source_port = source;
  udp.destination_port = destination;
  // Zero says "no checksum" (RFC 768).
  if (udp.checksum == Be16{}) return;
  udp.checksum = Be16::from_raw(udp_checksum_field(checksum_apply(udp.checksum.raw(), delta)));
}

// A fragment of a translated flow: a datagram gets an id of its own, since its source may stand for
// many, who chose theirs without knowing of each other.
inline void set_fragment_id(Packet&, Ipv4Header& ip, uint32_t id) {
  const Be16 after(static_cast<uint16_t>(id));
  ip.checksum =
      Be16::from_raw(checksum_apply(ip.checksum.raw(), checksum_delta(ip.id.raw(), after.raw())));
  ip.id = after;
}
inline void set_fragment_id(Packet& packet, Ipv6Header&, uint32_t id) {
  packet.ipv6_fragment().id = Be32(id);
}

// Its ports, too, if it is the first. REQUIRES: of SCTP, the ports stay as they are.
template <class IpHeader>
[[gnu::noinline]] void set_fragment(Packet& packet, IpHeader& ip, Be16 source, Be16 destination,
                                    uint16_t delta) {
  set_fragment_id(packet, ip, read_note(packet.mbuf).id);
  if (packet.is_later_fragment() || packet.protocol == kProtocolSctp) return;
  set_ports(packet, packet.l3 + packet.l4_offset, source, destination, delta);
}

// Sets the frame's length to what its IP packet has.
inline void set_length(Packet& packet, size_t l3_length) {
  packet.l3_length = static_cast<uint16_t>(l3_length);
  packet.mbuf->data_len = packet.frame_length();
  packet.mbuf->pkt_len = packet.mbuf->data_len;
}

inline constexpr uint8_t kReplyTtl = 64;

// Leaves out what stands between an IP header of `header_length` bytes and the transport header:
// the IP header begins anew, and the link header moves up to it.
inline void drop_options(Packet& packet, uint16_t header_length) {
  uint8_t* moved = packet.l3 + packet.l4_offset - header_length;
  if (moved == packet.l3) return;
  std::memmove(moved - packet.l2_length, packet.l3 - packet.l2_length, packet.l2_length);
  packet.mbuf->data_off = static_cast<uint16_t>(packet.mbuf->data_off + (moved - packet.l3));
  packet.l3 = moved;
  packet.l4_offset = header_length;
}

// Turns the IPv4 header round for an answer of `l4_length` bytes: fresh, without options. It is put
// together and summed in registers: fields that are stored one by one and loaded again as words
// make the processor wait.
inline void make_reply_header(Packet& packet, Ipv4Address source, Ipv4Address destination,
                              uint8_t protocol, size_t l4_length) {
  static_assert(sizeof(Ipv4Header) == 20 && offsetof(Ipv4Header, destination) == 16);
  drop_options(packet, sizeof(Ipv4Header));
  const uint64_t total_length = swap16(static_cast<uint32_t>(sizeof(Ipv4Header) + l4_length));
  constexpr uint64_t kVersionTos = 0x0045;
  constexpr uint64_t kFragment = byte_swap(Ipv4Header::kDontFragment);
  const uint64_t first = kVersionTos | total_length << 16 | kFragment << 48;
  const uint64_t second = kReplyTtl | uint64_t{protocol} << 8 | uint64_t{source.value.raw()} << 32;
  const uint32_t last = destination.value.raw();
  using checksum_detail::add_carry;
  const uint16_t sum = ones_fold(add_carry(add_carry(first, second), last));
  const uint64_t checksum = static_cast<uint16_t>(~sum);
  const uint64_t summed = second | checksum << 16;
  uint8_t* ip = packet.l3;
  std::memcpy(ip, &first, sizeof first);
  std::memcpy(ip + 8, &summed, sizeof summed);
  std::memcpy(ip + 16, &last, sizeof last);
  set_length(packet, sizeof(Ipv4Header) + l4_length);
}

inline void make_reply_header(Packet& packet, const Ipv6Address& source,
                              const Ipv6Address& destination, uint8_t protocol, size_t l4_length) {
  drop_options(packet, sizeof(Ipv6Header));
  auto& ip = packet.ip<Ipv6Header>();
  ip = {.version_class_flow = Be32(6u << 28),
        .payload_length = Be16(static_cast<uint16_t>(l4_length)),
        .next_header = protocol,
        .hop_limit = kReplyTtl,
        .source = source,
        .destination = destination};
  set_length(packet, sizeof(Ipv6Header) + l4_length);
}

}  // namespace vipgate
