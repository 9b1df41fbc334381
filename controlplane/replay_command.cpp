#include "controlplane/replay_command.h"

#include <iostream>

#include "controlplane/replay_setup.h"
#include "dataplane/replay.h"

namespace vipgate {
namespace {

constexpr int kFailed = 1;
constexpr int kBadUse = 2;

int fail(int status, const std::string& message) {
  std::cerr << message << '\n';
  return status;
}

}  // namespace

int replay_command(const Config& config, const ReplayArguments& arguments) {
  const auto mac = parse_mac_address(arguments.next_hop_mac);
  if (!mac) return fail(kBadUse, "--next-hop-mac: " + mac.error());
  ReplayOptions options;
  for (const std::string& text : arguments.in) {
    const auto capture = parse_replay_capture(config, text);
    if (!capture) return fail(kBadUse, capture.error());
    options.inputs.push_back({capture->port, capture->path});
  }
  const auto setup = make_replay_setup(config, *mac);
  if (!setup) return fail(kBadUse, setup.error());
  options.snapshot = setup->snapshot;
  options.port_names = setup->port_names;
  options.out_path = arguments.out;
  options.verdicts_path = arguments.verdicts;
  options.workers = static_cast<uint32_t>(config.workers.cpus.size());
  options.flows_per_worker = config.limits.flows_per_worker;
  options.services = setup->services;
  options.reals = setup->reals;
  options.seed = arguments.seed;
  const Status status = replay(options);
  return status ? 0 : fail(kFailed, status.error());
}

}  // namespace vipgate
