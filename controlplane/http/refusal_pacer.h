// How many refusals the log tells of: who asks without end does not fill it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace vipgate {

class RefusalPacer {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr auto kSpan = std::chrono::seconds(10);
  static constexpr int kMost = 10;  // in a span

  // Of one that is told: how many were left out since the one before. Nothing: it is left out.
  std::optional<uint64_t> take(Time now) {
    if (!begun_ || now - *begun_ >= kSpan) {
      begun_ = now;
      told_ = 0;
    }
    if (told_ == kMost) {
      ++left_out_;
      return std::nullopt;
    }
    ++told_;
    return std::exchange(left_out_, 0);
  }

 private:
  std::optional<Time> begun_;
  int told_ = 0;
  uint64_t left_out_ = 0;
};

}  // namespace vipgate
