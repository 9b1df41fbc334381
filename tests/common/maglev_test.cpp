#include "common/maglev.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

namespace vipgate::maglev_test {
namespace {

std::vector<MaglevReal> make_reals(size_t count, uint32_t weight = 1) {
  std::vector<MaglevReal> reals;
  for (uint32_t i = 0; i < count; ++i) {
    const Ipv4Address address{Be32(0x0a000001 + i / 16)};
    reals.push_back({maglev_id(address, static_cast<uint16_t>(31000 + i % 16)), weight});
  }
  return reals;
}

std::vector<uint32_t> rows_per_real(const MaglevRows& table, size_t reals) {
  std::vector<uint32_t> counts(reals);
  for (const uint16_t index : table) ++counts.at(index);
  return counts;
}

TEST(Maglev, EqualRealsDifferByOneRowAtMost) {
  for (const auto& [rows, count] : {std::pair{4093u, 3u}, {4093u, 1000u}, {65537u, 1000u}}) {
    const auto counts = rows_per_real(maglev_build(make_reals(count), rows), count);
    const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
    EXPECT_LE(*most - *least, 1u);
  }
  const auto counts = rows_per_real(maglev_build(make_reals(1000), 65537), 1000);
  EXPECT_LE(*std::max_element(counts.begin(), counts.end()) / (65537 / 1000.0), 1.02);
}

// Share of the rows that changed although the real that they led to is still there.
double needless_moves(const std::vector<MaglevReal>& reals, size_t removed, uint32_t rows) {
  const auto before = maglev_build(reals, rows);
  auto fewer = reals;
  fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(removed));
  const auto after = maglev_build(fewer, rows);
  size_t moved = 0;
  for (size_t row = 0; row < before.size(); ++row) {
    if (before[row] == removed) continue;
    moved += reals[before[row]].id_hash != fewer[after[row]].id_hash;
  }
  return static_cast<double>(moved) / rows;
}

TEST(Maglev, RemovingOneRealMovesFewRowsOfTheOthers) {
  const auto reals = make_reals(1000);
  double sum = 0;
  for (size_t i = 0; i < 20; ++i) sum += needless_moves(reals, i * 50, 65537);
  EXPECT_LT(sum / 20, 0.01);
}

TEST(Maglev, RemovingTheHeaviestRealMovesFewRowsOfTheOthers) {
  auto reals = make_reals(100);
  for (size_t i = 0; i < reals.size(); ++i) reals[i].weight = static_cast<uint32_t>(1 + i % 7);
  reals[40].weight = 50;
  EXPECT_LT(needless_moves(reals, 40, 65537), 0.04);
}

TEST(Maglev, SharesFollowTheWeightsToWithinTwoRows) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 20; ++round) {
    auto reals = make_reals(1 + random() % 200);
    uint64_t total = 0;
    for (auto& real : reals) {
      real.weight = static_cast<uint32_t>(random() % (round % 2 == 0 ? 10 : 1000000));
      total += real.weight;
    }
    if (total == 0) continue;
    const auto counts = rows_per_real(maglev_build(reals, 65537), reals.size());
    for (size_t i = 0; i < reals.size(); ++i) {
      const double quota = 65537.0 * reals[i].weight / static_cast<double>(total);
      EXPECT_NEAR(counts[i], quota, 2.0) << "weight " << reals[i].weight << " of " << total;
    }
  }
}

TEST(Maglev, ScalingAllWeightsChangesNothing) {
  auto reals = make_reals(50);
  for (size_t i = 0; i < reals.size(); ++i) reals[i].weight = static_cast<uint32_t>(1 + i % 5);
  auto scaled = reals;
  for (auto& real : scaled) real.weight *= 800000000;
  EXPECT_EQ(maglev_build(reals, 65537), maglev_build(scaled, 65537));
}

TEST(Maglev, WeightZeroGetsNoRowAndIsAsIfAbsent) {
  auto reals = make_reals(10);
  reals[3].weight = 0;
  const auto table = maglev_build(reals, 4093);
  EXPECT_EQ(rows_per_real(table, 10)[3], 0u);
  auto fewer = reals;
  fewer.erase(fewer.begin() + 3);
  EXPECT_EQ(maglev_checksum(table, reals), maglev_checksum(maglev_build(fewer, 4093), fewer));
}

TEST(Maglev, APoolWithoutWeightGivesNoTable) {
  EXPECT_TRUE(maglev_build({}, 65537).empty());
  EXPECT_TRUE(maglev_build(make_reals(5, 0), 65537).empty());
}

