#include "controlplane/health/health_state.h"

#include <algorithm>

namespace vipgate {

bool HealthState::observe(bool is_alive, const HealthThresholds& thresholds, int64_t now_ms) {
  if (is_alive != run_is_alive_) run_ = 0;
  run_is_alive_ = is_alive;
  if (run_ < UINT32_MAX) ++run_;

  // Forgiven by time alone, not by an event: looked at whenever there is something to decide.
  if (downs_ > 0 && now_ms - downs_ms_[(downs_ - 1) % kFlapDowns] >= kFlapWindowMs) {
    downs_ = 0;
    flap_factor_ = 1;
  }
  const RealHealth verdict = is_alive ? RealHealth::kUp : RealHealth::kDown;
  const uint32_t needed =
      is_alive ? rise_needed(thresholds) : std::max<uint32_t>(1, thresholds.fall);
  if (verdict == health_ || run_ < needed) return false;
  if (health_ == RealHealth::kUp) note_down(now_ms);
  health_ = verdict;
  return true;
}

uint32_t HealthState::rise_needed(const HealthThresholds& thresholds) const {
  return std::max<uint32_t>(1, thresholds.rise) * flap_factor_;
}

void HealthState::note_down(int64_t now_ms) {
  downs_ms_[downs_ % kFlapDowns] = now_ms;
  ++downs_;
  if (downs_ < kFlapDowns) return;
  const int64_t oldest_ms = downs_ms_[downs_ % kFlapDowns];
  if (now_ms - oldest_ms < kFlapWindowMs) {
    flap_factor_ = std::min(flap_factor_ * 2, kFlapMaxFactor);
  }
}

}  // namespace vipgate
