// How long packets were under way: counts in buckets of at most 1/128 of their values.
#pragma once

#include <array>
#include <cstdint>

#include "common/log_linear.h"

namespace vipgate::generator {

class Latencies {
 public:
  void add(uint64_t ns) {
    ++counts_[Buckets::bucket_of(ns)];
    ++count_;
    if (ns > max_) max_ = ns;
  }
  uint64_t count() const { return count_; }
  // Exact.
  uint64_t max() const { return max_; }
  // That at least `percent` of the packets did not exceed; at most max(). 0 without packets.
  uint64_t percentile(double percent) const;

 private:
  using Buckets = LogLinear<7, 40>;  // nanoseconds: up to 18 minutes

  std::array<uint64_t, Buckets::kBuckets> counts_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace vipgate::generator
