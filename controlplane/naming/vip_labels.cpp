#include "controlplane/naming/vip_labels.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "controlplane/naming/label_cleaning.h"

namespace vipgate {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return result;
}

// Digits only; nothing beyond `limit`.
std::optional<uint32_t> parse_number(std::string_view digits, uint32_t limit) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number > limit) {
    return std::nullopt;
  }
  return number;
}

// One plus sign is allowed, as Erlang's integers have it.
std::optional<uint16_t> parse_vip_port(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto number = parse_number(text, std::numeric_limits<uint16_t>::max());
  if (!number || *number == 0) return std::nullopt;
  return static_cast<uint16_t>(*number);
}

std::optional<IpAddress> parse_vip_address(std::string_view what) {
  const bool bracketed = what.starts_with('[') && what.ends_with(']');
  if (bracketed) what = what.substr(1, what.size() - 2);
  auto address = parse_ip_address(what);
  if (!address || (bracketed && !address->is_v6())) return std::nullopt;
  return *address;
}

}  // namespace

Result<VipTarget> parse_vip_value(std::string_view value) {
  const size_t colon = value.rfind(':');
  if (colon == std::string_view::npos) {
    return Error{"it has no port: write <name or address>:<port>"};
  }
  const std::string_view what = value.substr(0, colon);
  const auto port = parse_vip_port(value.substr(colon + 1));
  if (!port) return Error{"what follows the last colon is no port from 1 to 65535"};
  VipTarget target;
  target.port = *port;
  if (const auto address = parse_vip_address(what)) {
    target.address = *address;
    return target;
  }
  target.name = clean_vip_name(what);
  if (target.name.empty()) {
    return Error{"no letter or digit is left of its name, so there is nothing to ask DNS for"};
  }
  if (const char* fault = dns_name_fault(target.name); fault != nullptr) {
    return Error{"its name becomes '" + target.name + "', which is none: " + fault};
  }
  return target;
}

bool is_vip_key(std::string_view key) { return key.starts_with("VIP") || key.starts_with("vip"); }

std::optional<Result<TaskVipLabel>> parse_task_vip_label(const MesosLabel& label) {
  constexpr std::string_view kPrefix = "vip_port";
  if (label.key.size() <= kPrefix.size()) return std::nullopt;
  const std::string key = lower(label.key);
  if (!key.starts_with(kPrefix)) return std::nullopt;
  const auto index = parse_number(std::string_view(key).substr(kPrefix.size()),
                                  std::numeric_limits<uint16_t>::max());
  if (!index) return std::nullopt;

  TaskVipLabel result;
  result.port_index = *index;
  std::string_view value = label.value;
  if (value.starts_with("tcp://")) {
    result.protocol = Protocol::kTcp;
  } else if (value.starts_with("udp://")) {
    result.protocol = Protocol::kUdp;
  } else {
    return Error{"it begins with neither tcp:// nor udp://"};
  }
  auto target = parse_vip_value(value.substr(6));
  if (!target) return Error{target.error()};
  result.target = std::move(*target);
  return result;
}

std::optional<Protocol> parse_vip_protocol(std::string_view text) {
  const std::string name = lower(text);
  if (name == "tcp") return Protocol::kTcp;
  if (name == "udp") return Protocol::kUdp;
  return std::nullopt;
}

}  // namespace vipgate
