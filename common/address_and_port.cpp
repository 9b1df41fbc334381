#include "common/address_and_port.h"

#include <charconv>
#include <string>

namespace vipgate {

Result<AddressAndPort> parse_address_and_port(std::string_view text) {
  const Error wrong{"'" + std::string(text) +
                    "' is no address and port; write 127.0.0.1:8080 or [::1]:8080"};
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong;
  std::string_view host = text.substr(0, colon);
  const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  const auto address = parse_ip_address(host);
  const std::string_view digits = text.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const bool is_port = error == std::errc() && end == digits.data() + digits.size() && port != 0 &&
                       digits.front() != '0';
  if (!address || !is_port || address->is_v4() == is_bracketed) return wrong;
  return AddressAndPort{*address, port};
}

}  // namespace vipgate
