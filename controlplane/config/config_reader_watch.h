// The section `watch`: which packets of the running gateway are written to files.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "common/watch.h"
#include "controlplane/config/config_section.h"

namespace vipgate {

// What a filter may name: the configuration's ports and how many workers there are.
struct WatchPlaces {
  std::vector<std::string> ports;
  size_t workers = 0;
};
WatchPlaces watch_places(const Config& config);

void read_watch(Section& s, WatchConfig& watch);
// The keys of it that say which packets.
void read_packet_filter(Section& s, WatchConfig& watch);

// What is wrong with the filter's port, or worker; empty: nothing.
std::string watch_port_problem(const WatchConfig& watch, const WatchPlaces& places);
std::string watch_worker_problem(const WatchConfig& watch, const WatchPlaces& places);
// REQUIRES: there are no such problems.
PacketFilter packet_filter(const WatchConfig& watch, const WatchPlaces& places);

// `port` has to be one of `ports`; something must be written where the section says what.
void check_watch(const Config& config, const YamlNode& root, Diagnostics& diagnostics);

// As the data plane takes it; nothing where no file is named. REQUIRES: check_watch() found no
// mistake.
std::optional<WatchOptions> watch_options(const Config& config);

}  // namespace vipgate
