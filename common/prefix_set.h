// A set of addresses, built from prefixes once and then only read.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "common/addresses.h"

namespace vipgate {

// Of one family, as ranges in numeric order, each apart from the others.
template <class Address>
class AddressRanges {
 public:
  AddressRanges() = default;
  // Of `prefixes`, those of this family.
  explicit AddressRanges(std::span<const IpPrefix> prefixes);

  // By binary search: no library call, no allocation.
  bool contains(const Address& address) const {
    const auto after = std::upper_bound(
        ranges_.begin(), ranges_.end(), address,
        [](const Address& wanted, const Range& range) { return is_less(wanted, range.first); });
    return after != ranges_.begin() && !is_less(std::prev(after)->last, address);
  }
  size_t size() const { return ranges_.size(); }
  friend bool operator==(const AddressRanges&, const AddressRanges&) = default;

 private:
  struct Range {
    Address first, last;
    friend bool operator==(const Range&, const Range&) = default;
  };
  static bool is_less(const Address& a, const Address& b) {
    return std::memcmp(&a, &b, sizeof a) < 0;
  }

  std::vector<Range> ranges_;
};

// Of both.
struct PrefixSet {
  AddressRanges<Ipv4Address> v4;
  AddressRanges<Ipv6Address> v6;

  PrefixSet() = default;
  explicit PrefixSet(std::span<const IpPrefix> prefixes) : v4(prefixes), v6(prefixes) {}

  bool contains(const Ipv4Address& address) const { return v4.contains(address); }
  bool contains(const Ipv6Address& address) const { return v6.contains(address); }
  friend bool operator==(const PrefixSet&, const PrefixSet&) = default;
};

}  // namespace vipgate
