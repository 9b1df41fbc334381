// ICMP errors about flows (RFC 5508 4.2): each goes to the end that sent what it is about, which is
// found by the packet that it quotes, and never to another. They come seldom, so they are dealt
// with in pass four alone.
#pragma once

#include <algorithm>
#include <cstring>

#include "dataplane/fastpath/direct.h"
#include "dataplane/fastpath/icmp_quote.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/fastpath/rewrite.h"
#include "dataplane/fastpath/rows.h"
#include "dataplane/fastpath/translate.h"

namespace vipgate {

namespace icmp_relay_detail {

// What no error may be, whatever it is about. `hops`: how many more it is to be sent.
template <class Address>
DropReason find_fault(const Packet& packet, uint8_t hops) {
  if constexpr (sizeof(Address) == 16) {
    if (packet.ip<Ipv6Header>().source == Ipv6Address{}) return DropReason::kMartianSource;
  }
  if (!has_right_icmp_checksum<Address>(packet)) return DropReason::kBadIcmpChecksum;
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  return time_to_live(ip) <= hops ? DropReason::kTtlExpired : kNoDrop;
}

// Whether the record is of the live flow whose packet is quoted: one from its source to its real.
template <class Address>
bool is_of(const NatRecord<Address>& record, const Quote<Address>& quote, Quarter now) {
  return record.state != FlowState::kFree && record.source == quote.ip->source &&
         record.source_port == quote.source_port && record.real == quote.ip->destination &&
         record.real_port == quote.destination_port &&
         static_cast<uint8_t>(record.protocol) == quote.protocol &&
         !has_passed(record.deadline, now);
}

// Whether the error says that the packet was too big for a link, and for what in `mtu`.
inline bool tells_mtu(const IcmpHeader& icmp, const Ipv4Header&, uint16_t& mtu) {
  mtu = static_cast<uint16_t>(icmp.rest.host());
  return icmp.type == IcmpHeader::kDestinationUnreachable &&
         icmp.code == IcmpHeader::kCodeFragmentationNeeded;
}
inline bool tells_mtu(const IcmpHeader& icmp, const Ipv6Header&, uint16_t& mtu) {
  mtu = static_cast<uint16_t>(std::min<uint32_t>(icmp.rest.host(), UINT16_MAX));
  return icmp.type == IcmpHeader::kV6PacketTooBig;
}

inline size_t told_length(const Ipv4Header& ip) { return ip.total_length.host(); }
inline size_t told_length(const Ipv6Header& ip) {
  return sizeof(Ipv6Header) + ip.payload_length.host();
}

inline bool may_be_tunnel(uint8_t protocol) {
  return protocol == kProtocolIpv4 || protocol == kProtocolIpv6 || protocol == kProtocolGre ||
         protocol == kProtocolUdp;
}

}  // namespace icmp_relay_detail

// An error that may be about a packet of a tunnel, which was too big for a link on the way to its
// real. What it says goes to the control plane, which knows all tunnels and publishes what it
// believes: so nothing is looked up here, and no real is written to by several workers. The client
// is told once its next packet is too long for what is published; nothing here knows the way to
// him. Whatever else is to be done with the error, is.
template <class Observer>
template <class Address>
void Pipeline<Observer>::note_tunnel_error(const Packet& packet, const Quote<Address>& quote) {
  using namespace icmp_relay_detail;  // NOLINT(google-build-using-namespace)
  TunnelError error;
  if (!tells_mtu(packet.l4<IcmpHeader>(), *quote.ip, error.mtu)) return;
  // Nobody refuses what fits (RFC 5927 7.2).
  if (!may_be_tunnel(quote.protocol) || told_length(*quote.ip) <= error.mtu) return;
  if (!has_right_icmp_checksum<Address>(packet)) return;
  const auto* start = reinterpret_cast<const uint8_t*>(quote.ip);
  const size_t there = packet.l4_length() - sizeof(IcmpHeader);
  error.length = static_cast<uint16_t>(std::min(there, error.quote.size()));
  std::memcpy(error.quote.data(), start, error.length);
  if (tunnel_errors_->put(error)) counters_.count(Event::kTunnelMtuErrors);
}

// An error to an address that is ours (but not the kernel's) or nobody's: it is relayed or dropped.
// False: it is about no flow of ours, and nothing has been done. `entry`: what is known of the
// destination, which is the source of the packet that it is about.
template <class Observer>
template <class Address, class Entry>
[[gnu::noinline]] bool Pipeline<Observer>::relay_error(Burst& burst, Packet& packet,
                                                       const Entry* entry) {
  if (entry != nullptr && entry->kind == AddressKind::kDns) return false;
  Quote<Address> quote;
  const DropReason reason = read_quote(packet, quote);
  if (entry == nullptr || entry->kind == AddressKind::kOwn) {
    if (reason != kNoDrop) return false;
    if (relay_error_of_nat_real(burst, packet, quote, entry == nullptr)) return true;
    note_tunnel_error(packet, quote);
    return false;
  }
  if (reason != kNoDrop) {
    drop(burst, packet, reason);
  } else if (entry->kind == AddressKind::kSnat) {
    relay_error_of_fullnat_real(burst, packet, quote, entry->slot);
  } else {
    const auto& addresses = burst.snapshot.template table<Address>();
    uint32_t index = addresses.service(*entry, quote.source_port, quote.protocol);
    if (index == kNone) {
      index = addresses.wide.service(quote.ip->source, quote.source_port, quote.protocol);
    }
    if (index == kNone) {
      drop(burst, packet, DropReason::kIcmpErrorNoFlow);
    } else {
      relay_error_of_client(burst, packet, quote, burst.snapshot.service(index));
    }
  }
  return true;
}

// Calls visit(table, key) with those of the flow of which an error from the client's side quotes a
// packet.
template <class Observer>
template <class Address, class Visit>
auto Pipeline<Observer>::with_quoted_flow_key(const Quote<Address>& quote,
                                              const ServiceEntry& service, Visit&& visit) {
  auto& store = flows<Address>();
  const Address client = quote.ip->destination;
  if (is_wide(service.flow_id)) {
    return visit(store.wide_table(),
                 WideFlowKey<Address>::of(client, quote.destination_port, quote.ip->source,
                                          quote.source_port, service.flow_id));
  }
  return visit(store.table(),
               FlowStore<Address>::Key::of(client, quote.destination_port, service.flow_id));
}

// From the client's side, about a packet that the VIP sent.
template <class Observer>
template <class Address>
void Pipeline<Observer>::relay_error_of_client(Burst& burst, Packet& packet,
                                               const Quote<Address>& quote,
                                               const ServiceEntry& service) {
  const Address client = quote.ip->destination;
  const Be16 owner_port = service.has_affinity ? Be16{} : quote.destination_port;
  if (!is_mine(burst, packet, client, owner_port)) return;
  const bool translates = is_translating(service.mode);
  const DropReason fault = icmp_relay_detail::find_fault<Address>(packet, translates ? 1 : 0);
  if (fault != kNoDrop) return drop(burst, packet, fault, service.index);
  if (!translates) return relay_error_directly(burst, packet, quote, service);
  auto& store = flows<Address>();
  const auto find = [&](auto& table, const auto& key) -> const NatRecord<Address>* {
    const auto* entry = table.find(key, table.hash(key));
    if (entry == nullptr || entry->names_real()) return nullptr;
    return store.has_expired(*entry, burst.now.quarter) ? nullptr : &store.record(entry->value);
  };
  const NatRecord<Address>* known = with_quoted_flow_key(quote, service, find);
  if (known == nullptr) {
    return drop(burst, packet, DropReason::kIcmpErrorNoFlow, service.index);
  }
  const NatRecord<Address>& record = *known;
  const RealEntry* real = burst.snapshot.real(record.real_id);
  if (!direct_detail::is_alive(real)) {
    return drop(burst, packet, DropReason::kIcmpErrorNoFlow, service.index);
  }
  if (!real->next_hop_resolved) {
    return drop(burst, packet, DropReason::kNextHopUnresolved, service.index);
  }
  if (packet.l3_length > real->mtu) {
    return drop(burst, packet, DropReason::kTooBig, service.index);
  }
  translate_error_to_real(packet, quote, record);
  send_error_to_real(burst, packet, service, record.real_id, packet.frame_length());
}

// The same for a service whose reals answer the client directly: the error goes the way of the
// client's packets, unchanged, for it is the real that has the VIP's address. The real follows from
// the Maglev row where there is no entry.
template <class Observer>
template <class Address>
void Pipeline<Observer>::relay_error_directly(Burst& burst, Packet& packet,
                                              const Quote<Address>& quote,
                                              const ServiceEntry& service) {
  const Address client = quote.ip->destination;
  const uint32_t row_hash = flow_hash<Address>(service.hash, client, quote.destination_port,
                                               quote.ip->source, quote.source_port, quote.protocol);
  RealId id = with_quoted_flow_key(quote, service, [&](auto& table, const auto& key) -> RealId {
    const auto* entry = table.find(key, table.hash(key));
    const bool is_live =
        entry != nullptr && entry->names_real() && !has_passed(entry->deadline, burst.now.quarter);
    return is_live ? entry->real() : RealId{};
  });
  if (!direct_detail::is_alive(burst.snapshot.real(id))) {
    // It is about a packet of the VIP's, so the flow has begun.
    id = service.has_affinity ? real_of_client(burst, service, client) : RealId{};
    if (id == RealId{}) id = previous_real(burst.snapshot, service, row_hash);
    if (id == RealId{} && service.row_count != 0) {
      id = real_of_row(service, row_of(service, row_hash));
    }
  }
  const RealEntry* real = burst.snapshot.real(id);
  if (!direct_detail::is_alive(real)) {
    return drop(burst, packet, DropReason::kIcmpErrorNoFlow, service.index);
  }
  if (!real->next_hop_resolved) {
    return drop(burst, packet, DropReason::kNextHopUnresolved, service.index);
  }
  packet.service = &service;
  const uint16_t bytes = packet.frame_length();
  if (is_tunnel(service.mode)) {
    // Encapsulation mixes the port into what differs from flow to flow.
    packet.source_port = quote.destination_port;
    const bool has_hops = service.gue_hops != 0 && takes_gue_hops(burst.snapshot.tunnel(id));
    const bool is_sent = has_hops ? put_in_tunnel_with_hops<Address>(burst, packet, id, row_hash)
                                  : put_in_plain_tunnel<Address>(burst, packet, id);
    if (!is_sent) return;
  }
  send_error_to_real(burst, packet, service, id, bytes);
}

template <class Observer>
void Pipeline<Observer>::send_error_to_real(Burst& burst, Packet& packet,
                                            const ServiceEntry& service, RealId id,
                                            uint16_t bytes) {
  const RealEntry& real = *burst.snapshot.real(id);
  // A tunnel has brought its own link header.
  if (!is_tunnel(service.mode)) {
    set_ethernet(packet, real.next_hop_mac, real.port_mac, real.vlan);
  }
  counters_.count(Event::kIcmpErrorsToReals);
  count_run(service.index, false, bytes);
  sent(burst, packet,
       Verdict{.kind = Verdict::Kind::kForward, .service = service.index, .real = id},
       real.out_port);
}

// From the real's side, about a packet from a SNAT address.
template <class Observer>
template <class Address>
void Pipeline<Observer>::relay_error_of_fullnat_real(Burst& burst, Packet& packet,
                                                     const Quote<Address>& quote, uint32_t slot) {
  if (!flows<Address>().snat(slot).contains(quote.source_port.host())) {
    return drop(burst, packet, DropReason::kIcmpErrorNoFlow);
  }
  const Address real = quote.ip->destination;
  const Address source = quote.ip->source;
  if (!is_mine(burst, packet, source, quote.source_port)) return;
  const NatRecord<Address>& record =
      flows<Address>().return_record(snat_hash(real, source, quote.protocol),
                                     snat_ports_word(quote.destination_port, quote.source_port));
  if (!icmp_relay_detail::is_of(record, quote, burst.now.quarter)) {
    return drop(burst, packet, DropReason::kIcmpErrorNoFlow);
  }
  relay_error_to_client(burst, packet, quote, record);
}

// The same about a packet of a `nat` service, whose source is the client's own address. False: the
// quoted packet was not for a `nat` real, or belongs to no flow and might be the kernel's.
template <class Observer>
template <class Address>
bool Pipeline<Observer>::relay_error_of_nat_real(Burst& burst, Packet& packet,
                                                 const Quote<Address>& quote, bool is_nobodys) {
  const auto& addresses = burst.snapshot.template table<Address>();
  const Endpoint<Address> to{quote.ip->destination, quote.destination_port, quote.protocol, 0};
  if (!addresses.has_nat_reals() || addresses.return_ids(to) == std::array<uint32_t, 3>{}) {
    return false;
  }
  const Address client = quote.ip->source;
  const bool is_by_client = burst.snapshot.nat_return_owner == NatReturnOwner::kClient;
  if (!is_mine(burst, packet, client, is_by_client ? Be16{} : quote.source_port)) return true;
  const NatRecord<Address>* record =
      flows<Address>().find_return(addresses, to, client, quote.source_port);
  if (record != nullptr && icmp_relay_detail::is_of(*record, quote, burst.now.quarter)) {
    relay_error_to_client(burst, packet, quote, *record);
    return true;
  }
  if (goes_to_client_owner(burst, packet, client)) return true;
  if (is_nobodys) drop(burst, packet, DropReason::kIcmpErrorNoFlow);
  return is_nobodys;
}

template <class Observer>
template <class Address>
void Pipeline<Observer>::relay_error_to_client(Burst& burst, Packet& packet,
                                               const Quote<Address>& quote,
                                               const NatRecord<Address>& record) {
  const DropReason fault = icmp_relay_detail::find_fault<Address>(packet, 1);
  if (fault != kNoDrop) return drop(burst, packet, fault, record.service);
  const PortEntry& out = burst.snapshot.ports[record.client_port_index];
  if (packet.l3_length > out.mtu) return drop(burst, packet, DropReason::kTooBig, record.service);
  translate_error_to_client(packet, quote, record);
  set_ethernet(packet, record.client_mac, out.mac, record.client_tci);
  counters_.count(Event::kIcmpErrorsToClients);
  count_run(record.service, true, packet.frame_length());
  sent(burst, packet,
       Verdict{.kind = Verdict::Kind::kForward,
               .is_return = true,
               .service = record.service,
               .real = record.real_id},
       record.client_port_index);
}

}  // namespace vipgate
