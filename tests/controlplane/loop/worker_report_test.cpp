#include "controlplane/loop/worker_report.h"

#include <gtest/gtest.h>

namespace vipgate::worker_report_test {
namespace {

TEST(WorkerReport, EachLineIsAboutTheTimeSinceTheLastOne) {
  LoopCounters counters;
  WorkerReport report;
  counters.busy.ticks.add(5'000'000);
  counters.idle.ticks.add(5'000'000);
  counters.packets.add(10'000);
  (void)report.next({1'000'000'000, {read_figures(counters)}});
  counters.busy.ticks.add(250'000);
  counters.busy.times[LoopTimes::bucket_of(250'000)].add();
  counters.idle.ticks.add(250'000);
  counters.idle.times[LoopTimes::bucket_of(3)].add(2);
  counters.asleep_ticks.add(1'500'000);
  counters.packets.add(1'000);
  counters.bursts[0].add(2);
  counters.bursts[6].add(3);
  // 250,000 lies in the bucket that ends with 262,143.
  EXPECT_EQ(report.next({1'000'000'000, {read_figures(counters)}}),
            R"([{"worker":0,"window_ms":2,"busy_percent":12.50,"asleep_percent":75.00,)"
            R"("packets":1000,"cycles_per_packet":250.0,"bursts":{"1":2,"64":3},)"
            R"("busy_loop_ns":{"count":1,"p50":262143,"p99":262143,"p100":262143},)"
            R"("idle_loop_ns":{"count":2,"p50":3,"p99":3,"p100":3}}])");
}

TEST(WorkerReport, WorkersThatHaveDoneNothingHaveZeros) {
  WorkerReport report;
  const std::string text = report.next({0, {LoopFigures{}, LoopFigures{}}});
  EXPECT_NE(text.find(R"("worker":1,"window_ms":0,"busy_percent":0.00)"), std::string::npos)
      << text;
}

}  // namespace
}  // namespace vipgate::worker_report_test
