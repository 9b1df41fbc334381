#include "dataplane/fastpath/table_census.h"

#include <gtest/gtest.h>

#include <set>

namespace vipgate::table_census_test {
namespace {

TEST(TableCensus, ARoundCountsEachPlaceOfAUsualTableOnce) {
  TableCensus census;
  std::set<size_t> seen;
  const auto in_use = [&](size_t place) {
    EXPECT_TRUE(seen.insert(place).second) << place;
    return place % 3;
  };
  census.advance(100, 40, in_use);
  census.advance(100, 40, in_use);
  EXPECT_EQ(seen.size(), 80u) << "no more at a time";
  EXPECT_EQ(census.entries(), 0u) << "the round is not over";
  census.advance(100, 40, in_use);
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_EQ(census.entries(), 99u);
}

TEST(TableCensus, TheNextRoundForgetsTheOneBefore) {
  TableCensus census;
  census.advance(10, 10, [](size_t) { return 1; });
  EXPECT_EQ(census.entries(), 10u);
  census.advance(10, 10, [](size_t) { return 0; });
  EXPECT_EQ(census.entries(), 0u);
}

TEST(TableCensus, OfAVeryLargeTableARoundHasNoMoreSteps) {
  TableCensus census;
  constexpr size_t kPlaces = 10'000'000;
  size_t looked = 0;
  for (size_t step = 0; step < TableCensus::kSteps; ++step) {
    census.advance(kPlaces, 16, [&](size_t) { return ++looked, 2; });
  }
  EXPECT_LE(looked, 16 * TableCensus::kSteps);
  EXPECT_EQ(census.entries(), 2 * kPlaces);
}

TEST(TableCensus, ATableWithoutPlacesHasNoEntries) {
  TableCensus census;
  census.advance(0, 16, [](size_t) { return 1; });
  EXPECT_EQ(census.entries(), 0u);
}

}  // namespace
}  // namespace vipgate::table_census_test
