#include "common/prefix_set.h"

#include <cstdint>

namespace vipgate {
namespace {

// The addresses of `prefix` with all bits behind its length `ones` or zeros.
template <class Address>
Address edge(const IpPrefix& prefix, bool ones) {
  Address address = prefix.address.as<Address>();
  auto* bytes = reinterpret_cast<uint8_t*>(&address);
  for (int bit = prefix.length; bit < static_cast<int>(sizeof address) * 8; ++bit) {
    const auto mask = static_cast<uint8_t>(0x80u >> (bit % 8));
    uint8_t& byte = bytes[bit / 8];
    byte = static_cast<uint8_t>(ones ? byte | mask : byte & ~mask);
  }
  return address;
}

}  // namespace

template <class Address>
AddressRanges<Address>::AddressRanges(std::span<const IpPrefix> prefixes) {
  std::vector<Range> all;
  for (const IpPrefix& prefix : prefixes) {
    if (prefix.address.is_v4() != (sizeof(Address) == 4)) continue;
    all.push_back({edge<Address>(prefix, false), edge<Address>(prefix, true)});
  }
  // Of those with the same first address the widest stands first.
  std::sort(all.begin(), all.end(), [](const Range& a, const Range& b) {
    return is_less(a.first, b.first) || (a.first == b.first && is_less(b.last, a.last));
  });
  for (const Range& range : all) {
    // Two prefixes are apart, or one holds the other.
    if (!ranges_.empty() && !is_less(ranges_.back().last, range.first)) continue;
    ranges_.push_back(range);
  }
}

template class AddressRanges<Ipv4Address>;
template class AddressRanges<Ipv6Address>;

}  // namespace vipgate
