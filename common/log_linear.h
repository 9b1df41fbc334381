// Buckets for values of many sizes: 2^kLinearBits of them per doubling, so that each is as wide as
// that part of its values at most. Pure functions.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace vipgate {

// For values from 0 to 2^kMaxBits - 1; greater ones count as the greatest.
template <int kLinearBits, int kMaxBits>
struct LogLinear {
  static constexpr size_t kBuckets = size_t{kMaxBits - kLinearBits + 1} << kLinearBits;

  static constexpr size_t bucket_of(uint64_t value) {
    if (value >> kMaxBits != 0) return kBuckets - 1;
    if (value < 1u << kLinearBits) return static_cast<size_t>(value);
    const int shift = static_cast<int>(std::bit_width(value)) - kLinearBits - 1;
    return static_cast<size_t>((static_cast<uint64_t>(shift) << kLinearBits) + (value >> shift));
  }
  // The greatest value of the bucket.
  static constexpr uint64_t upper_end(size_t bucket) {
    if (bucket < 1u << kLinearBits) return bucket;
    const size_t shift = (bucket >> kLinearBits) - 1;
    const uint64_t first = (bucket & ((1u << kLinearBits) - 1)) + (1u << kLinearBits);
    return ((first + 1) << shift) - 1;
  }

  // The upper end of the least bucket that at least `percent` of the values do not exceed. `count`
  // is the sum of `counts`; 0 without values.
  static uint64_t percentile(std::span<const uint64_t, kBuckets> counts, uint64_t count,
                             double percent) {
    if (count == 0) return 0;
    const auto sought = std::max<uint64_t>(
        1, static_cast<uint64_t>(std::ceil(static_cast<double>(count) * percent / 100)));
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
      seen += counts[bucket];
      if (seen >= sought) return upper_end(bucket);
    }
    return upper_end(kBuckets - 1);
  }
};

}  // namespace vipgate
