// Passes two and three for packets from reals: whether one is, and to its flow's record.
#pragma once

#include "dataplane/fastpath/lookup.h"

namespace vipgate {

template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::look_up_snat(Burst& burst, Packet& packet,
                                                        uint32_t slot) {
  if (!flows<Address>().snat(slot).contains(packet.destination_port.host())) {
    return drop(burst, packet, DropReason::kNoFlow);
  }
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  if (!is_mine(burst, packet, ip.destination, packet.destination_port)) return;
  fetch_return<Address>(packet);
}

template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::fetch_return(Packet& packet) {
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  NatRecord<Address>* record = &flows<Address>().return_record(
      snat_hash(ip.source, ip.destination, packet.protocol), packet.ports_word());
  prefetch_record(record);
  packet.record = record;
  packet.step = sizeof(Address) == 4 ? Step::kReturn4 : Step::kReturn6;
}

// What of the client, besides its address, the owner of a `nat` flow is looked for by.
template <class Observer>
Be16 Pipeline<Observer>::return_port(const Burst& burst, const Packet& packet) {
  return burst.snapshot.nat_return_owner == NatReturnOwner::kClient ? Be16{}
                                                                    : packet.destination_port;
}

// Whether the packet comes from a real of a `nat` service; then its flow is looked for by the
// client's address and port, which are its destination.
template <class Observer>
template <class Address>
bool Pipeline<Observer>::look_up_nat_return(Burst& burst, Packet& packet) {
  const auto& addresses = burst.snapshot.template table<Address>();
  if (!addresses.has_nat_reals()) return false;
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const Endpoint<Address> from{ip.source, packet.source_port, packet.protocol, 0};
  const uint32_t* flow_id = addresses.nat_reals.find(from);
  if (flow_id == nullptr) [[unlikely]] {
    return look_up_wide_nat_return<Address>(burst, packet);
  }
  const Address client = ip.destination;
  // As is_mine(), which would ask for the port even where it does not matter.
  if (workers_ != 1 && !packet.is_owned &&
      hand_to_owner(burst, packet, client, return_port(burst, packet))) {
    return true;
  }
  keep_nat_real(burst, from, *flow_id);
  fetch_nat_return<Address>(packet, *flow_id);
  return true;
}

template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::fetch_nat_return(Packet& packet,
                                                                        uint32_t flow_id) {
  constexpr bool kIsV4 = sizeof(Address) == 4;
  const Address client = packet.ip<typename IpHeaderOf<Address>::Type>().destination;
  const auto& table = flows<Address>().table();
  const auto key = FlowStore<Address>::Key::of(client, packet.destination_port, flow_id);
  packet.flow_id = flow_id;
  packet.bucket = table.fetch(table.hash(key));
  if constexpr (kIsV4) packet.key = key.bits;
  packet.step = kIsV4 ? Step::kNatReturn4 : Step::kNatReturn6;
}

template <class Observer>
template <class Address>
[[gnu::noinline]] bool Pipeline<Observer>::look_up_wide_nat_return(Burst& burst, Packet& packet) {
  const auto& addresses = burst.snapshot.template table<Address>();
  if (addresses.wide_nat_reals.size() == 0) return false;
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const Endpoint<Address> real{ip.source, packet.source_port, packet.protocol, 0};
  const auto ids = addresses.return_ids(real);
  packet.flow_id = ids[1] != 0 ? ids[1] : ids[2];
  if (packet.flow_id == 0) return false;
  const Address client = ip.destination;
  if (!is_mine(burst, packet, client, return_port(burst, packet))) return true;
  const auto& table = flows<Address>().wide_table();
  packet.hash = table.hash(WideFlowKey<Address>::of(client, packet.destination_port, real.address,
                                                    real.port, packet.flow_id));
  table.prefetch(packet.hash);
  packet.step = sizeof(Address) == 4 ? Step::kWideNatReturn4 : Step::kWideNatReturn6;
  return true;
}

template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::find_return(Burst& burst, Packet& packet) {
  using Key = typename FlowStore<Address>::Key;
  auto& store = flows<Address>();
  auto* const bucket = static_cast<typename FlowStore<Address>::Table::Bucket*>(packet.bucket);
  Key key;
  if constexpr (sizeof(Address) == 4) {
    key.bits = packet.key;
  } else {
    key = Key::of(packet.ip<Ipv6Header>().destination, packet.destination_port, packet.flow_id);
  }
  const auto* entry = store.table().find_from(bucket, key);
  if (entry == nullptr) [[unlikely]] {
    return find_other_return<Address>(burst, packet);
  }
  NatRecord<Address>* record = &store.record(entry->value);
  prefetch_record(record);
  packet.record = record;
}

template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::find_wide_return(Burst& burst, Packet& packet) {
  find_other_return<Address>(burst, packet);
}

// By all ids that the real has: its flow may have begun when it had another one alone.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::find_other_return(Burst& burst, Packet& packet) {
  packet.record = nullptr;
  const auto& addresses = burst.snapshot.template table<Address>();
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  if (addresses.wide_nat_reals.size() != 0) {
    packet.record = flows<Address>().find_return(
        addresses, Endpoint<Address>{ip.source, packet.source_port, packet.protocol, 0},
        ip.destination, packet.destination_port);
  }
  if (packet.record == nullptr) goes_to_client_owner<Address>(burst, packet, ip.destination);
}

}  // namespace vipgate
