// How many DNS replies over UDP a client network gets. What counts them is in the fast path
// (dns_rate_table.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/addresses.h"
#include "common/byte_order.h"
#include "common/prefix_set.h"

namespace vipgate {

// As configured: of each client network through one gateway.
struct DnsRateRules {
  uint32_t responses_per_s = 0;  // about one name; 0: any number
  uint32_t errors_per_s = 0;     // of all names that are not there together, and of all errors
  uint32_t window_s = 1;         // so many seconds' worth may come at once
  uint32_t slip = 2;             // each so many-th reply over the limit is TC=1; 0: none
  uint8_t ipv4_prefix = 24;      // clients that share so many bits are one, 1 to 32
  uint8_t ipv6_prefix = 56;      // 1 to 64
  std::vector<IpPrefix> exempt;
  friend bool operator==(const DnsRateRules&, const DnsRateRules&) = default;
};

// As the packet path asks. Time is in kDnsRateUnitNs.
inline constexpr uint64_t kDnsRateUnitNs = 16;
// So that a worker's share of one reply a second fits into the time that a slot holds.
inline constexpr uint32_t kMaxDnsWindowS = 60;
inline constexpr uint32_t kMaxDnsSlip = 15;

class DnsRateLimit {
 public:
  DnsRateLimit() = default;
  explicit DnsRateLimit(const DnsRateRules& rules)
      : response_interval_(interval(rules.responses_per_s)),
        error_interval_(interval(rules.errors_per_s)),
        window_(std::min(rules.window_s, kMaxDnsWindowS) * kUnitsPerSecond),
        slip_(std::min(rules.slip, kMaxDnsSlip)),
        mask4_(Be32(~uint32_t{0} << (32 - std::clamp<int>(rules.ipv4_prefix, 1, 32))).raw()),
        mask6_(byte_swap(~uint64_t{0} << (64 - std::clamp<int>(rules.ipv6_prefix, 1, 64)))),
        exempt_(rules.exempt) {}

  bool is_on() const { return (response_interval_ | error_interval_) != 0; }
  // Between two replies; 0: any number.
  uint64_t response_interval() const { return response_interval_; }
  uint64_t error_interval() const { return error_interval_; }
  uint64_t window() const { return window_; }
  uint32_t slip() const { return slip_; }
  // What clients of one network have in common, as it lies in memory.
  uint64_t network(const Ipv4Address& client) const { return client.value.raw() & mask4_; }
  uint64_t network(const Ipv6Address& client) const {
    return load<uint64_t>(client.bytes.data()) & mask6_;
  }
  template <class Address>
  bool is_exempt(const Address& client) const {
    return exempt_.contains(client);
  }
  friend bool operator==(const DnsRateLimit&, const DnsRateLimit&) = default;

 private:
  static constexpr uint64_t kUnitsPerSecond = 1'000'000'000 / kDnsRateUnitNs;
  static uint64_t interval(uint32_t per_second) {
    if (per_second == 0) return 0;
    return std::max<uint64_t>(1, (kUnitsPerSecond + per_second / 2) / per_second);
  }

  uint64_t response_interval_ = 0;
  uint64_t error_interval_ = 0;
  uint64_t window_ = 0;
  uint32_t slip_ = 0;
  uint32_t mask4_ = 0;
  uint64_t mask6_ = 0;
  PrefixSet exempt_;
};

}  // namespace vipgate
