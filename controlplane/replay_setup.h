// What `vipgated replay` makes of a configuration: the same compiler as the daemon's, with the
// outside world assumed. Pure functions: any thread may call.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/addresses.h"
#include "common/result.h"
#include "common/snapshot.h"
#include "controlplane/config.h"

namespace vipgate {

struct ReplaySetup {
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<std::string> port_names;
  uint32_t services = 0;  // indices are below these
  uint32_t reals = 0;
};

// Reals are up; every next hop is resolved to `next_hop_mac`; port i (from 0) has the address
// 02:00:00:00:00:NN with NN = i + 1, and destination addresses are not compared with it.
Result<ReplaySetup> make_replay_setup(const Config& config, const MacAddress& next_hop_mac);

// An argument of --in: "PORT=FILE", or "FILE" for the first port. Before a "/" nothing is a port's
// name, so "./a=b.pcap" is a file.
struct ReplayCapture {
  uint8_t port = 0;  // position in config.ports
  std::string path;
};
Result<ReplayCapture> parse_replay_capture(const Config& config, const std::string& text);

}  // namespace vipgate
