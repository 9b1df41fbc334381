// Commands that take reals out, and give them back: drain, undrain, drains.
#pragma once

#include "controlplane/vipctl/command_set.h"

namespace vipgate {

void add_drain_commands(CommandSet& commands);

}  // namespace vipgate
