// What characters of ASCII are, whatever the locale says.
#pragma once

namespace vipgate {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace vipgate
