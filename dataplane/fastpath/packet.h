// One packet on its way through a burst: what parse found, then what the look-ups found.
#pragma once

#include <rte_mbuf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/addresses.h"
#include "common/byte_order.h"
#include "common/counters.h"
#include "common/headers.h"
#include "common/snapshot.h"

namespace vipgate {

// In place of a reason, for a packet that goes on.
inline constexpr DropReason kNoDrop = DropReason::kCount;

// What is to be done with a packet next.
enum class Step : uint8_t {
  kDone,       // left the burst: sent, answered, handed over or dropped
  kLookup4,    // IPv4 TCP/UDP/SCTP: its address is to be looked up
  kLookup6,    // IPv6 TCP/UDP/SCTP
  kFragment4,  // of a packet with ports: they are to be found
  kFragment6,
  kArp,  // the rare ones, each handled on its own
  kIcmp4,
  kIcmp6,
  kOther4,  // IPv4 or IPv6 that is none of these: the kernel's, if it is for us
  kOther6,
  kVip4,  // to a VIP: `service` is set, and on its way into the cache
  kVip6,
  kForward4,  // to a VIP: `service` and `bucket` are set
  kForward6,
  kReturn4,  // to a SNAT port: `record` is set
  kReturn6,
  kNatReturn4,  // from a `nat` real: `bucket` and `flow_id` are set
  kNatReturn6,
  kDirect4,  // to a VIP whose reals answer directly: `service` and `bucket` are set, then real()
  kDirect6,
  kQuicForward4,  // as without `Quic`; the connection id may name another real than the flow's
  kQuicForward6,
  kQuicDirect4,
  kQuicDirect6,
  kWideForward4,  // as without `Wide`, of flows whose ids are wide
  kWideForward6,
  kWideNatReturn4,
  kWideNatReturn6,
  kWideDirect4,
  kWideDirect6,
  // As kForward4 and kDirect4, of flows that begin in the usual way: usual_beginnings.h; real() is
  // set.
  kBegin4,
  kBeginDirect4,
  kDns4,  // a query; `dns_index` is set
  kDns6,
  kResolver4,  // what a resolver answers
  kResolver6,
};

struct alignas(64) Packet {
  rte_mbuf* mbuf;
  uint8_t* l3;                  // IP or ARP header
  const ServiceEntry* service;  // forward
  union {
    void* record;  // NatRecord of the family, or null
    uint64_t key;  // before that: of kForward4, kDirect4 and kNatReturn4, FlowKey4::bits
  };
  union {
    uint64_t hash;  // of the destination address, then of the flow key
    void* bucket;   // in its place, of kForward, kDirect, kNatReturn: from FlowTable::fetch()
  };
  uint32_t flow_id;  // `nat` return; of kDirect and kBegin, the value of real()
  Be16 source_port;
  Be16 destination_port;
  // The same in all packets that have nothing special: written together.
  Be16 tci;                   // VLAN tag as received, 0: none
  uint16_t ipv6_fragment_at;  // from l3, of the fragment header; 0: there is none
  uint16_t l4_offset;         // from l3
  uint8_t l2_length;
  uint8_t fragment;    // flags below; 0: a whole packet
  uint16_t l3_length;  // bytes from l3 to the end of the IP packet
  uint8_t protocol;
  uint8_t tcp_flags;  // SCTP: those that say the same (sctp.h); UDP: 0
  Step step;
  uint8_t dns_index;
  uint8_t port;   // ingress, index of Snapshot::ports
  bool is_owned;  // nobody looks for its owner: it came from another worker

  static constexpr uint8_t kFirst = 1, kLater = 2;
  static constexpr uint8_t kHasNote = 4;  // its mbuf carries a FragmentNote

