#include "controlplane/offline/replay_command.h"

#include <filesystem>
#include <system_error>

#include "controlplane/exit_status.h"
#include "controlplane/offline/compile_command.h"
#include "controlplane/offline/replay_capture.h"
#include "controlplane/worker_sizes.h"
#include "dataplane/replay.h"

namespace vipgate {
namespace {

// By name where one does not exist yet; /dev/null may well be both.
bool is_same_file(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty() || a == "/dev/null") return false;
  std::error_code error;
  const auto whole = [&](const std::string& path) {
    return std::filesystem::weakly_canonical(path, error);
  };
  return whole(a) == whole(b) && !error;
}

}  // namespace

int replay_command(const Config& config, const ReplayArguments& arguments) {
  const auto mac = parse_mac_address(arguments.next_hop_mac);
  if (!mac) return fail(kExitBadConfiguration, "--next-hop-mac: " + mac.error());
  if (mac->is_multicast()) {
    return fail(kExitBadConfiguration,
                "--next-hop-mac: " + to_string(*mac) +
                    " is not the address of one station; write a unicast address");
  }
  if (config.ports.empty()) {
    return fail(kExitBadConfiguration,
                config.file + ": there are no ports to replay through; add `ports`");
  }
  if (is_same_file(arguments.out, arguments.verdicts)) {
    return fail(kExitBadConfiguration, "--out and --verdicts are the same file; write two names");
  }
  if (is_same_file(arguments.counters, arguments.out) ||
      is_same_file(arguments.counters, arguments.verdicts)) {
    return fail(kExitBadConfiguration,
                "--counters is the file of --out or --verdicts, too; write a name of its own");
  }
  ReplayOptions options;
  for (const std::string& text : arguments.in) {
    const auto capture = parse_replay_capture(config, text);
    if (!capture) return fail(kExitBadConfiguration, capture.error());
    options.inputs.push_back({capture->port, capture->path});
  }
  const auto offline = compile_offline(config, *mac);
  if (!offline) return fail(kExitBadConfiguration, config.file + ": " + offline.error());
  options.snapshot = offline->snapshot;
  for (const PortConfig& port : config.ports) options.port_names.push_back(port.name);
  options.out_path = arguments.out;
  options.verdicts_path = arguments.verdicts;
  options.counters_path = arguments.counters;
  options.workers = static_cast<uint32_t>(config.workers.cpus.size());
  options.sizes = worker_sizes(config.limits);
  options.sizes.services = offline->service_slots;
  options.sizes.reals = offline->real_slots;
  options.seed = arguments.seed;
  const Status status = replay(options);
  return status ? kExitOk : fail(kExitFailure, status.error());
}

}  // namespace vipgate
