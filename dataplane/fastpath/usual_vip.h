// Pass one for packets to the VIP that the burst before was for: most are. Its service is looked up
// once a burst, so that their flows can be looked up while they are parsed. And for returns to SNAT
// addresses that have had some.
#pragma once

#include <immintrin.h>

#include <cstring>

#include "dataplane/fastpath/martians.h"
#include "dataplane/fastpath/pipeline.h"

namespace vipgate {

// None where packets may have to be handed over, which would put them before those that pass two
// hands over, or where the service wants more of a packet than its flow.
template <class Observer>
auto Pipeline<Observer>::usual_vip(const Burst& burst) const -> UsualVip {
  if (usual_.service == nullptr || (workers_ != 1 && burst.from != From::kWorker)) return {};
  const auto& table = burst.snapshot.template table<Ipv4Address>();
  const auto* entry = table.addresses.find(usual_.address);
  if (entry == nullptr || entry->kind != AddressKind::kVip) return {};
  const uint32_t index = table.service(*entry, usual_.port, usual_.protocol);
  if (index == kNone) return {};
  const ServiceEntry& service = burst.snapshot.service(index);
  if (service.has_affinity || service.is_quic) return {};
  UsualVip usual;
  usual.vip.address = usual_.address;
  usual.vip.port = usual_.port;
  usual.vip.protocol = usual_.protocol;
  usual.vip.service = &service;
  usual.destination = static_cast<uint64_t>(usual_.port.raw()) << 48 | usual_.address.value.raw();
  usual.key = FlowKey4::of({}, {}, service.flow_id).bits;
  usual.step = is_translating(service.mode) ? Step::kForward4 : Step::kDirect4;
  return usual;
}

// What its packets look like that come by the port, in so few comparisons as can be: parse_usual().
// TCP alone: UDP goes by parse_plain(), and then by UsualVip::is_of().
class UsualFrame {
 public:
  // `vip`: its address and port, as they lie in a packet. `last_word`: see Packet.
  UsualFrame(const PortEntry& port, uint64_t vip, uint64_t last_word) : last_word_(last_word) {
    Start wanted{}, mask{};
    wanted.ethernet.destination = port.mac;
    mask.ethernet.destination = MacAddress{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    mask.ethernet.source = MacAddress{{1}};  // the bit of groups
    wanted.ethernet.ether_type = Be16(kEtherTypeIpv4);
    mask.ethernet.ether_type = Be16(0xffff);
    wanted.ip.version_ihl = 0x45;
    mask.ip.version_ihl = 0xff;
    mask.ip.fragment = Be16(Ipv4Header::kMoreFragments | Ipv4Header::kFragmentOffset);
    wanted.ip.protocol = kProtocolTcp;
    mask.ip.protocol = 0xff;
    std::memcpy(static_cast<void*>(&wanted.ip.destination), &vip, sizeof vip);
    std::memcpy(static_cast<void*>(&mask.ip.destination), &UsualVip::kMask, sizeof UsualVip::kMask);
    // No frame has a bit that the mask leaves out.
    if (!port.check_mac || port.vlan != 0) wanted.ethernet.source = MacAddress{{2}};
    wanted_link_ = load<uint64_t>(&wanted);
    mask_link_ = load<uint64_t>(&mask);
    wanted_ = load<__m256i>(reinterpret_cast<const uint8_t*>(&wanted) + kRest);
    mask_ = load<__m256i>(reinterpret_cast<const uint8_t*>(&mask) + kRest);
  }

  // REQUIRES: sizeof(Start) bytes can be read.
  [[gnu::always_inline]] bool matches(const uint8_t* frame) const {
    const __m256i rest = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(frame + kRest));
    const __m256i difference = _mm256_xor_si256(_mm256_and_si256(rest, mask_), wanted_);
    return (load<uint64_t>(frame) & mask_link_) == wanted_link_ &&
           _mm256_testz_si256(difference, difference) != 0;
  }

  uint64_t last_word() const { return last_word_; }

