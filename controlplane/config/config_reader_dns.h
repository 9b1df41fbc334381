// The section `dns`: the responder's addresses, zones and rules.
#pragma once

#include "controlplane/config/config_section.h"

namespace vipgate {

void read_dns(Section& s, DnsConfig& dns);

}  // namespace vipgate
