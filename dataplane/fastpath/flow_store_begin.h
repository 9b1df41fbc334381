// What of FlowStore is inlined where flows begin.
#pragma once

#include <algorithm>

#include "common/checksum.h"
#include "dataplane/fastpath/flow_store.h"
#include "dataplane/fastpath/knobs.h"

namespace vipgate {

namespace flow_store_detail {

inline FlowState first_state(Protocol protocol) {
  return has_connections(protocol) ? FlowState::kEmbryonic : FlowState::kOneWay;
}

// Where a flow's search for a port begins: with which of its pool's addresses, and of their ports.
inline uint32_t first_address(uint64_t hash, uint32_t count) {
  return scale(static_cast<uint32_t>(hash >> 32) * 0x9e3779b1u, count);
}
inline uint32_t first_position(uint64_t hash, uint32_t count) {
  return count == 0 ? 0 : scale(static_cast<uint32_t>(hash) * 0x85ebca6bu, count);
}
// And how it goes on: in steps of the flow's own, as runs of taken ports would grow together; so
// small that no port is tried twice.
inline uint32_t step_of(uint64_t hash, uint32_t count) {
  return 1 + scale(static_cast<uint32_t>(hash >> 32), count / kSnatProbes);
}
inline uint32_t next_position(uint32_t position, uint32_t step, uint32_t count) {
  position += step;
  return position >= count ? position - count : position;
}

// What an IPv4 header's checksum gains: the differences of all words are added up before they are
// folded.
inline uint16_t addresses_delta(const NatRecord<Ipv4Address>& record) {
  const auto less = [](Ipv4Address address) { return uint64_t{~address.value.raw()}; };
  return ones_fold(less(record.client) + less(record.vip) + record.source.value.raw() +
                   record.real.value.raw());
}
inline uint16_t addresses_delta(const NatRecord<Ipv6Address>& record) {
  return ones_add(checksum_delta(&record.client, &record.source, sizeof(Ipv6Address)),
                  checksum_delta(&record.vip, &record.real, sizeof(Ipv6Address)));
}

// The real that a flow goes to.
template <class Address>
struct FlowReal {
  RealId id;
  const Address& address;
  Be16 port;
  uint32_t return_flow_id;
};

// All of a new flow's record, in the order in which it lies there, so that what lies side by side
// is written at once. Its deltas are what the IP and the TCP/UDP checksum gain when client → VIP
// becomes source → real.
template <class Address>
[[gnu::always_inline]] inline void set_record(NatRecord<Address>& record,
                                              const ServiceEntry& service,
                                              const NewFlow<Address>& flow,
                                              const FlowReal<Address>& real, const Address& source,
                                              Be16 source_port, Now now) {
  const auto less = [](Be16 port) { return uint32_t{static_cast<uint16_t>(~port.raw())}; };
  const FlowState state = first_state(service.protocol);
  record.client = flow.client;
  record.vip = flow.vip;
  record.source = source;
  record.real = real.address;
  record.client_port = flow.client_port;
  record.vip_port = flow.vip_port;
  record.source_port = source_port;
  record.real_port = real.port;
  record.l3_delta = addresses_delta(record);
  record.l4_delta = ones_fold_small(record.l3_delta + less(flow.client_port) + less(flow.vip_port) +
                                    source_port.raw() + real.port.raw());
  record.real_id = real.id;
  record.service = service.index;
  record.flow_id = service.flow_id;
  record.return_flow_id = real.return_flow_id;
  record.deadline = deadline_after(now.quarter, service.timeouts[static_cast<size_t>(state)]);
  record.state = state;
  record.seen = 0;
  record.client_mac = flow.client_mac;
  record.client_tci = flow.client_tci;
  record.client_port_index = flow.client_port_index;
  record.protocol = service.protocol;
  record.is_counted = false;
}

// They follow each other as worths do: 1 to 3.
inline Event eviction_event(FlowState state) {
  constexpr auto kFirst = static_cast<uint32_t>(Event::kFlowsEvictedClosing);
  static_assert(static_cast<uint32_t>(Event::kFlowsEvictedEmbryonic) == kFirst + 1);
  static_assert(static_cast<uint32_t>(Event::kFlowsEvictedEstablished) == kFirst + 2);
  return static_cast<Event>(kFirst - 1 + eviction_worth(state));
}

}  // namespace flow_store_detail

template <class Address>
[[gnu::always_inline]] inline void FlowStore<Address>::count_eviction(FlowState state,
                                                                      Quarter deadline, Now now) {
  using flow_store_detail::eviction_event;
  counters_.count(has_passed(deadline, now.quarter) ? Event::kFlowsExpired : eviction_event(state));
}

// Finds a slot for a new flow, whose first bucket is `bucket`, and empties it.
template <class Address>
template <class AnyTable>
[[gnu::always_inline]] inline auto FlowStore<Address>::make_room(AnyTable& table,
                                                                 typename AnyTable::Bucket* bucket,
                                                                 uint64_t hash, FlowState state,
                                                                 Now now,
                                                                 const LikelyChoice* likely) ->
    typename AnyTable::Entry* {
  const auto until = [&](const auto& entry) { return deadline_of(entry); };
  auto* const slot = table.choose(bucket, hash, state, now.quarter, until, likely);
  if (slot == nullptr || slot->state == FlowState::kFree) return slot;
  count_eviction(slot->state, deadline_of(*slot), now);
  release_in(table, *slot);
  return slot;
}

template <class Address>
[[gnu::always_inline]] inline bool FlowStore<Address>::begin(typename Table::Bucket* bucket,
                                                             const Key& key, uint64_t hash,
                                                             RealId real, FlowState state,
                                                             Quarter deadline, Now now) {
  Entry* const slot = make_room(table_, bucket, hash, state, now);
  if (slot == nullptr) return false;
  table_.place(slot, key, bucket, real, deadline, state);
  note_created(real);
  return true;
}

template <class Address>
[[gnu::always_inline]] inline auto FlowStore<Address>::prefetch_snat(const ServiceEntry& service,
                                                                     const Snapshot& snapshot,
                                                                     const Endpoint<Address>& real,
                                                                     uint64_t hash) const
    -> SnatTry<Address> {
  using namespace flow_store_detail;  // NOLINT(google-build-using-namespace)
  if (service.snat_count == 0) return {};
  const uint32_t slot = service.snat_first + first_address(hash, service.snat_count);
  const SnatPorts& ports = memory_.snat[slot];
  if (ports.count() == 0) return {};
  const auto source = snapshot.snat_addresses[slot].address.template as<Address>();
  const uint32_t common = snat_hash(real.address, source, real.protocol);
  uint32_t position = first_position(hash, ports.count());
  const Be16 port(ports.port(position));
  Record& record = return_record(common, snat_ports_word(real.port, port));
  prefetch_line(&record);
  // Where few are taken the first one is free; where half are, nearly always one of four.
  if (snat_used_ > memory_.first_nat_record / 8) {
    const uint32_t step = step_of(hash, ports.count());
    for (uint32_t probe = 1; probe < std::min<uint32_t>(4, ports.count()); ++probe) {
      position = next_position(position, step, ports.count());
      prefetch_line(&return_record(common, snat_ports_word(real.port, Be16(ports.port(position)))));
    }
  }
  return {&record, slot, port};
}

template <class Address>
[[gnu::always_inline]] inline auto FlowStore<Address>::begin_fullnat(
    typename Table::Bucket* bucket, const ServiceEntry& service, RealId real_id,
    const RealEntry& real, const Snapshot& snapshot, const NewFlow<Address>& flow, uint64_t hash,
    Now now) -> Record* {
  const SnatTry<Address>& port = flow.first_try;
  const FlowState state = flow_store_detail::first_state(service.protocol);
  Entry* const slot = make_room(table_, bucket, hash, state, now, flow.likely);
  if (slot == nullptr) [[unlikely]]
    return nullptr;
  ++snat_used_;
  Record& record = *port.record;
  const auto address = real.address.template as<Address>();
  const auto source = snapshot.snat_addresses[port.slot].address.template as<Address>();
  flow_store_detail::set_record<Address>(
      record, service, flow, {real_id, address, real.port == Be16{} ? flow.vip_port : real.port, 0},
      source, port.port, now);
  table_.place(slot, Key::of(flow.client, flow.client_port, service.flow_id), bucket,
               index_of(record), record.deadline, state);
  note_created(real_id);
  return &record;
}

}  // namespace vipgate
