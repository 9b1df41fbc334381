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

}  // namespace vipgate
