#include "dataplane/fastpath/flow_store.h"

#include <algorithm>

#include "common/checksum.h"
#include "dataplane/fastpath/knobs.h"

namespace vipgate {
namespace {

FlowState first_state(Protocol protocol) {
  return protocol == Protocol::kTcp ? FlowState::kEmbryonic : FlowState::kOneWay;
}

Event eviction_event(FlowState state) {
  if (state == FlowState::kClosing) return Event::kFlowsEvictedClosing;
  if (state == FlowState::kEmbryonic || state == FlowState::kOneWay) {
    return Event::kFlowsEvictedEmbryonic;
  }
  return Event::kFlowsEvictedEstablished;
}

// What the IP and the TCP/UDP checksum gain when client → VIP becomes source → real.
template <class Address>
void set_deltas(NatRecord<Address>& record) {
  const uint16_t addresses =
      ones_add(checksum_delta(&record.client, &record.source, sizeof(Address)),
               checksum_delta(&record.vip, &record.real, sizeof(Address)));
  const uint16_t ports =
      ones_add(checksum_delta(record.client_port.raw(), record.source_port.raw()),
               checksum_delta(record.vip_port.raw(), record.real_port.raw()));
  record.l3_delta = addresses;
  record.l4_delta = ones_add(addresses, ports);
}

template <class Address>
bool is_free_or_over(const NatRecord<Address>& record, Quarter now) {
  return record.state == FlowState::kFree || has_passed(record.deadline, now);
}

// Whether a new flow may take the record: it is free, over, closing or unanswered.
template <class Address>
bool may_go(const NatRecord<Address>& record, Quarter now) {
  return record.state < FlowState::kReplied || has_passed(record.deadline, now);
}

// The order in which records go: as in FlowTable::choose.
template <class Address>
bool is_worth_less(const NatRecord<Address>& a, const NatRecord<Address>& b, Quarter now) {
  const auto worth = [now](const NatRecord<Address>& record) -> uint32_t {
    if (is_free_or_over(record, now)) return 0;
    return eviction_worth(record.state) << 16 | static_cast<uint16_t>(record.deadline - now);
  };
  return worth(a) < worth(b);
}

}  // namespace

template <class Address>
auto FlowStore<Address>::create(const ServiceEntry& service, RealId real_id, const RealEntry& real,
                                const Snapshot& snapshot, const NewFlow<Address>& flow,
                                uint64_t hash, Now now, DropReason& reason) -> Record* {
  const FlowState state = first_state(service.protocol);
  Entry* slot = nullptr;
  if (!make_room(hash, state, now, slot)) {
    reason = DropReason::kFlowTableFull;
    return nullptr;
  }
  const bool fullnat = service.mode == Mode::kFullnat;
  Record* record = fullnat ? take_snat_port(service, snapshot, hash, now) : take_nat_record(now);
  if (record == nullptr) {
    reason = fullnat ? DropReason::kSnatExhausted : DropReason::kFlowTableFull;
    return nullptr;
  }
  record->client = flow.client;
  record->vip = flow.vip;
  record->real = real.address.template as<Address>();
  record->client_port = flow.client_port;
  record->vip_port = service.port;
  record->real_port = real.port;
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
  set_deltas(*record);
  if (!fullnat && !place_return_entry(*record, now, reason)) {
    give_back(*record);
    return nullptr;
  }
  // The return entry may have taken the slot that was found for the forward one; in a full pair of
  // buckets, making room again may give up the return entry itself, and with it this flow.
  if (slot->state != FlowState::kFree &&
      (!make_room(hash, state, now, slot) || record->state == FlowState::kFree)) {
    if (record->state != FlowState::kFree) release(*record);
    reason = DropReason::kFlowTableFull;
    return nullptr;
  }
  table_.place(slot, Key::of(flow.client, flow.client_port, service.flow_id), hash,
               index_of(*record), record->deadline, state);
  counters_.count(Event::kFlowsCreated);
  return record;
}

// The second entry of a `nat` flow, by which packets from the real find the record. Two VIPs that
// lead one client port to the same real port would be one connection there: the second one is
// refused unless the first has ended.
template <class Address>
bool FlowStore<Address>::place_return_entry(Record& record, Now now, DropReason& reason) {
  const Key key = Key::of(record.client, record.client_port, record.return_flow_id);
  const uint64_t hash = table_.hash(key);
  if (const Entry* taken = table_.find(key, hash)) {
    // Ids of return keys are those of no service, so this is a record's.
    Record& other = memory_.records[taken->value];
    if (other.state != FlowState::kClosing && !has_passed(other.deadline, now.quarter)) {
      reason = DropReason::kNatTupleTaken;
      return false;
    }
    release(other);
  }
  Entry* slot = nullptr;
  if (!make_room(hash, record.state, now, slot)) {
    reason = DropReason::kFlowTableFull;
    return false;
  }
  table_.place(slot, key, hash, index_of(record), record.deadline, record.state);
  return true;
}

// Finds a slot for a new flow and empties it.
template <class Address>
bool FlowStore<Address>::make_room(uint64_t hash, FlowState state, Now now, Entry*& slot) {
  slot = table_.choose(hash, state, now.quarter,
                       [&](const Entry& entry) { return deadline_of(entry); });
  if (slot == nullptr) return false;
  if (slot->state == FlowState::kFree) return true;
  count_eviction(slot->state, deadline_of(*slot), now);
  release(*slot);
  return true;
}

template <class Address>
bool FlowStore<Address>::track(const Key& key, uint64_t hash, RealId real, FlowState state,
                               Quarter deadline, Now now) {
  Entry* slot = nullptr;
  if (!make_room(hash, state, now, slot)) return false;
  table_.place(slot, key, hash, real, deadline, state);
  counters_.count(Event::kFlowsCreated);
  return true;
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

// Tries kSnatProbes ports from a place that the flow's hash chooses: no list is walked, and a burst
// of new flows spreads over the pool. Where all are taken, the least worthy unanswered or closing
// flow goes, as a flood of made-up clients would else take every port.
template <class Address>
auto FlowStore<Address>::take_snat_port(const ServiceEntry& service, const Snapshot& snapshot,
                                        uint64_t hash, Now now) -> Record* {
  if (service.snat_count == 0) return nullptr;
  const auto low = static_cast<uint32_t>(hash);
  const auto high = static_cast<uint32_t>(hash >> 32);
  uint32_t chosen = scale(high * 0x9e3779b1u, service.snat_count);
  const uint32_t tries = std::min<uint32_t>(service.snat_count, 4);
  Record* least = nullptr;
  uint32_t least_slot = 0, least_position = 0;
  for (uint32_t i = 0; i < tries; ++i) {
    const uint32_t slot = service.snat_first + chosen;
    const SnatSlot& snat = memory_.snat[slot];
    uint32_t position = snat.count == 0 ? 0 : scale(low * 0x85ebca6bu, snat.count);
    for (uint32_t probe = 0; probe < std::min(kSnatProbes / tries, snat.count); ++probe) {
      Record& record = memory_.records[snat.first_record + position];
      if (least == nullptr || is_worth_less(record, *least, now.quarter)) {
        least = &record;
        least_slot = slot;
        least_position = position;
        if (is_free_or_over(record, now.quarter)) break;
      }
      position = position + 1 == snat.count ? 0 : position + 1;
    }
    if (least != nullptr && is_free_or_over(*least, now.quarter)) break;
    chosen = chosen + 1 == service.snat_count ? 0 : chosen + 1;
  }
  if (least == nullptr || !may_go(*least, now.quarter)) return nullptr;
  if (least->state != FlowState::kFree) evict(*least, now);
  least->source = snapshot.snat_addresses[least_slot].address.template as<Address>();
  least->source_port = Be16(memory_.snat[least_slot].ports.port(least_position, memory_.worker));
  return least;
}

template <class Address>
auto FlowStore<Address>::take_nat_record(Now now) -> Record* {
  if (nat_free_ != kNone) {
    Record& record = memory_.records[nat_free_];
    nat_free_ = record.service;
    return &record;
  }
  const size_t next = memory_.first_nat_record + nat_used_;
  if (next >= memory_.records.size()) return reuse_nat_record(now);
  ++nat_used_;
  return &memory_.records[next];
}

// All are in use: the next one, in turn, whose flow may go.
template <class Address>
auto FlowStore<Address>::reuse_nat_record(Now now) -> Record* {
  for (uint32_t probe = 0; probe < std::min(kSnatProbes, nat_used_); ++probe) {
    Record& record = memory_.records[memory_.first_nat_record + nat_hand_];
    nat_hand_ = nat_hand_ + 1 == nat_used_ ? 0 : nat_hand_ + 1;
    if (!may_go(record, now.quarter)) continue;
    evict(record, now);
    nat_free_ = record.service;  // where release() has just put it
    return &record;
  }
  return nullptr;
}

template <class Address>
void FlowStore<Address>::give_back(Record& record) {
  record.state = FlowState::kFree;
  const uint32_t index = index_of(record);
  if (index < memory_.first_nat_record) return;
  record.service = nat_free_;
  nat_free_ = index;
}

template <class Address>
void FlowStore<Address>::release(Record& record) {
  erase_entry(Key::of(record.client, record.client_port, record.flow_id));
  if (record.return_flow_id != 0) {
    erase_entry(Key::of(record.client, record.client_port, record.return_flow_id));
  }
  give_back(record);
}

template <class Address>
void FlowStore<Address>::erase_entry(const Key& key) {
  if (Entry* entry = table_.find(key, table_.hash(key))) table_.erase(entry);
}

template <class Address>
void FlowStore<Address>::mark_entry(const Key& key, FlowState state, Quarter deadline) {
  if (Entry* entry = table_.find(key, table_.hash(key))) {
    entry->state = state;
    entry->deadline = deadline;
  }
}

template <class Address>
void FlowStore<Address>::set_state(Record& record, FlowState state, Quarter deadline) {
  record.state = state;
  record.deadline = deadline;
  mark_entry(Key::of(record.client, record.client_port, record.flow_id), state, deadline);
  if (record.return_flow_id == 0) return;
  mark_entry(Key::of(record.client, record.client_port, record.return_flow_id), state, deadline);
}

template <class Address>
void FlowStore<Address>::expire_if_due(Entry& entry, Quarter now) {
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
void FlowStore<Address>::sweep_all(Quarter now) {
  table_.sweep(table_.bucket_count(), [&](Entry& entry) { expire_if_due(entry, now); });
}

template <class Address>
void FlowStore<Address>::advance(Now now) {
  constexpr uint64_t kStep = kPassedWindowQuarters / 2 * kNanosecondsPerQuarter;
  constexpr uint64_t kAllExpired = (kMaxTimeoutQuarters + 1) * kNanosecondsPerQuarter;
  if (!started_) {
    swept_to_ = now;
    started_ = true;
  }
  if (now.ns < swept_to_.ns) return;
  // After a stall (or a gap in a replayed capture) deadlines would wrap: sweep in steps.
  if (now.ns - swept_to_.ns > kStep) {
    const uint64_t end = std::min(now.ns, swept_to_.ns + kAllExpired + kStep);
    for (uint64_t at = swept_to_.ns + kStep; at < end; at += kStep) {
      sweep_all(Now::from_ns(at).quarter);
    }
    sweep_all(Now::from_ns(end).quarter);
    swept_to_ = now;
    return;
  }
  if (now.ns - swept_to_.ns < ns_per_bucket_) return;
  const uint64_t due = (now.ns - swept_to_.ns) / ns_per_bucket_;
  const size_t buckets = std::min<size_t>(due, kSweepBucketsPerLoop);
  table_.sweep(buckets, [&](Entry& entry) { expire_if_due(entry, now.quarter); });
  swept_to_.ns += buckets * ns_per_bucket_;
}

template class FlowStore<Ipv4Address>;
template class FlowStore<Ipv6Address>;

}  // namespace vipgate
