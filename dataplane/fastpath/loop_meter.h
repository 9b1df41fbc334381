// Where a core's time goes: loop by loop, from the one reading of the time stamp counter that each
// loop needs anyway. What it costs is some ten instructions a loop, none a packet.
#pragma once

#include <cstdint>

#include "common/loop_counters.h"

namespace vipgate {

// Used by the worker's thread only. Times are readings of the time stamp counter, which do not go
// back on one core.
class LoopMeter {
 public:
  LoopMeter(LoopCounters& counters, uint64_t start) : counters_(counters), last_(start) {}

  // A loop, with the pause after it, that began when the last one or a sleep ended.
  void loop_ended(uint64_t now, bool busy) {
    const uint64_t ticks = now - last_;
    last_ = now;
    LoopCounters::Loops& loops = busy ? counters_.busy : counters_.idle;
    loops.ticks.add(ticks);
    loops.times[LoopTimes::bucket_of(ticks)].add();
  }
  // A sleep that began when the last loop ended.
  void sleep_ended(uint64_t now) {
    counters_.asleep_ticks.add(now - last_);
    last_ = now;
  }

 private:
  LoopCounters& counters_;
  uint64_t last_;
};

}  // namespace vipgate
