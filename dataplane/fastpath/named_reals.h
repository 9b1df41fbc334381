// What the passes do for services with `quic: true`, whose connection ids may name a real (quic.h).
// Their packets leave the common path where it looks up flows, and have steps of their own.
#pragma once

#include <algorithm>

#include "dataplane/fastpath/direct.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/fastpath/quic.h"
#include "dataplane/fastpath/translate.h"

namespace vipgate {

namespace named_reals_detail {

// 0: none. REQUIRES: to a UDP service.
inline uint32_t quic_id_of(const Packet& packet) {
  if (packet.is_later_fragment()) return 0;
  const auto& udp = packet.l4<UdpHeader>();
  const size_t length = std::min(udp.length.host(), packet.l4_length());
  return quic_id(reinterpret_cast<const uint8_t*>(&udp + 1), length - sizeof udp);
}

}  // namespace named_reals_detail

// The real that has this id, if it is alive; none: the packet goes by its flow, or by hash.
// REQUIRES: service->is_quic
template <class Observer>
RealId Pipeline<Observer>::real_of_quic_id(const Burst& burst, const Packet& packet, uint32_t id) {
  if (id == 0) return {};
  const RealId* named = burst.snapshot.service_info(packet.service->index).quic_reals->find(id);
  return named != nullptr && direct_detail::is_alive(burst.snapshot.real(*named)) ? *named
                                                                                  : RealId{};
}

// The same, of the packet's connection id.
template <class Observer>
[[gnu::noinline]] RealId Pipeline<Observer>::named_real(const Burst& burst, const Packet& packet) {
  return real_of_quic_id(burst, packet, named_reals_detail::quic_id_of(packet));
}

// Pass two, for services with affinity or QUIC.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::look_up_special_flow(Burst& burst, Packet& packet) {
  const ServiceEntry& service = *packet.service;
  if (is_wide(service.flow_id)) return look_up_wide_flow<Address>(burst, packet);
  const Address client = packet.ip<typename IpHeaderOf<Address>::Type>().source;
  if (!(service.has_affinity ? is_my_client<Address>(burst, packet)
                             : is_mine(burst, packet, client, packet.source_port))) {
    return;
  }
  prepare_flow<Address>(packet);
  if (service.is_quic) packet.step = quic_step<Address>(service);
}

template <class Observer>
template <class Address>
Step Pipeline<Observer>::quic_step(const ServiceEntry& service) {
  constexpr bool kIsV4 = sizeof(Address) == 4;
  return is_translating(service.mode) ? (kIsV4 ? Step::kQuicForward4 : Step::kQuicForward6)
                                      : (kIsV4 ? Step::kQuicDirect4 : Step::kQuicDirect6);
}

// Pass three: the flow, as for any packet. Whose real is another than the id's, pass four moves.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::find_quic(Burst& burst, Packet& packet) {
  const ServiceEntry& service = *packet.service;
  const bool is_wide_flow = is_wide(service.flow_id);
  if (is_translating(service.mode)) {
    is_wide_flow ? find_wide_forward<Address>(burst, packet) : find_forward<Address>(burst, packet);
  } else {
    is_wide_flow ? find_wide_direct<Address>(burst, packet) : find_direct<Address>(burst, packet);
  }
  const uint32_t id = named_reals_detail::quic_id_of(packet);
  if (id != 0 && real_of_quic_id(burst, packet, id) == RealId{}) {
    counters_.count(Event::kQuicIdsUnknown);
  }
}

// Pass four. An earlier packet of this burst may have moved the flow.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::forward_quic(Burst& burst, Packet& packet) {
  const auto* record = static_cast<const NatRecord<Address>*>(packet.record);
  const RealId named = named_real(burst, packet);
  if (record != nullptr && named != RealId{} && record->real_id != named) packet.record = nullptr;
  forward_wide<Address>(burst, packet);
}

template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::forward_quic_direct(Burst& burst, Packet& packet) {
  const RealId named = named_real(burst, packet);
  if (named != RealId{} && packet.real() != named) packet.set_real(RealId{});
  forward_wide_direct<Address>(burst, packet);
}

// Whether the flow is to be given up for a new one to the real that the packet names.
template <class Observer>
bool Pipeline<Observer>::goes_elsewhere(const Burst& burst, const Packet& packet, RealId id) {
  if (!packet.service->is_quic) return false;
  const RealId named = named_real(burst, packet);
  return named != RealId{} && named != id;
}

}  // namespace vipgate
