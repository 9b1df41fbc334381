// What the workers' cores did since one asked last, as a line of JSON for the log.
#pragma once

#include <string>

#include "common/loop_counters.h"

namespace vipgate {

// {"count":…,"p50":…,"p99":…,"p100":…} of how long loops took, in nanoseconds, to a quarter.
std::string loop_times_text(const LoopFigures::Loops& loops, double ns_per_tick);

// Owned and used by the control thread.
class WorkerReport {
 public:
  // An array with an object for each worker:
  //   "worker", "window_ms": which one, and the time that all else is about: since the last call
  //   "busy_percent", "asleep_percent": of that time; the rest went to loops without work
  //   "packets", "cycles_per_packet": taken in, and what a busy loop took for each (TSC cycles)
  //   "bursts": how many had 1, 2-3, 4-7, … packets, by the least number; empty ones are left out
  //   "busy_loop_ns", "idle_loop_ns": "count", "p50", "p99", "p100" of how long a loop took, to a
  //   quarter
  std::string next(const WorkerFigures& figures);

 private:
  WorkerFigures last_;
};

}  // namespace vipgate
