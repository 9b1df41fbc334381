// Time as flows see it: quarters of a second in 16 bits, compared modulo 2^16.
#pragma once

#include <cstdint>

#include "common/snapshot.h"

namespace vipgate {

using Quarter = uint16_t;

inline constexpr uint64_t kNanosecondsPerQuarter = 250'000'000;
inline constexpr uint32_t kMaxTimeoutQuarters = kMaxTimeoutSeconds * 4;
static_assert(kMaxTimeoutQuarters < 65'536);
// A deadline that has passed reads as passed for this long; a sweep must see it before.
inline constexpr uint32_t kPassedWindowQuarters = 65'535 - kMaxTimeoutQuarters;

struct Now {
  uint64_t ns = 0;
  Quarter quarter = 0;

  static Now from_ns(uint64_t ns) {
    return {ns, static_cast<Quarter>(ns / kNanosecondsPerQuarter)};
  }
};

// Whether `deadline` lies before `now`. Right as long as no deadline lies further ahead than
// kMaxTimeoutQuarters or further back than kPassedWindowQuarters.
inline bool has_passed(Quarter deadline, Quarter now) {
  return static_cast<uint16_t>(deadline - now) > kMaxTimeoutQuarters;
}

inline Quarter deadline_after(Quarter now, uint16_t timeout) {
  return static_cast<Quarter>(now + timeout);
}

}  // namespace vipgate
