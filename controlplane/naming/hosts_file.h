// The names that the machine knows by itself: /etc/hosts, read once.
#pragma once

#include <string>

#include "controlplane/naming/vip_backends.h"

namespace vipgate {

// Names in any case. A file that cannot be read has none; so has a line that is none.
HostLookup read_hosts_file(const std::string& file);

}  // namespace vipgate