  const EthernetHeader& ethernet() const {
    return *reinterpret_cast<const EthernetHeader*>(l3 - l2_length);
  }
  template <class Header>
  Header& ip() const {
    return *reinterpret_cast<Header*>(l3);
  }
  template <class Header>
  Header& l4() const {
    return *reinterpret_cast<Header*>(l3 + l4_offset);
  }
  // From the start of a TCP, UDP or SCTP header, where they have the same place.
  void take_ports(const void* l4) {
    static_assert(offsetof(Packet, destination_port) == offsetof(Packet, source_port) + 2);
    std::memcpy(reinterpret_cast<uint8_t*>(this) + offsetof(Packet, source_port), l4, 4);
  }
  // Untagged and whole, its transport header at `l4`: one word says so.
  static constexpr uint64_t plain_word(uint16_t l4) {
    static_assert(offsetof(Packet, l4_offset) == offsetof(Packet, tci) + 4);
    static_assert(offsetof(Packet, l2_length) == offsetof(Packet, tci) + 6);
    static_assert(offsetof(Packet, fragment) == offsetof(Packet, tci) + 7);
    return uint64_t{l4} << 32 | uint64_t{sizeof(EthernetHeader)} << 48;
  }
  void set_plain(uint16_t l4) {
    const uint64_t word = plain_word(l4);
    std::memcpy(reinterpret_cast<uint8_t*>(this) + offsetof(Packet, tci), &word, sizeof word);
  }
  bool is_plain(uint16_t l4) const { return load<uint64_t>(&tci) == plain_word(l4); }
  void set_segment(uint16_t bytes, uint8_t number, uint8_t flags) {
    static_assert(offsetof(Packet, protocol) == offsetof(Packet, l3_length) + 2);
    static_assert(offsetof(Packet, tcp_flags) == offsetof(Packet, l3_length) + 3);
    const uint32_t word = bytes | uint32_t{number} << 16 | uint32_t{flags} << 24;
    std::memcpy(reinterpret_cast<uint8_t*>(this) + offsetof(Packet, l3_length), &word, sizeof word);
  }
  // By which port it came, and whether its owner is known.
  void set_origin(uint8_t ingress, bool owned) {
    static_assert(offsetof(Packet, is_owned) == offsetof(Packet, port) + 1);
    const auto word = static_cast<uint16_t>(ingress | owned << 8);
    std::memcpy(reinterpret_cast<uint8_t*>(this) + offsetof(Packet, port), &word, sizeof word);
  }
  // What set_segment(), `step` and set_origin() say, in one store: a word of last_word(), to which
  // length and flags are added.
  static constexpr uint64_t last_word(uint8_t number, Step step, uint8_t ingress, bool owned) {
    return uint64_t{number} << 16 | uint64_t{static_cast<uint8_t>(step)} << 32 |
           uint64_t{ingress} << 48 | uint64_t{owned} << 56;
  }
  void set_last_word(uint64_t word, uint16_t bytes, uint8_t flags) {
    static_assert(offsetof(Packet, l3_length) == sizeof(Packet) - sizeof word);
    static_assert(offsetof(Packet, step) == offsetof(Packet, l3_length) + 4);
    static_assert(offsetof(Packet, port) == offsetof(Packet, l3_length) + 6);
    word |= bytes | uint32_t{flags} << 24;
    std::memcpy(reinterpret_cast<uint8_t*>(this) + offsetof(Packet, l3_length), &word, sizeof word);
  }
  // Both ports as they follow each other in the packet.
  uint32_t ports_word() const { return load<uint32_t>(&source_port); }
  RealId real() const { return RealId::from_value(flow_id); }
  void set_real(RealId id) { flow_id = id.value(); }
  bool is_later_fragment() const { return (fragment & kLater) != 0; }
  // REQUIRES: ipv6_fragment_at != 0
  Ipv6FragmentHeader& ipv6_fragment() const {
    return *reinterpret_cast<Ipv6FragmentHeader*>(l3 + ipv6_fragment_at);
  }
  // Where in its datagram a fragment lies, and how much of it that is, in bytes.
  uint16_t fragment_offset() const {
    if (ipv6_fragment_at != 0) {
      return ipv6_fragment().fragment.host() & Ipv6FragmentHeader::kFragmentOffset;
    }
    const unsigned units = ip<Ipv4Header>().fragment.host() & Ipv4Header::kFragmentOffset;
    return static_cast<uint16_t>(units * 8);
  }
  uint16_t fragment_bytes() const {
    const size_t start = ipv6_fragment_at != 0
                             ? ipv6_fragment_at + sizeof(Ipv6FragmentHeader)
                             : static_cast<size_t>(ip<Ipv4Header>().header_length());
    return static_cast<uint16_t>(l3_length - start);
  }
  uint16_t l4_length() const { return static_cast<uint16_t>(l3_length - l4_offset); }
  uint16_t frame_length() const { return static_cast<uint16_t>(l2_length + l3_length); }
};
static_assert(sizeof(Packet) == 64);

// The IP header that goes with an address.
template <class Address>
struct IpHeaderOf;
template <>
struct IpHeaderOf<Ipv4Address> {
  using Type = Ipv4Header;
};
template <>
struct IpHeaderOf<Ipv6Address> {
  using Type = Ipv6Header;
};

inline uint8_t time_to_live(const Ipv4Header& ip) { return ip.ttl; }
inline uint8_t time_to_live(const Ipv6Header& ip) { return ip.hop_limit; }

}  // namespace vipgate
