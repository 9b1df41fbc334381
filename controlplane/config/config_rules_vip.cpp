// Rules for what a service is reached by: its VIP and its ports.
#include "controlplane/config/config_rules.h"

namespace vipgate {
namespace {

// Wider prefixes would take what is none of a cluster's.
constexpr int kMinLength4 = 8;
constexpr int kMinLength6 = 16;

Result<IpPrefix> parse_vip(const YamlNode& node) {
  static const auto kAddress = address_rule(AddressUse::kEndpoint);
  static const auto kPrefix = prefix_rule();
  if (node.kind != YamlNode::Kind::kScalar || node.scalar.find('/') == std::string::npos) {
    auto address = kAddress.parse(node);
    if (!address) return Error{address.error() + ", or auto"};
    return IpPrefix{*address, address->bits()};
  }
  auto prefix = kPrefix.parse(node);
  if (!prefix) return prefix;
  const int least = prefix->address.is_v4() ? kMinLength4 : kMinLength6;
  if (prefix->length < least) {
    return Error{node.scalar + " holds too many addresses; write a prefix of length " +
                 std::to_string(least) + " or more"};
  }
  return prefix;
}

Result<ServicePorts> parse_ports(const YamlNode& node) {
  static const auto kRange = port_range_rule();
  const bool is_scalar = node.kind == YamlNode::Kind::kScalar;
  if (is_scalar && (node.scalar == "any" || (node.scalar == "0" && !node.quoted))) {
    return ServicePorts{0, kLastPort};
  }
  if (is_scalar && node.scalar.find('-', 1) != std::string::npos) {
    auto range = kRange.parse(node);
    if (!range) return Error{range.error()};
    if (range->first == range->last) {
      return Error{quote_value(node.scalar) + " is a single port; write " +
                   std::to_string(range->first)};
    }
    return ServicePorts{range->first, range->last};
  }
  auto number = parse_integer(node, 1, 65535);
  if (!number) return Error{number.error() + ", a range, as 8000-8999, or any"};
  return ServicePorts{static_cast<uint16_t>(*number), 0};
}

}  // namespace

const Rule<std::optional<IpPrefix>>& vip_rule() {
  static const Rule<std::optional<IpPrefix>> kRule = {
      {KeyType::kText, {}, {}, {}},
      [](const YamlNode& node) -> Result<std::optional<IpPrefix>> {
        if (node.kind == YamlNode::Kind::kScalar && node.scalar == "auto") return {std::nullopt};
        auto vip = parse_vip(node);
        if (!vip) return Error{vip.error()};
        return std::optional<IpPrefix>(*vip);
      },
      [](const std::optional<IpPrefix>& value) -> std::string {
        if (!value) return "auto";
        return value->length == value->address.bits() ? to_string(value->address)
                                                      : to_string(*value);
      }};
  return kRule;
}

const Rule<ServicePorts>& service_ports_rule() {
  static const Rule<ServicePorts> kRule = {{KeyType::kTextOrInteger, {}, {}, {}},
                                           parse_ports,
                                           [](const ServicePorts& value) -> std::string {
                                             if (value.last == 0)
                                               return std::to_string(value.first);
                                             if (value.first == 0 && value.last == kLastPort)
                                               return "any";
                                             return std::to_string(value.first) + "-" +
                                                    std::to_string(value.last);
                                           }};
  return kRule;
}

}  // namespace vipgate
