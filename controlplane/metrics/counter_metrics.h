// Which metric of Prometheus each counter of the gateway is.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "prometheus/metric_family.h"

namespace vipgate {

using NamedCounters = std::vector<std::pair<std::string, uint64_t>>;

// The families of the counters that ControlLoop logs, but for those of services and reals, which
// have labels of their own, and of times, which are histograms. What workers count is there from
// the start, with 0. A counter that is known here by no rule is in vipgate_other, by its name.
std::vector<prometheus::MetricFamily> counter_families(const NamedCounters& counters);

}  // namespace vipgate
