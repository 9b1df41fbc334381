#include "controlplane/naming/vip_policy.h"

#include <algorithm>
#include <string_view>

#include "common/dns_wire.h"
#include "controlplane/naming/label_cleaning.h"

namespace vipgate {
namespace {

// `*` stands for any number of characters.
bool matches(std::string_view pattern, std::string_view text) {
  size_t star = std::string_view::npos;
  size_t resume = 0;
  size_t p = 0;
  size_t t = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool allows(const VipClaimRule& rule, const VipTarget& target) {
  if (!target.name.empty()) {
    return rule.names.empty() ||
           std::any_of(rule.names.begin(), rule.names.end(),
                       [&](const std::string& pattern) { return matches(pattern, target.name); });
  }
  return rule.addresses.empty() ||
         std::any_of(rule.addresses.begin(), rule.addresses.end(),
                     [&](const IpPrefix& prefix) { return prefix.contains(target.address); });
}

}  // namespace

VipPolicy::VipPolicy(const Config& config) : named_vips_(config.named_vips) {
  longest_zone_ = named_vips_.zone.size();
  for (const ZoneConfig& zone : config.dns.zones) {
    if (!zone.services) continue;
    longest_zone_ = std::max(longest_zone_, zone.name.size());
    for (const std::string& alias : zone.aliases) {
      longest_zone_ = std::max(longest_zone_, alias.size());
    }
  }
  for (const PortConfig& port : config.ports) {
    for (const IpPrefix& address : port.addresses) own_.insert(address.address);
    own_.insert(port.gateways.begin(), port.gateways.end());
  }
  for (const SnatPoolConfig& pool : config.snat_pools) {
    own_.insert(pool.addresses.begin(), pool.addresses.end());
  }
  own_.insert(config.dns.listen.begin(), config.dns.listen.end());
}

std::optional<std::string> VipPolicy::refusal(const VipTarget& target, const std::string& framework,
                                              const std::string& full_name) const {
  if (target.name.empty()) {
    if (auto why = address_refusal(target.address)) return why;
  } else {
    if (const char* fault = dns_name_fault(full_name); fault != nullptr) {
      return "with its framework it becomes '" + full_name + "', which is no name: " + fault;
    }
    if (full_name.size() + 1 + longest_zone_ + 2 > kDnsMaxName) {
      return "below the zone its name is longer than 255 octets";
    }
  }
  if (named_vips_.claims.empty()) return std::nullopt;
  bool has_rule = false;
  for (const char* which : {"", "*"}) {
    for (const VipClaimRule& rule : named_vips_.claims) {
      if (rule.framework != (*which == '\0' ? framework : which)) continue;
      has_rule = true;
      if (allows(rule, target)) return std::nullopt;
    }
    if (has_rule) break;
  }
  return "no rule of named_vips.claims lets framework '" + framework + "' have it";
}

std::optional<std::string> VipPolicy::address_refusal(const IpAddress& address) const {
  if (own_.contains(address)) {
    return to_string(address) + " is an address of a port, a gateway, a SNAT pool or dns.listen";
  }
  if (named_vips_.ipv4.contains(address) || named_vips_.ipv6.contains(address)) {
    return std::nullopt;
  }
  const bool allowed =
      std::any_of(named_vips_.ip_vips.begin(), named_vips_.ip_vips.end(),
                  [&](const IpPrefix& prefix) { return prefix.contains(address); });
  if (allowed) return std::nullopt;
  return to_string(address) +
         " lies outside of named_vips.ipv4, .ipv6 and .ip_vips: add its prefix to ip_vips";
}

}  // namespace vipgate
