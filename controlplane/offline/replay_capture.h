// The captures that `vipgated replay` is given on its command line.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"
#include "controlplane/config/config.h"

namespace vipgate {

// An argument of --in: "PORT=FILE", or "FILE" for the first port. Before a "/" nothing is a port's
// name, so "./a=b.pcap" is a file.
struct ReplayCapture {
  uint8_t port = 0;  // position in config.ports
  std::string path;
};
Result<ReplayCapture> parse_replay_capture(const Config& config, const std::string& text);

}  // namespace vipgate
