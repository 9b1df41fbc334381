// Commands that only look: status, services, reals, workers, ports, sources, dns.
#pragma once

#include "controlplane/vipctl/command_set.h"

namespace vipgate {

void add_view_commands(CommandSet& commands);

}  // namespace vipgate
