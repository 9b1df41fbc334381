#include "dataplane/fastpath/flow_store.h"

#include <algorithm>
#include <type_traits>

#include "dataplane/fastpath/flow_store_begin.h"

namespace vipgate {

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
  const FlowState state = flow_store_detail::first_state(service.protocol);
  auto* const bucket = table.bucket(hash);
  auto* slot = make_room(table, bucket, hash, state, now, flow.likely);
  if (slot == nullptr) {
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
  const Address source = fullnat ? record->source : flow.client;
  const Be16 source_port = fullnat ? record->source_port : flow.client_port;
  flow_store_detail::set_record<Address>(
      *record, service, flow, {real_id, address, port, fullnat ? 0 : real.return_flow_id}, source,
      source_port, now);
  note_begin(real_id);
  if (!fullnat && !place_return_entry(*record, snapshot, now, reason)) {
    give_back(*record);
    return nullptr;
  }
  // The return entry may have taken the slot that was found for the forward one; in a full pair of
  // buckets, making room again may give up the return entry itself, and with it this flow.
  if (slot->state != FlowState::kFree) slot = make_room(table, bucket, hash, state, now);
  if (slot == nullptr || record->state == FlowState::kFree) {
    if (record->state != FlowState::kFree) release(*record);
    reason = DropReason::kFlowTableFull;
    return nullptr;
  }
  with_forward_key(*record, [&]<class At, class AnyKey>(At& at, const AnyKey& key) {
    if constexpr (std::is_same_v<At, AnyTable>) {
      at.place(slot, key, bucket, index_of(*record), record->deadline, state);
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
    auto* const bucket = table.bucket(hash);
    auto* const slot = make_room(table, bucket, hash, record.state, now);
    if (slot == nullptr) {
      reason = DropReason::kFlowTableFull;
      return false;
    }
    table.place(slot, key, bucket, index_of(record), record.deadline, record.state);
    return true;
  });
}

template <class Address>
template <class AnyTable, class AnyKey>
bool FlowStore<Address>::track_in(AnyTable& table, const AnyKey& key, uint64_t hash, RealId real,
                                  FlowState state, Quarter deadline, Now now,
                                  uint32_t counted_for) {
  auto* const bucket = table.bucket(hash);
  auto* const slot = make_room(table, bucket, hash, state, now);
  if (slot == nullptr) return false;
  table.place(slot, key, bucket, real, deadline, state);
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
