// Pass four for flows: follow the connection's state, rewrite and send.
#pragma once

#include "dataplane/fastpath/icmp_reply.h"
#include "dataplane/fastpath/new_flows.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/fastpath/rare.h"
#include "dataplane/fastpath/respond.h"
#include "dataplane/fastpath/rewrite.h"

namespace vipgate {

namespace translate_detail {

// Packets that need a second look: those that change a connection's state, and fragments of SCTP.
inline constexpr uint8_t kStateFlags =
    TcpHeader::kSyn | TcpHeader::kFin | TcpHeader::kRst | Packet::kSctpFragment;

// Where the client's packets come from is where returns go: noted when it changes.
template <class Address>
void note_client_hop(NatRecord<Address>& record, const Packet& packet) {
  // The address and the tag are compared as one word.
  static_assert(offsetof(NatRecord<Address>, client_tci) ==
                offsetof(NatRecord<Address>, client_mac) + sizeof(MacAddress));
  constexpr uint64_t kMacBytes = (uint64_t{1} << 48) - 1;
  const MacAddress& source = packet.ethernet().source;
  const uint64_t hop =
      (load<uint64_t>(&source) & kMacBytes) | static_cast<uint64_t>(packet.tci.raw()) << 48;
  if (load<uint64_t>(&record.client_mac) == hop && record.client_port_index == packet.port)
      [[likely]] {
    return;
  }
  record.client_mac = source;
  record.client_tci = packet.tci;
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

// Whether the flow's real is gone, or takes no new connections and the client opens one with the
// addresses of one that has ended.
template <class Address>
bool must_rebalance(const NatRecord<Address>& record, const RealEntry* real, uint8_t flags) {
  if (real == nullptr || real->state == RealState::kDown) return true;
  return real->state == RealState::kDraining && record.state == FlowState::kClosing &&
         (flags & TcpHeader::kSyn) != 0;
}

// Whether no fragment of the packet can be translated. What other ports do to the checksum of SCTP
// depends on the length of the whole, which the first fragment, where it stands, does not tell.
template <class Address>
[[gnu::noinline]] bool needs_whole_packet(const Packet& packet, const NatRecord<Address>& record) {
  return (packet.tcp_flags & Packet::kSctpFragment) != 0 && packet.protocol == kProtocolSctp &&
         !(record.source_port == record.client_port && record.real_port == record.vip_port);
}

}  // namespace translate_detail

template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::forward(Burst& burst, Packet& packet) {
  using namespace translate_detail;  // NOLINT(google-build-using-namespace)
  auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const ServiceEntry& service = *packet.service;
  if (time_to_live(ip) <= 1) [[unlikely]] {
    return expire(burst, packet, ip.destination, service.index);
  }
  auto* record = static_cast<NatRecord<Address>*>(packet.record);
  // An earlier packet of this burst may have ended the flow and taken its record.
  if (record == nullptr || record->flow_id != service.flow_id ||
      record->client_port != packet.source_port || !(record->client == ip.source) ||
      record->state == FlowState::kFree) [[unlikely]] {
    record = find_or_create<Address>(burst, packet);
    if (record == nullptr) return;
  }
  const RealEntry* real = burst.snapshot.real(record->real_id);
  if ((real == nullptr || real->state != RealState::kUp) &&
      must_rebalance(*record, real, packet.tcp_flags)) [[unlikely]] {
    flows<Address>().release(*record);
    // A reset needs no new flow, nor an answer.
    if (new_flow_detail::begins_nothing(packet)) {
      return drop(burst, packet, DropReason::kNoFlow, service.index);
    }
    counters_.count(Event::kFlowsRebalanced);
    record = balance<Address>(burst, packet, packet.hash);
    if (record == nullptr) return;
    real = burst.snapshot.real(record->real_id);
  }
  touch(*record, service.timeouts, burst.now.quarter);
  if (!real->next_hop_resolved) [[unlikely]] {
    return drop(burst, packet, DropReason::kNextHopUnresolved, service.index);
  }
  if (packet.l3_length > real->mtu) [[unlikely]] {
    return refuse_too_big(burst, packet, real->mtu, ip.destination, service.index);
  }
  // An embryonic flow changes by these, and by what follows its real's answer.
  if ((packet.tcp_flags & kStateFlags) != 0 ||
      (record->state == FlowState::kEmbryonic && (record->seen & record->kReturnSeen) != 0))
      [[unlikely]] {
    note_tcp_forward(*record, packet.tcp_flags, service.timeouts, burst.now.quarter);
    if (needs_whole_packet(packet, *record)) {
      note_client_hop(*record, packet);
      return drop(burst, packet, DropReason::kSctpFragment, service.index);
    }
  }
  note_client_hop(*record, packet);

  set_addresses(ip, record->source, record->real, record->l3_delta);
  if (packet.fragment == 0) [[likely]] {
    set_ports(packet, record->source_port, record->real_port, record->l4_delta);
  } else {
    set_fragment(packet, ip, record->source_port, record->real_port, record->l4_delta);
  }
  set_ethernet(packet, real->next_hop_mac, real->port_mac, real->vlan);
  const uint16_t bytes = packet.frame_length();
  count_run(service.index, false, bytes);
  if (record->real_id.index() < reals_.size()) {
    RealCounters& counters = reals_[record->real_id.index()];
    counters.packets.add();
    counters.bytes.add(bytes);
  }
  sent(burst, packet,
       Verdict{.kind = Verdict::Kind::kForward, .service = service.index, .real = record->real_id},
       real->out_port);
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
                       record->real == ip.source && record->real_port == packet.source_port &&
                       record->source == ip.destination &&
                       record->source_port == packet.destination_port &&
                       static_cast<uint8_t>(record->protocol) == packet.protocol &&
                       !has_passed(record->deadline, burst.now.quarter);
  if (!is_flow) [[unlikely]] {
    const auto& addresses = burst.snapshot.template table<Address>().addresses;
    const auto* entry = addresses.find(ip.destination);
    if (entry != nullptr && entry->kind == AddressKind::kOwn) {
      return to_kernel(burst, packet, rare_detail::own_reason(packet));
    }
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
  if ((packet.tcp_flags & kStateFlags) != 0 || (record->seen & record->kReturnSeen) == 0) {
    note_return(*record, packet.tcp_flags, timeouts, burst.now.quarter);
    if (needs_whole_packet(packet, *record)) {
      touch(*record, timeouts, burst.now.quarter);
      return drop(burst, packet, DropReason::kSctpFragment, record->service);
    }
  }
  touch(*record, timeouts, burst.now.quarter);

  set_addresses(ip, record->vip, record->client, ones_negate(record->l3_delta));
  const uint16_t l4_delta = ones_negate(record->l4_delta);
  if (packet.fragment == 0) [[likely]] {
    set_ports(packet, record->vip_port, record->client_port, l4_delta);
  } else {
    set_fragment(packet, ip, record->vip_port, record->client_port, l4_delta);
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

// Follows the client's side of a TCP connection. It is established when the client acknowledges
// after the real has answered, so that a flood of SYNs and ACKs from made-up addresses is not.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::note_tcp_forward(NatRecord<Address>& record,
                                                            uint8_t flags,
                                                            const FlowTimeouts& timeouts,
                                                            Quarter now) {
  using translate_detail::change_state;
  auto& store = flows<Address>();
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
    return;
  }
  if ((flags & TcpHeader::kFin) != 0) {
    record.seen |= record.kForwardFin;
    if ((record.seen & record.kReturnFin) != 0)
      change_state(store, record, FlowState::kClosing, timeouts, now);
  }
  if (record.state == FlowState::kEmbryonic && (flags & TcpHeader::kAck) != 0 &&
      (record.seen & record.kReturnSeen) != 0) {
    change_state(store, record, FlowState::kEstablished, timeouts, now);
  }
}

// Follows the real's side.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::note_return(NatRecord<Address>& record, uint8_t flags,
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

template <class Observer>
template <class Address>
void Pipeline<Observer>::answer_dns(Burst& burst, Packet& packet) {
  const DnsReply answer = dns_answer(*burst.snapshot.dns, dns_[packet.dns_index], dns_rotation_++);
  switch (answer.verdict) {
    case DnsVerdict::kDropShort:
      return drop(burst, packet, DropReason::kDnsTooShort);
    case DnsVerdict::kDropSourcePort:
      return drop(burst, packet, DropReason::kDnsSourcePort);
    case DnsVerdict::kDropResponse:
      return drop(burst, packet, DropReason::kDnsResponse);
    default:
      break;
  }
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const Address client = ip.source;
  const Address own = ip.destination;
  const auto length = static_cast<uint16_t>(sizeof(UdpHeader) + answer.length);
  make_reply_header(packet, own, client, kProtocolUdp, length);
  auto& udp = packet.l4<UdpHeader>();
  udp = {packet.destination_port, packet.source_port, Be16(length), Be16{}};
  uint64_t sum = answer.sum;
  const auto& header = packet.ip<typename IpHeaderOf<Address>::Type>();
  if constexpr (sizeof(Address) == 4) {
    sum += pseudo_header_sum(header, length);
  } else {
    sum += pseudo_header_sum(header, kProtocolUdp, length);
  }
  const uint16_t checksum = internet_checksum(&udp, sizeof udp, sum);
  udp.checksum = Be16::from_raw(udp_checksum_field(checksum));
  turn_ethernet(packet, burst.snapshot.ports[packet.port].mac);
  static_assert(static_cast<DnsOutcome>(DnsVerdict::kDropShort) == DnsOutcome::kCount);
  const auto outcome = static_cast<DnsOutcome>(answer.verdict);
  counters_.count(outcome);
  sent(burst, packet, Verdict{.kind = Verdict::Kind::kDns, .dns = outcome}, packet.port);
}

}  // namespace vipgate
