// What rtnetlink(7) says of a route, in our words.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "controlplane/network/route_table.h"

struct nlmsghdr;

namespace vipgate {

// Ports of ours by the kernel's number of their interface.
using PortByInterface = std::map<int, uint8_t>;

// Of RTM_NEWROUTE and RTM_DELROUTE. Nothing: it is no route of the main table that packets of every
// source and class take.
[[nodiscard]] std::optional<RouteEvent> read_route(nlmsghdr* message, const PortByInterface& ports);

}  // namespace vipgate
