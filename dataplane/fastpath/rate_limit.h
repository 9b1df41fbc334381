// A token bucket: `rate` a second, bursts up to a tenth of a second's worth.
#pragma once

#include <algorithm>
#include <cstdint>

namespace vipgate {

class RateLimit {
 public:
  explicit RateLimit(uint32_t per_second)
      : per_second_(per_second),
        most_(std::max<uint64_t>(per_second / 10, 1) * kSecond),
        tokens_(most_) {}

  // Whether one more may pass at `now_ns`.
  bool allow(uint64_t now_ns) {
    if (now_ns > last_ns_) {
      // Beyond a second the bucket is full anyway, and the product stays in range.
      const uint64_t passed = std::min(now_ns - last_ns_, kSecond);
      tokens_ = std::min(tokens_ + passed * per_second_, most_);
      last_ns_ = now_ns;
    }
    if (tokens_ < kSecond) return false;
    tokens_ -= kSecond;
    return true;
  }

 private:
  static constexpr uint64_t kSecond = 1'000'000'000;  // one token
  uint64_t per_second_;
  uint64_t most_;
  uint64_t tokens_;
  uint64_t last_ns_ = 0;
};

}  // namespace vipgate
