#include <gtest/gtest.h>

#include <map>
#include <random>

#include "common/addresses.h"
#include "common/flat_map.h"

namespace vipgate::flat_map_changes_test {
namespace {

using Map = FlatMap<Ipv4Address, uint32_t>;

Ipv4Address key(uint32_t number) { return Ipv4Address{Be32(number)}; }

std::map<Ipv4Address, uint32_t> contents(const Map& map) {
  std::map<Ipv4Address, uint32_t> entries;
  map.for_each([&](const Ipv4Address& at, uint32_t value) { entries[at] = value; });
  return entries;
}

TEST(FlatMapChanges, AnyRowOfChangesLeavesWhatAnOrderedMapHas) {
  std::mt19937 random(7);
  Map map;
  std::map<Ipv4Address, uint32_t> expected;
  for (int round = 0; round < 400; ++round) {
    std::vector<Map::Change> changes;
    // Grows to hundreds, shrinks to nothing, and grows again; 0 is the key that marks free slots.
    const bool shrinks = round / 100 % 2 == 1;
    for (uint32_t i = 0; i < random() % 20; ++i) {
      const Ipv4Address at = key(static_cast<uint32_t>(random() % 500));
      if (random() % 4 < (shrinks ? 3u : 1u)) {
        changes.emplace_back(at, std::nullopt);
        expected.erase(at);
      } else {
        const auto value = static_cast<uint32_t>(random());
        changes.emplace_back(at, value);
        expected[at] = value;
      }
    }
    map = map.with(changes);
    ASSERT_EQ(contents(map), expected) << "round " << round;
    ASSERT_EQ(map.size(), expected.size());
    for (uint32_t i = 0; i < 500; ++i) {
      const uint32_t* found = map.find(key(i));
      ASSERT_EQ(found != nullptr, expected.contains(key(i))) << i;
      if (found != nullptr) {
        ASSERT_EQ(*found, expected[key(i)]);
      }
    }
  }
}

TEST(FlatMapChanges, TheMapBeforeStaysAsItWas) {
  const std::pair<Ipv4Address, uint32_t> one{key(1), 10};
  const auto before = Map::build({&one, 1});
  const std::vector<Map::Change> changes = {{key(1), std::nullopt}, {key(2), 20}};
  const auto after = before.with(changes);
  EXPECT_EQ(*before.find(key(1)), 10u);
  EXPECT_EQ(before.find(key(2)), nullptr);
  EXPECT_EQ(after.find(key(1)), nullptr);
  EXPECT_EQ(*after.find(key(2)), 20u);
  EXPECT_FALSE(after.shares_with(before));
}

TEST(FlatMapChanges, WithoutChangesTheSlotsAreShared) {
  const std::pair<Ipv4Address, uint32_t> one{key(1), 10};
  const auto map = Map::build({&one, 1});
  EXPECT_TRUE(map.with({}).shares_with(map));
}

TEST(FlatMapChanges, AMapOfWhichAlmostAllWentTakesLessRoomAgain) {
  Map map;
  std::vector<Map::Change> added, removed;
  for (uint32_t i = 1; i <= 1000; ++i) {
    added.emplace_back(key(i), i);
    if (i > 1) removed.emplace_back(key(i), std::nullopt);
  }
  map = map.with(added).with(removed);
  const std::vector<Map::Change> last = {{key(5000), 1}};
  EXPECT_GT(map.slot_count(), 1000u);
  EXPECT_LT(map.with(last).slot_count(), 100u);
}

}  // namespace
}  // namespace vipgate::flat_map_changes_test
