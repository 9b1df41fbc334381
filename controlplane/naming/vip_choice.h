// Which address of a range a VIP's name wants: a function of the name alone, so that gateways agree
// without talking (spec: named VIPs 3).
#pragma once

#include <cstdint>
#include <string_view>

#include "common/addresses.h"
#include "controlplane/config/config.h"

namespace vipgate {

// Jenkins' lookup2 as Erlang's phash2 uses it on a binary.
uint32_t phash2(std::string_view octets);

// IPv4 by phash2, IPv6 by SHA-1; the modulus is the range's last address minus its first, as
// upstream: the last one is never the first choice. REQUIRES: the range is of a family.
IpAddress first_choice(const IpRange& range, std::string_view name);
// The address to try when this one is taken: after the last of the range comes its first.
// REQUIRES: `address` lies in the range.
IpAddress next_choice(const IpRange& range, const IpAddress& address);

}  // namespace vipgate
