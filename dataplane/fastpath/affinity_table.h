// Which real each client of a service with `affinity: source` has: new flows of a client that was
// seen within the service's time go where its last ones went, whatever the Maglev rows have become,
// as long as that real takes new flows. The memory is given at start and never grows; only the
// owning worker touches it.
//
// How workers agree: they do not have to. Flows of such a service are owned by the worker that the
// client's address alone hashes to (port 0 in place of the client's), so that one worker sees all
// that a client does there, and the client's entry lies in its table, where no other one looks.
// What this costs is that one client's flows to the service do not spread over workers. Packets
// show their service, and so by what their owner is found; but for a `nat` real's, where services
// with and without affinity share reals: see NatReturnOwner. Returns of `fullnat` have a SNAT port,
// which is of the worker that made the flow.
//
// How gateways agree: entries are not shared. What chooses a client's first real is a hash of its
// address alone, equal on all gateways, and previous rows hold for packets of connections without
// an entry as they do elsewhere; so gateways differ only about clients that were there before the
// rows changed, and each for as long as it sees them.
//
// A client is unanswered until one of its flows has been answered (or has gone on, where reals
// answer directly): when the table is full, unanswered ones go first and never displace an answered
// one, so that made-up addresses do not make clients change their reals.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "common/addresses.h"
#include "common/counters.h"
#include "common/hash.h"
#include "dataplane/fastpath/flow_clock.h"
#include "dataplane/fastpath/flow_table.h"
#include "dataplane/fastpath/table_sweep.h"

namespace vipgate {

// A client of a service, which its flow id stands for: that is never 0, nor soon another's.
struct AffinityKey4 {
  uint64_t bits = 0;

  static AffinityKey4 of(Ipv4Address client, uint32_t flow_id) {
    return {static_cast<uint64_t>(client.value.raw()) | static_cast<uint64_t>(flow_id) << 32};
  }
  uint64_t hash(const PreparedSecret& secret) const { return keyed_hash(bits, secret); }
  friend bool operator==(AffinityKey4, AffinityKey4) = default;
};

struct AffinityKey6 {
  Ipv6Address client;
  uint32_t flow_id = 0;
  uint32_t zero = 0;  // whole words are hashed

  static AffinityKey6 of(const Ipv6Address& client, uint32_t flow_id) {
    return {client, flow_id, 0};
  }
  uint64_t hash(const PreparedSecret& secret) const {
    return keyed_hash(this, sizeof *this, secret);
  }
  friend bool operator==(const AffinityKey6&, const AffinityKey6&) = default;
};
static_assert(sizeof(AffinityKey6) == 24);

template <class Address>
struct AffinityKeyOf;
template <>
struct AffinityKeyOf<Ipv4Address> {
  using Type = AffinityKey4;
};
template <>
struct AffinityKeyOf<Ipv6Address> {
  using Type = AffinityKey6;
};

template <class Address>
class AffinityTable {
 public:
  using Key = typename AffinityKeyOf<Address>::Type;
  using Table = FlowTable<Key>;
  using Entry = typename Table::Entry;
  using Bucket = typename Table::Bucket;

  // For so many clients: half of the slots stay free.
  static size_t buckets_for(size_t clients) { return Table::buckets_for((clients + 1) / 2); }

  // `memory` must be zeroed and outlive the table.
  AffinityTable(std::span<Bucket> memory, const HashSecret& secret, WorkerCounters& counters)
      : table_(memory, secret), pace_(memory.size()), counters_(counters) {}

  void prefetch(const Key& key) const { table_.prefetch(table_.hash(key)); }

  // The client's entry; null: it has none, or was not seen for too long.
  Entry* find(const Key& key, Quarter now) const {
    Entry* entry = table_.find(key, table_.hash(key));
    return entry == nullptr || has_passed(entry->deadline, now) ? nullptr : entry;
  }

  // The client has been seen. Lines that have not changed need not be written back.
  static void touch(Entry& entry, Quarter deadline) {
    if (entry.deadline != deadline) entry.deadline = deadline;
  }
  static bool is_answered(const Entry& entry) { return entry.state == FlowState::kReplied; }
  static void set_answered(Entry& entry) { entry.state = FlowState::kReplied; }

  // From now on the client has this real; but not where no slot is free and all that are there are
  // worth more.
  void put(const Key& key, RealId real, Quarter deadline, Quarter now) {
    const uint64_t hash = table_.hash(key);
    if (Entry* entry = table_.find(key, hash)) {
      // What was answered by another real may not be answered by this one.
      if (!(entry->real() == real)) {
        entry->value = real.value();
        entry->state = FlowState::kOneWay;
      }
      return touch(*entry, deadline);
    }
    Entry* slot = table_.choose(table_.bucket(hash), hash, FlowState::kOneWay, now,
                                [](const Entry& entry) { return entry.deadline; });
    const bool is_live =
        slot == nullptr || (slot->state != FlowState::kFree && !has_passed(slot->deadline, now));
    if (is_live) counters_.count(Event::kAffinitiesLost);
    if (slot == nullptr) return;
    if (slot->state != FlowState::kFree) table_.erase(slot);
    table_.place(slot, key, table_.bucket(hash), real, deadline, FlowState::kOneWay);
  }

  // Forgets clients that were not seen for too long; to be called once per loop.
  void advance(Now now) {
    advance_sweep(table_, pace_, now, [&](Entry& entry, Quarter at) {
      if (has_passed(entry.deadline, at)) table_.erase(&entry);
    });
  }

  size_t size() const { return table_.size(); }

 private:
  Table table_;
  SweepPace pace_;
  WorkerCounters& counters_;
};

}  // namespace vipgate
