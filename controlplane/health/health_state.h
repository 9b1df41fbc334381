// The health of one real in the eyes of one check: a run of equal answers makes the verdict.
#pragma once

#include <array>
#include <cstdint>

namespace vipgate {

enum class RealHealth : uint8_t {
  kUnknown,  // no verdict yet: counts as up
  kUp,
  kDown,
};

// A real flaps when it went down this often within the window. From then on each time that it goes
// down doubles the answers in a row that bring it back, up to the greatest factor. A window
// without going down makes all good again.
inline constexpr uint32_t kFlapDowns = 3;
inline constexpr int64_t kFlapWindowMs = 300'000;
inline constexpr uint32_t kFlapMaxFactor = 8;

struct HealthThresholds {
  uint8_t rise = 2;  // answers in a row that make a real up
  uint8_t fall = 3;  // failures in a row that make it down
};

// A value without a clock of its own: times are monotonic milliseconds, given by the caller.
//
// unknown → up after `rise` answers, unknown → down after `fall` failures: no single result
// decides.
class HealthState {
 public:
  // Takes in a check's verdict. True: health() has changed.
  bool observe(bool is_alive, const HealthThresholds& thresholds, int64_t now_ms);

  RealHealth health() const { return health_; }
  // Answers in a row that the real would need now to be up.
  uint32_t rise_needed(const HealthThresholds& thresholds) const;

 private:
  void note_down(int64_t now_ms);

  std::array<int64_t, kFlapDowns> downs_ms_{};  // when it went from up to down: a ring
  uint32_t downs_ = 0;                          // ever
  uint32_t flap_factor_ = 1;
  uint32_t run_ = 0;  // equal verdicts in a row
  bool run_is_alive_ = false;
  RealHealth health_ = RealHealth::kUnknown;
};

}  // namespace vipgate
