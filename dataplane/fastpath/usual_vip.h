// Pass one for packets to the VIP that the burst before was for: most are. Its service is looked up
// once a burst, so that their flows can be looked up while they are parsed.
#pragma once

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

// As prepare_flow() does.
template <class Observer>
[[gnu::always_inline]] inline void Pipeline<Observer>::prepare_usual_flow(Packet& packet,
                                                                          const UsualVip& usual) {
  const auto& ip = packet.ip<Ipv4Header>();
  const auto& table = flows4_.table();
  const FlowKey4 key{FlowKey4::of(ip.source, packet.source_port, 0).bits | usual.key};
  packet.service = usual.vip.service;
  packet.key = key.bits;
  packet.bucket = table.fetch(table.hash(key));
  packet.step = usual.step;
}

}  // namespace vipgate
