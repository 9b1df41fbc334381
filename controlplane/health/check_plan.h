// When each check begins and when it has taken too long, and what its results mean: everything of
// health checks that needs a clock and no socket.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "controlplane/health/deadline_heap.h"
#include "controlplane/health/health_state.h"

namespace vipgate {

// Starts and time-outs are moved up to multiples of this, so that one wake-up serves several.
inline constexpr int64_t kCheckTickMs = 5;
// Each round begins this much earlier or later than the interval says, at the most.
inline constexpr int64_t kJitterPercent = 10;
// A suspect that fails is checked again after this long (or its interval, if that is shorter),
// until it answers or is down.
inline constexpr int64_t kSuspectIntervalMs = 1000;
// Suspicions of one check are heeded no more often than this.
inline constexpr int64_t kSuspectGapMs = 2000;

struct CheckTiming {
  int64_t interval_ms = 5000;
  int64_t timeout_ms = 1000;
  HealthThresholds thresholds;
};

enum class CheckOutcome : uint8_t {
  kAlive,
  kFailed,
  kNoVerdict,  // the check could not be made, for a reason that says nothing about the real
};

// A value with a clock that the caller gives: monotonic milliseconds, never going back. Owned and
// used by the health checker's thread.
class CheckPlan {
 public:
  CheckPlan(uint64_t seed, uint32_t max_in_flight) : seed_(seed), max_in_flight_(max_in_flight) {}

  // The first check begins somewhere within the first interval; where, `identity` and the seed
  // decide. Returns the check's number, which is used again after remove().
  uint32_t add(const CheckTiming& timing, uint64_t identity, int64_t now_ms);
  // Also while it is in flight.
  void remove(uint32_t check);
  // Has it checked now, but for the limits above.
  void suspect(uint32_t check, int64_t now_ms);

  struct Due {
    enum class Kind : uint8_t { kStart, kTimeout } kind;
    uint32_t check;
  };
  // The next thing to do now. A check of kStart counts as in flight until finish() or remove(); one
  // of kTimeout must be finished by the caller.
  std::optional<Due> take_due(int64_t now_ms);
  // When take_due() will have something; nothing: never, as things are.
  std::optional<int64_t> next_due_ms() const;

  // The check in flight has ended. True: its health has changed.
  bool finish(uint32_t check, CheckOutcome outcome, int64_t now_ms);

  RealHealth health(uint32_t check) const { return checks_[check].state.health(); }
  uint32_t in_flight() const { return in_flight_; }
  // Those that ought to begin, but for the limit of checks in flight.
  size_t waiting() const { return waiting_count_; }
  size_t size() const { return checks_.size() - free_.size(); }

 private:
  enum class Phase : uint8_t { kUnused, kIdle, kWaiting, kInFlight };
  struct Check {
    CheckTiming timing;
    uint64_t identity = 0;
    int64_t due_ms = 0;         // when this round was to begin
    int64_t suspected_ms = -1;  // when a suspicion was last heeded; -1: never
    uint32_t round = 0;
    uint32_t ticket = 0;  // of its place in waiting_
    HealthState state;
    Phase phase = Phase::kUnused;
    bool is_suspect = false;
  };
  // A place whose check has left has another ticket than its check.
  struct Place {
    uint32_t check;
    uint32_t ticket;
  };

  void schedule(uint32_t check, int64_t due_ms);
  void enqueue(uint32_t check, bool is_first);
  void leave(Check& check, uint32_t number);
  Due start(uint32_t check, int64_t now_ms);
  int64_t next_round_ms(Check& check, int64_t now_ms) const;

  uint64_t seed_;
  uint32_t max_in_flight_;
  std::vector<Check> checks_;
  std::vector<uint32_t> free_;
  DeadlineHeap deadlines_;  // of kIdle: when to start; of kInFlight: when it has taken too long
  std::deque<Place> waiting_;
  size_t waiting_count_ = 0;
  uint32_t next_ticket_ = 1;
  uint32_t in_flight_ = 0;
};

}  // namespace vipgate
