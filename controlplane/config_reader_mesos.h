// The sections of the configuration that are about where services come from, and whether they live.
#pragma once

#include "controlplane/config.h"
#include "controlplane/config_section.h"

namespace vipgate {

// Rules that these sections and those of config_reader.cpp share.
const Rule<Mode>& mode_rule();
const Rule<Track>& track_rule();
// How tunnels look: keys of `defaults`, of services and of named_vips.
void read_tunnel(Section& s, TunnelOptions& tunnel);
const Rule<std::string>& pool_name_rule();

// The map `health` in `s`.
void read_health(Section& s, HealthConfig& health);
// `prefer` and `spill_below_percent` in `s`.
void read_preference(Section& s, LocalityPreference& preference);
// `mesos`, `marathon`, `named_vips` and `store`. REQUIRES: `config.defaults` has been read.
void read_sources(Section& s, Config& config);

}  // namespace vipgate
