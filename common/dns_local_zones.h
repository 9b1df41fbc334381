// The reverse zones of addresses that mean something only where they are used: private, loopback,
// link-local, documentation (RFC 6303 4, RFC 7793 3). Nobody outside can say anything of them.
#pragma once

#include <string_view>

namespace vipgate {

// Which of these zones holds the name; empty: none. `name`: a folded wire name.
std::string_view dns_local_zone(std::string_view name);

}  // namespace vipgate
