// Which DNS zones hold names that Mesos clusters tell.
#pragma once

#include <cstddef>
#include <string_view>

#include "controlplane/config/config.h"

namespace vipgate {

// Whether the zone, by its folded wire name, may hold names of the cluster at that position in
// config.mesos: of its tasks, agents and masters, of its named VIPs, or of the addresses of these.
bool is_fed_by(const Config& config, size_t cluster, std::string_view zone);

}  // namespace vipgate
