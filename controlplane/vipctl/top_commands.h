// The command that shows what a gateway does now, and again: top.
#pragma once

#include "controlplane/vipctl/command_set.h"

namespace vipgate {

void add_top_commands(CommandSet& commands);

}  // namespace vipgate
