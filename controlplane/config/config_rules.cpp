#include "controlplane/config/config_rules.h"

#include <algorithm>
#include <charconv>

#include "common/ascii.h"

namespace vipgate {
namespace {

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

std::string range_text(int64_t min, int64_t max) {
  return "write a number from " + std::to_string(min) + " to " + std::to_string(max);
}

std::string not_single(const YamlNode& node, std::string_view wanted) {
  return std::string(kind_name(node)) + " stands here; write " + std::string(wanted);
}

// What the writer of a number that is not plain decimal may have meant.
std::string not_decimal(const std::string& text, int64_t min, int64_t max) {
  const std::string_view digits = std::string_view(text).substr(text[0] == '+' || text[0] == '-');
  const std::string plain = range_text(min, max);
  if (text[0] == '+') return quote_value(text) + " has a sign; " + plain;
  if (digits.size() > 1 && digits[0] == '0' && all_digits(digits)) {
    std::string_view meant = digits;
    while (meant.size() > 1 && meant[0] == '0') meant.remove_prefix(1);
    return quote_value(text) + " has a leading zero; write " + std::string(meant) +
           " (numbers are decimal, never octal)";
  }
  if (digits.size() > 1 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
    return quote_value(text) + " is hexadecimal; numbers are decimal, " + plain;
  }
  if (digits.size() > 1 && digits[0] == '0' && (digits[1] == 'o' || digits[1] == 'b')) {
    return quote_value(text) + " is not decimal; numbers are decimal, " + plain;
  }
  if (is_digit(digits.empty() ? ' ' : digits[0])) {
    if (digits.find_first_not_of("0123456789_") == std::string_view::npos) {
      return quote_value(text) + " has underscores; write the digits alone";
    }
    if (digits.find_first_not_of("0123456789.eE+-") == std::string_view::npos) {
      return quote_value(text) + " is not a whole number; " + plain;
    }
    return quote_value(text) + " is not a number; " + plain + ", without a unit";
  }
  return quote_value(text) + " is not a number; " + plain;
}

}  // namespace

std::string quote_value(std::string_view text) {
  constexpr size_t kLongest = 64;
  std::string out(text.substr(0, kLongest));
  if (text.size() > kLongest) {
    // Do not cut a UTF-8 sequence in two.
    const auto byte = [](char c) { return static_cast<unsigned char>(c); };
    while (!out.empty() && (byte(text[out.size()]) & 0xc0) == 0x80) out.pop_back();
    out += "…";
  }
  std::replace_if(
      out.begin(), out.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return "'" + out + "'";
}

Result<int64_t> parse_integer(const YamlNode& node, int64_t min, int64_t max) {
  if (node.kind != YamlNode::Kind::kScalar) {
    return Error{not_single(node, range_text(min, max).substr(6))};
  }
  const std::string& text = node.scalar;
  if (node.quoted) return Error{quote_value(text) + " is text; write the number without quotes"};
  const bool negative = !text.empty() && text[0] == '-';
  const std::string_view digits = std::string_view(text).substr(negative ? 1 : 0);
  if (!all_digits(digits) || (digits.size() > 1 && digits[0] == '0')) {
    return Error{not_decimal(text, min, max)};
  }
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    return Error{text.substr(0, 32) + " is out of range; " + range_text(min, max)};
  }
  if (negative && value == 0) return Error{"'-0' has a sign; write 0"};
  return value;
}

Result<std::string> parse_text(const YamlNode& node, std::string_view wanted) {
  if (node.kind != YamlNode::Kind::kScalar) return Error{not_single(node, wanted)};
  if (node.scalar.empty()) return Error{"it is empty; write " + std::string(wanted)};
  return node.scalar;
}

Result<size_t> parse_word(const YamlNode& node, const std::vector<std::string>& words) {
  std::string wanted;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) wanted += i + 1 < words.size() ? ", " : " or ";
    wanted += words[i];
  }
  auto text = parse_text(node, wanted);
  if (!text) return Error{text.error()};
  const auto found = std::find(words.begin(), words.end(), *text);
  if (found == words.end())
    return Error{quote_value(*text) + " is not known here; write " + wanted};
  return static_cast<size_t>(found - words.begin());
}

Rule<bool> boolean_rule() {
  return {{KeyType::kBoolean, {}, {}, {}},
          [](const YamlNode& node) -> Result<bool> {
            auto text = parse_text(node, "true or false");
            if (!text) return Error{text.error()};
            if (node.quoted) {
              return Error{quote_value(*text) + " is text; write true or false without quotes"};
            }
            if (*text != "true" && *text != "false") {
              return Error{quote_value(*text) + " is not true or false; write one of these two"};
            }
            return *text == "true";
          },
          [](const bool& value) { return std::string(value ? "true" : "false"); }};
}

Rule<std::string> text_rule(const std::string& wanted) {
  return {{KeyType::kText, {}, {}, {}},
          [wanted](const YamlNode& node) -> Result<std::string> {
            auto text = parse_text(node, wanted);
            if (!text) return Error{text.error()};
            const bool control = std::any_of(text->begin(), text->end(), [](char c) {
              return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
            });
            if (control)
              return Error{"a line break or control character stands in it; write " + wanted};
            return text;
          },
          [](const std::string& value) { return value; }};
}

Rule<std::string> optional_text_rule(const std::string& wanted) {
  Rule<std::string> rule = text_rule(wanted);
  rule.parse = [parse = std::move(rule.parse)](const YamlNode& node) -> Result<std::string> {
    if (node.kind == YamlNode::Kind::kScalar && node.scalar.empty()) return std::string();
    return parse(node);
  };
  return rule;
}

Rule<std::string> checked_text_rule(const std::string& wanted,
                                    std::function<std::string(const std::string&)> check) {
  Rule<std::string> rule = text_rule(wanted);
  rule.parse = [parse = std::move(rule.parse),
                check = std::move(check)](const YamlNode& node) -> Result<std::string> {
    auto text = parse(node);
    if (!text) return text;
    std::string fault = check(*text);
    if (!fault.empty()) return Error{std::move(fault)};
    return text;
  };
  return rule;
}

Rule<std::string> identifier_rule(size_t max_length) {
  const std::string wanted =
      "a name of 1 to " + std::to_string(max_length) + " of A-Z a-z 0-9 . _ -";
  return {{KeyType::kText, {}, {}, {}},
          [max_length, wanted](const YamlNode& node) -> Result<std::string> {
            auto text = parse_text(node, wanted);
            if (!text) return Error{text.error()};
            const auto alphanumeric = [](char c) {
              return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            };
            const bool good = text->size() <= max_length && alphanumeric((*text)[0]) &&
                              std::all_of(text->begin(), text->end(), [&](char c) {
                                return alphanumeric(c) || c == '.' || c == '_' || c == '-';
                              });
            if (!good) {
              return Error{quote_value(*text) + " is not a name; write " + wanted +
                           ", a letter or digit first"};
            }
            return text;
          },
          [](const std::string& value) { return value; }};
}

}  // namespace vipgate
