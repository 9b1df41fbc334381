// The command that follows what happens: watch, also called events.
#pragma once

#include "controlplane/vipctl/command_set.h"

namespace vipgate {

void add_event_commands(CommandSet& commands);

}  // namespace vipgate
