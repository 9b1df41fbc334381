#include "dataplane/fastpath/flow_store.h"

#include <algorithm>
#include <type_traits>

#include "common/checksum.h"

namespace vipgate {
namespace {

FlowState first_state(Protocol protocol) {
  return has_connections(protocol) ? FlowState::kEmbryonic : FlowState::kOneWay;
}

Event eviction_event(FlowState state) {
  if (state == FlowState::kClosing) return Event::kFlowsEvictedClosing;
  if (state == FlowState::kEmbryonic || state == FlowState::kOneWay) {
    return Event::kFlowsEvictedEmbryonic;
  }
  return Event::kFlowsEvictedEstablished;
}

// What an IPv4 header's checksum gains: the differences of all words are added up before they are
// folded.
uint16_t addresses_delta(const NatRecord<Ipv4Address>& record) {
  const auto less = [](Ipv4Address address) { return uint64_t{~address.value.raw()}; };
  return ones_fold(less(record.client) + less(record.vip) + record.source.value.raw() +
                   record.real.value.raw());
}
uint16_t addresses_delta(const NatRecord<Ipv6Address>& record) {
  return ones_add(checksum_delta(&record.client, &record.source, sizeof(Ipv6Address)),
                  checksum_delta(&record.vip, &record.real, sizeof(Ipv6Address)));
}

// What the IP and the TCP/UDP checksum gain when client → VIP becomes source → real.
template <class Address>
void set_deltas(NatRecord<Address>& record) {
  const auto less = [](Be16 port) { return uint32_t{static_cast<uint16_t>(~port.raw())}; };
  record.l3_delta = addresses_delta(record);
  record.l4_delta =
      ones_fold_small(record.l3_delta + less(record.client_port) + less(record.vip_port) +
                      record.source_port.raw() + record.real_port.raw());
}

}  // namespace

template <class Address>
template <class Visit>
auto FlowStore<Address>::with_forward_key(const Record& record, Visit&& visit) {
  if (is_wide(record.flow_id)) [[unlikely]] {
    return visit(wide_, WideKey::of(record.client, record.client_port, record.vip, record.vip_port,
                                    record.flow_id));
  }
  return visit(table_, Key::of(record.client, record.client_port, record.flow_id));
}

template <class Address>
template <class Visit>
auto FlowStore<Address>::with_return_key(const Record& record, uint32_t id, Visit&& visit) {
  if (is_wide(id)) [[unlikely]] {
    return visit(wide_,
                 WideKey::of(record.client, record.client_port, record.real, record.real_port, id));
  }
  return visit(table_, Key::of(record.client, record.client_port, id));
}

template <class Address>
auto FlowStore<Address>::create(const ServiceEntry& service, RealId real_id, const RealEntry& real,
                                const Snapshot& snapshot, const NewFlow<Address>& flow,
                                uint64_t hash, Now now, DropReason& reason) -> Record* {
  return is_wide(service.flow_id)
             ? create_in(wide_, service, real_id, real, snapshot, flow, hash, now, reason)
             : create_in(table_, service, real_id, real, snapshot, flow, hash, now, reason);
}

// `table`: where the forward entry will lie.
template <class Address>
template <class AnyTable>
auto FlowStore<Address>::create_in(AnyTable& table, const ServiceEntry& service, RealId real_id,
                                   const RealEntry& real, const Snapshot& snapshot,
                                   const NewFlow<Address>& flow, uint64_t hash, Now now,
                                   DropReason& reason) -> Record* {
  const FlowState state = first_state(service.protocol);
  typename AnyTable::Entry* slot = nullptr;
  if (!make_room(table, hash, state, now, slot, flow.likely)) {
    reason = DropReason::kFlowTableFull;
    return nullptr;
  }
  // A real that is its own client would drop what seems to come from itself, or answer past us:
  // such a flow (hairpin) is one of `fullnat`.
  const auto address = real.address.template as<Address>();
  const Be16 port = real.port == Be16{} ? flow.vip_port : real.port;
  const bool fullnat = service.mode == Mode::kFullnat || flow.client == address;
  reason = DropReason::kFlowTableFull;
  Record* record = fullnat
                       ? take_snat_port(service, snapshot,
                                        {address, port, static_cast<uint8_t>(service.protocol), 0},
                                        flow.first_try, hash, now, reason)
                       : take_nat_record(now);
  if (record == nullptr) return nullptr;
  record->client = flow.client;
  record->vip = flow.vip;
  record->real = address;
  record->client_port = flow.client_port;
  record->vip_port = flow.vip_port;
  record->real_port = port;
  if (!fullnat) {
    record->source = flow.client;
    record->source_port = flow.client_port;
  }
  record->real_id = real_id;
  record->service = service.index;
  record->flow_id = service.flow_id;
  record->return_flow_id = fullnat ? 0 : real.return_flow_id;
  record->state = state;
  record->seen = 0;
  record->deadline = deadline_after(now.quarter, service.timeouts[static_cast<size_t>(state)]);
  record->client_mac = flow.client_mac;
  record->client_tci = flow.client_tci;
  record->client_port_index = flow.client_port_index;
  record->protocol = service.protocol;
  record->is_counted = false;
  set_deltas(*record);
  note_begin(real_id);
  if (!fullnat && !place_return_entry(*record, snapshot, now, reason)) {
    give_back(*record);
    return nullptr;
  }
  // The return entry may have taken the slot that was found for the forward one; in a full pair of
  // buckets, making room again may give up the return entry itself, and with it this flow.
  if (slot->state != FlowState::kFree &&
      (!make_room(table, hash, state, now, slot) || record->state == FlowState::kFree)) {
    if (record->state != FlowState::kFree) release(*record);
    reason = DropReason::kFlowTableFull;
    return nullptr;
  }
  with_forward_key(*record, [&]<class At, class AnyKey>(At& at, const AnyKey& key) {
    if constexpr (std::is_same_v<At, AnyTable>) {
      at.place(slot, key, hash, index_of(*record), record->deadline, state);
    }
  });
  const uint32_t counted = counted_for(service);
  record->is_counted = counted != kNone && connections_.begin(service.flow_id, counted);
  count_created(real_id);
  return record;
}

// Two VIPs that lead one client port to the same real port would be one connection there: the
// second one is refused unless the first has ended. Under each id that packets from the real are
// looked for by there may be one.
template <class Address>
bool FlowStore<Address>::is_tuple_free(const Record& record, const Snapshot& snapshot, Now now) {
  const Endpoint<Address> real{record.real, record.real_port, static_cast<uint8_t>(record.protocol),
                               0};
  const uint32_t own = record.return_flow_id;
  std::array<uint32_t, 3> others{};
  const auto& addresses = snapshot.template table<Address>();
  if (addresses.wide_nat_reals.size() != 0) others = addresses.return_ids(real);
  for (const uint32_t id : {own, others[0], others[1], others[2]}) {
    if (id == 0) continue;
    const bool is_free = with_return_key(record, id, [&](auto& table, const auto& key) {
      const auto* taken = table.find(key, table.hash(key));
      if (taken == nullptr) return true;
      // Ids of return keys are those of no service, so this is a record's.
      Record& other = memory_.records[taken->value];
      if (other.state != FlowState::kClosing && !has_passed(other.deadline, now.quarter)) {
        return false;
      }
      release(other);
      return true;
    });
    if (!is_free) return false;
  }
  return true;
}

// The second entry of a `nat` flow, by which packets from the real find the record.
template <class Address>
bool FlowStore<Address>::place_return_entry(Record& record, const Snapshot& snapshot, Now now,
                                            DropReason& reason) {
  if (!is_tuple_free(record, snapshot, now)) {
    reason = DropReason::kNatTupleTaken;
    return false;
  }
  return with_return_key(record, record.return_flow_id, [&](auto& table, const auto& key) {
    const uint64_t hash = table.hash(key);
    typename std::remove_reference_t<decltype(table)>::Entry* slot = nullptr;
    if (!make_room(table, hash, record.state, now, slot)) {
      reason = DropReason::kFlowTableFull;
      return false;
    }
    table.place(slot, key, hash, index_of(record), record.deadline, record.state);
    return true;
  });
}

// Finds a slot for a new flow and empties it.
template <class Address>
template <class AnyTable>
[[gnu::always_inline]] inline bool FlowStore<Address>::make_room(AnyTable& table, uint64_t hash,
                                                                 FlowState state, Now now,
                                                                 typename AnyTable::Entry*& slot,
                                                                 const LikelyChoice* likely) {
  const auto until = [&](const auto& entry) { return deadline_of(entry); };
  slot = table.choose(hash, state, now.quarter, until, likely);
  if (slot == nullptr) return false;
  if (slot->state == FlowState::kFree) return true;
  count_eviction(slot->state, deadline_of(*slot), now);
  release(*slot);
  return true;
}

template <class Address>
template <class AnyTable, class AnyKey>
bool FlowStore<Address>::track_in(AnyTable& table, const AnyKey& key, uint64_t hash, RealId real,
                                  FlowState state, Quarter deadline, Now now,
                                  uint32_t counted_for) {
  typename AnyTable::Entry* slot = nullptr;
  if (!make_room(table, hash, state, now, slot)) return false;
  table.place(slot, key, hash, real, deadline, state);
  if (counted_for != kNone && connections_.begin(flow_id_of(key), counted_for)) slot->set_counted();
  note_begin(real);
  count_created(real);
  return true;
}

template <class Address>
bool FlowStore<Address>::track(const Key& key, uint64_t hash, RealId real, FlowState state,
                               Quarter deadline, Now now, uint32_t counted_for) {
  return track_in(table_, key, hash, real, state, deadline, now, counted_for);
}

template <class Address>
bool FlowStore<Address>::track(const WideKey& key, uint64_t hash, RealId real, FlowState state,
                               Quarter deadline, Now now, uint32_t counted_for) {
  return track_in(wide_, key, hash, real, state, deadline, now, counted_for);
}

template <class Address>
void FlowStore<Address>::count_eviction(FlowState state, Quarter deadline, Now now) {
  counters_.count(has_passed(deadline, now.quarter) ? Event::kFlowsExpired : eviction_event(state));
}

// Ends a flow to make room for another one.
template <class Address>
void FlowStore<Address>::evict(Record& record, Now now) {
  count_eviction(record.state, record.deadline, now);
  release(record);
}

template <class Address>
void FlowStore<Address>::release(Record& record) {
  const auto erase = [](auto& table, const auto& key) {
    if (auto* entry = table.find(key, table.hash(key))) table.erase(entry);
  };
  end_count(record);
  with_forward_key(record, erase);
  if (record.return_flow_id != 0) with_return_key(record, record.return_flow_id, erase);
  give_back(record);
}

template <class Address>
void FlowStore<Address>::set_state(Record& record, FlowState state, Quarter deadline) {
  record.state = state;
  record.deadline = deadline;
  const auto mark = [&](auto& table, const auto& key) {
    if (auto* entry = table.find(key, table.hash(key))) {
      entry->state = state;
      entry->deadline = deadline;
    }
  };
  with_forward_key(record, mark);
  if (record.return_flow_id != 0) with_return_key(record, record.return_flow_id, mark);
}

template <class Address>
template <class AnyTable>
void FlowStore<Address>::expire_if_due(typename AnyTable::Entry& entry, Quarter now) {
  if (!has_passed(entry.deadline, now)) return;
  const Quarter deadline = deadline_of(entry);
  if (!has_passed(deadline, now)) {
    entry.deadline = deadline;
    return;
  }
  counters_.count(entry.state == FlowState::kClosing ? Event::kFlowsClosed : Event::kFlowsExpired);
  release(entry);
}

template <class Address>
void FlowStore<Address>::advance(Now now) {
  advance_sweep(table_, pace_, now,
                [&](Entry& entry, Quarter at) { expire_if_due<Table>(entry, at); });
  advance_sweep(wide_, wide_pace_, now, [&](typename WideTable::Entry& entry, Quarter at) {
    expire_if_due<WideTable>(entry, at);
  });
}

template class FlowStore<Ipv4Address>;
template class FlowStore<Ipv6Address>;

}  // namespace vipgate
