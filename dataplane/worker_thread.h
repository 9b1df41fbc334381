// Runs one Worker on its core until told to stop, and lets the core rest when there is nothing to
// do.
#pragma once

#include <algorithm>
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

// How long to sleep: as long as 19 of 20 sleeps, with the time to wake up, take kMostNs at most,
// but never less than kShortestNs. A packet that meets a sleeping worker waits for what is left of
// the sleep, so that 99 of 100 wait no longer than kMostNs where the machine wakes threads in time:
// some microseconds late on hardware, some fifteen in a quiet virtual machine. That changes, so the
// length goes down after a sleep that took too long, and up by a twentieth of that after each other
// one. Where the machine is later than kMostNs - kShortestNs, packets wait longer.
class SleepLength {
 public:
  static constexpr uint64_t kMostNs = 50'000;
  // Shorter ones cost much of a core, and gain little where it is others that keep the thread from
  // waking.
  static constexpr uint64_t kShortestNs = 30'000, kLongestNs = 45'000;

  uint64_t ns() const { return ns_; }
  void slept(uint64_t took_ns) {
    constexpr uint64_t kDownNs = 400, kUpNs = 20;
    ns_ = took_ns > kMostNs ? std::max(ns_ - kDownNs, kShortestNs)
                            : std::min(ns_ + kUpNs, kLongestNs);
  }

 private:
  uint64_t ns_ = 40'000;
};

// What an idle worker does, loop by loop: a pause for the first ones, then short sleeps.
class IdleBackoff {
 public:
  static constexpr uint32_t kLoopsBeforeSleep = 4096;

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
