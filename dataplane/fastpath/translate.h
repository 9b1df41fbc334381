// Pass four for flows: follow the connection's state, rewrite and send.
#pragma once

#include <bit>

#include "dataplane/fastpath/client_address.h"
#include "dataplane/fastpath/icmp_reply.h"
#include "dataplane/fastpath/new_flows.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/fastpath/rare.h"
#include "dataplane/fastpath/respond.h"
#include "dataplane/fastpath/rewrite.h"

namespace vipgate {

namespace translate_detail {

inline constexpr uint8_t kStateFlags = TcpHeader::kSyn | TcpHeader::kFin | TcpHeader::kRst;

// Where the client's packets come from is where returns go: noted when it changes.
template <class Address>
[[gnu::always_inline]] inline void note_client_hop(NatRecord<Address>& record, const Packet& packet,
                                                   uint8_t l2_length, Be16 tci) {
  // The address and the tag are compared as one word.
  static_assert(offsetof(NatRecord<Address>, client_tci) ==
                offsetof(NatRecord<Address>, client_mac) + sizeof(MacAddress));
  const uint8_t* frame = packet.l3 - l2_length;
  // From two bytes before it, which the shift drops.
  static_assert(offsetof(EthernetHeader, source) == sizeof(MacAddress));
  const uint64_t hop = load<uint64_t>(frame + offsetof(EthernetHeader, source) - 2) >> 16 |
                       static_cast<uint64_t>(tci.raw()) << 48;
  if (load<uint64_t>(&record.client_mac) == hop && record.client_port_index == packet.port)
      [[likely]] {
    return;
  }
  record.client_mac = packet.ethernet().source;
  record.client_tci = tci;
  record.client_port_index = packet.port;
}

template <class Address>
void touch(NatRecord<Address>& record, const FlowTimeouts& timeouts, Quarter now) {
  const Quarter deadline = deadline_after(now, timeouts[static_cast<size_t>(record.state)]);
  if (record.deadline != deadline) record.deadline = deadline;
}

template <class Address>
void change_state(FlowStore<Address>& store, NatRecord<Address>& record, FlowState state,
                  const FlowTimeouts& timeouts, Quarter now) {
  store.set_state(record, state, deadline_after(now, timeouts[static_cast<size_t>(state)]));
}

// Whether the packet is from the record's real to its source. IPv4 addresses, and ports, lie in
// pairs in both, the other way round, and are compared as such.
template <class Address>
[[gnu::always_inline]] inline bool is_return_of(const NatRecord<Address>& record,
                                                const Packet& packet) {
  using Ip = typename IpHeaderOf<Address>::Type;
  const auto& ip = packet.ip<Ip>();
  if constexpr (sizeof(Address) == 4) {
    static_assert(offsetof(Ip, destination) == offsetof(Ip, source) + 4);
    static_assert(offsetof(NatRecord<Address>, real) == offsetof(NatRecord<Address>, source) + 4);
    if (load<uint64_t>(&record.source) != std::rotl(load<uint64_t>(&ip.source), 32)) return false;
  } else {
    if (!(record.real == ip.source) || !(record.source == ip.destination)) return false;
  }
  static_assert(offsetof(NatRecord<Address>, real_port) ==
                offsetof(NatRecord<Address>, source_port) + 2);
  return load<uint32_t>(&record.source_port) == std::rotl(packet.ports_word(), 16) &&
         static_cast<uint8_t>(record.protocol) == packet.protocol;
}

// Whether the packet is one from the record's client to its service.
template <class Address>
bool is_forward_of(const NatRecord<Address>& record, const Packet& packet) {
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  return record.state != FlowState::kFree && record.flow_id == packet.service->flow_id &&
         record.client_port == packet.source_port && record.client == ip.source;
}

// Whether the flow's real is gone, or takes no new connections and the client opens one with the
// addresses of one that has ended.
template <class Address>
bool must_rebalance(const NatRecord<Address>& record, const RealEntry* real, uint8_t flags) {
  if (real == nullptr || real->state == RealState::kDown) return true;
  return real->state == RealState::kDraining && record.state == FlowState::kClosing &&
         (flags & TcpHeader::kSyn) != 0;
}

// Whether the packet is a SYN that tells nothing of its flow but that it begins, as nearly all do.
template <class Address>
bool only_begins(const NatRecord<Address>& record, const Packet& packet) {
  return (packet.tcp_flags & kStateFlags) == TcpHeader::kSyn &&
         record.state == FlowState::kEmbryonic && record.seen == 0 &&
         packet.service->client_address == ClientAddress::kHidden;
}

// Whether no fragment of the packet can be translated. What other ports do to the checksum of SCTP
// depends on the length of the whole, which the first fragment, where it stands, does not tell.
template <class Address>
[[gnu::noinline]] bool needs_whole_packet(const Packet& packet, const NatRecord<Address>& record) {
  return packet.protocol == kProtocolSctp &&
         !(record.source_port == record.client_port && record.real_port == record.vip_port);
}

// One end of a flow, as a translated packet names it.
template <class Address>
struct End {
  const Address& address;
  Be16 port;
};

// Translates what has a tag, IPv4 options or extension headers, or is a fragment. False: it can't
// be.
template <class Address>
[[gnu::noinline]] bool translate_special(Packet& packet, End<Address> source,
                                         End<Address> destination, const NatRecord<Address>& record,
                                         uint16_t l3_delta, uint16_t l4_delta) {
  auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  if (packet.fragment != 0 && needs_whole_packet(packet, record)) return false;
  set_addresses(ip, source.address, destination.address, l3_delta);
  if (packet.fragment != 0) {
    set_fragment(packet, ip, source.port, destination.port, l4_delta);
  } else {
    set_ports(packet, packet.l3 + packet.l4_offset, source.port, destination.port, l4_delta);
  }
  return true;
}

}  // namespace translate_detail

template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::forward(Burst& burst, Packet& packet) {
  using namespace translate_detail;  // NOLINT(google-build-using-namespace)
  using IpHeader = typename IpHeaderOf<Address>::Type;
  auto* ip = &packet.ip<IpHeader>();
  const ServiceEntry& service = *packet.service;
  if (time_to_live(*ip) <= 1) [[unlikely]] {
    return expire(burst, packet, ip->destination, service.index);
  }
  auto* record = static_cast<NatRecord<Address>*>(packet.record);
  // An earlier packet of this burst may have ended the flow and taken its record.
  if (record == nullptr || flows<Address>().given_back() != burst.template given_back<Address>())
      [[unlikely]] {
    if (record == nullptr || !is_forward_of(*record, packet)) {
      record = find_or_create<Address>(burst, packet);
      if (record == nullptr) return;
    }
  }
  const RealEntry* real = nullptr;
  bool is_resolved = true;
  if (burst.is_up(record->real_id)) [[likely]] {
    real = &burst.real_entry(record->real_id);
  } else {
    record = settle_real(burst, packet, record);
    if (record == nullptr) return;
    real = burst.snapshot.real(record->real_id);
    is_resolved = real->next_hop_resolved;
  }
  touch(*record, service.timeouts, burst.now.quarter);
  if (!is_resolved) [[unlikely]] {
    return drop(burst, packet, DropReason::kNextHopUnresolved, service.index);
  }
  if (packet.l3_length > real->mtu) [[unlikely]] {
    return refuse_too_big(burst, packet, real->mtu, ip->destination, service.index);
  }
  // A flow changes by these, and by what follows its real's answer.
  const bool may_change = (packet.tcp_flags & kStateFlags) != 0 ||
                          (record->seen & (record->kAwaitsAck | record->kTellsClient)) != 0;
  if (may_change && !only_begins(*record, packet)) [[unlikely]] {
    follow_client(burst, *record, packet);
    if ((record->seen & record->kTellsClient) != 0) {
      if (!tell_client(burst, packet, *record, real->mtu)) return;
      ip = &packet.ip<IpHeader>();
    }
  }
  // The usual packet is asked only once what it is, and its headers lie at known places.
  if (packet.is_plain(sizeof(IpHeader))) [[likely]] {
    note_client_hop(*record, packet, sizeof(EthernetHeader), Be16{});
    set_addresses(*ip, record->source, record->real, record->l3_delta);
    set_ports(packet, packet.l3 + sizeof(IpHeader), record->source_port, record->real_port,
              record->l4_delta);
    set_ethernet(packet, *real, sizeof(EthernetHeader));
  } else {
    note_client_hop(*record, packet, packet.l2_length, packet.tci);
    if (!translate_special(packet, {record->source, record->source_port},
                           {record->real, record->real_port}, *record, record->l3_delta,
                           record->l4_delta)) {
      return drop(burst, packet, DropReason::kSctpFragment, service.index);
    }
    set_ethernet(packet, *real, packet.l2_length);
  }
  const uint16_t bytes = packet.frame_length();
  count_run(service.index, false, bytes);
  count_real(record->real_id, bytes);
  sent(burst, packet,
       Verdict{.kind = Verdict::Kind::kForward, .service = service.index, .real = record->real_id},
       real->out_port);
}

// Of a flow whose real is not known to be up: the record of the flow as it goes on, maybe to
// another real. Null: the packet has left.
template <class Observer>
template <class Address>
[[gnu::noinline]] NatRecord<Address>* Pipeline<Observer>::settle_real(Burst& burst, Packet& packet,
                                                                      NatRecord<Address>* record) {
  const RealEntry* real = burst.snapshot.real(record->real_id);
  if ((real != nullptr && real->state == RealState::kUp) ||
      !translate_detail::must_rebalance(*record, real, packet.tcp_flags)) {
    return record;
  }
  flows<Address>().release(*record);
  // A reset needs no new flow, nor an answer.
  if (new_flow_detail::begins_nothing(packet)) {
    drop(burst, packet, DropReason::kNoFlow, packet.service->index);
    return nullptr;
  }
  counters_.count(Event::kFlowsRebalanced);
  return balance<Address>(burst, packet, new_flow<Address>(packet));
}

// A wide id does not tell whether the record, which an earlier packet of this burst may have taken,
// is of the very flow.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::forward_wide(Burst& burst, Packet& packet) {
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const auto* record = static_cast<const NatRecord<Address>*>(packet.record);
  if (record != nullptr &&
      !(record->vip == ip.destination && record->vip_port == packet.destination_port)) {
    packet.record = nullptr;
  }
  forward<Address>(burst, packet);
}

