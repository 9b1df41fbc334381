// Server cookies of four clients at once: what dns_cookie_hash() says of each.
#pragma once

#include <array>
#include <cstdint>

#include "common/dns_cookie.h"
#include "common/siphash_four.h"

namespace vipgate {

namespace dns_cookie_internal {

using Four = std::array<const uint8_t*, 4>;

inline __m256i words_at(const Four& from, size_t offset) {
  const auto word = [&](size_t i) { return load<int64_t>(from[i] + offset); };
  return _mm256_set_epi64x(word(3), word(2), word(1), word(0));
}
inline __m256i halves_at(const Four& from) {
  const auto half = [&](size_t i) { return static_cast<int64_t>(load<uint32_t>(from[i])); };
  return _mm256_set_epi64x(half(3), half(2), half(1), half(0));
}

}  // namespace dns_cookie_internal

// Bit i: the i-th cookie was made with the secret for the i-th address, which has `kAddressLength`
// octets. Of versions and times nothing is said.
template <size_t kAddressLength>
[[nodiscard]] inline uint32_t dns_good_cookies(const SipKey& secret,
                                               const dns_cookie_internal::Four& cookies,
                                               const dns_cookie_internal::Four& addresses) {
  static_assert(kAddressLength == 4 || kAddressLength == 16);
  using dns_cookie_internal::halves_at;
  using dns_cookie_internal::words_at;
  constexpr uint64_t kLength = uint64_t{16 + kAddressLength} << 56;
  SipHashFour hash(secret);
  hash.take(words_at(cookies, 0));
  hash.take(words_at(cookies, 8));
  if constexpr (kAddressLength == 4) {
    hash.take(_mm256_or_si256(halves_at(addresses), SipHashFour::all(kLength)));
  } else {
    hash.take(words_at(addresses, 0));
    hash.take(words_at(addresses, 8));
    hash.take(SipHashFour::all(kLength));
  }
  const __m256i is_equal = _mm256_cmpeq_epi64(hash.finish(), words_at(cookies, 16));
  return static_cast<uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(is_equal)));
}

}  // namespace vipgate
