// The part of check_config() that is about Mesos, Marathon and named VIPs.
#pragma once

#include "controlplane/config/config.h"
#include "controlplane/config/config_reader.h"
#include "controlplane/config/diagnostics.h"
#include "controlplane/config/yaml_reader.h"

namespace vipgate {

void check_sources(const Config& config, const YamlNode& root, ConfigUse use,
                   Diagnostics& diagnostics);

}  // namespace vipgate
