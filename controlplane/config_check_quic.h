// What of a configuration's QUIC services cannot be as it is written.
#pragma once

#include "controlplane/config.h"
#include "controlplane/diagnostics.h"
#include "controlplane/yaml_reader.h"

namespace vipgate {

void check_quic(const Config& config, const YamlNode& root, Diagnostics& diagnostics);

}  // namespace vipgate
