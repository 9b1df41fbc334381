#include "controlplane/offline/explain_command.h"

#include "controlplane/exit_status.h"
#include "controlplane/offline/compile_command.h"
#include "dataplane/explain.h"

namespace vipgate {
namespace {

constexpr MacAddress kNextHop{{2, 0, 0, 0, 0, 0xfe}};

}  // namespace

int explain_command(const Config& config, const ExplainArguments& arguments) {
  if (config.ports.empty()) {
    return fail(kExitBadConfiguration,
                config.file + ": there are no ports that a packet could come by; add `ports`");
  }
  ExplainOptions options;
  for (const PortConfig& known : config.ports) options.port_names.push_back(known.name);
  const auto packet = read_explain_question(arguments.packet, options.port_names);
  if (!packet) return fail(kExitBadConfiguration, packet.error());
  const auto offline = compile_offline(config, kNextHop);
  if (!offline) return fail(kExitBadConfiguration, config.file + ": " + offline.error());
  options.snapshot = offline->snapshot;
  options.workers = static_cast<uint32_t>(config.workers.cpus.size());
  options.services = offline->service_slots;
  options.reals = offline->real_slots;
  options.seed = arguments.seed;
  options.packet = *packet;
  return print(explanation_text(explain(options)));
}

}  // namespace vipgate