TEST(Maglev, ASingleRealServesEveryRow) {
  EXPECT_EQ(rows_per_real(maglev_build(make_reals(1), 4093), 1)[0], 4093u);
  auto reals = make_reals(3, 0);
  reals[2].weight = 5;
  EXPECT_EQ(rows_per_real(maglev_build(reals, 4093), 3)[2], 4093u);
}

TEST(Maglev, TheHeaviestWeightBesideTheLightestIsExact) {
  auto reals = make_reals(2);
  reals[0].weight = 0xffffffff;
  const auto counts = rows_per_real(maglev_build(reals, 655373), 2);
  EXPECT_EQ(counts[0], 655373u);
  EXPECT_EQ(counts[1], 0u);
}

TEST(Maglev, AssignmentDoesNotDependOnTheOrderOfTheInput) {
  std::mt19937_64 random(2);
  auto reals = make_reals(300);
  for (auto& real : reals) real.weight = static_cast<uint32_t>(random() % 4);
  const auto table = maglev_build(reals, 65537);
  for (int round = 0; round < 10; ++round) {
    auto shuffled = reals;
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    const auto other = maglev_build(shuffled, 65537);
    ASSERT_EQ(maglev_checksum(other, shuffled), maglev_checksum(table, reals));
    for (size_t row = 0; row < table.size(); ++row) {
      ASSERT_EQ(shuffled[other[row]].id_hash, reals[table[row]].id_hash);
    }
  }
}

TEST(Maglev, ChecksumTellsDifferentAssignmentsApart) {
  const auto reals = make_reals(10);
  auto table = maglev_build(reals, 4093);
  const uint64_t checksum = maglev_checksum(table, reals);
  const auto other =
      std::find_if(table.begin(), table.end(), [&](uint16_t index) { return index != table[0]; });
  std::swap(table[0], *other);
  EXPECT_NE(maglev_checksum(table, reals), checksum);
}

TEST(Maglev, ChecksumOfATableThatIsAllOneRealsIsFoundWithoutTheTable) {
  const auto reals = make_reals(3);
  for (const uint32_t rows : {4093u, 4099u, 65537u, 655373u}) {
    const std::vector<uint16_t> table(rows, 2);
    EXPECT_EQ(maglev_checksum_of_one(reals[2].id_hash, rows), maglev_checksum(table, reals));
  }
}

TEST(Maglev, ChecksumSeesEveryRow) {
  const auto reals = make_reals(10);
  auto table = maglev_build(reals, 4093);
  const uint64_t checksum = maglev_checksum(table, reals);
  for (uint16_t& row : table) {
    row = static_cast<uint16_t>((row + 1) % 10);
    EXPECT_NE(maglev_checksum(table, reals), checksum);
    row = static_cast<uint16_t>((row + 9) % 10);
  }
}

// Part of the format that gateways share: a change here moves flows between gateways of different
// versions.
TEST(Maglev, ValuesAreTheSameInEveryBuild) {
  EXPECT_EQ(maglev_id(*parse_ip_address("10.0.0.1"), 31000), 14073667952283342646u);
  EXPECT_EQ(maglev_id(*parse_ip_address("fd00::1"), 31000), 1019551501969080897u);
  const auto equal = make_reals(1000);
  EXPECT_EQ(maglev_checksum(maglev_build(equal, 65537), equal), 5268848129569223313u);
  auto weighted = make_reals(100);
  for (size_t i = 0; i < weighted.size(); ++i) weighted[i].weight = static_cast<uint32_t>(i);
  EXPECT_EQ(maglev_checksum(maglev_build(weighted, 4093), weighted), 11805087793695077559u);
}

TEST(Maglev, IdsOfNearbyEndpointsAreDistinct) {
  std::vector<uint64_t> ids;
  for (const MaglevReal& real : make_reals(65535)) ids.push_back(real.id_hash);
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
}

TEST(Maglev, AutomaticRowsFollowTheNumberOfReals) {
  EXPECT_EQ(maglev_rows_auto(0), 4093u);
  EXPECT_EQ(maglev_rows_auto(32), 4093u);
  EXPECT_EQ(maglev_rows_auto(33), 65537u);
  EXPECT_EQ(maglev_rows_auto(512), 65537u);
  EXPECT_EQ(maglev_rows_auto(513), 655373u);
}

TEST(Maglev, OnlyPrimesInRangeAreValidRows) {
  for (const uint32_t rows : {4093u, 4099u, 65537u, 655373u}) EXPECT_TRUE(maglev_rows_valid(rows));
  for (const uint32_t rows :
       {0u, 2u, 4091u, 4096u, 4097u, 65535u, 65536u, 655360u, 655379u, 4294967291u}) {
    EXPECT_FALSE(maglev_rows_valid(rows)) << rows;
  }
}

}  // namespace
}  // namespace vipgate::maglev_test
