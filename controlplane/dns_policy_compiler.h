// What the options of `dns` mean for the responder.
#pragma once

#include "common/dns_policy.h"
#include "controlplane/config.h"

namespace vipgate {

[[nodiscard]] DnsPolicy dns_policy_of(const Config& config);

}  // namespace vipgate
