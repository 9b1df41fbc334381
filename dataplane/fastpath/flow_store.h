// All tracked flows of one worker and one IP family: the flow table, the NAT records, the SNAT
// ports. The memory is given at construction and never grows; only the owning worker touches it.
//
// Records lie in one array. First come those of `fullnat` flows, where SNAT port and real say
// (snat_ports.h), so that a return packet finds its record by index; then those of `nat` flows,
// from a free list. A flow of a mode that leaves its packets as they are has no record: its entry
// in the table names the real, and is all there is of it.
//
// There are two tables: that of flows whose ids are wide has longer keys. What holds of "the table"
// holds of both; a record's ids say in which its entries lie.
#pragma once

#include <span>
#include <utility>

#include "common/counters.h"
#include "common/snapshot.h"
#include "dataplane/fastpath/connection_counts.h"
#include "dataplane/fastpath/flow_key.h"
#include "dataplane/fastpath/flow_table.h"
#include "dataplane/fastpath/nat_record.h"
#include "dataplane/fastpath/snat_ports.h"
#include "dataplane/fastpath/table_sweep.h"
#include "dataplane/fastpath/worker_details.h"

namespace vipgate {

// The index of a service whose flows are counted, as it limits them; else none.
inline uint32_t counted_for(const ServiceEntry& service) {
  const Admission* admission = service.admission;
  return admission != nullptr && admission->max_connections() != 0 ? service.index : kNone;
}

// The first SNAT port that a new flow asks for, and the record that it would have; null: not known.
template <class Address>
struct SnatTry {
  NatRecord<Address>* record = nullptr;
  uint32_t slot = 0;
  Be16 port;
};

// What a new flow is made of, besides its service and its real.
template <class Address>
struct NewFlow {
  Address client;
  Address vip;
  Be16 client_port;
  Be16 vip_port;
  MacAddress client_mac;
  Be16 client_tci;
  uint8_t client_port_index = 0;
  SnatTry<Address> first_try{};          // of prefetch_snat()
  const LikelyChoice* likely = nullptr;  // of likely_victim()
};

// Zeroed memory, made by FlowMemory, that outlives the store.
template <class Address>
struct FlowStoreMemory {
  std::span<typename FlowTable<typename FlowKeyOf<Address>::Type>::Bucket> buckets;
  std::span<typename FlowTable<WideFlowKey<Address>>::Bucket> wide_buckets;
  std::span<NatRecord<Address>> records;
  std::span<const SnatPorts> snat;  // by Snapshot::snat_addresses; none of the other family's
  std::span<ConnectionCounts::Slot> connections;
  std::span<ServiceCounters> services;
  std::span<RealCounters> reals;
  std::span<Counter> snat_exhausted;  // by ServiceEntry::snat_first, which stands for the pool
  uint32_t first_nat_record = 0;      // before it: those of SNAT ports
  uint32_t worker = 0;
};

template <class Address>
class FlowStore {
 public:
  using Key = typename FlowKeyOf<Address>::Type;
  using Table = FlowTable<Key>;
  using Entry = typename Table::Entry;
  using WideKey = WideFlowKey<Address>;
  using WideTable = FlowTable<WideKey>;
  using Record = NatRecord<Address>;

  FlowStore(const FlowStoreMemory<Address>& memory, const HashSecret& secret,
            WorkerCounters& counters)
      : memory_(memory),
        counters_(counters),
        table_(memory.buckets, secret),
        wide_(memory.wide_buckets, secret),
        connections_(memory.connections, memory.services),
        pace_(memory.buckets.size()),
        wide_pace_(memory.wide_buckets.size()) {}

  Table& table() { return table_; }
  const Table& table() const { return table_; }
  WideTable& wide_table() { return wide_; }
  const WideTable& wide_table() const { return wide_; }
  // Entries of both tables.
  size_t size() const { return table_.size() + wide_.size(); }
  // Of the flows only: affinities are kept elsewhere.
  void tell_levels(WorkerDetails::Family& levels) const {
    levels.flows.set(table_.size());
    levels.wide_flows.set(wide_.size());
    levels.nat_records.set(nat_used_ - nat_given_back_);
    levels.snat_records.set(snat_used_);
  }
  Record& record(uint32_t index) { return memory_.records[index]; }
  const Record& record(uint32_t index) const { return memory_.records[index]; }
  const SnatPorts& snat(uint32_t slot) const { return memory_.snat[slot]; }

  // The record of the flow from a SNAT port to a real, if there is one: else it is free, or another
  // flow's. REQUIRES: this worker owns the port, so there are such records.
  Record& return_record(uint32_t snat_hash, uint32_t ports_word) const {
    return memory_.records[snat_place(snat_hash, ports_word, memory_.first_nat_record)];
  }

