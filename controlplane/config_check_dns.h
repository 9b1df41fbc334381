// The part of check_config() that is about the zones and what stands in them.
#pragma once

#include "controlplane/config.h"
#include "controlplane/diagnostics.h"
#include "controlplane/yaml_reader.h"

namespace vipgate {

void check_zones(const Config& config, const YamlNode& root, Diagnostics& diagnostics);

}  // namespace vipgate
