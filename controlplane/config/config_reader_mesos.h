// The sections of the configuration that are about where services come from, and whether they live.
#pragma once

#include "controlplane/config/config.h"
#include "controlplane/config/config_section.h"

namespace vipgate {

// The map `health` in `s`.
void read_health(Section& s, HealthConfig& health);
// `prefer` and `spill_below_percent` in `s`.
void read_preference(Section& s, LocalityPreference& preference);
// `mesos`, `marathon`, `named_vips` and `store`. REQUIRES: `config.defaults` has been read.
void read_sources(Section& s, Config& config);

}  // namespace vipgate
