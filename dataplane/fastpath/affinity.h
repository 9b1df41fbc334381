// What the passes do for services with `affinity: source` (affinity_table.h). Their packets leave
// the common path once, where it looks up flows; the rest is done for those in a list alone.
#pragma once

#include "dataplane/fastpath/new_flows.h"
#include "dataplane/fastpath/pipeline.h"

namespace vipgate {

namespace affinity_detail {

// Whether the packet shows that one of the client's flows has been answered. Pass three has found
// the flow, if it is known.
template <class Address>
bool is_answered(const Packet& packet) {
  if (is_translating(packet.service->mode)) {
    const auto* record = static_cast<const NatRecord<Address>*>(packet.record);
    return record != nullptr && record->state >= FlowState::kReplied;
  }
  // As for such a flow itself: a second packet shows that the client goes on.
  if (packet.real() == RealId{} || packet.is_later_fragment()) return false;
  constexpr uint8_t kEnds = TcpHeader::kSyn | TcpHeader::kFin | TcpHeader::kRst;
  return packet.protocol == kProtocolUdp ||
         (packet.tcp_flags & (TcpHeader::kAck | kEnds)) == TcpHeader::kAck;
}

}  // namespace affinity_detail

// Pass two: the packet is to a service with affinity. Whether this worker owns its flow; if not, it
// has been handed over.
template <class Observer>
template <class Address>
[[gnu::noinline]] bool Pipeline<Observer>::is_my_client(Burst& burst, Packet& packet) {
  const Address client = packet.ip<typename IpHeaderOf<Address>::Type>().source;
  if (!is_mine(burst, packet, client, Be16{})) return false;
  affinities<Address>().prefetch(AffinityTable<Address>::Key::of(client, packet.service->flow_id));
  seen_clients_[seen_client_count_++] = static_cast<uint8_t>(&packet - packets_.data());
  return true;
}

// After pass three: their clients have been seen.
template <class Observer>
[[gnu::noinline]] void Pipeline<Observer>::note_clients(Burst& burst) {
  for (uint32_t i = 0; i < seen_client_count_; ++i) {
    const Packet& packet = packets_[seen_clients_[i]];
    switch (packet.step) {
      case Step::kForward4:
      case Step::kWideForward4:
      case Step::kDirect4:
      case Step::kWideDirect4:
      case Step::kQuicForward4:
      case Step::kQuicDirect4:
        note_client<Ipv4Address>(burst, packet);
        break;
      default:
        note_client<Ipv6Address>(burst, packet);
        break;
    }
  }
  seen_client_count_ = 0;
}

template <class Observer>
template <class Address>
void Pipeline<Observer>::note_client(Burst& burst, const Packet& packet) {
  const ServiceEntry& service = *packet.service;
  using Table = AffinityTable<Address>;
  const Address client = packet.ip<typename IpHeaderOf<Address>::Type>().source;
  auto* entry =
      affinities<Address>().find(Table::Key::of(client, service.flow_id), burst.now.quarter);
  if (entry == nullptr) return;
  Table::touch(*entry, deadline_after(burst.now.quarter, service.admission->affinity_quarters()));
  if (!Table::is_answered(*entry) && affinity_detail::is_answered<Address>(packet)) {
    Table::set_answered(*entry);
  }
}

// The client's real, if it still takes new flows. One that the service had from another one's is
// not kept once it has reals of its own.
template <class Observer>
template <class Address>
[[gnu::noinline]] RealId Pipeline<Observer>::real_of_client(const Burst& burst,
                                                            const ServiceEntry& service,
                                                            const Address& client) {
  const auto* entry = affinities<Address>().find(
      AffinityTable<Address>::Key::of(client, service.flow_id), burst.now.quarter);
  return entry != nullptr && takes_clients(burst.snapshot, service, entry->real()) ? entry->real()
                                                                                   : RealId{};
}

// REQUIRES: the service has affinity.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::keep_client(const Burst& burst,
                                                       const ServiceEntry& service,
                                                       const Address& client, RealId id) {
  if (!takes_clients(burst.snapshot, service, id)) return;
  affinities<Address>().put(
      AffinityTable<Address>::Key::of(client, service.flow_id), id,
      deadline_after(burst.now.quarter, service.admission->affinity_quarters()), burst.now.quarter);
}

// The real of a new flow to such a service: the client's, or else what the rows say, which becomes
// the client's.
template <class Observer>
template <class Address>
[[gnu::noinline]] RealId Pipeline<Observer>::choose_for_client(Burst& burst, Packet& packet,
                                                               RealId previous, RealId by_row) {
  const ServiceEntry& service = *packet.service;
  const Address client = packet.ip<typename IpHeaderOf<Address>::Type>().source;
  RealId id = real_of_client(burst, service, client);
  if (!(id == RealId{})) {
    if (id != by_row) counters_.count(Event::kFlowsByAffinity);
  } else {
    id = previous == RealId{} ? by_row : previous;
    if (id != by_row) counters_.count(Event::kFlowsByPreviousRow);
  }
  if (!new_flow_detail::begins_nothing(packet)) keep_client(burst, service, client, id);
  return id;
}

template <class Observer>
bool Pipeline<Observer>::takes_clients(const Snapshot& snapshot, const ServiceEntry& service,
                                       RealId id) {
  const RealEntry* real = snapshot.real(id);
  return real != nullptr && real->state == RealState::kUp && real->weight != 0 &&
         real->service == service.index;
}

// A packet of a `nat` real whose flow, by the client's port, would be this worker's, but is not
// there: it may be one of a service with affinity, which is another worker's. True: handed over.
template <class Observer>
template <class Address>
bool Pipeline<Observer>::goes_to_client_owner(Burst& burst, Packet& packet, const Address& client) {
  if (burst.snapshot.nat_return_owner != NatReturnOwner::kEither || workers_ == 1) return false;
  const uint32_t owner = owners_->of(client, Be16{});
  if (owner == worker_) return false;
  hand_over(burst, packet, owner);
  return true;
}

}  // namespace vipgate
