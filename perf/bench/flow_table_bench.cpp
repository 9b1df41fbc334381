// What the flow table costs by itself, with a thousand to 16 M flows: a look-up in bursts, whose
// buckets are fetched first, and alone; a flow that comes in place of one that goes.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <span>
#include <vector>

#include "dataplane/fastpath/flow_key.h"
#include "dataplane/fastpath/flow_table.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/page_memory.h"

namespace vipgate {
namespace {

using Table = FlowTable<FlowKey4>;

constexpr Quarter kNow = 1000, kDeadline = 20'000;

FlowKey4 key_of(uint32_t flow) {
  return FlowKey4::of(Ipv4Address{Be32(0x01000000 + flow / 4)},
                      Be16(static_cast<uint16_t>(1000 + flow % 4)), 1);
}

// A table with as many flows as it was made for, and their keys in a random order.
class FullTable {
 public:
  explicit FullTable(size_t flows)
      : memory_(Table::buckets_for(flows) * sizeof(Table::Bucket)),
        table_({static_cast<Table::Bucket*>(memory_.data()), Table::buckets_for(flows)},
               HashSecret{{1, 2, 3, 4}}) {
    for (uint32_t i = 0; i < flows; ++i) {
      keys_.push_back(key_of(i));
      insert(keys_.back());
    }
    std::shuffle(keys_.begin(), keys_.end(), std::mt19937(1));
  }

  bool insert(const FlowKey4& key) {
    const uint64_t hash = table_.hash(key);
    Table::Entry* slot = table_.choose(table_.bucket(hash), hash, FlowState::kEstablished, kNow,
                                       [](const Table::Entry& entry) { return entry.deadline; });
    if (slot == nullptr) return false;
    if (slot->state != FlowState::kFree) table_.erase(slot);
    table_.place(slot, key, table_.bucket(hash), 1u, kDeadline, FlowState::kEstablished);
    return true;
  }
  Table& table() { return table_; }
  const std::vector<FlowKey4>& keys() const { return keys_; }

 private:
  PageMemory memory_;
  Table table_;
  std::vector<FlowKey4> keys_;
};

void check(benchmark::State& state, size_t wanted, size_t found) {
  state.SetItemsProcessed(static_cast<int64_t>(wanted));
  // A few flows of a full table may have been displaced by others.
  if (found < wanted - wanted / 100) state.SkipWithError("flows are missing");
}

void find_in_bursts(benchmark::State& state) {
  FullTable full(static_cast<size_t>(state.range(0)));
  const auto& keys = full.keys();
  Table::Bucket* buckets[kBurst];
  size_t at = 0, found = 0;
  for (auto _ : state) {
    for (size_t i = 0; i < kBurst; ++i) {
      buckets[i] = full.table().fetch(full.table().hash(keys[at + i]));
    }
    for (size_t i = 0; i < kBurst; ++i) {
      found += full.table().find_from(buckets[i], keys[at + i]) != nullptr;
    }
    at += kBurst;
    if (at + kBurst > keys.size()) at = 0;
  }
  check(state, state.iterations() * kBurst, found);
}

void find_alone(benchmark::State& state) {
  FullTable full(static_cast<size_t>(state.range(0)));
  const auto& keys = full.keys();
  size_t at = 0, found = 0;
  for (auto _ : state) {
    const auto* entry = full.table().find(keys[at], full.table().hash(keys[at]));
    found += entry != nullptr;
    // The next one depends on this one, so that look-ups do not overlap.
    at += 1 + (entry != nullptr && entry->value == 0);
    if (at >= keys.size()) at = 0;
  }
  check(state, state.iterations(), found);
}

void replace_flow(benchmark::State& state) {
  FullTable full(static_cast<size_t>(state.range(0)));
  const auto& keys = full.keys();
  auto next = static_cast<uint32_t>(keys.size());
  size_t at = 0, placed = 0;
  for (auto _ : state) {
    if (auto* old = full.table().find(keys[at], full.table().hash(keys[at]))) {
      full.table().erase(old);
    }
    placed += full.insert(key_of(next++));
    if (++at == keys.size()) at = 0;
  }
  check(state, state.iterations(), placed);
}

BENCHMARK(find_in_bursts)->Arg(1 << 10)->Arg(1 << 14)->Arg(1 << 20)->Arg(1 << 24);
BENCHMARK(find_alone)->Arg(1 << 10)->Arg(1 << 14)->Arg(1 << 20)->Arg(1 << 24);
// Once round the table, at most: the flow that goes is there.
BENCHMARK(replace_flow)->Arg(1 << 20)->Iterations(1 << 20);
BENCHMARK(replace_flow)->Arg(1 << 24)->Iterations(1 << 22);

}  // namespace
}  // namespace vipgate
