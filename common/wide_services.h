// Services that take several ports, or all of an address or of a prefix: what a packet is looked up
// in when no service has its very address, port and protocol. Built once and then only read.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "common/addresses.h"
#include "common/byte_order.h"
#include "common/flat_map.h"

namespace vipgate {

// A service's ports at one address or prefix.
struct PortClaim {
  uint16_t first = 0, last = 0;  // inclusive
  uint8_t protocol = 0;
  uint32_t service = 0;
  friend bool operator==(const PortClaim&, const PortClaim&) = default;
};

// Which service has which port, at one address or prefix: of several that claim it the one that
// claims the fewest ports has it, so that a port goes before a range and a range before all ports.
class WidePorts {
 public:
  static constexpr uint32_t kNobody = UINT32_MAX;

  explicit WidePorts(std::span<const PortClaim> claims);

  // By binary search among the ranges of this address or prefix.
  uint32_t service(Be16 port, uint8_t protocol) const {
    const uint32_t key = key_of(port.host(), protocol);
    const auto after =
        std::upper_bound(spans_.begin(), spans_.end(), key,
                         [](uint32_t wanted, const Span& span) { return wanted < span.first; });
    if (after == spans_.begin() || std::prev(after)->last < key) return kNobody;
    return std::prev(after)->service;
  }

 private:
  struct Span {
    uint32_t first, last;  // keys
    uint32_t service;
  };
  static uint32_t key_of(uint16_t port, uint8_t protocol) {
    return uint32_t{protocol} << 16 | port;
  }

  std::vector<Span> spans_;  // in order, each apart from the others
};

// The address without the bits behind the first `length`.
inline Ipv4Address masked(Ipv4Address address, int length) {
  const uint32_t mask = length == 0 ? 0 : UINT32_MAX << (32 - length);
  return {Be32(address.value.host() & mask)};
}
inline Ipv6Address masked(const Ipv6Address& address, int length) {
  Ipv6Address result = address;
  for (size_t half = 0; half < 2; ++half) {
    const int bits = std::clamp(length - static_cast<int>(half) * 64, 0, 64);
    const uint64_t mask = bits == 0 ? 0 : UINT64_MAX << (64 - bits);
    uint64_t word = load<uint64_t>(address.bytes.data() + 8 * half) & __builtin_bswap64(mask);
    std::memcpy(result.bytes.data() + 8 * half, &word, sizeof word);
  }
  return result;
}

// Of one family. A look-up costs one probe for each length of prefix that is in use, whatever the
// number of services.
template <class Address>
class WideServices {
 public:
  static constexpr int kBits = static_cast<int>(sizeof(Address)) * 8;
  using Ports = std::shared_ptr<const WidePorts>;
  // An address or a prefix (of `length` bits, kBits for an address), and its ports from now on;
  // null: it has no services any longer.
  struct Change {
    int length = 0;
    Address address;
    Ports ports;
  };

  bool empty() const { return levels_.empty(); }

  // The service of the longest prefix that has one for the port, beginning with the address itself;
  // WidePorts::kNobody.
  uint32_t service(const Address& address, Be16 port, uint8_t protocol) const {
    for (const Level& level : levels_) {
      const Ports* ports = level.prefixes.find(masked(address, level.length));
      if (ports == nullptr) continue;
      const uint32_t service = (*ports)->service(port, protocol);
      if (service != WidePorts::kNobody) return service;
    }
    return WidePorts::kNobody;
  }

  // Whether the address lies in a prefix that has services, whatever their ports.
  bool is_in_prefix(const Address& address) const {
    for (const Level& level : levels_) {
      if (level.length != kBits && level.prefixes.find(masked(address, level.length)) != nullptr) {
        return true;
      }
    }
    return false;
  }

  // Shares with this one what has not changed.
  [[nodiscard]] WideServices with(std::span<const Change> changes) const;

 private:
  struct Level {
    int length = 0;
    FlatMap<Address, Ports> prefixes;
  };
  std::vector<Level> levels_;  // the longest first
};

extern template class WideServices<Ipv4Address>;
extern template class WideServices<Ipv6Address>;

}  // namespace vipgate
