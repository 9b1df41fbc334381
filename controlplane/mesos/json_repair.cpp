#include "controlplane/mesos/json_repair.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "common/utf8.h"

namespace vipgate {
namespace {

bool is_of_number(char octet) {
  return (octet >= '0' && octet <= '9') || octet == '-' || octet == '+' || octet == '.' ||
         octet == 'e' || octet == 'E';
}

bool is_huge(std::string_view number) {
  const size_t exponent = number.find_first_of("eE");
  const auto digits = [](std::string_view text) {
    return std::count_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (exponent == std::string_view::npos) return digits(number) > 18;
  return digits(number.substr(0, exponent)) > 18 || digits(number.substr(exponent)) > 2;
}

}  // namespace

bool repair_json(std::string& json) {
  bool is_changed = false;
  bool is_in_text = false;
  size_t at = 0;
  while (at < json.size()) {
    const char octet = json[at];
    if (static_cast<unsigned char>(octet) >= 0x80) {
      const size_t length = utf8_length(std::string_view(json).substr(at));
      if (length == 0) {
        json[at] = '?';
        is_changed = true;
      }
      at += std::max<size_t>(length, 1);
    } else if (is_in_text) {
      is_in_text = octet != '"';
      at += octet == '\\' ? 2 : 1;
      // The second octet of an escape is never part of a longer sequence worth keeping.
      if (octet == '\\' && at <= json.size() && static_cast<unsigned char>(json[at - 1]) >= 0x80) {
        --at;
      }
    } else if (octet == '-' || (octet >= '0' && octet <= '9')) {
      size_t end = at;
      while (end < json.size() && is_of_number(json[end])) ++end;
      if (is_huge(std::string_view(json).substr(at, end - at))) {
        // At least five octets: there is room.
        std::memset(&json[at], ' ', end - at);
        std::memcpy(&json[at], "null", 4);
        is_changed = true;
      }
      at = end;
    } else {
      is_in_text = octet == '"';
      ++at;
    }
  }
  return is_changed;
}

}  // namespace vipgate
