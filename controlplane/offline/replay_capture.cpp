#include "controlplane/offline/replay_capture.h"

#include <algorithm>

namespace vipgate {

Result<ReplayCapture> parse_replay_capture(const Config& config, const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || text.find('/') < equals) return ReplayCapture{0, text};
  const std::string name = text.substr(0, equals);
  const auto found = std::find_if(config.ports.begin(), config.ports.end(),
                                  [&](const PortConfig& port) { return port.name == name; });
  if (found == config.ports.end()) {
    std::string known;
    for (const PortConfig& port : config.ports) known += (known.empty() ? "" : ", ") + port.name;
    return Error{"--in " + text + ": no port is named '" + name + "'; there are: " + known +
                 " (a file of that name is ./" + text + ")"};
  }
  return ReplayCapture{static_cast<uint8_t>(found - config.ports.begin()), text.substr(equals + 1)};
}

}  // namespace vipgate
