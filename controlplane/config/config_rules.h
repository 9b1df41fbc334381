// What a single value of the configuration may be: one Rule per kind of value. The reader parses
// with it, and config_keys() describes the key from the same object.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/addresses.h"
#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/config/yaml_reader.h"

namespace vipgate {

enum class KeyType : uint8_t {
  kMap,
  kList,
  kText,
  kInteger,
  kBoolean,
  kChoice,         // one of `words`
  kAutoOrInteger,  // the word auto, or a number from `min` to `max`
  kTextOrInteger,  // a text that may be a bare number
  kChoiceOrMap,    // one of `words`, or a map
};

// What is known about the values of one key, apart from its name.
struct ValueInfo {
  KeyType type = KeyType::kText;
  std::optional<int64_t> min;  // of a list: the least number of items
  std::optional<int64_t> max;
  std::vector<std::string> words;
};

template <class T>
struct Rule {
  ValueInfo info;
  // The error is "what is wrong; what would be right", without the key's name.
  std::function<Result<T>(const YamlNode&)> parse;
  // As one would write it in the file.
  std::function<std::string(const T&)> print;
};

template <class E>
using Words = std::vector<std::pair<std::string, E>>;

// The text in quotes for a message of one line: cut when long, control characters replaced.
std::string quote_value(std::string_view text);

// Decimal only, without sign (but '-' is understood, to say what the range is) and leading zeros.
Result<int64_t> parse_integer(const YamlNode& node, int64_t min, int64_t max);

// A scalar's text, or what should stand there instead: `wanted` completes "write …".
Result<std::string> parse_text(const YamlNode& node, std::string_view wanted);

// The index of the scalar in `words`, or an error that lists them.
Result<size_t> parse_word(const YamlNode& node, const std::vector<std::string>& words);

template <class T>
Rule<T> integer_rule(int64_t min, int64_t max) {
  return {{KeyType::kInteger, min, max, {}},
          [min, max](const YamlNode& node) -> Result<T> {
            auto number = parse_integer(node, min, max);
            if (!number) return Error{number.error()};
            return static_cast<T>(*number);
          },
          [](const T& value) { return std::to_string(value); }};
}

template <class E>
Rule<E> choice_rule(const Words<E>& choices) {
  std::vector<std::string> words;
  for (const auto& choice : choices) words.push_back(choice.first);
  return {{KeyType::kChoice, {}, {}, words},
          [choices, words](const YamlNode& node) -> Result<E> {
            auto index = parse_word(node, words);
            if (!index) return Error{index.error()};
            return choices[*index].second;
          },
          [choices](const E& value) {
            for (const auto& [word, meaning] : choices) {
              if (meaning == value) return word;
            }
            return std::string();
          }};
}

Rule<bool> boolean_rule();
// `auto` becomes `meaning`.
template <class T = uint16_t>
Rule<T> auto_or_integer_rule(int64_t min, int64_t max, T meaning = T{0}) {
  return {{KeyType::kAutoOrInteger, min, max, {"auto"}},
          [min, max, meaning](const YamlNode& node) -> Result<T> {
            if (node.kind == YamlNode::Kind::kScalar && node.scalar == "auto") return meaning;
            auto number = parse_integer(node, min, max);
            if (!number) return Error{number.error() + ", or auto"};
            return static_cast<T>(*number);
          },
          [meaning](const T& value) { return value == meaning ? "auto" : std::to_string(value); }};
}

// Any text that is not empty and has no control characters. `wanted` completes "write …".
Rule<std::string> text_rule(const std::string& wanted);
// The same, or "" for none.
Rule<std::string> optional_text_rule(const std::string& wanted);
// What `check` finds wrong with a text, without its key's name, as an error; empty: it is good.
Rule<std::string> checked_text_rule(const std::string& wanted,
                                    std::function<std::string(const std::string&)> check);
// 1 to `max_length` characters of A-Z a-z 0-9 . _ -, the first a letter or digit.
Rule<std::string> identifier_rule(size_t max_length);
// Characters of a DNS name without the root's dot (RFC 1035, 2.3.4).
inline constexpr size_t kMaxNameLength = 253;

// Labels of 1-63 of a-z 0-9 -, without a hyphen at an end, at most 253 characters, no final dot.
Rule<std::string> dns_name_rule();
// The same (an underscore is allowed) with the final dot added if it is missing.
Rule<std::string> absolute_dns_name_rule();

// Where an address is going to be used: decides which special addresses make no sense.
enum class AddressUse : uint8_t { kEndpoint, kNextHop };
Rule<IpAddress> address_rule(AddressUse use);
// An interface address: not the network's or broadcast address of its own prefix.
Rule<IpPrefix> interface_address_rule();
// A network: no bits behind its length.
Rule<IpPrefix> prefix_rule();
// The same, of this family.
Rule<IpPrefix> prefix_rule(int family);
// "first-last" or a prefix, of at least two unicast addresses of this family.
Rule<IpRange> ip_range_rule(int family);
// Unicast.
Rule<MacAddress> mac_rule();
// "lo-hi", both from 1 to 65535.
Rule<PortRange> port_range_rule();

// An address, a prefix, or nothing for `auto`.
const Rule<std::optional<IpPrefix>>& vip_rule();
// One port, `last` being 0; a range; all: 0 to kLastPort.
struct ServicePorts {
  uint16_t first = 0;
  uint16_t last = 0;
};
// A port, "lo-hi", `any` or 0.
const Rule<ServicePorts>& service_ports_rule();

// Why `name` (without a final dot) is not a lower-case DNS name, or empty.
std::string dns_name_fault(std::string_view name, bool underscore);

// What a master may be: "host:port", "http(s)://host:port", "zk://[user:pass@]host:port,…/path".
Rule<std::string> mesos_master_rule();
// "http(s)://host[:port][/path]".
Rule<std::string> http_url_rule();
// "sqlite:PATH", "zk://…/path" or "none".
Rule<std::string> store_rule();

// Why the address cannot be used as `use`, or nullptr: "a multicast address".
const char* unusable_because(const IpAddress& address, AddressUse use);

}  // namespace vipgate
