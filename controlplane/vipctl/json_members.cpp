#include "controlplane/vipctl/json_members.h"

namespace vipgate {

using web::json::value;

namespace {

std::string printable(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet >= ' ' && octet != 0x7f) {
      safe += c;
    } else {
      constexpr char kDigits[] = "0123456789abcdef";
      safe.append("\\x").append(1, kDigits[octet >> 4]).append(1, kDigits[octet & 15]);
    }
  }
  return safe;
}

}  // namespace

std::string string_of(const value& object, const char* name) {
  if (!object.has_field(name)) return "";
  const value& member = object.at(name);
  if (member.is_string()) return printable(member.as_string());
  return member.is_null() ? "" : member.serialize();
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
