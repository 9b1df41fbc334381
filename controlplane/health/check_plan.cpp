#include "controlplane/health/check_plan.h"

#include <algorithm>

#include "common/hash.h"

namespace vipgate {
namespace {

// splitmix64's finalizer (Steele et al., 2014): every bit of the result depends on every bit given.
uint64_t mix(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
  value = (value ^ value >> 27) * 0x94d049bb133111eb;
  return value ^ value >> 31;
}

int64_t round_up(int64_t ms) { return (ms + kCheckTickMs - 1) / kCheckTickMs * kCheckTickMs; }

}  // namespace

uint32_t CheckPlan::add(const CheckTiming& timing, uint64_t identity, int64_t now_ms) {
  uint32_t number;
  if (free_.empty()) {
    number = static_cast<uint32_t>(checks_.size());
    checks_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  Check& check = checks_[number];
  check = Check{};
  check.timing = timing;
  check.timing.interval_ms = std::max<int64_t>(kCheckTickMs, timing.interval_ms);
  check.timing.timeout_ms = std::max<int64_t>(1, timing.timeout_ms);
  check.identity = identity;
  const uint64_t spread = mix(identity ^ seed_) % static_cast<uint64_t>(check.timing.interval_ms);
  schedule(number, now_ms + static_cast<int64_t>(spread));
  return number;
}

void CheckPlan::remove(uint32_t number) {
  Check& check = checks_[number];
  leave(check, number);
  check.phase = Phase::kUnused;
  free_.push_back(number);
}

// From whatever the check is doing.
void CheckPlan::leave(Check& check, uint32_t number) {
  deadlines_.erase(number);
  if (check.phase == Phase::kInFlight) --in_flight_;
  if (check.phase == Phase::kWaiting) {
    --waiting_count_;
    check.ticket = 0;
  }
}

void CheckPlan::schedule(uint32_t number, int64_t due_ms) {
  Check& check = checks_[number];
  check.phase = Phase::kIdle;
  check.due_ms = due_ms;
  deadlines_.set(number, round_up(due_ms));
}

void CheckPlan::enqueue(uint32_t number, bool is_first) {
  Check& check = checks_[number];
  deadlines_.erase(number);
  check.phase = Phase::kWaiting;
  check.ticket = next_ticket_++;
  if (next_ticket_ == 0) next_ticket_ = 1;
  ++waiting_count_;
  const Place place{number, check.ticket};
  if (is_first) {
    waiting_.push_front(place);
  } else {
    waiting_.push_back(place);
  }
}

void CheckPlan::suspect(uint32_t number, int64_t now_ms) {
  Check& check = checks_[number];
  if (check.suspected_ms >= 0 && now_ms - check.suspected_ms < kSuspectGapMs) return;
  check.suspected_ms = now_ms;
  check.is_suspect = true;
  if (check.phase == Phase::kInFlight) return;
  leave(check, number);
  check.due_ms = now_ms;
  enqueue(number, true);
}

CheckPlan::Due CheckPlan::start(uint32_t number, int64_t now_ms) {
  Check& check = checks_[number];
  check.phase = Phase::kInFlight;
  ++in_flight_;
  deadlines_.set(number, round_up(now_ms + check.timing.timeout_ms));
  return {Due::Kind::kStart, number};
}

std::optional<CheckPlan::Due> CheckPlan::take_due(int64_t now_ms) {
  for (;;) {
    while (!waiting_.empty() && checks_[waiting_.front().check].ticket != waiting_.front().ticket) {
      waiting_.pop_front();
    }
    if (!waiting_.empty() && in_flight_ < max_in_flight_) {
      const uint32_t number = waiting_.front().check;
      waiting_.pop_front();
      leave(checks_[number], number);
      return start(number, now_ms);
    }
    if (deadlines_.empty() || deadlines_.top().deadline_ms > now_ms) return std::nullopt;
    const uint32_t number = deadlines_.top().id;
    if (checks_[number].phase == Phase::kInFlight) {
      deadlines_.erase(number);
      return Due{Due::Kind::kTimeout, number};
    }
    enqueue(number, false);
  }
}

std::optional<int64_t> CheckPlan::next_due_ms() const {
  if (waiting_count_ > 0 && in_flight_ < max_in_flight_) return 0;
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.top().deadline_ms;
}

// Rounds are counted from when the last one was to begin, so that neither the time of a check nor
// that of waiting adds up. What is late by more than a round begins anew, spread again.
int64_t CheckPlan::next_round_ms(Check& check, int64_t now_ms) const {
  const int64_t interval_ms = check.timing.interval_ms;
  const uint64_t random = mix(check.identity ^ mix(seed_ + ++check.round));
  if (check.is_suspect) return now_ms + std::min(interval_ms, kSuspectIntervalMs);
  const int64_t span_ms = interval_ms * kJitterPercent / 100;
  const int64_t jitter_ms =
      static_cast<int64_t>(random % static_cast<uint64_t>(2 * span_ms + 1)) - span_ms;
  const int64_t next_ms = check.due_ms + interval_ms + jitter_ms;
  if (next_ms >= now_ms) return next_ms;
  if (now_ms - next_ms < interval_ms) return now_ms;
  return now_ms + static_cast<int64_t>(random % static_cast<uint64_t>(interval_ms));
}

bool CheckPlan::finish(uint32_t number, CheckOutcome outcome, int64_t now_ms) {
  Check& check = checks_[number];
  leave(check, number);
  bool has_changed = false;
  if (outcome != CheckOutcome::kNoVerdict) {
    const bool is_alive = outcome == CheckOutcome::kAlive;
    has_changed = check.state.observe(is_alive, check.timing.thresholds, now_ms);
    if (is_alive || check.state.health() == RealHealth::kDown) check.is_suspect = false;
  }
  schedule(number, next_round_ms(check, now_ms));
  return has_changed;
}

}  // namespace vipgate
