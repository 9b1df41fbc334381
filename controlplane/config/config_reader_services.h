// The sections of the configuration that are about services, and what they share.
#pragma once

#include <string>

#include "controlplane/config/config.h"
#include "controlplane/config/config_section.h"

namespace vipgate {

// Rules that other sections use, too. All that are used once per service or real are made once.
const Rule<IpAddress>& endpoint_rule();
const Rule<Mode>& mode_rule();
const Rule<Track>& track_rule();
const Rule<std::string>& pool_name_rule();
// How tunnels look: keys of `defaults`, of services and of named_vips.
void read_tunnel(Section& s, TunnelOptions& tunnel);

// `timeouts`, `snat_pools`, `defaults` and `locality`: before all that builds on them, whatever the
// order in the file.
void read_shared(Section& s, Config& config);
// REQUIRES: read_shared() has been called.
void read_services(Section& s, Config& config);

}  // namespace vipgate
