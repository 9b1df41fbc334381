// Commands for what becomes of packets: explain, trace, capture.
#pragma once

#include "controlplane/vipctl/command_set.h"

namespace vipgate {

void add_watch_commands(CommandSet& commands);

}  // namespace vipgate
