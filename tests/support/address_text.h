// Addresses as tests write them.
#pragma once

#include <stdexcept>
#include <string_view>

#include "common/addresses.h"
#include "common/result.h"

namespace vipgate::test {

template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw std::invalid_argument(result.error());
  return *result;
}

inline IpAddress ip(std::string_view text) { return value_or_throw(parse_ip_address(text)); }
inline MacAddress mac(std::string_view text) { return value_or_throw(parse_mac_address(text)); }

}  // namespace vipgate::test
