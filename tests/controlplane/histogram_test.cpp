#include "controlplane/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace vipgate::histogram_test {
namespace {

TEST(Histogram, PercentilesAreWithinAnEighthAboveTheTrueOnes) {
  std::mt19937_64 random(5);
  Histogram histogram;
  std::vector<uint64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(random() >> (22 + random() % 42));
    histogram.record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const size_t percent : {1, 50, 90, 99}) {
    const uint64_t truth = values[values.size() * percent / 100 - 1];
    const uint64_t found = histogram.percentile(static_cast<double>(percent));
    EXPECT_GE(found, truth) << percent;
    EXPECT_LE(found, truth + truth / 8) << percent;
  }
  EXPECT_EQ(histogram.max(), values.back());
  EXPECT_EQ(histogram.percentile(100), values.back());
}

TEST(Histogram, SmallValuesAreExactAndHugeOnesAreKept) {
  Histogram histogram;
  EXPECT_EQ(histogram.percentile(50), 0u);
  for (const uint64_t value : {0, 1, 7}) histogram.record(value);
  EXPECT_EQ(histogram.percentile(50), 1u);
  EXPECT_EQ(histogram.percentile(99), 7u);
  histogram.record(UINT64_MAX);
  EXPECT_EQ(histogram.max(), UINT64_MAX);
  EXPECT_EQ(histogram.count(), 4u);
}

}  // namespace
}  // namespace vipgate::histogram_test
