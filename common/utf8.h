// UTF-8, for what is read (configuration) and what is written (JSON).
#pragma once

#include <cstddef>
#include <string_view>

namespace vipgate {

// Length of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none (Unicode
// 15.0, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).
// REQUIRES: `text` is not empty.
[[nodiscard]] size_t utf8_length(std::string_view text);

}  // namespace vipgate
