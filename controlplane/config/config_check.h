// What a single value cannot show: whether the parts of a configuration fit together.
#pragma once

#include "controlplane/config/config.h"
#include "controlplane/config/config_check_services.h"
#include "controlplane/config/config_reader.h"
#include "controlplane/config/diagnostics.h"
#include "controlplane/config/yaml_reader.h"

namespace vipgate {

// `root` is the tree that `config` was read from, for the positions. Must be called only with a
// configuration in which every single value was good.
void check_config(const Config& config, const YamlNode& root, ConfigUse use,
                  Diagnostics& diagnostics);

// The same for services alone, but for their fallbacks, which came by another way than the file:
// `config` is in force but for them, and `root` is {services: […]}. `beside`: what has been found
// good and is not in `config`, as it cannot be in conflict with those that are.
void check_services_alone(const Config& config, const YamlNode& root, Diagnostics& diagnostics,
                          const ServicesBeside& beside = {});

}  // namespace vipgate