template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::forward_return(Burst& burst,
                                                                      Packet& packet) {
  using namespace translate_detail;  // NOLINT(google-build-using-namespace)
  auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  auto* record = static_cast<NatRecord<Address>*>(packet.record);
  const bool is_flow = record != nullptr && record->state != FlowState::kFree &&
                       is_return_of(*record, packet) &&
                       !has_passed(record->deadline, burst.now.quarter);
  if (!is_flow) [[unlikely]] {
    const auto& addresses = burst.snapshot.template table<Address>().addresses;
    const auto* entry = addresses.find(ip.destination);
    if (entry != nullptr && entry->kind == AddressKind::kOwn) {
      return to_kernel(burst, packet, rare_detail::own_reason(packet));
    }
    if (entry == nullptr) return handle_transit<Address>(burst, packet, DropReason::kNoFlow);
    return drop(burst, packet, DropReason::kNoFlow);
  }
  if (time_to_live(ip) <= 1) [[unlikely]] {
    return expire(burst, packet, record->vip, record->service);
  }
  const PortEntry& out = burst.snapshot.ports[record->client_port_index];
  if (packet.l3_length > out.mtu) [[unlikely]] {
    return refuse_too_big(burst, packet, out.mtu, record->vip, record->service);
  }
  const FlowTimeouts& timeouts = burst.snapshot.service(record->service).timeouts;
  if ((packet.tcp_flags & kStateFlags) != 0 ||
      (record->seen & (record->kReturnSeen | record->kTellsClient)) != record->kReturnSeen) {
    follow_real(*record, packet.tcp_flags, timeouts, burst.now.quarter);
    if ((record->seen & record->kTellsClient) != 0) {
      if ((record->seen & record->kProxy) != 0 && packet.fragment != 0) {
        return drop(burst, packet, DropReason::kFragment, record->service);
      }
      note_client_told(packet, *record);
    }
  }
  touch(*record, timeouts, burst.now.quarter);

  const uint16_t l3_delta = ones_negate(record->l3_delta);
  const uint16_t l4_delta = ones_negate(record->l4_delta);
  using IpHeader = typename IpHeaderOf<Address>::Type;
  if (packet.is_plain(sizeof(IpHeader))) [[likely]] {
    set_addresses(ip, record->vip, record->client, l3_delta);
    set_ports(packet, packet.l3 + sizeof(IpHeader), record->vip_port, record->client_port,
              l4_delta);
  } else if (!translate_special(packet, {record->vip, record->vip_port},
                                {record->client, record->client_port}, *record, l3_delta,
                                l4_delta)) {
    return drop(burst, packet, DropReason::kSctpFragment, record->service);
  }
  set_ethernet(packet, record->client_mac, out.mac, record->client_tci);
  count_run(record->service, true, packet.frame_length());
  sent(burst, packet,
       Verdict{.kind = Verdict::Kind::kForward,
               .is_return = true,
               .service = record->service,
               .real = record->real_id},
       record->client_port_index);
}

