// How long to wait before the next try: doubles with each failure, is never the same for
// two gateways, and is short again after a success. Owned and called by one thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace vipgate {

class Backoff {
 public:
  Backoff(std::chrono::milliseconds min, std::chrono::milliseconds max)
      : min_(min), max_(max), next_(min) {}

  // Between a half and the whole of min, 2 min, 4 min, …, max.
  std::chrono::milliseconds next() {
    const auto whole = next_;
    next_ = std::min(max_, next_ * 2);
    return jittered(whole);
  }
  void reset() { next_ = min_; }

  // Between a half and the whole of `time`.
  std::chrono::milliseconds jittered(std::chrono::milliseconds time) {
    std::uniform_int_distribution<int64_t> part(time.count() / 2, time.count());
    return std::chrono::milliseconds(part(random_));
  }

 private:
  std::chrono::milliseconds min_;
  std::chrono::milliseconds max_;
  std::chrono::milliseconds next_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace vipgate
