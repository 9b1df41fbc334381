// Pass four for flows that begin in the usual way, while many do: with a plain packet that opens a
// connection, to a service that takes every flow, and to a real that is up. They have steps of
// their own, so that they are taken one after another in a loop where all is inlined. What the
// snapshot alone decides has been asked before, for the whole burst. Packets to which something
// unusual happens then go by finish(), which does the same for usual ones.
#pragma once

#include "dataplane/fastpath/flow_store_begin.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/fastpath/usual_packets.h"

namespace vipgate {

// What flows of a service begin with usually; of the one that was looked at last.
class UsualBeginning {
 public:
  void look_at(const ServiceEntry& service) {
    if (&service == service_) [[likely]]
      return;
    service_ = &service;
    flags_ = service.protocol == Protocol::kUdp ? 0 : TcpHeader::kSyn;
    may_be_ = takes_all(service) && is_whole(service);
  }
  [[gnu::always_inline]] bool is_begun_by(const Packet& packet) const {
    return may_be_ && packet.is_plain(sizeof(Ipv4Header)) && packet.ip<Ipv4Header>().ttl > 1 &&
           (packet.tcp_flags & translate_detail::kStateFlags) == flags_;
  }

 private:
  // Whether nothing but its row decides which real a flow goes to, and none is refused.
  static bool takes_all(const ServiceEntry& service) {
    // Only what begins a connection is not asked for what its row was before.
    const bool may_be_older = service.protocol == Protocol::kUdp && service.has_previous_rows;
    return service.row_count != 0 && service.admission == nullptr && !may_be_older &&
           !service.has_affinity && !service.is_quic && !service.tracks_when_needed;
  }
  // Whether the usual way sends its packets.
  static bool is_whole(const ServiceEntry& service) {
    if (service.mode == Mode::kFullnat) {
      return usual_detail::is_forwarded(service) &&
             service.client_address == ClientAddress::kHidden;
    }
    if (is_translating(service.mode)) return false;
    return usual_detail::is_sent<false>(service) || usual_detail::is_sent<true>(service);
  }

