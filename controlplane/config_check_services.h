// The part of check_config() that is about services.
#pragma once

#include <string>

#include "controlplane/config.h"
#include "controlplane/diagnostics.h"
#include "controlplane/yaml_reader.h"

namespace vipgate {

void check_services(const Config& config, const YamlNode& root, Diagnostics& diagnostics);

// "there is no SNAT pool 'x'; write one of a, b".
std::string unknown_pool_message(const Config& config, const std::string& name);

// `owner` is the map that the keys of `tunnel` stand in.
void check_tunnel(Mode mode, const TunnelOptions& tunnel, const YamlNode& owner,
                  Diagnostics& diagnostics);

// What track: when_needed excludes. `owner` is the map that `track` stands in, or would.
void check_track(Track track, Mode mode, Affinity affinity, const AdmissionRules& admission,
                 const YamlNode& owner, Diagnostics& diagnostics);

// `owner` is the map that `health` stands in.
void check_health(const HealthConfig& health, const YamlNode& owner, Diagnostics& diagnostics);

}  // namespace vipgate
