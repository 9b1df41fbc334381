// How long things took, by few enough numbers to keep for ever.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "common/log_linear.h"

namespace vipgate {

// Log-linear: values from 0 to 2^42 - 1 (in ns: 73 minutes) in buckets of at most an eighth of
// their value; greater ones count as the greatest. A plain value of one thread.
class Histogram {
 public:
  using Buckets = LogLinear<3, 42>;

  void record(uint64_t value) {
    ++counts_[Buckets::bucket_of(value)];
    ++count_;
    sum_ += value;
    if (value > max_) max_ = value;
  }

  // By bucket.
  [[nodiscard]] const std::array<uint64_t, Buckets::kBuckets>& counts() const { return counts_; }
  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] uint64_t sum() const { return sum_; }
  [[nodiscard]] uint64_t max() const { return max_; }
  // The least bucket's upper end that at least `percent` of the values do not exceed, and never
  // more than max(); 0 without values.
  [[nodiscard]] uint64_t percentile(double percent) const {
    return std::min(Buckets::percentile(counts_, count_, percent), max_);
  }

 private:
  std::array<uint64_t, Buckets::kBuckets> counts_{};
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  uint64_t max_ = 0;
};

}  // namespace vipgate
