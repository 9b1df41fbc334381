// The section `watch`: which packets of the running gateway are written to files.
#pragma once

#include <optional>

#include "common/watch.h"
#include "controlplane/config_section.h"

namespace vipgate {

void read_watch(Section& s, WatchConfig& watch);
// `port` has to be one of `ports`; something must be written where the section says what.
void check_watch(const Config& config, const YamlNode& root, Diagnostics& diagnostics);

// As the data plane takes it; nothing where no file is named. REQUIRES: check_watch() found no
// mistake.
std::optional<WatchOptions> watch_options(const Config& config);

}  // namespace vipgate
