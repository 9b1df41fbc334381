#include "controlplane/naming/label_cleaning.h"

#include <algorithm>
#include <cstdint>

#include "common/ascii.h"
#include "controlplane/naming/sha1.h"

namespace vipgate {
namespace {

constexpr size_t kRfc952Label = 24;

char to_lower(char c) { return static_cast<char>(dns_fold(static_cast<uint8_t>(c))); }
bool is_letter_or_digit(char lower) { return (lower >= 'a' && lower <= 'z') || is_digit(lower); }

void drop_trailing_hyphens(std::string& text) {
  while (text.ends_with('-')) text.pop_back();
}

// Lower case; letters and digits stay, what `hyphens` names becomes one, all else goes.
std::string keep_label_characters(std::string_view text, std::string_view hyphens) {
  std::string kept;
  kept.reserve(text.size());
  for (const char c : text) {
    const char lower = to_lower(c);
    if (is_letter_or_digit(lower)) {
      kept += lower;
    } else if (hyphens.find(c) != std::string_view::npos) {
      kept += '-';
    }
  }
  return kept;
}

std::string vip_label(std::string_view part, std::string_view hyphens) {
  std::string label = keep_label_characters(part, hyphens);
  label.erase(0, std::min(label.find_first_not_of('-'), label.size()));
  std::string rest;
  if (label.size() > kDnsMaxLabel) {
    rest = label.substr(kDnsMaxLabel);
    label.resize(kDnsMaxLabel);
  }
  drop_trailing_hyphens(label);
  for (const char c : rest) {
    if (label.size() == kDnsMaxLabel) break;
    if (c != '-') label += c;
  }
  return label;
}

// Calls `use` with each part between dots.
template <class Use>
void for_each_part(std::string_view text, const Use& use) {
  for (;;) {
    const size_t dot = text.find('.');
    use(text.substr(0, dot));
    if (dot == std::string_view::npos) return;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace

std::string clean_vip_name(std::string_view text) {
  std::string name;
  bool first = true;
  for_each_part(text, [&](std::string_view part) {
    if (part.empty()) return;
    if (!first) name += '.';
    first = false;
    name += vip_label(part, "-_");
  });
  return name;
}

std::string clean_vip_label(std::string_view text) { return vip_label(text, "-_."); }

std::string clean_mesos_dns_label(std::string_view text, bool enforce_rfc952) {
  const size_t limit = enforce_rfc952 ? kRfc952Label : kDnsMaxLabel;
  std::string label = keep_label_characters(text, "-_.");
  const auto starts = std::find_if(label.begin(), label.end(), [&](char c) {
    return c != '-' && !(enforce_rfc952 && is_digit(c));
  });
  label.erase(label.begin(), starts);
  std::string rest;
  if (label.size() > limit) {
    rest = label.substr(limit);
    label.resize(limit);
  }
  const size_t cut = label.size();
  drop_trailing_hyphens(label);
  if (label.size() == cut || rest.empty()) return label;
  rest.erase(0, std::min(rest.find_first_not_of('-'), rest.size()));
  // May end in a hyphen: so it does there.
  label += rest.substr(0, limit - label.size());
  return label;
}

std::string clean_mesos_dns_domain(std::string_view text, bool enforce_rfc952) {
  std::string domain;
  for_each_part(text, [&](std::string_view part) {
    const std::string label = clean_mesos_dns_label(part, enforce_rfc952);
    if (label.empty()) return;
    if (!domain.empty()) domain += '.';
    domain += label;
  });
  return domain;
}

std::string task_hash(std::string_view task_id) {
  static constexpr char kAlphabet[] = "ybndrfg8ejkmcpqxot1uwisza345h769";
  const auto digest = sha1(task_id);
  const uint32_t bits = static_cast<uint32_t>(digest[0]) << 24 |
                        static_cast<uint32_t>(digest[1]) << 16 |
                        static_cast<uint32_t>(digest[2]) << 8 | digest[3];
  std::string hash;
  for (int i = 0; i < 5; ++i) hash += kAlphabet[(bits >> (27 - 5 * i)) & 31];
  return hash;
}

std::string agent_tail(std::string_view agent_id) {
  std::string tail(agent_id.substr(agent_id.rfind('-') + 1));
  std::transform(tail.begin(), tail.end(), tail.begin(), to_lower);
  return tail;
}

const char* dns_name_fault(std::string_view text) {
  // The length octet of the first label and the root's come on top.
  if (text.size() + 2 > kDnsMaxName) return "the name is longer than 255 octets";
  const char* fault = nullptr;
  for_each_part(text, [&](std::string_view label) {
    if (label.empty()) fault = "a label of it is empty";
    if (label.size() > kDnsMaxLabel) fault = "a label of it is longer than 63 octets";
  });
  return fault;
}

// The faults are looked for in the same pass: a cluster's first state has millions of names.
std::string_view plain_wire_name(PlainName name, std::array<char, kDnsMaxName>& octets) {
  size_t size = 2;  // the length octet of the first label, and the root's
  for (const std::string_view part : name) size += part.size();
  if (size > octets.size()) return {};
  bool is_good = true;
  char* length = octets.data();  // stands where the dot before its label was
  char* to = length + 1;
  const auto end_label = [&] {
    const auto label = static_cast<size_t>(to - length - 1);
    is_good = is_good && label != 0 && label <= kDnsMaxLabel;
    *length = static_cast<char>(label);
    length = to++;
  };
  for (const std::string_view part : name) {
    for (const char c : part) {
      if (c == '.') {
        end_label();
      } else {
        *to++ = to_lower(c);
      }
    }
  }
  end_label();
  *length = 0;
  return is_good ? std::string_view(octets.data(), size) : std::string_view();
}

}  // namespace vipgate
