#include "controlplane/vipctl/json_members.h"

#include <algorithm>
#include <charconv>

namespace vipgate {

using web::json::value;

std::string printable(std::string_view text) {
  std::string safe;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009f are controls, too, and some terminals do what they say.
    const bool is_high_control = octet == 0xc2 && i + 1 < text.size() &&
                                 static_cast<unsigned char>(text[i + 1]) >= 0x80 &&
                                 static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (octet >= ' ' && octet != 0x7f && !is_high_control) {
      safe += text[i];
      continue;
    }
    constexpr char kDigits[] = "0123456789abcdef";
    const auto code = is_high_control ? static_cast<unsigned char>(text[++i]) : octet;
    safe.append("\\x").append(1, kDigits[code >> 4]).append(1, kDigits[code & 15]);
  }
  return safe;
}

std::string printable_lines(std::string_view text) {
  std::string safe;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    safe += (start == 0 ? "" : "\n") + printable(text.substr(start, end - start));
    start = end + 1;
  }
  return safe;
}

std::string scalar_text(const value& scalar) {
  if (!scalar.is_double()) return scalar.serialize();
  char text[400];  // the longest has 309 digits before its point
  const auto end =
      std::to_chars(text, text + sizeof text, scalar.as_double(), std::chars_format::fixed).ptr;
  return {text, end};
}

std::string string_of(const value& object, const char* name) {
  if (!object.has_field(name)) return "";
  const value& member = object.at(name);
  if (member.is_string()) return printable(member.as_string());
  return member.is_null() ? "" : scalar_text(member);
}

uint64_t number_of(const value& object, const std::string& name) {
  return object.has_number_field(name) ? object.at(name).as_number().to_uint64() : 0;
}

double decimal_of(const value& object, const std::string& name) {
  return object.has_number_field(name) ? object.at(name).as_number().to_double() : 0;
}

const web::json::array& array_of(const value& object, const char* name) {
  static const value kEmpty = value::array();
  return (object.has_array_field(name) ? object.at(name) : kEmpty).as_array();
}

}  // namespace vipgate
