// JSON strings, for outputs that are written line by line.
#pragma once

#include <string>
#include <string_view>

namespace vipgate {

// `text` as a JSON string with its quotes (RFC 8259 7). UTF-8 passes; bytes that are not UTF-8
// become U+FFFD, so that the output is always valid.
[[nodiscard]] std::string json_quote(std::string_view text);

// With so many decimals.
[[nodiscard]] std::string json_number(double value, int decimals);

}  // namespace vipgate
