// Single fields of small JSON documents.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vipgate {

// The string at a JSON pointer ("/uid", RFC 6901). Nothing: not JSON, not there, or no string.
std::optional<std::string> json_string(std::string_view json, std::string_view pointer);

}  // namespace vipgate
