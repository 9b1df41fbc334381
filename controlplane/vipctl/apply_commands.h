// Commands for the services that the API made: export, apply.
#pragma once

#include "controlplane/vipctl/command_set.h"

namespace vipgate {

void add_apply_commands(CommandSet& commands);

}  // namespace vipgate
