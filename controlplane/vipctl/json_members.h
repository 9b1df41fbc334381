// Members of the API's answers, for views that can do without one.
#pragma once

#include <cpprest/json.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace vipgate {

// Control characters are written out ("\\x1b"): names come from tasks, and a terminal would do what
// they say.
std::string printable(std::string_view text);
// The same for a text of several lines.
std::string printable_lines(std::string_view text);

// A number in the fewest digits that tell it, and no exponent; what else is no text, as JSON.
std::string scalar_text(const web::json::value& scalar);
// As printable text, numbers and the like as they stand; empty: there is none, or null.
std::string string_of(const web::json::value& object, const char* name);
// 0: there is none.
uint64_t number_of(const web::json::value& object, const std::string& name);
double decimal_of(const web::json::value& object, const std::string& name);
// Empty: there is none. It lives as long as the object.
const web::json::array& array_of(const web::json::value& object, const char* name);

}  // namespace vipgate
