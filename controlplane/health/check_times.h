// How long health checks took.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/counters.h"
#include "common/log_linear.h"

namespace vipgate {

// From the beginning of a check to its verdict, a time-out's too: a copy.
struct CheckTimes {
  using Buckets = LogLinear<2, 40>;  // ns

  std::array<uint64_t, Buckets::kBuckets> counts{};
  uint64_t sum_ns = 0;
};

// Written by one thread, read by any.
class CheckTimer {
 public:
  void record(uint64_t ns) {
    counts_[CheckTimes::Buckets::bucket_of(ns)].add();
    sum_ns_.add(ns);
  }
  [[nodiscard]] CheckTimes times() const {
    CheckTimes times;
    for (size_t i = 0; i < counts_.size(); ++i) times.counts[i] = counts_[i].value();
    times.sum_ns = sum_ns_.value();
    return times;
  }

 private:
  std::array<Counter, CheckTimes::Buckets::kBuckets> counts_;
  Counter sum_ns_;
};

}  // namespace vipgate
