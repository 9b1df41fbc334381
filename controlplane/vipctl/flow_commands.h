// `vipctl flows`: which tracked flows a running gateway has.
#pragma once

#include "controlplane/vipctl/command_set.h"

namespace vipgate {

void add_flow_commands(CommandSet& commands);

}  // namespace vipgate
