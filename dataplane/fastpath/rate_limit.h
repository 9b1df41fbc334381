// Token buckets: so many a second, bursts up to a tenth of a second's worth.
#pragma once

#include <algorithm>
#include <cstdint>

namespace vipgate {

// Its rate may differ from call to call. Zeroed memory is a full one.
class TokenBucket {
 public:
  // Whether one more may pass at `now_ns`.
  bool allow(uint64_t now_ns, uint32_t per_second) {
    const uint64_t most = std::max<uint64_t>(per_second / 10, 1) * kSecond;
    if (now_ns > last_ns_) {
      // Beyond a second the bucket is full anyway, and the product stays in range.
      const uint64_t passed = std::min(now_ns - last_ns_, kSecond);
      spent_ -= std::min(spent_, passed * per_second);
      last_ns_ = now_ns;
    }
    if (spent_ + kSecond > most) return false;
    spent_ += kSecond;
    return true;
  }

 private:
  static constexpr uint64_t kSecond = 1'000'000'000;  // one token
  uint64_t spent_ = 0;
  uint64_t last_ns_ = 0;
};

class RateLimit {
 public:
  explicit RateLimit(uint32_t per_second) : per_second_(per_second) {}

  bool allow(uint64_t now_ns) { return bucket_.allow(now_ns, per_second_); }

 private:
  uint32_t per_second_;
  TokenBucket bucket_;
};

}  // namespace vipgate
