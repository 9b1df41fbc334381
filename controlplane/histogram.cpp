#include "controlplane/histogram.h"

#include <algorithm>
#include <cmath>

namespace vipgate {

uint64_t Histogram::percentile(double percent) const {
  if (count_ == 0) return 0;
  const auto sought = std::max<uint64_t>(
      1, static_cast<uint64_t>(std::ceil(static_cast<double>(count_) * percent / 100)));
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += counts_[bucket];
    if (seen >= sought) return std::min(upper_end(bucket), max_);
  }
  return max_;
}

}  // namespace vipgate
