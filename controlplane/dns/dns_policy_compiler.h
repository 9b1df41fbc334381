// What the options of `dns` mean for the responder.
#pragma once

#include <set>

#include "common/dns_policy.h"
#include "controlplane/config/config.h"
#include "controlplane/model/model.h"

namespace vipgate {

[[nodiscard]] DnsPolicy dns_policy_of(const Config& config);

// Has those of each list left out that are down, as long as another one of the list is not.
void leave_out(DnsForwarding& forwarding, const std::set<RealKey>& down);

}  // namespace vipgate
