// Link and network addresses as plain values, with strict text forms.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "common/byte_order.h"
#include "common/result.h"

namespace vipgate {

struct MacAddress {
  std::array<uint8_t, 6> bytes{};

  bool is_multicast() const { return (bytes[0] & 1) != 0; }
  // By words: the packet path compares several per packet, and a library call costs more.
  friend bool operator==(const MacAddress& a, const MacAddress& b) {
    return ((load<uint32_t>(a.bytes.data()) ^ load<uint32_t>(b.bytes.data())) |
            (load<uint16_t>(a.bytes.data() + 4) ^ load<uint16_t>(b.bytes.data() + 4))) == 0;
  }
  friend auto operator<=>(const MacAddress&, const MacAddress&) = default;
};

struct Ipv4Address {
  Be32 value;

  friend bool operator==(Ipv4Address, Ipv4Address) = default;
  friend auto operator<=>(Ipv4Address a, Ipv4Address b) { return a.value <=> b.value; }
};

struct Ipv6Address {
  std::array<uint8_t, 16> bytes{};

  friend bool operator==(const Ipv6Address& a, const Ipv6Address& b) {
    return ((load<uint64_t>(a.bytes.data()) ^ load<uint64_t>(b.bytes.data())) |
            (load<uint64_t>(a.bytes.data() + 8) ^ load<uint64_t>(b.bytes.data() + 8))) == 0;
  }
  friend auto operator<=>(const Ipv6Address&, const Ipv6Address&) = default;
};

// IPv4 or IPv6. Ordered: all IPv4 addresses before all IPv6 addresses, each in numeric order.
class IpAddress {
 public:
  IpAddress() = default;
  IpAddress(Ipv4Address v4) : family_(4) {  // NOLINT(google-explicit-constructor)
    std::memcpy(bytes_.data(), &v4, 4);
  }
  IpAddress(const Ipv6Address& v6)  // NOLINT(google-explicit-constructor)
      : family_(6), bytes_(v6.bytes) {}

  bool is_v4() const { return family_ == 4; }
  bool is_v6() const { return family_ == 6; }
  // 4, 6, or 0 for the default-constructed "no address".
  int family() const { return family_; }
  int bits() const { return family_ == 4 ? 32 : 128; }

  // REQUIRES: is_v4()
  Ipv4Address v4() const {
    Ipv4Address address;
    std::memcpy(&address, bytes_.data(), 4);
    return address;
  }
  // REQUIRES: is_v6()
  Ipv6Address v6() const { return Ipv6Address{bytes_}; }
  // The same by type, for code that is written for either family.
  template <class Address>
  Address as() const {
    if constexpr (sizeof(Address) == 4) {
      return v4();
    } else {
      return v6();
    }
  }
  // Network order; the first 4 count for IPv4.
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }

  // By words: maps by address are everywhere, and a library call costs more.
  friend bool operator==(const IpAddress& a, const IpAddress& b) {
    return a.family_ == b.family_ && ((a.word(0) ^ b.word(0)) | (a.word(8) ^ b.word(8))) == 0;
  }
  friend std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b) {
    if (a.family_ != b.family_) return a.family_ <=> b.family_;
    if (a.word(0) != b.word(0)) return byte_swap(a.word(0)) <=> byte_swap(b.word(0));
    return byte_swap(a.word(8)) <=> byte_swap(b.word(8));
  }

 private:
  uint64_t word(size_t at) const { return load<uint64_t>(bytes_.data() + at); }

  uint8_t family_ = 0;
  std::array<uint8_t, 16> bytes_{};
};

// An address with a prefix length: 10.9.0.2/24 keeps the host part, as an interface address does.
struct IpPrefix {
  IpAddress address;
  int length = 0;

  // Whether `other` lies in the prefix (same family and equal in the first `length` bits).
  bool contains(const IpAddress& other) const {
    if (other.family() != address.family()) return false;
    const int whole = length / 8;
    if (std::memcmp(address.bytes().data(), other.bytes().data(), whole) != 0) return false;
    const int rest = length % 8;
    if (rest == 0) return true;
    const auto mask = static_cast<uint8_t>(0xff << (8 - rest));
    return ((address.bytes()[whole] ^ other.bytes()[whole]) & mask) == 0;
  }
  friend bool operator==(const IpPrefix&, const IpPrefix&) = default;
  friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
};

// Strict: four decimal parts without leading zeros; RFC 4291 2.2 text for IPv6, no zone id.
Result<IpAddress> parse_ip_address(std::string_view text);
// "address/length"; without a length it is a host (/32 or /128).
Result<IpPrefix> parse_ip_prefix(std::string_view text);
// Six colon-separated pairs of hex digits.
Result<MacAddress> parse_mac_address(std::string_view text);

// Canonical text: RFC 5952 for IPv6.
std::string to_string(const IpAddress& address);
std::string to_string(const IpPrefix& prefix);
std::string to_string(const MacAddress& mac);
// "10.0.0.1:80", "[fd00::1]:80".
std::string endpoint_to_string(const IpAddress& address, uint16_t port);

}  // namespace vipgate
