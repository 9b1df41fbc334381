#include "perf/generator/latencies.h"

#include <gtest/gtest.h>

namespace vipgate::latencies_test {
namespace {

using generator::Latencies;

TEST(Latencies, PercentilesAreOffByLessThanAHundredth) {
  Latencies latencies;
  for (uint64_t ns = 1; ns <= 1'000'000; ++ns) latencies.add(ns);
  EXPECT_EQ(latencies.count(), 1'000'000u);
  for (const double percent : {1.0, 50.0, 90.0, 99.0, 99.9}) {
    const double exact = percent * 10'000;
    EXPECT_NEAR(static_cast<double>(latencies.percentile(percent)), exact, exact / 100) << percent;
  }
}

TEST(Latencies, OneOutlierShowsInTheMaximumExactlyAndInNoPercentileBelow) {
  Latencies latencies;
  for (int i = 0; i < 9999; ++i) latencies.add(100);
  latencies.add(123'456'789);
  EXPECT_EQ(latencies.percentile(99.9), 100u);
  EXPECT_EQ(latencies.max(), 123'456'789u);
  EXPECT_EQ(latencies.percentile(100), 123'456'789u) << "no more than the maximum";
}

TEST(Latencies, WithoutPacketsAllAreZero) {
  const Latencies latencies;
  EXPECT_EQ(latencies.percentile(50), 0u);
  EXPECT_EQ(latencies.max(), 0u);
}

TEST(Latencies, ValuesBeyondTheBucketsKeepTheirMaximum) {
  Latencies latencies;
  latencies.add(uint64_t{1} << 60);
  EXPECT_EQ(latencies.max(), uint64_t{1} << 60);
  EXPECT_EQ(latencies.percentile(50), (uint64_t{1} << 40) - 1);
}

}  // namespace
}  // namespace vipgate::latencies_test
