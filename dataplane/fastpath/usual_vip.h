// Pass one for packets to the VIP that the burst before was for: most are. Its service is looked up
// once a burst, so that their flows can be looked up while they are parsed. And for returns, to
// SNAT addresses and from `nat` reals that have had some.
#pragma once

#include <immintrin.h>

#include <cstring>

#include "dataplane/fastpath/martians.h"
#include "dataplane/fastpath/pipeline.h"

namespace vipgate {

// None where the service wants more of a packet than its flow.
template <class Observer>
auto Pipeline<Observer>::usual_vip(const Burst& burst) const -> UsualVip {
  if (usual_.service == nullptr) return {};
  const auto& table = burst.snapshot.template table<Ipv4Address>();
  const auto* entry = table.addresses.find(usual_.address);
  if (entry == nullptr || entry->kind != AddressKind::kVip) return {};
  const uint32_t index = table.service(*entry, usual_.port, usual_.protocol);
  if (index == kNone) return {};
  const ServiceEntry& service = burst.snapshot.service(index);
  if (service.has_affinity || service.is_quic || is_wide(service.flow_id)) return {};
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

// Whether this worker owns the flow of a client, or of a SNAT address, and its port. What is
// another worker's is left to pass two, which hands over all such packets: a flow's leave in their
// order.
template <class Observer>
template <bool kAsksOwner>
[[gnu::always_inline]] inline bool Pipeline<Observer>::owns(Ipv4Address address, Be16 port) const {
  return !kAsksOwner || owners_->of(address, port) == worker_;
}

// What parse_tcp() has found.
enum class Parsed : uint8_t {
  kNot,    // somebody else must look
  kUsual,  // a packet to the usual VIP: its flow is on its way into the cache
  kPlain,  // one of TCP to elsewhere, to be looked up
};

// What plain packets of TCP over IPv4 look like that come by the port, and which of them are to the
// usual VIP, in so few comparisons as can be. UDP goes by parse_plain(), and then by
// UsualVip::is_of().
class UsualFrame {
 public:
  UsualFrame(const PortEntry& port, uint8_t ingress, bool is_owned, const UsualVip& usual)
      : usual_word_(Packet::last_word(kProtocolTcp, usual.step, ingress, is_owned)),
        plain_word_(Packet::last_word(kProtocolTcp, Step::kLookup4, ingress, is_owned)) {
    Start wanted{}, mask{};
    wanted.ethernet.destination = port.mac;
    wanted.ethernet.ether_type = Be16(kEtherTypeIpv4);
    mask.ethernet.ether_type = Be16(0xffff);
    wanted.ip.version_ihl = 0x45;
    mask.ip.version_ihl = 0xff;
    mask.ip.fragment = Be16(Ipv4Header::kMoreFragments | Ipv4Header::kFragmentOffset);
    wanted.ip.protocol = kProtocolTcp;
    mask.ip.protocol = 0xff;
    // What is to be looked at by somebody else in any case has a bit in `wanted` that no frame has
    // there, as `mask` leaves it out.
    if (!port.check_mac || port.vlan != 0) wanted.ip.tos = mask.ip.tos = 1;
    plain_mask_ = rest_of(mask);
    mask.ip.tos = 0;
    std::memcpy(static_cast<void*>(&wanted.ip.destination), &usual.destination,
                sizeof usual.destination);
    std::memcpy(static_cast<void*>(&mask.ip.destination), &UsualVip::kMask, sizeof UsualVip::kMask);
    if (usual.vip.service == nullptr || usual.vip.protocol != kProtocolTcp) {
      wanted.ip.source = Ipv4Address{Be32(1)};
    }
    wanted_link_ = load<uint64_t>(&wanted);
    wanted_ = rest_of(wanted);
    mask_ = rest_of(mask);
  }

  // Whether the frame is to us, from one station. REQUIRES: its first 8 bytes can be read.
  [[gnu::always_inline]] bool is_to_us(const uint8_t* frame) const {
    // The destination, and the source's bit of groups, which is the lowest one of what follows: the
    // first 49 bits of the word, as x86-64 loads it.
    static_assert(offsetof(EthernetHeader, source) == 6);
    return (load<uint64_t>(frame) ^ wanted_link_) << 15 == 0;
  }
  // In what the rest of the frame differs from the usual VIP's. REQUIRES: sizeof(Start) bytes can
  // be read.
  [[gnu::always_inline]] __m256i difference(const uint8_t* frame) const {
    const __m256i rest = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(frame + kRest));
    return _mm256_xor_si256(_mm256_and_si256(rest, mask_), wanted_);
  }
  static bool is_usual(__m256i difference) {
    return _mm256_testz_si256(difference, difference) != 0;
  }
  [[gnu::always_inline]] bool is_plain(__m256i difference) const {
    return _mm256_testz_si256(difference, plain_mask_) != 0;
  }

  // See Packet::last_word().
  uint64_t usual_word() const { return usual_word_; }
  uint64_t plain_word() const { return plain_word_; }

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

  static __m256i rest_of(const Start& start) {
    return load<__m256i>(reinterpret_cast<const uint8_t*>(&start) + kRest);
  }

  __m256i wanted_, mask_;
  __m256i plain_mask_;    // without the VIP
  uint64_t wanted_link_;  // the first 8 bytes
  uint64_t usual_word_, plain_word_;
};

// As prepare_flow() does, but for the step. REQUIRES: the packet is plain, so that its ports follow
// the IP header.
template <class Observer>
[[gnu::always_inline]] inline void Pipeline<Observer>::prepare_usual_flow(Packet& packet,
                                                                          const UsualVip& usual) {
  // Read from the frame: from where it has just been written it takes longer.
  const auto& ip = packet.ip<Ipv4Header>();
  const auto& tcp = *reinterpret_cast<const TcpHeader*>(&ip + 1);
  const auto& table = flows4_.table();
  const FlowKey4 key{FlowKey4::of(ip.source, tcp.source_port, 0).bits | usual.key};
  packet.service = usual.vip.service;
  packet.key = key.bits;
  packet.bucket = table.fetch(table.hash(key));
}

namespace usual_vip_detail {

inline constexpr unsigned kL3 = sizeof(EthernetHeader);
inline constexpr unsigned kL4 = sizeof(Ipv4Header);
// Of IPv4 and TCP, without options.
inline constexpr unsigned kLeast = kL4 + sizeof(TcpHeader);

// Whether the lengths that the headers of a frame of so many bytes tell are those of a packet of
// TCP; if so, `packet` is told all but its last word. REQUIRES: the frame has kL3 + kLeast bytes.
[[gnu::always_inline]] inline bool take_tcp(Packet& packet, uint8_t* frame, unsigned bytes,
                                            const Ipv4Header& ip, const TcpHeader& tcp) {
  // By how much each exceeds the least that it may be; what is less is a very large number.
  const unsigned more = ip.total_length.host() - kLeast;
  const unsigned options = (tcp.data_offset & 0xf0u) / 4 - unsigned{sizeof(TcpHeader)};
  if (more > bytes - (kL3 + kLeast) || options > more) [[unlikely]]
    return false;
  packet.l3 = frame + kL3;
  packet.take_ports(&tcp);
  packet.set_plain(kL4);
  return true;
}

}  // namespace usual_vip_detail

// As parse_plain(), for packets of TCP over IPv4; those of this worker's to the usual VIP have been
// looked up, too. The steps that both kinds have stand there twice, so that usual ones ask once.
// REQUIRES: packet.mbuf is set.
template <class Observer>
template <bool kAsksOwner>
[[gnu::always_inline]] inline Parsed Pipeline<Observer>::parse_tcp(Packet& packet,
                                                                   const UsualVip& usual,
                                                                   const UsualFrame& usual_frame) {
  using namespace usual_vip_detail;  // NOLINT(google-build-using-namespace)
  const rte_mbuf* mbuf = packet.mbuf;
  auto* const frame = rte_pktmbuf_mtod(mbuf, uint8_t*);
  const unsigned bytes = mbuf->data_len;
  // What is read below lies within these bytes.
  if (bytes < kL3 + kLeast || mbuf->nb_segs != 1) [[unlikely]]
    return Parsed::kNot;
  if (!usual_frame.is_to_us(frame)) return Parsed::kNot;
  const auto& ip = *reinterpret_cast<const Ipv4Header*>(frame + kL3);
  const auto& tcp = *reinterpret_cast<const TcpHeader*>(frame + kL3 + kL4);
  const __m256i difference = usual_frame.difference(frame);
  if (UsualFrame::is_usual(difference)) [[likely]] {
    if (!take_tcp(packet, frame, bytes, ip, tcp)) return Parsed::kNot;
    if (owns<kAsksOwner>(ip.source, tcp.source_port)) [[likely]] {
      // Whether its source is a martian is asked in pass three, where no flow is found: one that
      // is has none.
      packet.set_last_word(usual_frame.usual_word(), ip.total_length.host(), tcp.flags);
      prepare_usual_flow(packet, usual);
      return Parsed::kUsual;
    }
  } else {
    if (!usual_frame.is_plain(difference)) return Parsed::kNot;
    if (!take_tcp(packet, frame, bytes, ip, tcp)) return Parsed::kNot;
  }
  if (is_martian_source(ip.source)) [[unlikely]]
    return Parsed::kNot;
  packet.set_last_word(usual_frame.plain_word(), ip.total_length.host(), tcp.flags);
  return Parsed::kPlain;
}

template <class Observer>
void Pipeline<Observer>::keep_snat(const Burst& burst, Ipv4Address address, uint32_t slot) {
  if (known_returns_.generation != burst.snapshot.generation) known_returns_ = {};
  known_returns_.generation = burst.snapshot.generation;
  known_returns_.snat_place(address) = {address, slot};
}

template <class Observer>
void Pipeline<Observer>::keep_nat_real(const Burst& burst, const Endpoint<Ipv4Address>& real,
                                       uint32_t flow_id) {
  if (known_returns_.generation != burst.snapshot.generation) known_returns_ = {};
  known_returns_.generation = burst.snapshot.generation;
  const uint64_t endpoint = KnownReturns::endpoint(real.address, real.port, real.protocol);
  known_returns_.real_place(endpoint) = {endpoint, flow_id};
}

// Whether returns may be looked up while they are parsed.
template <class Observer>
bool Pipeline<Observer>::knows_returns(const Burst& burst) const {
  return known_returns_.generation == burst.snapshot.generation;
}

// True: the packet, which has been parsed, is to a SNAT port of this worker, and its record is on
// its way into the cache, as by look_up_snat().
template <class Observer>
template <bool kAsksOwner>
[[gnu::always_inline]] inline bool Pipeline<Observer>::parse_return(Packet& packet) {
  const Ipv4Address destination = packet.ip<Ipv4Header>().destination;
  const auto& place = known_returns_.snat_place(destination);
  if (!(place.address == destination) || place.slot == kNone) return false;
  if (!flows4_.snat(place.slot).contains(packet.destination_port.host())) return false;
  if (!owns<kAsksOwner>(destination, packet.destination_port)) return false;
  fetch_return<Ipv4Address>(packet);
  return true;
}

// True: the packet, which has been parsed, is from a `nat` real to nobody that we know, and its
// flow, one of this worker's, is on its way into the cache, as by look_up_nat_return(). REQUIRES:
// no service has a prefix.
template <class Observer>
template <bool kAsksOwner>
[[gnu::always_inline]] inline bool Pipeline<Observer>::parse_nat_return(const Burst& burst,
                                                                        Packet& packet) {
  const auto& ip = packet.ip<Ipv4Header>();
  const uint64_t endpoint = KnownReturns::endpoint(ip.source, packet.source_port, packet.protocol);
  const auto& place = known_returns_.real_place(endpoint);
  if (place.endpoint != endpoint) return false;
  const Ipv4Address client = ip.destination;
  const AddressTable4& table = burst.snapshot.v4;
  if (!table.filter.excludes(client) && table.addresses.find(client) != nullptr) return false;
  if (kAsksOwner && !owns<kAsksOwner>(client, return_port(burst, packet))) return false;
  fetch_nat_return<Ipv4Address>(packet, place.flow_id);
  return true;
}

}  // namespace vipgate
