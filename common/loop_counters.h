// What a worker's core does with its time, by loop: counted by the worker alone, read by anyone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/counters.h"
#include "common/log_linear.h"

namespace vipgate {

// Ticks of the time stamp counter, in buckets of a quarter of their value: up to 2^40, minutes.
using LoopTimes = LogLinear<2, 40>;
// Bursts by how many packets they had: 1, 2-3, 4-7, 8-15, 16-31, 32-63, 64.
inline constexpr size_t kBurstFills = 7;

// Of one worker, counted from the start of the process.
struct alignas(64) LoopCounters {
  struct Loops {
    Counter ticks;
    std::array<Counter, LoopTimes::kBuckets> times;
  };
  Loops busy;            // loops that had work
  Loops idle;            // that had none, with the pause after them
  Counter asleep_ticks;  // between loops
  Counter packets;       // taken in, in busy loops
  std::array<Counter, kBurstFills> bursts;
};

// The same as plain numbers: a copy that is not of one instant, but each number is right.
struct LoopFigures {
  struct Loops {
    uint64_t ticks = 0;
    std::array<uint64_t, LoopTimes::kBuckets> times{};

    uint64_t count() const;
    // At least `percent` of the loops took at most so many ticks; within a quarter above.
    uint64_t percentile(double percent) const {
      return LoopTimes::percentile(times, count(), percent);
    }
  };
  Loops busy, idle;
  uint64_t asleep_ticks = 0;
  uint64_t packets = 0;
  std::array<uint64_t, kBurstFills> bursts{};

  uint64_t all_ticks() const { return busy.ticks + idle.ticks + asleep_ticks; }
  // The share of all time that went to loops that had work: 0 to 1; 0 where no time has passed.
  double busy_ratio() const;
  // Ticks of busy loops for each packet; 0 without packets.
  double ticks_per_packet() const;
  // What came after `before`, an earlier copy of the same worker's.
  LoopFigures since(const LoopFigures& before) const;
};

LoopFigures read_figures(const LoopCounters& counters);

// Those of all workers, in their order.
struct WorkerFigures {
  uint64_t ticks_per_second = 0;
  std::vector<LoopFigures> workers;
};

}  // namespace vipgate
