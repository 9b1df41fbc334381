// A number for each address, by the longest prefix that holds it: built once and then only read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "common/addresses.h"

namespace vipgate {

using PrefixValue = std::pair<IpPrefix, uint16_t>;

// Of one family, as the addresses from which on another number holds.
template <class Address>
class PrefixValues {
 public:
  static constexpr uint16_t kNone = UINT16_MAX;

  PrefixValues() = default;
  // Of `prefixes`, those of this family. One that stands there twice has the first one's number.
  explicit PrefixValues(std::span<const PrefixValue> prefixes);

  // By binary search: no library call, no allocation.
  uint16_t find(const Address& address) const {
    const auto after = std::upper_bound(
        steps_.begin(), steps_.end(), address,
        [](const Address& wanted, const Step& step) { return is_less(wanted, step.from); });
    return after == steps_.begin() ? kNone : std::prev(after)->value;
  }
  size_t size() const { return steps_.size(); }
  friend bool operator==(const PrefixValues&, const PrefixValues&) = default;

 private:
  struct Step {
    Address from;
    uint16_t value;
    friend bool operator==(const Step&, const Step&) = default;
  };
  static bool is_less(const Address& a, const Address& b) {
    return std::memcmp(&a, &b, sizeof a) < 0;
  }

  std::vector<Step> steps_;  // sorted
};

}  // namespace vipgate
