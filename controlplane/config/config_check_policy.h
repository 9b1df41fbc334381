// What of a service's policy cannot be as it is written, wherever it stands: in a service, in
// `defaults` or in `named_vips`.
#pragma once

#include "controlplane/config/config_service.h"
#include "controlplane/config/diagnostics.h"
#include "controlplane/config/yaml_reader.h"

namespace vipgate {

// `owner` is the map that the keys of `tunnel` stand in.
void check_tunnel(Mode mode, const TunnelOptions& tunnel, const YamlNode& owner,
                  Diagnostics& diagnostics);

// What track: when_needed excludes. `owner` is the map that `track` stands in, or would.
void check_track(Track track, Mode mode, Affinity affinity, const AdmissionRules& admission,
                 const YamlNode& owner, Diagnostics& diagnostics);

// A way of telling the client's address that the service itself asks for, and cannot have. `owner`
// is the service's map.
void check_client_address(const ServiceConfig& service, const YamlNode& owner,
                          Diagnostics& diagnostics);

// `owner` is the map that `health` stands in.
void check_health(const HealthConfig& health, const YamlNode& owner, Diagnostics& diagnostics);

}  // namespace vipgate
