#include "controlplane/loop/flood_watch.h"

#include <gtest/gtest.h>

#include <vector>

namespace vipgate::flood_watch_test {
namespace {

constexpr uint64_t kBound = 100;

class FloodWatchTest : public testing::Test {
 protected:
  // One look a second, each with so many more: what turned, by the number of the look.
  std::vector<std::pair<size_t, FloodTurn>> looks(const std::vector<uint64_t>& rates,
                                                  uint64_t bound = kBound) {
    std::vector<std::pair<size_t, FloodTurn>> turns;
    for (size_t i = 0; i < rates.size(); ++i) {
      counter_ += rates[i];
      now_ms_ += 1'000;
      if (const auto turn = watch_.look(counter_, bound, now_ms_)) turns.emplace_back(i, *turn);
    }
    return turns;
  }

  FloodWatch watch_;
  uint64_t counter_ = 0;
  int64_t now_ms_ = 5'000;
};

TEST_F(FloodWatchTest, WhatHappenedBeforeTheFirstLookIsNoFlood) {
  EXPECT_TRUE(looks({1'000'000, 0, 0, 0, 0}).empty());
  EXPECT_FALSE(watch_.is_on());
}

TEST_F(FloodWatchTest, ARateAtTheBoundIsNoneAndShortPeaksAreNone) {
  EXPECT_TRUE(looks({0, 100, 100, 100, 100, 100}).empty());
  EXPECT_TRUE(looks({5'000, 5'000, 0, 5'000, 5'000, 100, 5'000}).empty());
}

TEST_F(FloodWatchTest, ItBeginsWithTheThirdLookAboveTheBoundAndTellsTheNumbers) {
  const auto turns = looks({0, 101, 500, 200, 200, 200});
  ASSERT_EQ(turns.size(), 1u);
  EXPECT_EQ(turns[0].first, 3u);
  EXPECT_TRUE(turns[0].second.has_begun);
  EXPECT_EQ(turns[0].second.count, 801u);
  EXPECT_EQ(turns[0].second.per_s, 500u);
  EXPECT_EQ(turns[0].second.seconds, 3u);
  EXPECT_TRUE(watch_.is_on());
}

TEST_F(FloodWatchTest, ItIsOverAfterTenQuietLooksAndTellsTheWhole) {
  looks({0, 200, 200, 200, 200, 300});
  ASSERT_TRUE(watch_.is_on());
  const auto turns = looks(std::vector<uint64_t>(20, 50));
  ASSERT_EQ(turns.size(), 1u);
  EXPECT_EQ(turns[0].first, 9u);
  EXPECT_FALSE(turns[0].second.has_begun);
  EXPECT_EQ(turns[0].second.count, 1'100u) << "what came below the bound afterwards is no part";
  EXPECT_EQ(turns[0].second.per_s, 300u);
  EXPECT_EQ(turns[0].second.seconds, 5u);
}

TEST_F(FloodWatchTest, OneThatPausesOrStaysBetweenBothBoundsGoesOn) {
  looks({0, 200, 200, 200});
  EXPECT_TRUE(looks(std::vector<uint64_t>(60, 51)).empty());
  EXPECT_TRUE(looks({0, 0, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200}).empty());
  EXPECT_TRUE(watch_.is_on());
}

TEST_F(FloodWatchTest, ASecondOneHasNumbersOfItsOwn) {
  looks({0, 900, 900, 900});
  looks(std::vector<uint64_t>(10, 0));
  const auto turns = looks({0, 0, 200, 200, 200});
  ASSERT_EQ(turns.size(), 1u);
  EXPECT_EQ(turns[0].second.count, 600u);
  EXPECT_EQ(turns[0].second.per_s, 200u);
  EXPECT_EQ(turns[0].second.seconds, 3u);
}

TEST_F(FloodWatchTest, RatesAreOfASecondHoweverLongTheLooksAreApart) {
  watch_.look(0, kBound, 0);
  EXPECT_FALSE(watch_.look(900, kBound, 10'000));
  EXPECT_FALSE(watch_.look(1'800, kBound, 20'000));
  EXPECT_FALSE(watch_.look(2'700, kBound, 30'000)) << "90 a second";
}

TEST_F(FloodWatchTest, WithABoundOfNothingItIsOverWhenNothingHappensAnyMore) {
  ASSERT_EQ(looks({0, 1, 1, 1}, 0).size(), 1u);
  EXPECT_TRUE(looks({0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 0).empty());
  EXPECT_EQ(looks(std::vector<uint64_t>(10, 0), 0).size(), 1u);
}

}  // namespace
}  // namespace vipgate::flood_watch_test
