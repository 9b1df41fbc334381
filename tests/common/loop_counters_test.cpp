#include "common/loop_counters.h"

#include <gtest/gtest.h>

namespace vipgate::loop_counters_test {
namespace {

TEST(LoopFigures, AWindowIsWhatCameBetweenTwoCopies) {
  LoopCounters counters;
  counters.busy.ticks.add(700);
  counters.busy.times[LoopTimes::bucket_of(700)].add();
  counters.packets.add(7);
  const LoopFigures before = read_figures(counters);
  counters.busy.ticks.add(100);
  counters.busy.times[LoopTimes::bucket_of(100)].add();
  counters.idle.ticks.add(50);
  counters.idle.times[LoopTimes::bucket_of(50)].add();
  counters.asleep_ticks.add(250);
  counters.packets.add(4);
  counters.bursts[2].add();
  const LoopFigures window = read_figures(counters).since(before);
  EXPECT_DOUBLE_EQ(window.busy_ratio(), 0.25);
  EXPECT_DOUBLE_EQ(window.ticks_per_packet(), 25);
  EXPECT_EQ(window.bursts[2], 1u);
  EXPECT_EQ(window.busy.count(), 1u);
  EXPECT_EQ(window.idle.count(), 1u);
  EXPECT_GE(window.busy.percentile(100), 100u);
  EXPECT_LE(window.busy.percentile(100), 125u);
  EXPECT_DOUBLE_EQ(read_figures(counters).busy_ratio(), 800.0 / 1100);
}

TEST(LoopFigures, WithoutTimeOrPacketsRatiosAreZero) {
  EXPECT_EQ(LoopFigures{}.busy_ratio(), 0);
  EXPECT_EQ(LoopFigures{}.ticks_per_packet(), 0);
  EXPECT_EQ(LoopFigures{}.busy.percentile(99), 0u);
}

TEST(LogLinear, EachBucketEndsWhereTheNextBegins) {
  for (size_t bucket = 0; bucket + 1 < LoopTimes::kBuckets; ++bucket) {
    const uint64_t end = LoopTimes::upper_end(bucket);
    ASSERT_EQ(LoopTimes::bucket_of(end), bucket);
    ASSERT_EQ(LoopTimes::bucket_of(end + 1), bucket + 1);
  }
  EXPECT_EQ(LoopTimes::bucket_of(UINT64_MAX), LoopTimes::kBuckets - 1);
}

}  // namespace
}  // namespace vipgate::loop_counters_test
