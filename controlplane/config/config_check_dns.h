// The part of check_config() that is about DNS: zones, what stands in them, and secrets.
#pragma once

#include "controlplane/config/config.h"
#include "controlplane/config/diagnostics.h"
#include "controlplane/config/yaml_reader.h"

namespace vipgate {

// Reads the secrets that `dns.cookies` names into `config`.
void read_dns_secrets(Config& config, const YamlNode& root, Diagnostics& diagnostics);

// `dns.forward`: whether questions can be sent and answered, and do not come back here.
void check_forward(const Config& config, const YamlNode& root, Diagnostics& diagnostics);
// `dns.search`: whose lists they are.
void check_search(const Config& config, const YamlNode& root, Diagnostics& diagnostics);
void check_zones(const Config& config, const YamlNode& root, Diagnostics& diagnostics);

}  // namespace vipgate
