// Passes two and three: from destination address to service, and from key to flow. Packets from
// reals have lookup_returns.h.
#pragma once

#include "common/checksum.h"
#include "common/prefetch.h"
#include "dataplane/fastpath/affinity.h"
#include "dataplane/fastpath/martians.h"
#include "dataplane/fastpath/pipeline.h"

namespace vipgate {

// All lines of a record: it is about to be written.
template <class Address>
void prefetch_record(const NatRecord<Address>* record) {
  for (size_t at = 0; at < sizeof *record; at += 64) {
    prefetch_line(reinterpret_cast<const uint8_t*>(record) + at);
  }
}

// Whether this worker owns the flow of `client`; if not, hands the packet over. With one worker,
// and for packets that another worker found to be this one's, there is nothing to compute.
template <class Observer>
template <class Address>
[[gnu::always_inline]] inline bool Pipeline<Observer>::is_mine(Burst& burst, Packet& packet,
                                                               const Address& client,
                                                               Be16 client_port) {
  if (workers_ == 1 || packet.is_owned) return true;
  return !hand_to_owner(burst, packet, client, client_port);
}

template <class Observer>
template <class Address>
[[gnu::noinline]] bool Pipeline<Observer>::hand_to_owner(Burst& burst, Packet& packet,
                                                         const Address& client, Be16 client_port) {
  const uint32_t owner = owners_->of(client, client_port);
  if (owner == worker_) return false;
  hand_over(burst, packet, owner);
  return true;
}

template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::look_up(Burst& burst, Packet& packet,
                                                               LastVip<Address>& last) {
  if (last.is_of(packet)) [[likely]] {
    packet.service = last.service;
    // What may be handed over waits for those before it, whose service is not in the cache yet: a
    // flow's packets leave in their order.
    if (workers_ == 1 || packet.is_owned) return look_up_flow<Address>(burst, packet);
    packet.step = sizeof(Address) == 4 ? Step::kVip4 : Step::kVip6;
    return;
  }
  if (last.has_dns && packet.ip<typename IpHeaderOf<Address>::Type>().destination == last.dns) {
    return look_up_dns<Address>(burst, packet);
  }
  const Address destination = packet.ip<typename IpHeaderOf<Address>::Type>().destination;
  if (last.snat_slot != kNone && destination == last.snat) {
    return look_up_snat<Address>(burst, packet, last.snat_slot);
  }
  const auto* entry =
      burst.snapshot.template table<Address>().addresses.find(destination, packet.hash);
  // Most packets that do not go to the last one's VIP go to the first service of another one.
  if (entry != nullptr && entry->kind == AddressKind::kVip && entry->port_count != 0 &&
      entry->port[0] == packet.destination_port && entry->protocol[0] == packet.protocol)
      [[likely]] {
    return take_service(burst, packet, last, entry->service[0]);
  }
  find_service(burst, packet, last, entry);
}

// Of a packet to a VIP: its service, which is on its way into the cache.
template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::take_service(Burst& burst, Packet& packet,
                                                                    LastVip<Address>& last,
                                                                    uint32_t index) {
  const ServiceEntry& service = burst.snapshot.service(index);
  prefetch_line(&service);
  if (index < services_.size()) prefetch_line(&services_[index]);
  last.address = packet.ip<typename IpHeaderOf<Address>::Type>().destination;
  last.port = packet.destination_port;
  last.protocol = packet.protocol;
  last.service = &service;
  packet.service = &service;
  packet.step = sizeof(Address) == 4 ? Step::kVip4 : Step::kVip6;
}

// What the destination is, from what is known of it.
template <class Observer>
template <class Address, class Entry>
[[gnu::noinline]] void Pipeline<Observer>::find_service(Burst& burst, Packet& packet,
                                                        LastVip<Address>& last,
                                                        const Entry* entry) {
  if (entry != nullptr && entry->kind == AddressKind::kSnat) {
    last.snat = packet.ip<typename IpHeaderOf<Address>::Type>().destination;
    last.snat_slot = entry->slot;
    keep_snat(burst, last.snat, entry->slot);
    return look_up_snat<Address>(burst, packet, entry->slot);
  }
  find_service_at(burst, packet, last, entry);
}

// The same, from what is known of the address, which is not a SNAT address's.
template <class Observer>
template <class Address, class Entry>
[[gnu::noinline]] void Pipeline<Observer>::find_service_at(Burst& burst, Packet& packet,
                                                           LastVip<Address>& last,
                                                           const Entry* entry) {
  const auto& table = burst.snapshot.template table<Address>();
  if (entry != nullptr && entry->kind == AddressKind::kVip) {
    const uint32_t index = table.service(*entry, packet.destination_port, packet.protocol);
    if (index == kNone) [[unlikely]] {
      if (!look_up_wide<Address>(burst, packet)) handle_unserved_port<Address>(burst, packet);
      return;
    }
    return take_service(burst, packet, last, index);
  }
  if (entry != nullptr && entry->kind == AddressKind::kDns) {
    last.dns = packet.ip<typename IpHeaderOf<Address>::Type>().destination;
    last.has_dns = true;
    return look_up_dns<Address>(burst, packet);
  }
  if (entry != nullptr && entry->kind == AddressKind::kDnsSource) {
    return look_up_resolver_answer<Address>(burst, packet);
  }
  if (entry == nullptr && !table.wide.empty()) [[unlikely]] {
    if (look_up_wide<Address>(burst, packet)) return;
  }
  if (look_up_nat_return<Address>(burst, packet)) return;
  handle_unserved<Address>(burst, packet, entry);
}

template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::look_up_flow(Burst& burst, Packet& packet) {
  const ServiceEntry& service = *packet.service;
  const Address client = packet.ip<typename IpHeaderOf<Address>::Type>().source;
  if ((service.has_affinity | service.is_quic | is_wide(service.flow_id)) != 0) [[unlikely]] {
    return look_up_special_flow<Address>(burst, packet);
  }
  if (is_mine(burst, packet, client, packet.source_port)) prepare_flow<Address>(packet);
}

template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::prepare_flow(Packet& packet) {
  const ServiceEntry& service = *packet.service;
  const Address client = packet.ip<typename IpHeaderOf<Address>::Type>().source;
  const auto& table = flows<Address>().table();
  const auto key = FlowStore<Address>::Key::of(client, packet.source_port, service.flow_id);
  packet.bucket = table.fetch(table.hash(key));
  constexpr bool kIsV4 = sizeof(Address) == 4;
  if constexpr (kIsV4) packet.key = key.bits;
  packet.step = is_translating(service.mode) ? (kIsV4 ? Step::kForward4 : Step::kForward6)
                                             : (kIsV4 ? Step::kDirect4 : Step::kDirect6);
}

// The same, by the services that take more than one port or address. False: the packet is for none
// of them, and nothing has been done. Only what has no service of its very own comes here.
template <class Observer>
template <class Address>
[[gnu::noinline]] bool Pipeline<Observer>::look_up_wide(Burst& burst, Packet& packet) {
  const auto& services = burst.snapshot.template table<Address>().wide;
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const uint32_t index = services.service(ip.destination, packet.destination_port, packet.protocol);
  if (index == kNone) {
    if (!services.is_in_prefix(ip.destination)) return false;
    handle_unserved_port<Address>(burst, packet);
    return true;
  }
  packet.service = &burst.snapshot.service(index);
  look_up_wide_flow<Address>(burst, packet);
  return true;
}

// Of a packet whose service is set, and has a wide flow id.
template <class Observer>
template <class Address>
void Pipeline<Observer>::look_up_wide_flow(Burst& burst, Packet& packet) {
  const ServiceEntry& service = *packet.service;
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  if (!(service.has_affinity ? is_my_client<Address>(burst, packet)
                             : is_mine(burst, packet, Address(ip.source), packet.source_port))) {
    return;
  }
  const auto& table = flows<Address>().wide_table();
  packet.hash = table.hash(WideFlowKey<Address>::of(ip.source, packet.source_port, ip.destination,
                                                    packet.destination_port, service.flow_id));
  table.prefetch(packet.hash);
  constexpr bool kIsV4 = sizeof(Address) == 4;
  packet.step = is_translating(service.mode) ? (kIsV4 ? Step::kWideForward4 : Step::kWideForward6)
                                             : (kIsV4 ? Step::kWideDirect4 : Step::kWideDirect6);
  if (service.is_quic) packet.step = quic_step<Address>(service);
}

// The flow's record, if it has one. The entry's time is noted here, while its line is at hand.
template <class Observer>
template <class Address, class Entry>
[[gnu::always_inline]] inline void Pipeline<Observer>::note_forward(Burst& burst, Packet& packet,
                                                                    Entry* entry) {
  auto& store = flows<Address>();
  const ServiceEntry& service = *packet.service;
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  // One that names a real was made before the service's mode was changed.
  if (entry == nullptr || entry->names_real()) [[unlikely]] {
    packet.record = nullptr;
    // parse_tcp() has left that to be asked.
    if (is_martian_source(ip.source)) drop(burst, packet, DropReason::kMartianSource);
    return;
  }
  // Most flows' last packet came in this very quarter of a second, so that there is nothing to
  // note, nor to ask.
  const Quarter deadline =
      deadline_after(burst.now.quarter, service.timeouts[static_cast<size_t>(entry->state)]);
  if (entry->deadline != deadline) {
    if (store.has_expired(*entry, burst.now.quarter)) [[unlikely]] {
      packet.record = nullptr;
      return;
    }
    // A packet that is to be dropped for its TTL must not put the entry's deadline past the
    // record's.
    if (time_to_live(ip) > 1) entry->deadline = deadline;
  }
  NatRecord<Address>* record = &store.record(entry->value);
  prefetch_record(record);
  packet.record = record;
}

template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::find_forward(Burst& burst, Packet& packet) {
  note_forward<Address>(burst, packet, entry_of<Address>(packet));
}

// By the bucket that prepare_flow() has fetched.
template <class Observer>
template <class Address>
[[gnu::always_inline]] inline auto Pipeline<Observer>::entry_of(const Packet& packet) {
  using Table = typename FlowStore<Address>::Table;
  return flows<Address>().table().find_from(static_cast<typename Table::Bucket*>(packet.bucket),
                                            flow_key<Address>(packet));
}

// The key that look_up_flow() hashed.
template <class Observer>
template <class Address>
[[gnu::always_inline]] inline auto Pipeline<Observer>::flow_key(const Packet& packet) {
  if constexpr (sizeof(Address) == 4) {
    return FlowKey4{packet.key};
  } else {
    const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
    return FlowKey6::of(ip.source, packet.source_port, packet.service->flow_id);
  }
}

template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::find_wide_forward(Burst& burst, Packet& packet) {
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const auto key = WideFlowKey<Address>::of(ip.source, packet.source_port, ip.destination,
                                            packet.destination_port, packet.service->flow_id);
  note_forward<Address>(burst, packet, flows<Address>().wide_table().find(key, packet.hash));
}

// What pass four reads beside the record. The record may be of a flow that has ended.
template <class Observer>
template <class Address>
void Pipeline<Observer>::prefetch_behind_record(const Burst& burst, const Packet& packet) {
  const auto* record = static_cast<const NatRecord<Address>*>(packet.record);
  if (record == nullptr) return;
  burst.snapshot.prefetch(record->real_id);
  prefetch_counters(record->real_id);
}

template <class Observer>
template <class Address, class Visit>
[[gnu::always_inline]] inline auto Pipeline<Observer>::with_flow_key(const Packet& packet,
                                                                     Visit&& visit) {
  auto& store = flows<Address>();
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const uint32_t flow_id = packet.service->flow_id;
  if (is_wide(flow_id)) [[unlikely]] {
    return visit(store.wide_table(),
                 WideFlowKey<Address>::of(ip.source, packet.source_port, ip.destination,
                                          packet.destination_port, flow_id));
  }
  return visit(store.table(), FlowStore<Address>::Key::of(ip.source, packet.source_port, flow_id));
}

template <class Observer>
template <class Address>
[[gnu::always_inline]] inline uint64_t Pipeline<Observer>::flow_hash_of(const Packet& packet) {
  return with_flow_key<Address>(packet,
                                [](const auto& table, const auto& key) { return table.hash(key); });
}

}  // namespace vipgate