 private:
  struct Start {
    EthernetHeader ethernet;
    Ipv4Header ip;
    TcpHeader tcp;
  };
  static constexpr size_t kRest = offsetof(EthernetHeader, ether_type);
  static_assert(kRest + sizeof(__m256i) <= sizeof(Start));
  // Up to the destination's port.
  static_assert(kRest + sizeof(__m256i) >=
                sizeof(EthernetHeader) + sizeof(Ipv4Header) + offsetof(TcpHeader, sequence));

  __m256i wanted_, mask_;
  uint64_t wanted_link_, mask_link_;  // the first 8 bytes
  uint64_t last_word_;
};

// As prepare_flow() does, but for the step.
template <class Observer>
[[gnu::always_inline]] inline void Pipeline<Observer>::prepare_usual_flow(Packet& packet,
                                                                          const UsualVip& usual) {
  const auto& ip = packet.ip<Ipv4Header>();
  const auto& table = flows4_.table();
  const FlowKey4 key{FlowKey4::of(ip.source, packet.source_port, 0).bits | usual.key};
  packet.service = usual.vip.service;
  packet.key = key.bits;
  packet.bucket = table.fetch(table.hash(key));
}

// True: the packet is one of them, and has been parsed and looked up, as by parse_plain() and
// prepare_usual_flow(). REQUIRES: packet.mbuf is set.
template <class Observer>
[[gnu::always_inline]] inline bool Pipeline<Observer>::parse_usual(Packet& packet,
                                                                   const UsualVip& usual,
                                                                   const UsualFrame& usual_frame) {
  constexpr unsigned kL3 = sizeof(EthernetHeader);
  constexpr unsigned kL4 = sizeof(Ipv4Header);
  const rte_mbuf* mbuf = packet.mbuf;
  auto* const frame = rte_pktmbuf_mtod(mbuf, uint8_t*);
  const unsigned bytes = mbuf->data_len;
  if (bytes < kL3 + kL4 + sizeof(TcpHeader) || mbuf->nb_segs != 1) [[unlikely]]
    return false;
  if (!usual_frame.matches(frame)) [[unlikely]]
    return false;
  const auto& ip = *reinterpret_cast<const Ipv4Header*>(frame + kL3);
  const auto& tcp = *reinterpret_cast<const TcpHeader*>(frame + kL3 + kL4);
  const unsigned length = ip.total_length.host();
  const unsigned words = tcp.data_offset >> 4;
  if (kL3 + length > bytes || is_martian_source(ip.source)) [[unlikely]]
    return false;
  if (words < sizeof(TcpHeader) / 4 || kL4 + 4 * words > length) [[unlikely]]
    return false;
  packet.l3 = frame + kL3;
  packet.take_ports(&tcp);
  packet.set_plain(kL4);
  packet.set_last_word(usual_frame.last_word(), static_cast<uint16_t>(length), tcp.flags);
  prepare_usual_flow(packet, usual);
  return true;
}

template <class Observer>
void Pipeline<Observer>::keep_snat(const Burst& burst, Ipv4Address address, uint32_t slot) {
  if (known_snat_.generation != burst.snapshot.generation) known_snat_ = {};
  known_snat_.generation = burst.snapshot.generation;
  known_snat_.places[KnownSnat::place(address)] = {address, slot};
}

// True: the packet, which has been parsed, is to a SNAT port of this worker, and its record is on
// its way into the cache, as by look_up_snat().
template <class Observer>
[[gnu::always_inline]] inline bool Pipeline<Observer>::parse_return(Packet& packet) {
  const Ipv4Address destination = packet.ip<Ipv4Header>().destination;
  const auto& place = known_snat_.places[KnownSnat::place(destination)];
  if (!(place.address == destination) || place.slot == kNone) return false;
  if (!flows4_.snat(place.slot).contains(packet.destination_port.host())) return false;
  fetch_return<Ipv4Address>(packet);
  return true;
}

}  // namespace vipgate
