// How many lines of one kind the log gets, so that what happens to thousands at a time does not
// bury all else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace vipgate {

// Owned and asked by one thread. Times are monotonic.
class LineBudget {
 public:
  LineBudget(size_t lines, int64_t window_ms) : lines_(lines), window_ms_(window_ms) {}

  // True: write it. A window begins with the first line after the last one was over.
  bool allows(int64_t now_ms) {
    if (now_ms >= ends_ms_) {
      ends_ms_ = now_ms + window_ms_;
      used_ = 0;
    }
    if (used_ < lines_) {
      ++used_;
      return true;
    }
    ++kept_back_;
    return false;
  }

  // How many were kept back, once the window is over; each is told once.
  size_t take_kept_back(int64_t now_ms) {
    return now_ms < ends_ms_ ? 0 : std::exchange(kept_back_, 0);
  }
  [[nodiscard]] int64_t due_ms() const {
    return kept_back_ == 0 ? std::numeric_limits<int64_t>::max() : ends_ms_;
  }

 private:
  const size_t lines_;
  const int64_t window_ms_;
  int64_t ends_ms_ = std::numeric_limits<int64_t>::min();
  size_t used_ = 0;
  size_t kept_back_ = 0;
};

}  // namespace vipgate
