// Before pass four, while many flows begin: what each of the burst's new flows will read and write
// is fetched ahead, for all of them at once. Else each of these lines would be waited for in turn:
// the second bucket that the flow may lie in, its Maglev row, the record of its SNAT port, and that
// of the flow that gives way to it. All that is decided is which of them may begin in the usual
// way, and where they go: what the snapshot alone says.
#pragma once

#include <bit>

#include "dataplane/fastpath/lookup.h"
#include "dataplane/fastpath/new_flows.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/fastpath/usual_beginnings.h"

namespace vipgate {

template <class Observer>
[[gnu::noinline]] void Pipeline<Observer>::prefetch_new_flows(Burst& burst, uint16_t count) {
  uint64_t fresh = 0;
  for (uint16_t i = 0; i < count; ++i) {
    const Packet& packet = packets_[i];
    bool is_fresh = false;
    if (packet.step == Step::kForward4 || packet.step == Step::kDirect4) {
      is_fresh = prefetch_room<Ipv4Address>(packet);
    } else if (packet.step == Step::kForward6 || packet.step == Step::kDirect6) {
      is_fresh = prefetch_room<Ipv6Address>(packet);
    }
    if (is_fresh) fresh |= uint64_t{1} << i;
  }
  // By now what the first ones wait for has come.
  UsualBeginning usual;
  for (; fresh != 0; fresh &= fresh - 1) {
    const auto i = static_cast<size_t>(std::countr_zero(fresh));
    Packet& packet = packets_[i];
    NewFlowNote& note = new_flow_notes_[i];
    if (packet.step == Step::kForward6) {
      prefetch_records<Ipv6Address>(burst, packet, note);
    } else if (packet.step != Step::kDirect6) {
      usual.look_at(*packet.service);
      plan_beginning(burst, packet, note, usual);
      if (packet.step == Step::kForward4) {
        prefetch_records<Ipv4Address>(burst, packet, note);
      } else if (packet.step == Step::kBegin4) {
        prefetch_victim<Ipv4Address>(burst, packet, note);
        const RealId id = packet.real();
        prefetch_port<Ipv4Address>(burst, packet, note, id, burst.real_entry(id));
      }
    }
  }
}

// Whether the packet's flow is unknown, as pass three has found.
template <class Observer>
template <class Address>
[[gnu::always_inline]] inline bool Pipeline<Observer>::prefetch_room(const Packet& packet) {
  const bool is_known = packet.step == Step::kForward4 || packet.step == Step::kForward6
                            ? packet.record != nullptr
                            : packet.real() != RealId{};
  if (is_known) return false;
  using Bucket = typename FlowStore<Address>::Table::Bucket;
  const NewFlowNote& note = new_flow<Address>(packet);
  flows<Address>().table().prefetch_room(static_cast<const Bucket*>(packet.bucket), note.hash);
  const ServiceEntry& service = *packet.service;
  if (service.row_count != 0) prefetch_line(&service.rows[row_of(service, note.row_hash)]);
  return true;
}

template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::prefetch_records(const Burst& burst,
                                                            const Packet& packet,
                                                            NewFlowNote& note) {
  prefetch_victim<Address>(burst, packet, note);
  const ServiceEntry& service = *packet.service;
  if (service.mode != Mode::kFullnat || service.row_count == 0) return;
  const RealId id = real_of_row(service, row_of(service, note.row_hash));
  const RealEntry* real = burst.snapshot.real(id);
  if (real != nullptr) prefetch_port<Address>(burst, packet, note, id, *real);
}

// The record of the flow that may have to go.
template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::prefetch_victim(const Burst& burst,
                                                                       const Packet& packet,
                                                                       NewFlowNote& note) {
  using Bucket = typename FlowStore<Address>::Table::Bucket;
  auto* const bucket = static_cast<Bucket*>(packet.bucket);
  const auto& store = flows<Address>();
  if (const auto* victim = store.likely_victim(bucket, note.hash, burst.now, note.likely)) {
    prefetch_record(victim);
  }
}

// The record of the flow's SNAT port.
template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::prefetch_port(const Burst& burst,
                                                                     const Packet& packet,
                                                                     NewFlowNote& note, RealId id,
                                                                     const RealEntry& real) {
  const ServiceEntry& service = *packet.service;
  const Be16 port = real.port == Be16{} ? packet.destination_port : real.port;
  const Endpoint<Address> endpoint{real.address.template as<Address>(), port,
                                   static_cast<uint8_t>(service.protocol), 0};
  const SnatTry<Address> first_try =
      flows<Address>().prefetch_snat(service, burst.snapshot, endpoint, note.hash);
  note.snat_real = id;
  note.snat_record = first_try.record;
  note.snat_slot = first_try.slot;
  note.snat_port = first_try.port;
}

}  // namespace vipgate