  const ServiceEntry* service_ = nullptr;
  uint8_t flags_ = 0;
  bool may_be_ = false;
};

// Of a packet whose flow is unknown: chooses its real, if it may be taken in the usual way.
template <class Observer>
[[gnu::always_inline]] inline void Pipeline<Observer>::plan_beginning(const Burst& burst,
                                                                      Packet& packet,
                                                                      const NewFlowNote& note,
                                                                      const UsualBeginning& usual) {
  if (!usual.is_begun_by(packet)) return;
  const ServiceEntry& service = *packet.service;
  const RealId id = real_of_row(service, row_of(service, note.row_hash));
  if (!(is_tunnel(service.mode) ? burst.is_up_by_tunnel(id) : burst.is_up(id))) return;
  // As choose_real() asks.
  const Ipv4Address client = packet.ip<Ipv4Header>().source;
  if (burst.snapshot.v4.has(client)) [[unlikely]]
    return;
  if (burst.has_many_reals) prefetch_counters(id);
  packet.set_real(id);
  packet.step = packet.step == Step::kForward4 ? Step::kBegin4 : Step::kBeginDirect4;
}

template <class Observer>
[[gnu::noinline]] uint16_t Pipeline<Observer>::begin_usual(Burst& burst, uint16_t first,
                                                           uint16_t count) {
  const ServiceEntry& service = *packets_[first].service;
  uint32_t begun = 0;
  const auto take = [&](Packet & packet, const ServiceEntry&) __attribute__((always_inline)) {
    return begin_if_usual(burst, packet, service, begun);
  };
  const auto is_alike = [](const ServiceEntry&) { return false; };  // `begun` is one service's
  const uint16_t end = finish_stretch<Step::kBegin4>(burst, first, count, is_alike, take);
  count_begun(service, begun);
  return end;
}

// As find_or_create() and forward().
template <class Observer>
[[gnu::always_inline]] inline bool Pipeline<Observer>::begin_if_usual(Burst& burst, Packet& packet,
                                                                      const ServiceEntry& service,
                                                                      uint32_t& begun) {
  packet.step = Step::kForward4;
  const auto& ip = packet.ip<Ipv4Header>();
  const FlowKey4 key = FlowKey4::of(ip.source, packet.source_port, service.flow_id);
  auto* const bucket = static_cast<FlowStore<Ipv4Address>::Table::Bucket*>(packet.bucket);
  const NewFlowNote& note = new_flow_notes_[static_cast<size_t>(&packet - packets_.data())];
  // An earlier packet of the burst may have begun it, or it is one that has expired.
  if (flows4_.table().find_from(bucket, key, note.hash) != nullptr) [[unlikely]]
    return false;
  const RealId id = packet.real();
  const RealEntry& real = burst.real_entry(id);
  const EthernetHeader& ethernet = packet.ethernet();
  auto* const first_record = static_cast<NatRecord<Ipv4Address>*>(note.snat_record);
  const NewFlow<Ipv4Address> flow{.client = ip.source,
                                  .vip = ip.destination,
                                  .client_port = packet.source_port,
                                  .vip_port = packet.destination_port,
                                  .client_mac = ethernet.source,
                                  .client_tci = Be16{},
                                  .client_port_index = packet.port,
                                  .first_try = {first_record, note.snat_slot, note.snat_port},
                                  .likely = &note.likely};
  if (!flows4_.is_free(flow.first_try)) [[unlikely]]
    return false;
  auto* const record =
      flows4_.begin_fullnat(bucket, service, id, real, burst.snapshot, flow, note.hash, burst.now);
  if (record == nullptr) [[unlikely]] {
    // In vain once is enough, in a flood.
    drop(burst, packet, DropReason::kFlowTableFull, service.index);
    return false;
  }
  ++begun;
  signal(id, &RealSignalCounters::opened);
  packet.record = record;
  // The flow has begun, and forward() goes on with its packet.
  if (packet.l3_length > real.mtu || real.vlan != Be16{}) [[unlikely]]
    return false;
  count_real(id, packet.l3_length + sizeof(EthernetHeader));
  usual_detail::rewrite(packet.l3, *record, real);
  sent(burst, packet,
       Verdict{.kind = Verdict::Kind::kForward, .service = service.index, .real = id},
       real.out_port);
  return true;
}

// As find_or_choose(). They are sent by send_usual() then, to which they are as those of known
// flows: nothing that is sent changes what begins.
template <class Observer>
[[gnu::noinline]] uint16_t Pipeline<Observer>::begin_direct_usual(Burst& burst, uint16_t first,
                                                                  uint16_t count) {
  const ServiceEntry& service = *packets_[first].service;
  const FlowState state = direct_detail::first_state(packets_[first]);
  const Quarter deadline =
      deadline_after(burst.now.quarter, service.timeouts[static_cast<size_t>(state)]);
  uint32_t begun = 0;
  for (uint32_t i = first; i < count; ++i) {
    Packet& packet = packets_[i];
    if (packet.step != Step::kBeginDirect4 || packet.service != &service) break;
    packet.step = Step::kDirect4;
    auto* const bucket = static_cast<FlowStore<Ipv4Address>::Table::Bucket*>(packet.bucket);
    const FlowKey4 key{packet.key};
    const uint64_t hash = new_flow_notes_[i].hash;
    // An earlier packet of the burst may have begun it; and there are entries that pass three does
    // not go by. Such a one is finished before others begin, as they might take its entry.
    if (flows4_.table().find_from(bucket, key, hash) != nullptr) [[unlikely]] {
      packet.set_real(RealId{});
      break;
    }
    if (flows4_.begin(bucket, key, hash, packet.real(), state, deadline, burst.now)) [[likely]] {
      ++begun;
    } else {
      counters_.count(Event::kFlowsUntracked);
    }
  }
  count_begun(service, begun);
  return first;
}

template <class Observer>
void Pipeline<Observer>::count_begun(const ServiceEntry& service, uint32_t flows) {
  begun_ += flows;
  counters_.count(Event::kFlowsCreated, flows);
  if (service.index < services_.size()) services_[service.index].flows_created.add(flows);
}

}  // namespace vipgate
