// Rules for what the network knows: addresses, ports, DNS names.
#include <algorithm>
#include <charconv>

#include "controlplane/config/config_rules.h"

namespace vipgate {
namespace {

constexpr size_t kMaxLabelLength = 63;

Result<IpAddress> parse_usable_address(const YamlNode& node, AddressUse use) {
  auto text = parse_text(node, "an IPv4 or IPv6 address");
  if (!text) return Error{text.error()};
  auto address = parse_ip_address(*text);
  if (!address) {
    if (text->find('/') != std::string::npos && parse_ip_prefix(*text).ok()) {
      return Error{quote_value(*text) + " is a prefix; write an address without '/length'"};
    }
    return Error{quote_value(*text) + " is not an address; write an IPv4 or IPv6 address"};
  }
  if (const char* reason = unusable_because(*address, use)) {
    return Error{*text + " is " + reason + "; write a unicast address"};
  }
  return address;
}

// Whether the bits after the prefix length are all `bit`.
bool host_bits_are(const IpPrefix& prefix, bool bit) {
  for (int i = prefix.length; i < prefix.address.bits(); ++i) {
    const int byte = prefix.address.bytes()[static_cast<size_t>(i / 8)];
    if (((byte >> (7 - i % 8)) & 1) != (bit ? 1 : 0)) return false;
  }
  return true;
}

// The address of the network, or its last one.
IpAddress end_of(const IpPrefix& prefix, bool last) {
  std::array<uint8_t, 16> bytes = prefix.address.bytes();
  for (int i = prefix.length; i < prefix.address.bits(); ++i) {
    const auto bit = static_cast<uint8_t>(0x80 >> (i % 8));
    uint8_t& byte = bytes[static_cast<size_t>(i / 8)];
    byte = static_cast<uint8_t>(last ? byte | bit : byte & ~bit);
  }
  if (prefix.address.is_v6()) return Ipv6Address{bytes};
  Ipv4Address v4;
  std::memcpy(&v4, bytes.data(), sizeof v4);
  return v4;
}

// The prefix that a range is, or nothing.
std::optional<IpPrefix> as_prefix(const IpRange& range) {
  for (int length = 0; length <= range.first.bits(); ++length) {
    const IpPrefix prefix{range.first, length};
    if (end_of(prefix, false) == range.first && end_of(prefix, true) == range.last) return prefix;
  }
  return std::nullopt;
}

Result<IpRange> parse_ip_range(const YamlNode& node, int family) {
  const std::string wanted = family == 4 ? "first-last or a prefix, as 11.0.0.0-11.255.255.255"
                                         : "first-last or a prefix, as fd01:c::/64";
  auto text = parse_text(node, wanted);
  if (!text) return Error{text.error()};
  const size_t dash = text->find('-');
  IpRange range;
  if (dash != std::string::npos) {
    auto first = parse_ip_address(std::string_view(*text).substr(0, dash));
    auto last = parse_ip_address(std::string_view(*text).substr(dash + 1));
    if (first.ok() && last.ok()) range = {*first, *last};
  } else if (auto prefix = parse_ip_prefix(*text); prefix.ok()) {
    range = {end_of(*prefix, false), end_of(*prefix, true)};
  }
  if (range.first.family() != family || range.last.family() != family) {
    return Error{quote_value(*text) + " is not a range of IPv" + std::to_string(family) +
                 " addresses; write " + wanted};
  }
  if (range.last < range.first) {
    return Error{quote_value(*text) + " is backwards; write " + to_string(range.last) + "-" +
                 to_string(range.first)};
  }
  if (range.first == range.last) {
    return Error{quote_value(*text) + " is a single address; write " + wanted};
  }
  for (const IpAddress& end : {range.first, range.last}) {
    if (const char* reason = unusable_because(end, AddressUse::kEndpoint)) {
      return Error{to_string(end) + " is " + reason + "; write a range of unicast addresses"};
    }
  }
  return range;
}

}  // namespace

std::string dns_name_fault(std::string_view name, bool underscore) {
  if (name.size() > kMaxNameLength) {
    return "it has " + std::to_string(name.size()) + " characters; a DNS name has at most 253";
  }
  size_t begin = 0;
  while (begin <= name.size()) {
    const size_t end = std::min(name.find('.', begin), name.size());
    const std::string_view label = name.substr(begin, end - begin);
    if (label.empty()) return "a label is empty; put characters between the dots";
    if (label.size() > kMaxLabelLength) {
      return "the label '" + std::string(label.substr(0, 16)) + "…' has " +
             std::to_string(label.size()) + " characters; a label has at most 63";
    }
    for (char c : label) {
      if (c >= 'A' && c <= 'Z') return "upper case; write it in lower case (DNS ignores case)";
      const bool good =
          (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (underscore && c == '_');
      if (!good) return "a character that DNS names do not have; write a-z, 0-9, - and dots";
    }
    if (label.front() == '-' || label.back() == '-') {
      return "a label begins or ends with a hyphen; remove it";
    }
    begin = end + 1;
  }
  return "";
}

const char* unusable_because(const IpAddress& address, AddressUse use) {
  const auto& bytes = address.bytes();
  if (address.is_v4()) {
    if (bytes[0] == 0) return "an unspecified address (0.0.0.0/8)";
    if (bytes[0] == 127) return "a loopback address";
    if (bytes[0] >= 224 && bytes[0] <= 239) return "a multicast address";
    if (std::all_of(bytes.begin(), bytes.begin() + 4, [](uint8_t b) { return b == 255; })) {
      return "the broadcast address";
    }
    return nullptr;
  }
  if (bytes[0] == 0xff) return "a multicast address";
  if (std::all_of(bytes.begin(), bytes.begin() + 15, [](uint8_t b) { return b == 0; })) {
    if (bytes[15] == 0) return "the unspecified address";
    if (bytes[15] == 1) return "the loopback address";
  }
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(kMapped, kMapped + 12, bytes.begin())) {
    return "an IPv4-mapped address, which never appears on the wire";
  }
  if (use == AddressUse::kEndpoint && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) {
    return "a link-local address, which is not routed";
  }
  return nullptr;
}

Rule<IpAddress> address_rule(AddressUse use) {
  return {{KeyType::kText, {}, {}, {}},
          [use](const YamlNode& node) { return parse_usable_address(node, use); },
          [](const IpAddress& value) { return to_string(value); }};
}

Rule<IpPrefix> interface_address_rule() {
  return {{KeyType::kText, {}, {}, {}},
          [](const YamlNode& node) -> Result<IpPrefix> {
            constexpr const char* kWanted = "an address with a prefix length, as 10.9.0.2/24";
            auto text = parse_text(node, kWanted);
            if (!text) return Error{text.error()};
            auto prefix = parse_ip_prefix(*text);
            if (!prefix) {
              return Error{quote_value(*text) + " is not an address; write " + kWanted};
            }
            if (const char* reason = unusable_because(prefix->address, AddressUse::kNextHop)) {
              return Error{*text + " is " + reason + "; write a unicast address"};
            }
            const bool has_network = prefix->length < prefix->address.bits() - 1;
            if (has_network && host_bits_are(*prefix, false)) {
              return Error{*text + " is the network itself; write an address in it"};
            }
            if (has_network && prefix->address.is_v4() && host_bits_are(*prefix, true)) {
              return Error{*text + " is the network's broadcast address; write another"};
            }
            return prefix;
          },
          [](const IpPrefix& value) { return to_string(value); }};
}

Rule<IpPrefix> prefix_rule() {
  return {{KeyType::kText, {}, {}, {}},
          [](const YamlNode& node) -> Result<IpPrefix> {
            constexpr const char* kWanted = "a prefix, as 10.20.0.0/16";
            auto text = parse_text(node, kWanted);
            if (!text) return Error{text.error()};
            auto prefix = parse_ip_prefix(*text);
            if (!prefix) return Error{quote_value(*text) + " is not a prefix; write " + kWanted};
            if (const char* reason = unusable_because(prefix->address, AddressUse::kEndpoint)) {
              return Error{*text + " is " + reason + "; write a prefix of unicast addresses"};
            }
            const IpPrefix network{end_of(*prefix, false), prefix->length};
            if (network != *prefix) {
              return Error{*text + " has bits behind its length; write " + to_string(network)};
            }
            return prefix;
          },
          [](const IpPrefix& value) { return to_string(value); }};
}

Rule<IpPrefix> prefix_rule(int family) {
  Rule<IpPrefix> rule = prefix_rule();
  rule.parse = [family, any = rule.parse](const YamlNode& node) -> Result<IpPrefix> {
    auto prefix = any(node);
    if (prefix && prefix->address.family() != family) {
      return Error{to_string(*prefix) + " is of the other family; write an IPv" +
                   std::to_string(family) + " prefix or address"};
    }
    return prefix;
  };
  return rule;
}

Rule<IpRange> ip_range_rule(int family) {
  return {{KeyType::kText, {}, {}, {}},
          [family](const YamlNode& node) { return parse_ip_range(node, family); },
          [](const IpRange& value) {
            // The size of an IPv4 range matters to the allocation: both ends are shown.
            const auto prefix = value.first.is_v6() ? as_prefix(value) : std::nullopt;
            return prefix ? to_string(*prefix)
                          : to_string(value.first) + "-" + to_string(value.last);
          }};
}

Rule<MacAddress> mac_rule() {
  return {{KeyType::kText, {}, {}, {}},
          [](const YamlNode& node) -> Result<MacAddress> {
            constexpr const char* kWanted = "six pairs of hex digits, as 02:00:00:00:00:01";
            auto text = parse_text(node, kWanted);
            if (!text) return Error{text.error()};
            auto mac = parse_mac_address(*text);
            if (!mac) {
              return Error{quote_value(*text) + " is not a MAC address; write " + kWanted};
            }
            if (mac->is_multicast() || *mac == MacAddress{}) {
              return Error{*text + " is not the address of one station; write a unicast address"};
            }
            return mac;
          },
          [](const MacAddress& value) { return to_string(value); }};
}

Rule<PortRange> port_range_rule() {
  return {
      {KeyType::kText, {}, {}, {}},
      [](const YamlNode& node) -> Result<PortRange> {
        constexpr const char* kWanted = "write first-last, as 1024-65535";
        auto text = parse_text(node, "first-last, as 1024-65535");
        if (!text) return Error{text.error()};
        const auto number = [](std::string_view part) -> int64_t {
          int64_t value = 0;
          const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
          const bool good = error == std::errc() && end == part.data() + part.size() &&
                            !part.empty() && part[0] != '0' && part[0] != '-';
          return good && value <= 65535 ? value : 0;
        };
        const size_t dash = text->find('-');
        const std::string_view view = *text;
        const int64_t first = number(view.substr(0, std::min(dash, view.size())));
        const int64_t last = dash < view.size() ? number(view.substr(dash + 1)) : 0;
        if (first == 0 || last == 0) {
          return Error{quote_value(*text) + " is not a range of ports from 1 to 65535; " + kWanted};
        }
        if (first > last) {
          return Error{quote_value(*text) + " is backwards; write " + std::to_string(last) + "-" +
                       std::to_string(first)};
        }
        return PortRange{static_cast<uint16_t>(first), static_cast<uint16_t>(last)};
      },
      [](const PortRange& value) {
        return std::to_string(value.first) + "-" + std::to_string(value.last);
      }};
}

Rule<std::string> dns_name_rule() {
  return {{KeyType::kText, {}, {}, {}},
          [](const YamlNode& node) -> Result<std::string> {
            auto text = parse_text(node, "a DNS name");
            if (!text) return Error{text.error()};
            if (text->size() > 1 && text->back() == '.') {
              return Error{quote_value(*text) + " ends with a dot; write it without"};
            }
            const std::string fault = dns_name_fault(*text, false);
            if (!fault.empty()) return Error{quote_value(*text) + ": " + fault};
            return text;
          },
          [](const std::string& value) { return value; }};
}

Rule<std::string> absolute_dns_name_rule() {
  return {{KeyType::kText, {}, {}, {}},
          [](const YamlNode& node) -> Result<std::string> {
            auto text = parse_text(node, "a DNS name");
            if (!text) return Error{text.error()};
            std::string name = *text;
            if (name.size() > 1 && name.back() == '.') name.pop_back();
            const std::string fault = dns_name_fault(name, true);
            if (!fault.empty()) return Error{quote_value(*text) + ": " + fault};
            return name + ".";
          },
          [](const std::string& value) { return value; }};
}

}  // namespace vipgate
