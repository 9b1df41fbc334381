// An address with a port, as text has it.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

#include "common/addresses.h"
#include "common/result.h"

namespace vipgate {

struct AddressAndPort {
  IpAddress address;
  uint16_t port = 0;
  friend bool operator==(const AddressAndPort&, const AddressAndPort&) = default;
  friend auto operator<=>(const AddressAndPort&, const AddressAndPort&) = default;
};

// "127.0.0.1:8080", "[::1]:8080" (RFC 3986 3.2.2); a port is 1-65535.
Result<AddressAndPort> parse_address_and_port(std::string_view text);

}  // namespace vipgate
