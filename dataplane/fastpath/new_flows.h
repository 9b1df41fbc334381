// Pass four for packets without a flow: whether the service takes one, which real it goes to, and
// what the client is told when there is none.
#pragma once

#include "common/maglev.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/fastpath/respond.h"
#include "dataplane/fastpath/rows.h"
#include "dataplane/fastpath/sctp.h"

namespace vipgate {

namespace new_flow_detail {

// Of a packet to a VIP: chooses its Maglev row.
template <class Address>
[[gnu::always_inline]] inline uint32_t row_hash(const Packet& packet) {
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  if constexpr (sizeof(Address) == 4) {
    // As nearly all services have it: without a call.
    if (packet.service->hash == HashFields::kFiveTuple) [[likely]] {
      return flow_hash_v4(ip.source, packet.source_port, ip.destination, packet.destination_port,
                          packet.protocol);
    }
  }
  return flow_hash<Address>(packet.service->hash, ip.source, packet.source_port, ip.destination,
                            packet.destination_port, packet.protocol);
}

// A reset, or a fragment whose first one has found no flow.
inline bool begins_nothing(const Packet& packet) {
  return (packet.tcp_flags & TcpHeader::kRst) != 0 || packet.is_later_fragment();
}

}  // namespace new_flow_detail

// The packet's note: made when it is first asked for. REQUIRES: `packet` is one of the burst, to a
// VIP.
template <class Observer>
template <class Address>
[[gnu::always_inline]] inline NewFlowNote& Pipeline<Observer>::new_flow(const Packet& packet) {
  const auto at = static_cast<size_t>(&packet - packets_.data());
  NewFlowNote& note = new_flow_notes_[at];
  if ((new_flows_known_ >> at & 1) == 0) {
    new_flows_known_ |= uint64_t{1} << at;
    note.hash = flow_hash_of<Address>(packet);
    note.row_hash = new_flow_detail::row_hash<Address>(packet);
    note.snat_real = {};
    note.likely.entry = nullptr;
  }
  return note;
}

// The flow may have begun with an earlier packet of this burst. Null: the packet has left.
template <class Observer>
template <class Address>
[[gnu::noinline]] NatRecord<Address>* Pipeline<Observer>::find_or_create(Burst& burst,
                                                                         Packet& packet) {
  auto& store = flows<Address>();
  const NewFlowNote& note = new_flow<Address>(packet);
  const auto find = [&](auto& table, const auto& key) -> NatRecord<Address>* {
    auto* entry = table.find(key, note.hash);
    if (entry == nullptr) return nullptr;
    const bool has_expired = store.has_expired(*entry, burst.now.quarter);
    if (!has_expired && !entry->names_real()) {
      NatRecord<Address>& record = store.record(entry->value);
      if (!goes_elsewhere(burst, packet, record.real_id)) return &record;
    }
    counters_.count(has_expired ? Event::kFlowsExpired : Event::kFlowsRebalanced);
    store.release(*entry);
    return nullptr;
  };
  if (auto* record = with_flow_key<Address>(packet, find)) return record;
  // A reset of a flow that nobody knows would only make a new one.
  if (new_flow_detail::begins_nothing(packet)) {
    drop(burst, packet, DropReason::kNoFlow, packet.service->index);
    return nullptr;
  }
  return balance<Address>(burst, packet, note);
}

// Chooses a real: the one that the packet names itself; the client's, where the service has
// affinity; else by Maglev: by the row, or, for packets of flows that may be older than the
// service's last change, by what the row was before. None: refused or dropped, the packet has left.
template <class Observer>
template <class Address>
[[gnu::always_inline]] inline RealId Pipeline<Observer>::choose_real(Burst& burst, Packet& packet,
                                                                     uint32_t row_hash) {
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const ServiceEntry& service = *packet.service;
  if (service.admission != nullptr && !service.admission->admits(ip.source)) {
    drop(burst, packet, DropReason::kSourceDenied, service.index);
    return {};
  }
  const RealId previous =
      begins_connection(packet) ? RealId{} : previous_real(burst.snapshot, service, row_hash);
  const RealId named = service.is_quic ? named_real(burst, packet) : RealId{};
  if (service.row_count == 0 && previous == RealId{} && named == RealId{}) {
    if (service.index < services_.size()) services_[service.index].no_real.add();
    refuse<Address>(burst, packet, DropReason::kNoReal);
    return {};
  }
  // What claims to come from one of our own addresses is forged, or a loop.
  if (burst.snapshot.template table<Address>().has(ip.source)) {
    drop(burst, packet, DropReason::kMartianSource, service.index);
    return {};
  }
  // A connection that goes on from another address is not new, so that no limit holds it up.
  if (named != RealId{}) {
    counters_.count(Event::kFlowsByQuicId);
    return named;
  }
  if (service.admission != nullptr && !new_flow_detail::begins_nothing(packet) &&
      !may_have_more(service)) {
    services_[service.index].over_limit.add();
    refuse<Address>(burst, packet, DropReason::kConnectionLimit);
    return {};
  }
  if (service.admission != nullptr && !is_within_rate(service, burst.now)) {
    drop(burst, packet, DropReason::kNewFlowLimit, service.index);
    return {};
  }
  const RealId by_row =
      service.row_count == 0 ? RealId{} : real_of_row(service, row_of(service, row_hash));
  if (service.has_affinity) [[unlikely]] {
    return choose_for_client<Address>(burst, packet, previous, by_row);
  }
  if (previous == RealId{}) return by_row;
  if (previous != by_row) counters_.count(Event::kFlowsByPreviousRow);
  return previous;
}

// Whether the service may have one more connection. Workers count their own, and only add up what
// all have: when several take the last one at the very same time, there are as many more than the
// limit for once.
template <class Observer>
[[gnu::noinline]] bool Pipeline<Observer>::may_have_more(const ServiceEntry& service) const {
  const uint32_t most = service.admission->max_connections();
  // A service that came after the counters were allocated has none of its own.
  if (most == 0 || service.index >= services_.size()) return true;
  uint64_t live = 0;
  for (uint32_t worker = 0; worker < workers_; ++worker) {
    const auto& counters = all_services_[worker];
    if (service.index < counters.size()) live += counters[service.index].connections.value();
  }
  return live < most;
}

// Each worker gives away its share of a service's new flows.
template <class Observer>
bool Pipeline<Observer>::is_within_rate(const ServiceEntry& service, Now now) {
  const uint32_t rate = service.admission->new_flows_per_s();
  // A service that came after the buckets were allocated has none of its own.
  if (rate == 0 || service.index >= new_flows_.size()) return true;
  return new_flows_[service.index].allow(now.ns, std::max(rate / workers_, 1u));
}

// Chooses a real and tracks the flow. Null: refused or dropped, the packet has left.
template <class Observer>
template <class Address>
[[gnu::noinline]] NatRecord<Address>* Pipeline<Observer>::balance(Burst& burst, Packet& packet,
                                                                  const NewFlowNote& note) {
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const ServiceEntry& service = *packet.service;
  const RealId id = choose_real<Address>(burst, packet, note.row_hash);
  if (id == RealId{}) return nullptr;
  const RealEntry& real = *burst.snapshot.real(id);
  DropReason reason = DropReason::kFlowTableFull;
  SnatTry<Address> first_try;
  if (note.snat_real == id) {
    auto* const record = static_cast<NatRecord<Address>*>(note.snat_record);
    first_try = {record, note.snat_slot, note.snat_port};
  }
  const NewFlow<Address> flow{.client = ip.source,
                              .vip = ip.destination,
                              .client_port = packet.source_port,
                              .vip_port = packet.destination_port,
                              .client_mac = packet.ethernet().source,
                              .client_tci = packet.tci,
                              .client_port_index = packet.port,
                              .first_try = first_try,
                              .likely = &note.likely};
  auto* record = flows<Address>().create(service, id, real, burst.snapshot, flow, note.hash,
                                         burst.now, reason);
  if (record == nullptr) {
    drop(burst, packet, reason, service.index);
    return nullptr;
  }
  ++begun_;
  if (service.index < services_.size()) services_[service.index].flows_created.add();
  // A packet in the middle of a connection that we do not know gets no answer from a healthy real.
  if ((packet.tcp_flags & TcpHeader::kSyn) != 0) signal(id, &RealSignalCounters::opened);
  return record;
}

// A flow that the service does not take, for `reason`: as its policy says.
template <class Observer>
template <class Address>
void Pipeline<Observer>::refuse(Burst& burst, Packet& packet, DropReason reason) {
  const ServiceEntry& service = *packet.service;
  // A reset would have to count what the other fragments hold, and about later ones nobody is told.
  const bool is_answerable =
      packet.fragment == 0 || (packet.protocol == kProtocolUdp && !packet.is_later_fragment());
  if (service.no_real == NoReal::kDrop || !is_answerable) {
    return drop(burst, packet, reason, service.index);
  }
  reject<Address>(burst, packet, reason, service.index);
}

// Tells the client that nobody serves this; where that can't be, drops it for `reason`.
template <class Observer>
template <class Address>
void Pipeline<Observer>::reject(Burst& burst, Packet& packet, DropReason reason, uint32_t service) {
  // A reset is never answered (RFC 9293 3.10.7.1), and a later fragment has no header to answer.
  if (new_flow_detail::begins_nothing(packet)) return drop(burst, packet, reason, service);
  const MacAddress& own = burst.snapshot.ports[packet.port].mac;
  if (packet.protocol == kProtocolTcp) {
    if (!reset_limit_.allow(burst.now.ns)) {
      return drop(burst, packet, DropReason::kRateLimited, service);
    }
    answer_with_reset<Address>(packet, own);
    return reply(burst, packet, ReplyKind::kTcpReset, service);
  }
  if (packet.protocol == kProtocolSctp) {
    return reject_sctp<Address>(burst, packet, reason, service);
  }
  if (!unreachable_limit_.allow(burst.now.ns)) {
    return drop(burst, packet, DropReason::kRateLimited, service);
  }
  const Address vip = packet.ip<typename IpHeaderOf<Address>::Type>().destination;
  if (!answer_with_unreachable(packet, vip, own)) return drop(burst, packet, reason, service);
  reply(burst, packet, ReplyKind::kPortUnreachable, service);
}

template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::reject_sctp(Burst& burst, Packet& packet,
                                                       DropReason reason, uint32_t service) {
  const SctpAnswer answer = choose_sctp_answer(packet);
  if (answer == SctpAnswer::kNone) return drop(burst, packet, reason, service);
  if (!reset_limit_.allow(burst.now.ns)) {
    return drop(burst, packet, DropReason::kRateLimited, service);
  }
  answer_sctp<Address>(packet, answer, burst.snapshot.ports[packet.port].mac);
  reply(burst, packet,
        answer == SctpAnswer::kAbort ? ReplyKind::kSctpAbort : ReplyKind::kSctpShutdownComplete,
        service);
}

// To a VIP, but to a port that no service has.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::handle_unserved_port(Burst& burst, Packet& packet) {
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  switch (burst.snapshot.unserved_port) {
    case UnservedPort::kDrop:
      break;
    case UnservedPort::kReject:
      // What claims to come from ourselves is forged.
      if (burst.snapshot.template table<Address>().find(ip.source) != nullptr) break;
      return reject<Address>(burst, packet, DropReason::kPortNotServed, kNone);
    case UnservedPort::kKernel:
      return to_kernel(burst, packet, KernelReason::kUnservedPort);
  }
  drop(burst, packet, DropReason::kPortNotServed);
}

}  // namespace vipgate
