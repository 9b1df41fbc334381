// Which metric of Prometheus each counter of the gateway is.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/named_counters.h"
#include "prometheus/metric_family.h"

namespace vipgate {

// The families of the counters of no service and no real, but for those of times ("publish."),
// which are histograms. What workers count is there from the start, with 0. A counter that is known
// here by no rule is in vipgate_other, by its name.
std::vector<prometheus::MetricFamily> counter_families(const NamedCounters& counters);

}  // namespace vipgate
