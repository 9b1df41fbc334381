// The part of check_config() that is about services.
#pragma once

#include <cstddef>
#include <string>

#include "controlplane/config/config.h"
#include "controlplane/config/diagnostics.h"
#include "controlplane/config/yaml_reader.h"

namespace vipgate {

// How many services there are besides those that are looked at, and what of the limits they take.
struct ServicesBeside {
  size_t services = 0;
  size_t reals = 0;
  size_t names = 0;  // that none of those that are looked at has
};

void check_services(const Config& config, const YamlNode& root, Diagnostics& diagnostics,
                    const ServicesBeside& beside);

// "there is no SNAT pool 'x'; write one of a, b".
std::string unknown_pool_message(const Config& config, const std::string& name);

}  // namespace vipgate
