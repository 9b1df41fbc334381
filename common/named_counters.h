// Counters as people and scripts see them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace vipgate {

// "drop.no_flow" and how often, in the order in which they are shown.
using NamedCounters = std::vector<std::pair<std::string, uint64_t>>;

}  // namespace vipgate
