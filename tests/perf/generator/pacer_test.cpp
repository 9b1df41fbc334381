#include "perf/generator/pacer.h"

#include <gtest/gtest.h>

namespace vipgate::pacer_test {
namespace {

using generator::Pacer;

TEST(Pacer, PacketsAreDueAtTheirIntervalsAndTheFirstAtOnce) {
  // One in 1,000 ticks.
  Pacer pacer(1e6, 1e9, 128, 5000);
  EXPECT_EQ(pacer.due(5000, 32), 1u);
  EXPECT_EQ(pacer.due(5000, 32), 0u);
  EXPECT_EQ(pacer.due(5999, 32), 0u);
  EXPECT_EQ(pacer.due(6000, 32), 1u);
  EXPECT_EQ(pacer.due(9500, 32), 3u);
  EXPECT_EQ(pacer.put_off(), 0);
}

TEST(Pacer, TheRateHoldsWhereAnIntervalIsNoWholeNumberOfTicks) {
  Pacer pacer(3e6, 2.1e9 + 1, 1024, 0);
  uint64_t sent = 0;
  for (uint64_t now = 0; now < 2'100'000'000; now += 10'007) sent += pacer.due(now, 1024);
  EXPECT_NEAR(static_cast<double>(sent), 3e6, 20);
  EXPECT_EQ(pacer.put_off(), 0);
}

TEST(Pacer, NoMoreThanAskedForAreSentAtATimeAndTheRestFollows) {
  Pacer pacer(1e6, 1e9, 128, 0);
  EXPECT_EQ(pacer.due(99'000, 32), 32u);
  EXPECT_EQ(pacer.due(99'000, 32), 32u);
  EXPECT_EQ(pacer.due(99'000, 32), 32u);
  EXPECT_EQ(pacer.due(99'000, 32), 4u);
  EXPECT_EQ(pacer.due(99'000, 32), 0u);
  EXPECT_EQ(pacer.put_off(), 0);
}

TEST(Pacer, WhatWasMissedInALongInterruptionIsPutOffNotSentAtOnce) {
  Pacer pacer(1e6, 1e9, 128, 0);
  EXPECT_EQ(pacer.due(0, 1024), 1u);
  EXPECT_EQ(pacer.due(1'000'000, 1024), 128u) << "of 1,000 that are late";
  EXPECT_EQ(pacer.put_off(), 872);
  EXPECT_EQ(pacer.due(1'000'000, 1024), 0u);
  EXPECT_EQ(pacer.due(1'010'000, 1024), 10u) << "the pace is as before";
}

}  // namespace
}  // namespace vipgate::pacer_test
