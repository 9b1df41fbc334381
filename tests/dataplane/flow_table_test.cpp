#include "dataplane/fastpath/flow_table.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>
#include <vector>

#include "dataplane/fastpath/flow_key.h"

namespace vipgate::flow_table_test {
namespace {

using Table = FlowTable<FlowKey4>;
using Bucket = Table::Bucket;
using Entry = Table::Entry;

constexpr HashSecret kSecret{{11, 22, 33, 44}};
constexpr auto kOwnDeadline = [](const Entry& entry) { return entry.deadline; };

FlowKey4 key_of(uint32_t client, uint16_t port = 1, uint32_t flow = 1) {
  return FlowKey4::of(Ipv4Address{Be32(client)}, Be16(port), flow);
}

// A table over memory that the test can look into.
struct TableUnderTest {
  explicit TableUnderTest(size_t buckets) : memory(buckets), table(memory, kSecret) {}

  size_t first(FlowKey4 key) const { return (table.hash(key) & 0xffffffff) * memory.size() >> 32; }
  size_t second(FlowKey4 key) const { return (table.hash(key) >> 32) * memory.size() >> 32; }
  unsigned overflow(size_t bucket) const { return memory[bucket].entries[0].meta >> 3; }

  Entry* insert(FlowKey4 key, FlowState state, Quarter deadline, Quarter now, uint32_t value = 0) {
    const uint64_t hash = table.hash(key);
    Entry* slot = table.choose(table.bucket(hash), hash, state, now, kOwnDeadline);
    if (slot == nullptr) return nullptr;
    if (slot->state != FlowState::kFree) table.erase(slot);
    table.place(slot, key, table.bucket(hash), value, deadline, state);
    return slot;
  }
  Entry* find(FlowKey4 key) const { return table.find(key, table.hash(key)); }

  // A key whose first and second bucket are these. Skips those used before.
  FlowKey4 key_for(size_t first_bucket, size_t second_bucket) {
    for (;; ++client) {
      const FlowKey4 key = key_of(client);
      if (first(key) != first_bucket || second(key) != second_bucket) continue;
      ++client;
      return key;
    }
  }

