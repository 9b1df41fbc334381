#include "perf/generator/latencies.h"

#include <algorithm>

namespace vipgate::generator {

uint64_t Latencies::percentile(double percent) const {
  return std::min(max_, Buckets::percentile(counts_, count_, percent));
}

}  // namespace vipgate::generator
