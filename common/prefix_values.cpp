#include "common/prefix_values.h"

namespace vipgate {
namespace {

// The first address of `prefix`, and the one behind its last, which is zero behind the very last.
template <class Address>
std::pair<Address, Address> bounds_of(const IpPrefix& prefix) {
  Address first = prefix.address.as<Address>();
  auto* bytes = reinterpret_cast<uint8_t*>(&first);
  for (int bit = prefix.length; bit < static_cast<int>(sizeof first) * 8; ++bit) {
    bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] & ~(0x80u >> (bit % 8)));
  }
  Address behind = first;
  auto* sum = reinterpret_cast<uint8_t*>(&behind);
  // The last bit of the prefix is carried up.
  for (int bit = prefix.length - 1; bit >= 0; --bit) {
    const auto mask = static_cast<uint8_t>(0x80u >> (bit % 8));
    sum[bit / 8] = static_cast<uint8_t>(sum[bit / 8] ^ mask);
    if ((sum[bit / 8] & mask) != 0) return {first, behind};
  }
  return {first, Address{}};
}

}  // namespace

template <class Address>
PrefixValues<Address>::PrefixValues(std::span<const PrefixValue> prefixes) {
  std::vector<Address> starts;
  for (const auto& [prefix, value] : prefixes) {
    if (prefix.address.is_v4() != (sizeof(Address) == 4)) continue;
    const auto [first, behind] = bounds_of<Address>(prefix);
    starts.push_back(first);
    if (behind != Address{}) starts.push_back(behind);
  }
  std::sort(starts.begin(), starts.end(), is_less);
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  for (const Address& start : starts) {
    const PrefixValue* longest = nullptr;
    for (const PrefixValue& candidate : prefixes) {
      if (!candidate.first.contains(start)) continue;
      if (longest == nullptr || candidate.first.length > longest->first.length) {
        longest = &candidate;
      }
    }
    const uint16_t value = longest == nullptr ? kNone : longest->second;
    const uint16_t before = steps_.empty() ? kNone : steps_.back().value;
    if (value != before) steps_.push_back({start, value});
  }
}

template class PrefixValues<Ipv4Address>;
template class PrefixValues<Ipv6Address>;

}  // namespace vipgate