// Tells the real of its client. False: the packet has left.
template <class Observer>
template <class Address>
[[gnu::noinline]] bool Pipeline<Observer>::tell_client(Burst& burst, Packet& packet,
                                                       NatRecord<Address>& record, uint16_t mtu) {
  // Sequence numbers of fragments cannot be followed, and nothing can be put into them.
  if ((record.seen & record.kProxy) != 0 && packet.fragment != 0) {
    drop(burst, packet, DropReason::kFragment, record.service);
    return false;
  }
  switch (tell_client_address(packet, record, mtu)) {
    case Told::kDone:
      return true;
    case Told::kTooBig: {
      const auto room = static_cast<uint16_t>(mtu - kProxyHeaderLength<Address>);
      refuse_too_big(burst, packet, room, record.vip, record.service);
      return false;
    }
    case Told::kNoHeadroom:
      break;
  }
  drop(burst, packet, DropReason::kNoHeadroom, record.service);
  return false;
}

// Follows the client's side of a TCP connection, or of an SCTP association, whose packets have the
// flags of TCP, too. It is established when the client acknowledges after the real has answered, so
// that a flood of SYNs and ACKs from made-up addresses is not.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::follow_client(Burst& burst, NatRecord<Address>& record,
                                                         const Packet& packet) {
  using translate_detail::change_state;
  auto& store = flows<Address>();
  const FlowTimeouts& timeouts = packet.service->timeouts;
  const Quarter now = burst.now.quarter;
  const uint8_t flags = packet.tcp_flags;
  if (record.protocol == Protocol::kUdp) return;
  if ((flags & TcpHeader::kRst) != 0)
    return change_state(store, record, FlowState::kClosing, timeouts, now);
  if ((flags & TcpHeader::kSyn) != 0) {
    // The client begins anew with the same port: a new connection to the same real.
    if (record.state == FlowState::kClosing) {
      record.seen = 0;
      change_state(store, record, FlowState::kEmbryonic, timeouts, now);
      signal(record.real_id, &RealSignalCounters::opened);
    }
    if (record.state == FlowState::kEmbryonic && (record.seen & record.kReturnSeen) == 0) {
      begin_telling(packet, record, packet.service->client_address);
    }
    return;
  }
  if ((flags & TcpHeader::kFin) != 0) {
    record.seen |= record.kForwardFin;
    if ((record.seen & record.kReturnFin) != 0)
      change_state(store, record, FlowState::kClosing, timeouts, now);
  }
  if ((record.seen & record.kAwaitsAck) != 0 && (flags & TcpHeader::kAck) != 0) {
    record.seen &= static_cast<uint8_t>(~record.kAwaitsAck);
    if (record.state == FlowState::kEmbryonic)
      change_state(store, record, FlowState::kEstablished, timeouts, now);
  }
}

// Follows the real's side.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::follow_real(NatRecord<Address>& record, uint8_t flags,
                                                       const FlowTimeouts& timeouts, Quarter now) {
  using translate_detail::change_state;
  auto& store = flows<Address>();
  const bool is_first = (record.seen & record.kReturnSeen) == 0;
  record.seen |= record.kReturnSeen;
  if (record.protocol == Protocol::kUdp) {
    if (record.state == FlowState::kOneWay)
      change_state(store, record, FlowState::kReplied, timeouts, now);
    return;
  }
  if (record.state == FlowState::kEmbryonic) record.seen |= record.kAwaitsAck;
  if ((flags & TcpHeader::kRst) != 0) {
    if (record.state != FlowState::kClosing) signal(record.real_id, &RealSignalCounters::resets);
    return change_state(store, record, FlowState::kClosing, timeouts, now);
  }
  if (is_first && (flags & TcpHeader::kSyn) != 0) {
    signal(record.real_id, &RealSignalCounters::answered);
  }
  if ((flags & TcpHeader::kFin) != 0) {
    record.seen |= record.kReturnFin;
    if ((record.seen & record.kForwardFin) != 0)
      change_state(store, record, FlowState::kClosing, timeouts, now);
  }
}

}  // namespace vipgate
