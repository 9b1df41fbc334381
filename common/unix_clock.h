// The wall clock: what outlives the process, and what others understand.
#pragma once

#include <chrono>
#include <cstdint>

namespace vipgate {

// Nanoseconds since 1970 (POSIX); goes back and forth as the clock is set.
inline int64_t unix_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

inline int64_t unix_ms() { return unix_ns() / 1'000'000; }

}  // namespace vipgate
