// The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
//
// "Raw" is a 16-bit word as it lies in memory, read as a host integer. One's complement sums do not
// depend on byte order (RFC 1071 2(B)), so nothing here swaps bytes: raw goes in, raw comes out.
//
// One's complement has two zeros, +0 (0x0000) and -0 (0xffff). A sum is +0 only when every term is,
// so the checksum 0xffff arises only for data that is all zero, which no packet with an IP header
// or a pseudo header is. Everything below keeps to that: see checksum_apply.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/headers.h"

namespace vipgate {

namespace checksum_detail {

// The value of the `length` bytes at `data` padded with zeros to 8. REQUIRES: length < 8.
inline uint64_t load_tail(const uint8_t* data, size_t length) {
  uint64_t word = 0;
  size_t at = 0;
  if ((length & 4) != 0) {
    uint32_t part;
    std::memcpy(&part, data, 4);
    word = part;
    at = 4;
  }
  if ((length & 2) != 0) {
    uint16_t part;
    std::memcpy(&part, data + at, 2);
    word |= static_cast<uint64_t>(part) << (8 * at);
    at += 2;
  }
  if ((length & 1) != 0) word |= static_cast<uint64_t>(data[at]) << (8 * at);
  return word;
}

// 64-bit one's complement addition: the carry comes back in at the bottom.
inline uint64_t add_carry(uint64_t sum, uint64_t word) {
  uint64_t result;
  return __builtin_add_overflow(sum, word, &result) ? result + 1 : result;
}

}  // namespace checksum_detail

// Unfolded one's complement sum of `length` bytes, added to `sum`. An odd length counts as padded
// with one zero byte, so only the last part of a chain of sums may be odd.
[[nodiscard]] inline uint64_t ones_sum(const void* data, size_t length, uint64_t sum = 0) {
  using checksum_detail::add_carry;
  const auto* at = static_cast<const uint8_t*>(data);
  // Two chains, as one add waits for the carry of the one before.
  uint64_t other = 0;
  while (length >= 32) {
    sum = add_carry(sum, load<uint64_t>(at));
    other = add_carry(other, load<uint64_t>(at + 8));
    sum = add_carry(sum, load<uint64_t>(at + 16));
    other = add_carry(other, load<uint64_t>(at + 24));
    at += 32;
    length -= 32;
  }
  sum = add_carry(sum, other);
  while (length >= 8) {
    sum = add_carry(sum, load<uint64_t>(at));
    at += 8;
    length -= 8;
  }
  return length == 0 ? sum : add_carry(sum, checksum_detail::load_tail(at, length));
}

// Folds a sum to 16 bits. +0 only for a sum that is +0. Halves are added crosswise: the carry of
// the lower addition is the one that has to come back in to the upper, where the result is.
[[nodiscard]] constexpr uint16_t ones_fold(uint64_t sum) {
  sum += std::rotl(sum, 32);
  auto half = static_cast<uint32_t>(sum >> 32);
  half += std::rotl(half, 16);
  return static_cast<uint16_t>(half >> 16);
}

// The same for a sum of a few 16-bit words. REQUIRES: sum < 2^31.
[[nodiscard]] constexpr uint16_t ones_fold_small(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum + (sum >> 16));
}

// The checksum to store raw. The checksum field within `data` must be zero. Over data that includes
// a right checksum the result is 0.
[[nodiscard]] inline uint16_t internet_checksum(const void* data, size_t length,
                                                uint64_t initial_sum = 0) {
  return static_cast<uint16_t>(~ones_fold(ones_sum(data, length, initial_sum)));
}

[[nodiscard, gnu::always_inline]] constexpr uint16_t ones_add(uint16_t a, uint16_t b) {
  // As GCC makes one add and one adc of it.
  uint16_t sum = 0;
  const bool carry = __builtin_add_overflow(a, b, &sum);
  return static_cast<uint16_t>(sum + carry);
}

