// The doctor's checks of the kernel's network.
#pragma once

#include "controlplane/config/config.h"
#include "controlplane/vipctl/doctor/finding.h"
#include "controlplane/vipctl/doctor/system_tree.h"

namespace vipgate {

// One for each port with a TAP: the kernel drops nothing there for its source.
Findings check_reverse_path_filters(const SystemTree& system, const Config& config);
// As many neighbours may be known, of each family, as there can be on the ports' links.
Finding check_neighbor_limit(const SystemTree& system, const Config& config);
// What clients send fits behind the tunnels' headers.
Finding check_tunnel_mtu(const Config& config);

}  // namespace vipgate
