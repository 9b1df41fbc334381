// The clock that the control plane measures by: steps of the wall clock do not move it.
#pragma once

#include <chrono>
#include <cstdint>

namespace vipgate {

// Since the machine's start, as CLOCK_MONOTONIC counts. Any thread.
[[nodiscard]] inline int64_t monotonic_ns() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

[[nodiscard]] inline int64_t monotonic_ms() { return monotonic_ns() / 1'000'000; }

}  // namespace vipgate
