// How long things took, by few enough numbers to keep for ever.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace vipgate {

// Log-linear: values from 0 to 2^42 - 1 (in ns: 73 minutes) in buckets of at most an eighth of
// their value; greater ones count as the greatest. A plain value of one thread.
class Histogram {
 public:
  void record(uint64_t value) {
    ++counts_[bucket_of(value)];
    ++count_;
    if (value > max_) max_ = value;
  }

  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] uint64_t max() const { return max_; }
  // The least bucket's upper end that at least `percent` of the values do not exceed, and never
  // more than max(); 0 without values.
  [[nodiscard]] uint64_t percentile(double percent) const;

 private:
  static constexpr int kLinearBits = 3;  // buckets per doubling: 8
  static constexpr int kMaxBits = 42;
  static constexpr size_t kBuckets = (kMaxBits - kLinearBits + 1) << kLinearBits;

  static constexpr size_t bucket_of(uint64_t value) {
    if (value >> kMaxBits != 0) return kBuckets - 1;
    if (value < 1u << kLinearBits) return static_cast<size_t>(value);
    const int shift = static_cast<int>(std::bit_width(value)) - kLinearBits - 1;
    return static_cast<size_t>((static_cast<uint64_t>(shift) << kLinearBits) + (value >> shift));
  }
  static constexpr uint64_t upper_end(size_t bucket) {
    if (bucket < 1u << kLinearBits) return bucket;
    const size_t shift = (bucket >> kLinearBits) - 1;
    const uint64_t first = (bucket & ((1u << kLinearBits) - 1)) + (1u << kLinearBits);
    return ((first + 1) << shift) - 1;
  }

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace vipgate