// The delta of the reverse translation.
[[nodiscard]] constexpr uint16_t ones_negate(uint16_t delta) {
  return static_cast<uint16_t>(~delta);
}

// What checksum_apply needs when one 16-bit word changes: ~m + m' of RFC 1624 3.
[[nodiscard]] constexpr uint16_t checksum_delta(uint16_t before_raw, uint16_t after_raw) {
  return ones_add(static_cast<uint16_t>(~before_raw), after_raw);
}

// The same for `length` bytes that start at an even offset in what the checksum covers. Deltas of
// several changes are joined with ones_add. REQUIRES: length is even.
[[nodiscard]] inline uint16_t checksum_delta(const void* before, const void* after, size_t length) {
  assert(length % 2 == 0);
  return ones_add(static_cast<uint16_t>(~ones_fold(ones_sum(before, length))),
                  ones_fold(ones_sum(after, length)));
}

// HC' = ~(~HC + ~m + m'), RFC 1624 3 equation 3. Equals a full recomputation of the changed data
// unless that data is all zero (then 0x0000 here, 0xffff there; both verify). A UDP checksum sent
// as 0xffff (for 0x0000) may be fed in as it is; the result then goes through udp_checksum_field,
// as every UDP result must. A UDP checksum of 0x0000 over IPv4 means "none": leave it alone.
[[nodiscard, gnu::always_inline]] constexpr uint16_t checksum_apply(uint16_t checksum_raw,
                                                                    uint16_t delta) {
  return static_cast<uint16_t>(~ones_add(static_cast<uint16_t>(~checksum_raw), delta));
}

// UDP sends a computed 0x0000 as 0xffff, as 0x0000 means "no checksum" (RFC 768).
[[nodiscard]] constexpr uint16_t udp_checksum_field(uint16_t computed_raw) {
  return computed_raw == 0 ? uint16_t{0xffff} : computed_raw;
}

// Sum of the pseudo header (RFC 9293 3.1, RFC 768; RFC 8200 8.1 for IPv6). `l4_length` in bytes,
// at most 65535.
[[nodiscard]] inline uint64_t pseudo_header_sum(const Ipv4Header& ip, size_t l4_length) {
  const uint64_t rest = static_cast<uint64_t>(Be16(static_cast<uint16_t>(l4_length)).raw()) +
                        Be16(uint16_t{ip.protocol}).raw();
  return ones_sum(&ip.source, 8, rest);
}

[[nodiscard]] inline uint64_t pseudo_header_sum(const Ipv6Header& ip, uint8_t protocol,
                                                size_t l4_length) {
  const uint64_t rest = static_cast<uint64_t>(Be16(static_cast<uint16_t>(l4_length)).raw()) +
                        Be16(uint16_t{protocol}).raw();
  return ones_sum(&ip.source, 32, rest);
}

// The checksum of a whole TCP or UDP segment (also ICMPv6, over IPv6), to store raw. The checksum
// field within `l4` must be zero. For UDP, 0x0000 comes out as 0xffff.
[[nodiscard]] inline uint16_t tcp_udp_checksum(const Ipv4Header& ip, const void* l4,
                                               size_t l4_length) {
  const uint16_t value = internet_checksum(l4, l4_length, pseudo_header_sum(ip, l4_length));
  return ip.protocol == kProtocolUdp ? udp_checksum_field(value) : value;
}

// `protocol` is the upper-layer protocol, which is not ip.next_header behind extension headers.
[[nodiscard]] inline uint16_t tcp_udp_checksum(const Ipv6Header& ip, uint8_t protocol,
                                               const void* l4, size_t l4_length) {
  const uint16_t value =
      internet_checksum(l4, l4_length, pseudo_header_sum(ip, protocol, l4_length));
  return protocol == kProtocolUdp ? udp_checksum_field(value) : value;
}

}  // namespace vipgate