  // The record of the `nat` flow between the client and the real; null: there is none.
  Record* find_return(const auto& addresses, const Endpoint<Address>& real, const Address& client,
                      Be16 client_port) {
    for (const uint32_t id : addresses.return_ids(real)) {
      if (id == 0) continue;
      const auto find = [&](auto& table, const auto& key) -> Record* {
        const auto* entry = table.find(key, table.hash(key));
        return entry == nullptr ? nullptr : &memory_.records[entry->value];
      };
      Record* record =
          is_wide(id) ? find(wide_, WideKey::of(client, client_port, real.address, real.port, id))
                      : find(table_, Key::of(client, client_port, id));
      if (record != nullptr) return record;
    }
    return nullptr;
  }

  // How many records have been given back: while it stays the same, a record is that of the flow
  // that it was found for.
  uint32_t given_back() const { return given_back_; }

  // Whether an entry of the table stands for a flow that has ended by time-out.
  template <class AnyEntry>
  bool has_expired(const AnyEntry& entry, Quarter now) const {
    return has_passed(entry.deadline, now) && has_passed(deadline_of(entry), now);
  }

  // Tracks a new flow of `service` to `real`, in its first state (embryonic or one-way). Null when
  // it can't be, with the reason in `reason`. `hash` is that of the forward key, which is not in
  // the table yet.
  Record* create(const ServiceEntry& service, RealId real_id, const RealEntry& real,
                 const Snapshot& snapshot, const NewFlow<Address>& flow, uint64_t hash, Now now,
                 DropReason& reason);

  // The record of the flow that would give way to a new one with that hash; null: none would.
  // `likely` is for create().
  const Record* likely_victim(typename Table::Bucket* bucket, uint64_t hash, Now now,
                              LikelyChoice& likely) const {
    const auto& entry = table_.likely_choice(bucket, hash, now.quarter, likely);
    const bool has_record = entry.state != FlowState::kFree && !entry.names_real();
    return has_record ? &memory_.records[entry.value] : nullptr;
  }
  // Ahead of create(), of a flow that needs a SNAT port: which one it will ask for first. Its
  // record, and where many are taken those of the next ones, are on their way into the cache.
  [[gnu::always_inline]] inline SnatTry<Address> prefetch_snat(const ServiceEntry& service,
                                                               const Snapshot& snapshot,
                                                               const Endpoint<Address>& real,
                                                               uint64_t hash) const;

  // Tracks a new flow that needs no record. `key` is not in the table yet. False when no slot is
  // free and all that are there are worth more. `counted_for`: the index of the service that has it
  // counted.
  bool track(const Key& key, uint64_t hash, RealId real, FlowState state, Quarter deadline, Now now,
             uint32_t counted_for = kNone);
  bool track(const WideKey& key, uint64_t hash, RealId real, FlowState state, Quarter deadline,
             Now now, uint32_t counted_for = kNone);
  // The same of a flow that nobody limits, whose first bucket is `bucket`. Inlined where many begin
  // in a row; Event::kFlowsCreated is left to the caller.
  [[gnu::always_inline]] inline bool begin(typename Table::Bucket* bucket, const Key& key,
                                           uint64_t hash, RealId real, FlowState state,
                                           Quarter deadline, Now now);

  // Whether begin_fullnat() may be called: the port that was sought ahead is still free.
  static bool is_free(const SnatTry<Address>& port) {
    return port.record != nullptr && port.record->state == FlowState::kFree;
  }
  // As create(), of a `fullnat` flow that nobody counts and whose id is not wide. Null: there is no
  // room. As begin(). REQUIRES: is_free(flow.first_try)
  [[gnu::always_inline]] inline Record* begin_fullnat(typename Table::Bucket* bucket,
                                                      const ServiceEntry& service, RealId real_id,
                                                      const RealEntry& real,
                                                      const Snapshot& snapshot,
                                                      const NewFlow<Address>& flow, uint64_t hash,
                                                      Now now);

  // Forgets the flow: its entries and its record.
  void release(Record& record);
  void release(Entry& entry) { release_in(table_, entry); }
  void release(typename WideTable::Entry& entry) { release_in(wide_, entry); }

  // Notes the flow's new state and deadline in its record and its entries. The entries too, since
  // a deadline may come nearer: no record's may pass unnoticed behind a later one of its entry.
  void set_state(Record& record, FlowState state, Quarter deadline);

  // Gives back expired flows; to be called once per loop. Sweeps at a pace that visits all within
  // kSweepSeconds, and all at once after a jump of the clock.
  void advance(Now now);

