#include "controlplane/naming/vip_choice.h"

#include <array>

#include "controlplane/naming/sha1.h"

namespace vipgate {
namespace {

// As wide as an IPv6 address, for distances in a range.
__extension__ using Wide = unsigned __int128;

Wide to_number(const IpAddress& address) {
  Wide number = 0;
  const size_t length = address.is_v4() ? 4 : 16;
  for (size_t i = 0; i < length; ++i) number = number << 8 | address.bytes()[i];
  return number;
}

IpAddress to_address(Wide number, int family) {
  if (family == 4) return Ipv4Address{Be32(static_cast<uint32_t>(number))};
  Ipv6Address address;
  for (size_t i = 16; i-- > 0; number >>= 8) address.bytes[i] = static_cast<uint8_t>(number);
  return address;
}

Wide sha1_modulo(std::string_view name, Wide modulus) {
  Wide rest = 0;
  for (const uint8_t octet : sha1(name)) {
    for (int bit = 7; bit >= 0; --bit) {
      const bool carry = (rest >> 127) != 0;
      rest = rest << 1 | ((octet >> bit) & 1u);
      if (carry || rest >= modulus) rest -= modulus;
    }
  }
  return rest;
}

void mix(std::array<uint32_t, 3>& state) {
  auto& [a, b, c] = state;
  const auto right = [](uint32_t& x, uint32_t y, uint32_t z, int n) { x = (x - y - z) ^ (z >> n); };
  const auto left = [](uint32_t& x, uint32_t y, uint32_t z, int n) { x = (x - y - z) ^ (z << n); };
  right(a, b, c, 13);
  left(b, c, a, 8);
  right(c, a, b, 13);
  right(a, b, c, 12);
  left(b, c, a, 16);
  right(c, a, b, 5);
  right(a, b, c, 3);
  left(b, c, a, 10);
  right(c, a, b, 15);
}

}  // namespace

uint32_t phash2(std::string_view octets) {
  std::array<uint32_t, 3> state = {0x9e3779b9, 0x9e3779b9, 0x08d12e65};
  if (octets.empty()) return state[2];
  const auto octet = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(octets[i]));
  };
  size_t at = 0;
  for (; octets.size() - at >= 12; at += 12) {
    for (size_t i = 0; i < 12; ++i) state[i / 4] += octet(at + i) << (8 * (i % 4));
    mix(state);
  }
  state[2] += static_cast<uint32_t>(octets.size());
  // The lowest octet of the third word is the length's.
  for (size_t i = 0; at + i < octets.size(); ++i) {
    const size_t place = i < 8 ? i : i + 1;
    state[place / 4] += octet(at + i) << (8 * (place % 4));
  }
  mix(state);
  return state[2];
}

IpAddress first_choice(const IpRange& range, std::string_view name) {
  const Wide modulus = to_number(range.last) - to_number(range.first);
  if (modulus == 0) return range.first;
  const Wide offset = range.first.is_v4() ? phash2(name) % modulus : sha1_modulo(name, modulus);
  return to_address(to_number(range.first) + offset, range.first.family());
}

IpAddress next_choice(const IpRange& range, const IpAddress& address) {
  if (address == range.last) return range.first;
  return to_address(to_number(address) + 1, address.family());
}

}  // namespace vipgate
