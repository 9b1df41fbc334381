// What the DNS responder says of itself and signs cookies with, as it stands in the configuration.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "common/siphash.h"

namespace vipgate {

// The octets of an NSID option: those of the text, or of the hex digits behind "0x"; at most 128.
[[nodiscard]] Result<std::string> dns_nsid_octets(std::string_view text);

// Secrets of server cookies, newest first: a line of 32 hex digits each, at most four; empty lines
// and those that begin with '#' are left out. The errors name the file, and the line if there is
// one.
[[nodiscard]] Result<std::vector<SipKey>> read_cookie_secrets(const std::string& path);

}  // namespace vipgate
