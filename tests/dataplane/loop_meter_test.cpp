#include "dataplane/fastpath/loop_meter.h"

#include <gtest/gtest.h>

namespace vipgate::loop_meter_test {
namespace {

TEST(LoopMeter, EveryTickIsInABusyLoopAnIdleOneOrASleep) {
  LoopCounters counters;
  LoopMeter meter(counters, 1'000);
  meter.loop_ended(1'600, true);
  meter.loop_ended(1'650, false);
  meter.sleep_ended(9'650);
  meter.loop_ended(9'900, true);
  const LoopFigures figures = read_figures(counters);
  EXPECT_EQ(figures.busy.ticks, 600u + 250u);
  EXPECT_EQ(figures.idle.ticks, 50u);
  EXPECT_EQ(figures.asleep_ticks, 8'000u);
  EXPECT_EQ(figures.all_ticks(), 9'900u - 1'000u);
  EXPECT_EQ(figures.busy.times[LoopTimes::bucket_of(600)], 1u);
  EXPECT_EQ(figures.busy.times[LoopTimes::bucket_of(250)], 1u);
  EXPECT_EQ(figures.busy.count(), 2u);
  EXPECT_EQ(figures.idle.count(), 1u);
}

}  // namespace
}  // namespace vipgate::loop_meter_test
