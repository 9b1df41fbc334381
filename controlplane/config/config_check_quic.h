// What of a configuration's QUIC services cannot be as it is written.
#pragma once

#include "controlplane/config/config.h"
#include "controlplane/config/diagnostics.h"
#include "controlplane/config/yaml_reader.h"

namespace vipgate {

void check_quic(const Config& config, const YamlNode& root, Diagnostics& diagnostics);

}  // namespace vipgate