 private:
  Record* take_snat_port(const ServiceEntry& service, const Snapshot& snapshot,
                         const Endpoint<Address>& real, const SnatTry<Address>& first_try,
                         uint64_t hash, Now now, DropReason& reason);
  SnatTry<Address> find_snat_port(const ServiceEntry& service, const Snapshot& snapshot,
                                  const Endpoint<Address>& real, uint64_t hash, Now now) const;
  void note_exhaustion(const ServiceEntry& service, DropReason& reason);
  Record* take_nat_record(Now now);
  Record* reuse_nat_record(Now now);
  // When the entry's flow ends: its own deadline follows the forward packets only, the record's
  // follows both directions.
  template <class AnyEntry>
  Quarter deadline_of(const AnyEntry& entry) const {
    return entry.names_real() ? entry.deadline : memory_.records[entry.value].deadline;
  }
  [[gnu::always_inline]] inline void count_eviction(FlowState state, Quarter deadline, Now now);
  void evict(Record& record, Now now);
  void give_back(Record& record);
  // Calls visit(table, key) with where an entry of the record lies: that of this id, which is its
  // forward key's, or one that a packet from its real may be looked for by.
  template <class Visit>
  auto with_forward_key(const Record& record, Visit&& visit);
  template <class Visit>
  auto with_return_key(const Record& record, uint32_t id, Visit&& visit);
  template <class AnyTable, class AnyKey>
  bool track_in(AnyTable& table, const AnyKey& key, uint64_t hash, RealId real, FlowState state,
                Quarter deadline, Now now, uint32_t counted_for);
  template <class AnyTable>
  [[gnu::always_inline]] inline void release_in(AnyTable& table, typename AnyTable::Entry& entry) {
    if (entry.names_real()) {
      if (entry.is_counted()) connections_.end(flow_id_of(entry.key));
      note_end(RealId::from_value(entry.value));
      table.erase(&entry);
      return;
    }
    Record& record = memory_.records[entry.value];
    if (record.return_flow_id != 0) return release(record);
    // The only one of its flow: it need not be looked for.
    end_count(record);
    table.erase(&entry);
    give_back(record);
  }
  void end_count(Record& record) {
    if (std::exchange(record.is_counted, false)) connections_.end(record.flow_id);
  }
  template <class AnyTable>
  Record* create_in(AnyTable& table, const ServiceEntry& service, RealId real_id,
                    const RealEntry& real, const Snapshot& snapshot, const NewFlow<Address>& flow,
                    uint64_t hash, Now now, DropReason& reason);
  template <class AnyTable>
  [[gnu::always_inline]] inline auto make_room(AnyTable& table, typename AnyTable::Bucket* bucket,
                                               uint64_t hash, FlowState state, Now now,
                                               const LikelyChoice* likely = nullptr) ->
      typename AnyTable::Entry*;
  bool is_tuple_free(const Record& record, const Snapshot& snapshot, Now now);
  bool place_return_entry(Record& record, const Snapshot& snapshot, Now now, DropReason& reason);
  template <class AnyTable>
  void expire_if_due(typename AnyTable::Entry& entry, Quarter now);
  // A real's flows of now. Its index is not given to another one while a flow may hold it.
  void note_begin(RealId real) {
    if (real.index() < memory_.reals.size()) memory_.reals[real.index()].flows.add();
  }
  void note_end(RealId real) {
    if (real.index() < memory_.reals.size()) memory_.reals[real.index()].flows.take();
  }
  void count_created(RealId real) {
    counters_.count(Event::kFlowsCreated);
    if (real.index() < memory_.reals.size()) memory_.reals[real.index()].flows_created.add();
  }
  // note_begin(), and count_created() without the event.
  void note_created(RealId real) {
    if (real.index() >= memory_.reals.size()) return;
    RealCounters& counters = memory_.reals[real.index()];
    counters.flows.add();
    counters.flows_created.add();
  }
  uint32_t index_of(const Record& record) const {
    return static_cast<uint32_t>(&record - memory_.records.data());
  }

  FlowStoreMemory<Address> memory_;
  WorkerCounters& counters_;
  Table table_;
  WideTable wide_;
  ConnectionCounts connections_;
  uint32_t snat_used_ = 0;       // records of SNAT ports that are in use
  uint32_t nat_free_ = kNone;    // head of the free list, linked by NatRecord::next_free
  uint32_t nat_used_ = 0;        // `nat` records that were ever taken
  uint32_t nat_given_back_ = 0;  // those of them that are in the free list
  uint32_t nat_hand_ = 0;        // where the search for one to reuse goes on
  uint32_t given_back_ = 0;
  SweepPace pace_, wide_pace_;
};

extern template class FlowStore<Ipv4Address>;
extern template class FlowStore<Ipv6Address>;

}  // namespace vipgate
