#include "controlplane/dns/reverse_zones.h"

#include <algorithm>
#include <cstdint>

namespace vipgate {
namespace {

// An address as the labels of its reverse name, most significant first: octets or nibbles.
std::vector<int> digits_of(const IpAddress& address) {
  std::vector<int> digits;
  for (int i = 0; i < address.bits() / 8; ++i) {
    const int octet = address.bytes()[static_cast<size_t>(i)];
    if (address.is_v4()) {
      digits.push_back(octet);
    } else {
      digits.push_back(octet >> 4);
      digits.push_back(octet & 15);
    }
  }
  return digits;
}

std::string zone_name(const std::vector<int>& prefix, bool is_v4) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string wire;
  const auto label = [&wire](std::string_view text) {
    wire += static_cast<char>(text.size());
    wire += text;
  };
  for (auto digit = prefix.rbegin(); digit != prefix.rend(); ++digit) {
    label(is_v4 ? std::to_string(*digit) : std::string(1, kHex[*digit]));
  }
  label(is_v4 ? "in-addr" : "ip6");
  label("arpa");
  wire += '\0';
  return wire;
}

class RangeCutter {
 public:
  RangeCutter(const IpRange& range, std::vector<std::string>& zones)
      : first_(digits_of(range.first)),
        last_(digits_of(range.last)),
        is_v4_(range.first.is_v4()),
        zones_(zones) {}

  // Adds the zones of the range's addresses that start with `prefix`.
  void cut(std::vector<int>& prefix) {
    if (zones_.size() > kMaxReverseZones) return;
    const int base = is_v4_ ? 256 : 16;
    std::vector<int> least = prefix;
    std::vector<int> most = prefix;
    least.resize(first_.size(), 0);
    most.resize(first_.size(), base - 1);
    if (most < first_ || least > last_) return;
    if (least >= first_ && most <= last_) {
      zones_.push_back(zone_name(prefix, is_v4_));
      return;
    }
    for (int digit = 0; digit < base; ++digit) {
      prefix.push_back(digit);
      cut(prefix);
      prefix.pop_back();
    }
  }

 private:
  const std::vector<int> first_;
  const std::vector<int> last_;
  const bool is_v4_;
  std::vector<std::string>& zones_;
};

// An address that follows the last one of its family is followed by none.
bool is_next(const IpAddress& address, const IpAddress& next) {
  if (address.family() != next.family()) return false;
  auto octets = address.bytes();
  for (int i = address.bits() / 8 - 1; i >= 0; --i) {
    if (++octets[static_cast<size_t>(i)] != 0) return octets == next.bytes();
  }
  return false;
}

// Ranges that touch make larger zones, and one zone must not come twice.
std::vector<IpRange> merged(std::vector<IpRange> ranges) {
  std::erase_if(ranges, [](const IpRange& range) {
    return range.first.family() == 0 || range.first.family() != range.last.family();
  });
  std::sort(ranges.begin(), ranges.end(),
            [](const IpRange& a, const IpRange& b) { return a.first < b.first; });
  std::vector<IpRange> all;
  for (const IpRange& range : ranges) {
    if (!all.empty() && all.back().last.family() == range.first.family() &&
        (range.first <= all.back().last || is_next(all.back().last, range.first))) {
      all.back().last = std::max(all.back().last, range.last);
    } else {
      all.push_back(range);
    }
  }
  return all;
}

}  // namespace

Result<std::vector<std::string>> reverse_zones(std::vector<IpRange> ranges) {
  std::vector<std::string> zones;
  for (const IpRange& range : merged(std::move(ranges))) {
    std::vector<int> prefix;
    RangeCutter(range, zones).cut(prefix);
    if (zones.size() > kMaxReverseZones) {
      return Error{"dns.ptr: VIP addresses up to " + to_string(range.last) + " need more than " +
                   std::to_string(kMaxReverseZones) +
                   " reverse zones: let the ranges of named_vips end on whole octets, or name a "
                   "reverse zone that holds them in dns.zones"};
    }
  }
  std::sort(zones.begin(), zones.end());
  return zones;
}

std::vector<IpRange> ptr_ranges(const Config& config) {
  std::vector<IpRange> ranges;
  if (!config.dns.ptr) return ranges;
  if (config.named_vips.enabled) {
    ranges = {config.named_vips.ipv4, config.named_vips.ipv6};
    for (const IpPrefix& prefix : config.named_vips.ip_vips) ranges.push_back(range_of(prefix));
  }
  for (const ServiceConfig& service : config.services) {
    // Those of a prefix have no names.
    if (service.vip.family() == 0 || service.extent.prefix_length != 0) continue;
    ranges.push_back({service.vip, service.vip});
  }
  return merged(std::move(ranges));
}

}  // namespace vipgate
