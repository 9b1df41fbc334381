// The command that examines this machine: doctor.
#pragma once

#include "controlplane/vipctl/command_set.h"

namespace vipgate {

void add_doctor_commands(CommandSet& commands);

}  // namespace vipgate