  std::vector<Bucket> memory;
  Table table;
  uint32_t client = 1;
};

TEST(FlowTable, InsertedKeyIsFoundWithItsValueAndOthersAreNot) {
  TableUnderTest t(16);
  t.insert(key_of(1), FlowState::kEmbryonic, 100, 50, 77);
  ASSERT_NE(t.find(key_of(1)), nullptr);
  EXPECT_EQ(t.find(key_of(1))->value, 77u);
  EXPECT_EQ(t.find(key_of(1, 2)), nullptr);
  EXPECT_EQ(t.find(key_of(1, 1, 2)), nullptr);
  EXPECT_EQ(t.find(key_of(2)), nullptr);
  EXPECT_EQ(t.table.size(), 1u);
}

TEST(FlowTable, KeyThatFindsItsFirstBucketFullLiesInTheSecondAndIsFoundThere) {
  TableUnderTest t(8);
  std::vector<FlowKey4> keys;
  for (int i = 0; i < 5; ++i) keys.push_back(t.key_for(2, 5));
  for (const auto& key : keys) t.insert(key, FlowState::kEstablished, 100, 50);
  EXPECT_EQ(t.overflow(2), 1u);
  EXPECT_EQ(t.table.size(), 5u);
  for (const auto& key : keys) EXPECT_NE(t.find(key), nullptr);
  Entry* displaced = t.find(keys[4]);
  EXPECT_GE(displaced, &t.memory[5].entries[0]);
  EXPECT_LE(displaced, &t.memory[5].entries[3]);
  t.table.erase(displaced);
  EXPECT_EQ(t.overflow(2), 0u);
  EXPECT_EQ(t.find(keys[4]), nullptr);
}

TEST(FlowTable, ErasingADisplacedKeyLeavesTheOtherDisplacedKeysFindable) {
  TableUnderTest t(8);
  std::vector<FlowKey4> keys;
  for (int i = 0; i < 8; ++i) keys.push_back(t.key_for(1, 6));
  for (const auto& key : keys) t.insert(key, FlowState::kEstablished, 100, 50);
  EXPECT_EQ(t.overflow(1), 4u);
  for (size_t i = 4; i < 8; ++i) {
    t.table.erase(t.find(keys[i]));
    for (size_t k = i + 1; k < 8; ++k) EXPECT_NE(t.find(keys[k]), nullptr) << i << " " << k;
  }
  EXPECT_EQ(t.overflow(1), 0u);
}

TEST(FlowTable, OverflowCountThatSaturatesStaysSoThatNoKeyIsEverMissed) {
  // 200 keys overflow from bucket 0, 33 at a time.
  TableUnderTest t(64);
  std::vector<FlowKey4> fill, keys;
  for (int i = 0; i < 4; ++i) fill.push_back(t.key_for(0, 63));
  for (const auto& key : fill) t.insert(key, FlowState::kEstablished, 100, 50);
  for (size_t second = 1; second <= 50; ++second) {
    for (int i = 0; i < 4; ++i) keys.push_back(t.key_for(0, second));
  }
  for (const auto& key : keys) t.insert(key, FlowState::kEstablished, 100, 50);
  EXPECT_EQ(t.overflow(0), 31u);
  for (const auto& key : keys) ASSERT_NE(t.find(key), nullptr);
  for (size_t i = 0; i + 1 < keys.size(); ++i) {
    t.table.erase(t.find(keys[i]));
    ASSERT_NE(t.find(keys.back()), nullptr) << i;
  }
  EXPECT_EQ(t.overflow(0), 31u);
}

TEST(FlowTable, TheOverflowCountSurvivesThatTheFirstEntryComesAndGoes) {
  TableUnderTest t(8);
  std::vector<FlowKey4> keys;
  for (int i = 0; i < 5; ++i) keys.push_back(t.key_for(3, 4));
  for (const auto& key : keys) t.insert(key, FlowState::kEstablished, 100, 50);
  t.table.erase(&t.memory[3].entries[0]);
  EXPECT_EQ(t.overflow(3), 1u);
  EXPECT_NE(t.find(keys[4]), nullptr);
  t.insert(keys[0], FlowState::kEstablished, 100, 50);
  EXPECT_EQ(t.overflow(3), 1u);
  EXPECT_NE(t.find(keys[4]), nullptr);
}

// Fills the pair of buckets (2, 5) with eight flows in these states; deadlines 1000 + position.
std::vector<FlowKey4> fill_pair(TableUnderTest& t, const std::vector<FlowState>& states) {
  std::vector<FlowKey4> keys;
  for (size_t i = 0; i < states.size(); ++i) {
    keys.push_back(t.key_for(2, 5));
    EXPECT_NE(t.insert(keys.back(), states[i], static_cast<Quarter>(1000 + i), 500), nullptr);
  }
  return keys;
}

TEST(FlowTable, ExpiredEntryIsReusedBeforeAnyLiveOneIsEvicted) {
  TableUnderTest t(8);
  const auto keys =
      fill_pair(t, {FlowState::kEstablished, FlowState::kEmbryonic, FlowState::kClosing,
                    FlowState::kReplied, FlowState::kEstablished, FlowState::kEstablished,
                    FlowState::kOneWay, FlowState::kEstablished});
  t.find(keys[5])->deadline = 499;
  ASSERT_NE(t.insert(t.key_for(2, 5), FlowState::kEmbryonic, 1100, 500), nullptr);
  for (size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(t.find(keys[i]) == nullptr, i == 5) << i;
}

TEST(FlowTable, EntryWhoseOwnerSaysThatItHasNotExpiredIsNotTakenForExpired) {
  TableUnderTest t(8);
  const auto keys = fill_pair(t, std::vector<FlowState>(8, FlowState::kEstablished));
  t.find(keys[5])->deadline = 499;
  const FlowKey4 fresh = t.key_for(2, 5);
  const uint64_t hash = t.table.hash(fresh);
  EXPECT_EQ(t.table.choose(t.table.bucket(hash), hash, FlowState::kEmbryonic, 500,
                           [](const Entry&) { return Quarter{600}; }),
            nullptr);
}

TEST(FlowTable, EvictionTakesClosingThenUnansweredAndNeverAnswered) {
  TableUnderTest t(8);
  const auto keys =
      fill_pair(t, {FlowState::kEstablished, FlowState::kEmbryonic, FlowState::kClosing,
                    FlowState::kReplied, FlowState::kEstablished, FlowState::kClosing,
                    FlowState::kOneWay, FlowState::kEstablished});
  // The newcomers have the latest deadlines, so that the older unanswered ones go first.
  const std::vector<size_t> order = {2, 5, 1, 6};
  for (const size_t victim : order) {
    EXPECT_NE(t.find(keys[victim]), nullptr);
    ASSERT_NE(t.insert(t.key_for(2, 5), FlowState::kEmbryonic, 2000, 500), nullptr);
    EXPECT_EQ(t.find(keys[victim]), nullptr) << victim;
  }
  for (const size_t stays : {size_t{0}, size_t{3}, size_t{4}, size_t{7}})
    EXPECT_NE(t.find(keys[stays]), nullptr) << stays;
}

TEST(FlowTable, UnansweredFlowNeverDisplacesAnAnsweredOne) {
  for (const FlowState old : {FlowState::kReplied, FlowState::kEstablished}) {
    for (const FlowState fresh : {FlowState::kEmbryonic, FlowState::kOneWay}) {
      TableUnderTest t(8);
      const auto keys = fill_pair(t, std::vector<FlowState>(8, old));
      EXPECT_EQ(t.insert(t.key_for(2, 5), fresh, 2000, 500), nullptr);
      for (const auto& key : keys) EXPECT_NE(t.find(key), nullptr);
    }
  }
}

TEST(FlowTable, OfEqualWorthTheLeastRecentlySeenGoesEvenWhereTimeWraps) {
  TableUnderTest t(8);
  std::vector<FlowKey4> keys;
  for (int i = 0; i < 8; ++i) {
    keys.push_back(t.key_for(2, 5));
    // 65531 … 2: the first is the earliest.
    t.insert(keys.back(), FlowState::kEmbryonic, static_cast<Quarter>(65'531 + i), 65'530);
  }
  for (int i = 0; i < 8; ++i) {
    ASSERT_NE(t.insert(t.key_for(2, 5), FlowState::kEmbryonic, 300, 65'530), nullptr);
    EXPECT_EQ(t.find(keys[static_cast<size_t>(i)]), nullptr) << i;
  }
}

TEST(FlowTable, DeadlineReadsAsPassedFromTheQuarterAfterItForTheWholeWindow) {
  for (const Quarter base : {Quarter{0}, Quarter{1}, Quarter{40'000}, Quarter{65'535}}) {
    const auto at = [&](int offset) { return static_cast<Quarter>(base + offset); };
    EXPECT_FALSE(has_passed(base, base));
    EXPECT_TRUE(has_passed(base, at(1)));
    EXPECT_TRUE(has_passed(base, at(static_cast<int>(kPassedWindowQuarters))));
    EXPECT_FALSE(has_passed(at(static_cast<int>(kMaxTimeoutQuarters)), base));
  }
}

TEST(FlowTable, SweepVisitsEachEntryOncePerRound) {
  TableUnderTest t(50);
  for (uint32_t i = 1; i <= 60; ++i) t.insert(key_of(i), FlowState::kEmbryonic, 100, 50, i);
  std::vector<int> visits(61);
  for (int step = 0; step < 10; ++step) {
    t.table.sweep(5, [&](Entry& entry) { ++visits[entry.value]; });
  }
  for (uint32_t i = 1; i <= 60; ++i) EXPECT_EQ(visits[i], t.find(key_of(i)) != nullptr) << i;
}

TEST(FlowTable, FlowThatCanLieElsewhereMovesBeforeAnotherIsEvictedOrRefused) {
  TableUnderTest t(8);
  std::vector<FlowKey4> keys = {t.key_for(2, 7)};
  t.insert(keys[0], FlowState::kEstablished, 100, 50);
  for (int i = 0; i < 8; ++i) {
    keys.push_back(t.key_for(2, 5));
    ASSERT_NE(t.insert(keys.back(), FlowState::kEstablished, 100, 50), nullptr);
  }
  for (const auto& key : keys) EXPECT_NE(t.find(key), nullptr);
  EXPECT_EQ(t.overflow(2), 5u);
  EXPECT_EQ(t.table.size(), 9u);
  for (const auto& key : keys) t.table.erase(t.find(key));
  EXPECT_EQ(t.overflow(2), 0u);
}

TEST(FlowTable, AtTheSizedLoadUnderOneInTenThousandFindsBothBucketsFull) {
  constexpr uint32_t kFlows = 100'000;
  constexpr uint32_t kEntries = 2 * kFlows;
  TableUnderTest t(Table::buckets_for(kFlows));
  uint32_t refused = 0;
  for (uint32_t i = 1; i <= kEntries; ++i) {
    refused += t.insert(key_of(i * 2'654'435'761u, static_cast<uint16_t>(i)), FlowState::kEmbryonic,
                        100, 50) == nullptr ||
               t.table.size() != i - refused;
  }
  EXPECT_LT(refused, kEntries / 10'000);
}

// The model knows each flow's key, state and deadline; where it lies, the table's memory tells.
class FlowTableModel {
 public:
  explicit FlowTableModel(uint32_t seed, size_t buckets) : t_(buckets), random_(seed) {}

  void step() {
    now_ = static_cast<Quarter>(now_ + (random_() % 64 == 0 ? random_() % 200 : 0));
    const FlowKey4 key = key_of(static_cast<uint32_t>(1 + random_() % keys()), 1);
    switch (random_() % 8) {
      case 0:
        erase(key);
        break;
      case 1:
        touch(key);
        break;
      case 2:
        t_.table.sweep(3, [&](Entry& entry) {
          if (!has_passed(entry.deadline, now_)) return;
          model_.erase(entry.key.bits);
          t_.table.erase(&entry);
        });
        break;
      default:
        insert(key);
    }
    ASSERT_EQ(t_.table.size(), model_.size());
  }

  void check_all() {
    for (const auto& [bits, flow] : model_) {
      const Entry* entry = t_.find(FlowKey4{bits});
      ASSERT_NE(entry, nullptr);
      ASSERT_EQ(entry->value, flow.value);
      ASSERT_EQ(entry->state, flow.state);
      ASSERT_EQ(entry->deadline, flow.deadline);
    }
    for (uint32_t client = 1; client <= keys(); ++client) {
      const FlowKey4 key = key_of(client, 1);
      ASSERT_EQ(t_.find(key) != nullptr, model_.contains(key.bits));
    }
    check_overflow_counts();
  }

 private:
  struct Flow {
    uint32_t value;
    FlowState state;
    Quarter deadline;
  };
  uint32_t keys() const { return static_cast<uint32_t>(t_.memory.size() * 6); }

  // Rank of eviction, written down anew: 0 free, 1 expired, then worth, then time left.
  std::pair<int, int> rank(const Entry& entry) const {
    if (entry.state == FlowState::kFree) return {0, 0};
    const auto left = static_cast<uint16_t>(entry.deadline - now_);
    if (left > kMaxTimeoutQuarters) return {1, 0};
    if (entry.state == FlowState::kClosing) return {2, left};
    const bool answered =
        entry.state == FlowState::kReplied || entry.state == FlowState::kEstablished;
    return {answered ? 4 : 3, left};
  }

  void insert(FlowKey4 key) {
    if (t_.find(key) != nullptr) return;
    const auto state = static_cast<FlowState>(1 + random_() % 5);
    const uint64_t hash = t_.table.hash(key);
    std::pair<int, int> least{99, 0};
    bool can_move = false;
    for (const size_t bucket : {t_.first(key), t_.second(key)}) {
      for (const Entry& entry : t_.memory[bucket].entries) {
        least = std::min(least, rank(entry));
        can_move |= has_free(t_.first(entry.key)) || has_free(t_.second(entry.key));
      }
      // A free or expired slot of the first bucket saves the look at the second.
      if (least.first <= 1) break;
    }
    const bool answered = state == FlowState::kReplied || state == FlowState::kEstablished;
    const int own = state == FlowState::kClosing ? 2 : answered ? 4 : 3;
    const bool moves = least.first > 1 && can_move &&
                       (least.first > own || t_.table.size() <= t_.memory.size() * 2);
    Entry* slot = t_.table.choose(t_.table.bucket(hash), hash, state, now_, kOwnDeadline);
    if (!moves && least.first > own) {
      ASSERT_EQ(slot, nullptr);
      return;
    }
    ASSERT_NE(slot, nullptr);
    if (moves) {
      ASSERT_EQ(slot->state, FlowState::kFree);
    } else {
      ASSERT_EQ(rank(*slot), least);
    }
    if (slot->state != FlowState::kFree) {
      ASSERT_EQ(model_.erase(slot->key.bits), 1u);
      t_.table.erase(slot);
    }
    const auto deadline = static_cast<Quarter>(now_ + random_() % 400);
    const uint32_t value = next_value_++;
    t_.table.place(slot, key, t_.table.bucket(hash), value, deadline, state);
    model_[key.bits] = {value, state, deadline};
  }

  bool has_free(size_t bucket) const {
    for (const Entry& entry : t_.memory[bucket].entries) {
      if (entry.state == FlowState::kFree) return true;
    }
    return false;
  }

  void erase(FlowKey4 key) {
    Entry* entry = t_.find(key);
    ASSERT_EQ(entry != nullptr, model_.contains(key.bits));
    if (entry == nullptr) return;
    t_.table.erase(entry);
    model_.erase(key.bits);
  }

  void touch(FlowKey4 key) {
    Entry* entry = t_.find(key);
    if (entry == nullptr || has_passed(entry->deadline, now_)) return;
    entry->deadline = static_cast<Quarter>(now_ + random_() % 400);
    entry->state = static_cast<FlowState>(1 + random_() % 5);
    auto& flow = model_.at(key.bits);
    flow.deadline = entry->deadline;
    flow.state = entry->state;
  }

  void check_overflow_counts() {
    std::vector<unsigned> displaced(t_.memory.size());
    for (size_t bucket = 0; bucket < t_.memory.size(); ++bucket) {
      for (const Entry& entry : t_.memory[bucket].entries) {
        if (entry.state == FlowState::kFree) continue;
        const size_t first = t_.first(entry.key);
        ASSERT_EQ((entry.meta & 1) != 0, first != bucket);
        if (first != bucket) ++displaced[first];
      }
    }
    for (size_t bucket = 0; bucket < t_.memory.size(); ++bucket) {
      ASSERT_EQ(t_.overflow(bucket), displaced[bucket]);
    }
  }

  TableUnderTest t_;
  std::mt19937 random_;
  Quarter now_ = 60'000;
  uint32_t next_value_ = 1;
  std::unordered_map<uint64_t, Flow> model_;
};

TEST(FlowTable, BehavesLikeAMapWithTheStatedEvictionOverManyWrapsOfTime) {
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    FlowTableModel model(seed, seed == 1 ? 1 : 7 * seed);
    for (int step = 0; step < 60'000; ++step) {
      model.step();
      if (step % 2000 == 0) model.check_all();
      if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed << " step " << step;
    }
  }
}

// What choose() says that it takes of two buckets without a word of vectors: in the first one what
// nobody misses, else the least worthy of both.
const Entry* least_worthy(const std::vector<Bucket>& buckets, Quarter now) {
  const auto rank = [now](const Entry& entry) -> uint32_t {
    if (entry.state == FlowState::kFree) return 0;
    if (has_passed(entry.deadline, now)) return 1;
    return eviction_worth(entry.state) << 16 | static_cast<uint16_t>(entry.deadline - now);
  };
  const Entry* best = nullptr;
  for (const Bucket& bucket : buckets) {
    for (const Entry& entry : bucket.entries) {
      if (best == nullptr || rank(entry) < rank(*best)) best = &entry;
    }
    if (rank(*best) <= 1) break;
  }
  return best;
}

TEST(FlowTable, WhatGivesWayIsWhatAPlainSearchFindsWhateverStandsInBothBuckets) {
  TableUnderTest t(2);
  const uint64_t hash = t.table.hash(t.key_for(0, 1));
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    const auto now = static_cast<Quarter>(random());
    // From those all of whose deadlines lie ahead to those where most have passed.
    const int32_t latest = static_cast<int32_t>(1u << random() % 16);
    const int32_t earliest = round % 3 == 0 ? 1 - latest : 1;
    for (Bucket& bucket : t.memory) {
      for (Entry& entry : bucket.entries) {
        const bool is_free = random() % 16 == 0;
        entry.state = is_free ? FlowState::kFree : static_cast<FlowState>(1 + random() % 5);
        entry.key = is_free ? FlowKey4{} : key_of(static_cast<uint32_t>(random() | 1));
        const int32_t left =
            earliest +
            static_cast<int32_t>(random() % static_cast<uint32_t>(latest - earliest + 1));
        entry.deadline = static_cast<Quarter>(now + left);
      }
    }
    const Entry* wanted = least_worthy(t.memory, now);
    Bucket* const bucket = t.table.bucket(hash);
    ASSERT_EQ(t.table.choose(bucket, hash, FlowState::kEstablished, now, kOwnDeadline), wanted)
        << round;
    LikelyChoice likely;
    ASSERT_EQ(&t.table.likely_choice(bucket, hash, now, likely), wanted) << round;
    const auto choose = [&] {
      return t.table.choose(bucket, hash, FlowState::kEstablished, now, kOwnDeadline, &likely);
    };
    ASSERT_EQ(choose(), wanted) << round;
    // What has been found before is forgotten as soon as it may be something else.
    Entry& changed = t.memory[random() % 2].entries[random() % Table::kWays];
    switch (random() % 3) {
      case 0:
        changed.state = FlowState::kFree;
        changed.key = FlowKey4{};
        break;
      case 1:
        changed.deadline = static_cast<Quarter>(now + 1 + random() % 4);
        break;
      default:
        changed.deadline = static_cast<Quarter>(now - 1);
    }
    ASSERT_EQ(choose(), least_worthy(t.memory, now)) << round;
  }
}

}  // namespace
}  // namespace vipgate::flow_table_test
