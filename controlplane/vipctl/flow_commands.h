// The command that lists tracked flows: flows.
#pragma once

#include "controlplane/vipctl/command_set.h"

namespace vipgate {

void add_flow_commands(CommandSet& commands);

}  // namespace vipgate
