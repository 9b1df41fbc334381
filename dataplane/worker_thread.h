// Runs one Worker on its core until told to stop, and lets the core rest when there is nothing to
// do.
#pragma once

#include <atomic>
#include <cstdint>

#include "dataplane/fastpath/ethdev_io.h"
#include "dataplane/fastpath/worker.h"

namespace vipgate {

// Nanoseconds since an arbitrary start, from the time stamp counter: cheap enough for every loop.
class TscClock {
 public:
  TscClock();
  uint64_t ns_of(uint64_t ticks) const;

 private:
  uint64_t ns_per_tick_q32_;  // fixed point, 32 fractional bits
};

// What an idle worker does, loop by loop: a pause for the first ones, then short sleeps. A packet
// that meets a sleeping worker waits for kSleepNs at most, plus the time to wake up.
class IdleBackoff {
 public:
  static constexpr uint32_t kLoopsBeforeSleep = 4096;
  static constexpr uint64_t kSleepNs = 50'000;

  explicit IdleBackoff(bool poll) : poll_(poll) {}

  enum class Action : uint8_t { kNothing, kPause, kSleep };
  // What to do after a loop that had work (`busy`) or had none.
  Action next(bool busy) {
    if (busy) {
      idle_loops_ = 0;
      return Action::kNothing;
    }
    if (poll_) return Action::kPause;
    if (idle_loops_ < kLoopsBeforeSleep) {
      ++idle_loops_;
      return Action::kPause;
    }
    return Action::kSleep;
  }

 private:
  bool poll_;
  uint32_t idle_loops_ = 0;
};

// Returns when `stop` is set. To be called on the worker's own thread.
void run_worker(Worker<EthdevIo>& worker, const TscClock& clock, bool poll,
                const std::atomic<bool>& stop);

}  // namespace vipgate
