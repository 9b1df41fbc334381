// The zones of PTR records. A server that claims a reverse zone answers NXDOMAIN for every address
// in it that it does not know, so a zone here never holds an address that is not ours: a range is
// cut into the largest zones that lie wholly within it, on octets for IPv4 (11.0.0.0-11.255.255.255
// is 11.in-addr.arpa) and on nibbles for IPv6, down to zones of one address. A delegation from the
// parent zone (RFC 2317 is not needed: the cuts are whole labels) points at exactly these.
#pragma once

#include <string>
#include <vector>

#include "common/addresses.h"
#include "common/result.h"
#include "controlplane/config/config.h"

namespace vipgate {

// The table has 255 zones at the most, and a look-up of an unknown name passes all of them.
inline constexpr size_t kMaxReverseZones = 128;

// Folded wire names that cover exactly the ranges' addresses, each once, sorted. An error: these
// would be more than kMaxReverseZones.
Result<std::vector<std::string>> reverse_zones(std::vector<IpRange> ranges);

// Where VIPs may lie by the configuration: the ranges of named VIPs, and the addresses of services
// in the file. Empty without `dns.ptr`.
std::vector<IpRange> ptr_ranges(const Config& config);

}  // namespace vipgate
