#include "controlplane/replay_setup.h"

#include <algorithm>

#include "common/dns_name_hash.h"
#include "common/snapshot_builder.h"
#include "controlplane/compiler.h"
#include "controlplane/model.h"

namespace vipgate {

Result<ReplaySetup> make_replay_setup(const Config& config, const MacAddress& next_hop_mac) {
  constexpr uint64_t kGeneration = 1;
  Model model;
  if (const auto change = model.update(config, 0); !change) return Error{change.error()};
  ReplaySetup setup;
  std::vector<ForwardingPort> ports;
  for (const PortConfig& port : config.ports) {
    setup.port_names.push_back(port.name);
    const auto number = static_cast<uint8_t>(setup.port_names.size());
    ports.push_back({.mac = {{2, 0, 0, 0, 0, number}}, .kernel = port.kernel});
  }
  const NeighborLookup neighbors = [&](const NextHop&) { return next_hop_mac; };
  auto compiled = compile_forwarding({.config = config,
                                      .model = model,
                                      .ports = ports,
                                      .neighbors = neighbors,
                                      .check_mac = false});
  auto dns = compile_names(names_of(model), config.dns, kGeneration, DnsHashSecret{}, nullptr);
  if (!dns) return Error{dns.error()};
  compiled.spec.generation = kGeneration;
  compiled.spec.dns = *dns;
  setup.snapshot = SnapshotBuilder().build(compiled.spec);
  setup.services = compiled.spec.service_slots;
  setup.reals = compiled.spec.real_slots;
  return setup;
}

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
