// The part of check_config() that is about services.
#pragma once

#include <cstddef>
#include <string>

#include "controlplane/config/config.h"
#include "controlplane/config/diagnostics.h"
#include "controlplane/config/yaml_reader.h"

namespace vipgate {

class Fallbacks;

// How many services there are besides those that are looked at, and what of the limits they take.
struct ServicesBeside {
  size_t services = 0;
  size_t reals = 0;
  size_t names = 0;  // that none of those that are looked at has
};

// But for their fallbacks.
void check_services(const Config& config, const YamlNode& root, Diagnostics& diagnostics,
                    const ServicesBeside& beside);

// Where the fallbacks of all of the configuration's services lead: to an end, and not in a circle.
// `fallbacks` may lead to others, which have none.
void check_fallbacks(const Config& config, const YamlNode& root, const Fallbacks& fallbacks,
                     Diagnostics& diagnostics);

// "there is no SNAT pool 'x'; write one of a, b".
std::string unknown_pool_message(const Config& config, const std::string& name);

}  // namespace vipgate
