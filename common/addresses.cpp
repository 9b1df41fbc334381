#include "common/addresses.h"

#include <arpa/inet.h>

#include <charconv>

namespace vipgate {
namespace {

// A decimal number without sign, blanks or leading zeros. Returns -1 when it is not one or exceeds
// `max`.
int parse_decimal(std::string_view text, int max) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return -1;
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text[0] == '-') return -1;
  return value <= max ? value : -1;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<IpAddress> parse_ip_address(std::string_view text) {
  const std::string copy(text);
  if (text.find(':') != std::string_view::npos) {
    Ipv6Address v6;
    if (inet_pton(AF_INET6, copy.c_str(), v6.bytes.data()) == 1) return IpAddress(v6);
  } else {
    Ipv4Address v4;
    // inet_pton refuses leading zeros and short forms.
    if (inet_pton(AF_INET, copy.c_str(), &v4) == 1) return IpAddress(v4);
  }
  return Error{"'" + copy + "' is not an IPv4 or IPv6 address"};
}

Result<IpPrefix> parse_ip_prefix(std::string_view text) {
  const size_t slash = text.find('/');
  auto address = parse_ip_address(text.substr(0, slash));
  if (!address) return Error{address.error()};
  if (slash == std::string_view::npos) return IpPrefix{*address, address->bits()};
  const int length = parse_decimal(text.substr(slash + 1), address->bits());
  if (length < 0) {
    return Error{"'" + std::string(text) + "' has a bad prefix length: 0 to " +
                 std::to_string(address->bits()) + " is right"};
  }
  return IpPrefix{*address, length};
}

Result<MacAddress> parse_mac_address(std::string_view text) {
  const Error error{"'" + std::string(text) + "' is not a MAC address such as 02:00:00:00:00:fe"};
  if (text.size() != 17) return error;
  MacAddress mac;
  for (size_t i = 0; i < 6; ++i) {
    const int high = hex_digit(text[i * 3]);
    const int low = hex_digit(text[i * 3 + 1]);
    if (high < 0 || low < 0 || (i < 5 && text[i * 3 + 2] != ':')) return error;
    mac.bytes[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return mac;
}

std::string to_string(const IpAddress& address) {
  if (address.family() == 0) return "none";
  char text[INET6_ADDRSTRLEN];
  inet_ntop(address.is_v4() ? AF_INET : AF_INET6, address.bytes().data(), text, sizeof text);
  return text;
}

std::string to_string(const IpPrefix& prefix) {
  return to_string(prefix.address) + "/" + std::to_string(prefix.length);
}

std::string to_string(const MacAddress& mac) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : mac.bytes) {
    if (!text.empty()) text += ':';
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string endpoint_to_string(const IpAddress& address, uint16_t port) {
  const std::string host = address.is_v6() ? "[" + to_string(address) + "]" : to_string(address);
  return host + ":" + std::to_string(port);
}

}  // namespace vipgate
