// JSON Web Tokens as DC/OS' identity service wants them (RFC 7519, signed by RS256: RFC 7518 3.3).
// The only wrapper of OpenSSL's keys in this room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace vipgate {

// {"uid": uid, "exp": expires_s}, signed. `expires_s` in seconds since 1970. An error says what is
// wrong with the key, not what it is.
Result<std::string> make_login_token(std::string_view uid, int64_t expires_s,
                                     std::string_view private_key_pem);

// RFC 4648 4, with padding.
std::string base64(std::string_view bytes);

}  // namespace vipgate
