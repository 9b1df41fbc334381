// Services as JSON, for `compile --services` and for the API.
#pragma once

#include <string>

#include "controlplane/config/config.h"
#include "controlplane/model/model.h"

namespace vipgate {

std::string_view to_string(Origin origin);

// An address, or a prefix.
std::string vip_text(const ServiceConfig& service);

// The members from "name" to "origin", without braces. `fqdn`: without the final dot; empty: it has
// none.
std::string service_members(const ServiceConfig& service, const std::string& fqdn);

// {"address":…,"port":…,"weight":…,"state":…}
std::string real_text(const IpAddress& address, uint16_t port, uint32_t weight, RealState state);

}  // namespace vipgate
