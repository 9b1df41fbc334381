// A set of addresses, built from prefixes once and then only read.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "common/addresses.h"
#include "common/byte_order.h"

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
  // As numbers: a comparison octet by octet is a call of the library.
  static bool is_less(const Address& a, const Address& b) {
    if constexpr (sizeof(Address) == 4) {
      return load<Be32>(&a).host() < load<Be32>(&b).host();
    } else {
      const auto upper_a = byte_swap(load<uint64_t>(&a)), upper_b = byte_swap(load<uint64_t>(&b));
      if (upper_a != upper_b) return upper_a < upper_b;
      const auto* lower_a = reinterpret_cast<const uint8_t*>(&a) + 8;
      const auto* lower_b = reinterpret_cast<const uint8_t*>(&b) + 8;
      return byte_swap(load<uint64_t>(lower_a)) < byte_swap(load<uint64_t>(lower_b));
    }
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
