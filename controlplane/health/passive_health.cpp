#include "controlplane/health/passive_health.h"

#include <algorithm>

namespace vipgate {

bool PassiveWatch::observe(const RealSignals& signals, int64_t now_ms) {
  if (sampled_ms_ < 0) {
    last_ = signals;
    sampled_ms_ = now_ms;
    return false;
  }
  if (now_ms - sampled_ms_ < kPassiveSampleMs) return false;
  const RealSignals fresh = {signals.opened - last_.opened, signals.answered - last_.answered,
                             signals.resets - last_.resets};
  const bool is_bad = looks_bad(fresh);
  last_ = signals;
  before_ = fresh;
  sampled_ms_ = now_ms;
  if (!is_bad) return false;

  const int64_t since_ms = suspected_ms_ < 0 ? INT64_MAX : now_ms - suspected_ms_;
  if (since_ms < quiet_ms_) return false;
  // The first suspicion, or one after a long peace, has the shortest time of quiet behind it.
  quiet_ms_ = since_ms >= 2 * kPassiveMaxQuietMs ? kPassiveQuietMs
                                                 : std::min(quiet_ms_ * 2, kPassiveMaxQuietMs);
  suspected_ms_ = now_ms;
  return true;
}

// SYNs of this very sample may yet be answered, so those of the one before are judged.
bool PassiveWatch::looks_bad(const RealSignals& fresh) const {
  const uint64_t answered = before_.answered + fresh.answered;
  if (before_.opened >= kPassiveUnanswered && answered == 0) return true;
  const uint64_t resets = before_.resets + fresh.resets;
  const uint64_t opened = before_.opened + fresh.opened;
  return resets >= kPassiveResets && 2 * resets > opened;
}

bool PassiveHealth::observe(RealId real, const RealSignals& signals, int64_t now_ms) {
  if (real.index() >= entries_.size()) entries_.resize(real.index() + size_t{1});
  Entry& entry = entries_[real.index()];
  if (!(entry.real == real)) entry = {real, {}};
  if (!entry.watch.observe(signals, now_ms)) return false;
  ++suspicions_;
  return true;
}

}  // namespace vipgate
