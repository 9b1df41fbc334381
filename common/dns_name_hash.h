// Folding and hashing of whole wire names, 64 octets at a time.
#pragma once

#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "common/dns_wire.h"

#if !defined(__AVX2__) || !defined(__AES__)
#error "names are folded with AVX2 and hashed with AES: build for x86-64-v3 with -maes"
#endif

namespace vipgate {

// Secret of the name hash. Random per process in the daemon, so that nobody outside can choose
// names that fall into one bucket; fixed where a run must be repeatable.
struct DnsHashSecret {
  std::array<uint8_t, 16> bytes{};
  friend bool operator==(const DnsHashSecret&, const DnsHashSecret&) = default;
};

// A folded name, zero from its end up to the next multiple of 64 octets; nothing else is defined.
struct alignas(64) DnsFoldedName {
  std::array<uint8_t, 256> octets;
  // Its first octets.
  std::string_view text(size_t length) const {
    return {reinterpret_cast<const char*>(octets.data()), length};
  }
};

namespace dns_internal {

inline __m256i fold32(__m256i octets) {
  const __m256i shifted = _mm256_sub_epi8(octets, _mm256_set1_epi8(static_cast<char>('A' + 128)));
  const __m256i upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(-128 + 26), shifted);
  return _mm256_or_si256(octets, _mm256_and_si256(upper, _mm256_set1_epi8(32)));
}

// 64 octets of ones, then as many zeros: what is loaded `n` octets before the zeros is ones in the
// first n octets, and zero behind.
alignas(64) inline constexpr std::array<uint8_t, 160> kOnes = [] {
  std::array<uint8_t, 160> ones{};
  for (size_t i = 0; i < 72; ++i) ones[i] = 0xff;
  return ones;
}();
inline __m256i first_ones(size_t count, size_t from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kOnes.data() + 72 - count + from));
}

// 32 of the octets from `from` on, those behind the first `count` (at most 64) of all zero. Reads
// whole groups of four octets, so up to three beyond.
inline __m256i load_first(const uint8_t* octets, size_t count, size_t from) {
  // A group is loaded by the top bit of its last octet: it is set where the first one is wanted.
  const __m256i groups = first_ones(count + 3, from);
  const __m256i loaded = _mm256_maskload_epi32(reinterpret_cast<const int*>(octets), groups);
  return _mm256_and_si256(loaded, first_ones(count, from));
}

// The first `count` octets (at most 64) from `from` on, those behind them zero. REQUIRES: 32 octets
// are readable there.
inline __m256i load_all(const uint8_t* octets, size_t count, size_t from) {
  return _mm256_and_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(octets + from)),
                          first_ones(count, from));
}

// The 16-bit words of both, added up in four places.
inline __m256i sum_words(__m256i a, __m256i b) {
  const __m256i low = _mm256_set1_epi16(0xff), zero = _mm256_setzero_si256();
  const __m256i lower = _mm256_add_epi64(_mm256_sad_epu8(_mm256_and_si256(a, low), zero),
                                         _mm256_sad_epu8(_mm256_and_si256(b, low), zero));
  const __m256i upper = _mm256_add_epi64(_mm256_sad_epu8(_mm256_srli_epi16(a, 8), zero),
                                         _mm256_sad_epu8(_mm256_srli_epi16(b, 8), zero));
  return _mm256_add_epi64(lower, _mm256_slli_epi64(upper, 8));
}

inline uint64_t add_places(__m256i sum) {
  const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  return static_cast<uint64_t>(
      _mm_cvtsi128_si64(_mm_add_epi64(half, _mm_unpackhi_epi64(half, half))));
}

}  // namespace dns_internal

// Folds the name of `length` octets at `wire` into `folded`, and gives the sum of its 16-bit words
// as they lie in memory, before they are folded, an odd octet at the end followed by zero. Reads up
// to three octets beyond it, which in a query are of the type and class that follow the name.
// REQUIRES: length <= 255, and length + 3 octets readable.
inline uint64_t dns_fold_name(const uint8_t* wire, size_t length, DnsFoldedName& folded) {
  using dns_internal::load_first;
  __m256i sum = _mm256_setzero_si256();
  for (size_t at = 0; at < length; at += 64) {
    const size_t left = length - at < 64 ? length - at : 64;
    auto* to = reinterpret_cast<__m256i*>(folded.octets.data() + at);
    const __m256i first = load_first(wire + at, left, 0);
    // No address beyond the name is formed, although nothing would be read there.
    const __m256i second = load_first(wire + at + (left > 32 ? 32 : 0), left > 32 ? left : 0, 32);
    _mm256_store_si256(to, dns_internal::fold32(first));
    _mm256_store_si256(to + 1, dns_internal::fold32(second));
    sum = _mm256_add_epi64(sum, dns_internal::sum_words(first, second));
  }
  return dns_internal::add_places(sum);
}

// Keyed hash of folded names. A wire name says where it ends, so the padding needs no length.
// Two AES rounds per 16 octets before they are mixed: a chosen difference survives them with a
// probability of 2^-30 at the most.
class DnsNameHash {
 public:
  explicit DnsNameHash(const DnsHashSecret& secret) : secret_(secret) {
    __m128i state = _mm_loadu_si128(reinterpret_cast<const __m128i*>(secret.bytes.data()));
    for (size_t i = 0; i < keys_.size(); ++i) {
      for (int round = 0; round < 4; ++round) {
        state = _mm_aesenc_si128(state, _mm_set1_epi32(static_cast<int>(i * 4 + round + 1)));
      }
      _mm_store_si128(reinterpret_cast<__m128i*>(keys_[i].data()), state);
    }
  }

  const DnsHashSecret& secret() const { return secret_; }

  uint64_t operator()(const DnsFoldedName& name, size_t length) const {
    __m128i state = key(4);
    for (size_t at = 0; at < length; at += 64) {
      const auto* block = reinterpret_cast<const __m256i*>(name.octets.data() + at);
      state = add_block(state, _mm256_load_si256(block), _mm256_load_si256(block + 1));
    }
    return static_cast<uint64_t>(_mm_cvtsi128_si64(state));
  }

  // Folds the name, gives its hash, and in `sum` what dns_fold_name() gives: all from the registers
  // that it is loaded into. REQUIRES: length <= 64; 64 octets are readable at `wire`.
  uint64_t fold(const uint8_t* wire, size_t length, DnsFoldedName& folded, uint64_t& sum) const {
    const __m256i first = dns_internal::load_all(wire, length, 0);
    const __m256i second = dns_internal::load_all(wire, length, 32);
    sum = dns_internal::add_places(dns_internal::sum_words(first, second));
    const __m256i a = dns_internal::fold32(first), b = dns_internal::fold32(second);
    auto* to = reinterpret_cast<__m256i*>(folded.octets.data());
    _mm256_store_si256(to, a);
    _mm256_store_si256(to + 1, b);
    return static_cast<uint64_t>(_mm_cvtsi128_si64(add_block(key(4), a, b)));
  }

 private:
  __m128i key(size_t i) const {
    return _mm_load_si128(reinterpret_cast<const __m128i*>(keys_[i].data()));
  }
  // 64 octets more.
  __m128i add_block(__m128i state, __m256i first, __m256i second) const {
    const auto mixed = [this](__m128i octets, size_t i) {
      return two_rounds(_mm_xor_si128(octets, key(i)));
    };
    const __m128i a = mixed(_mm256_castsi256_si128(first), 0);
    const __m128i b = mixed(_mm256_extracti128_si256(first, 1), 1);
    const __m128i c = mixed(_mm256_castsi256_si128(second), 2);
    const __m128i d = mixed(_mm256_extracti128_si256(second, 1), 3);
    const __m128i all = _mm_xor_si128(_mm_xor_si128(a, b), _mm_xor_si128(c, d));
    return two_rounds(_mm_xor_si128(state, all));
  }
  __m128i two_rounds(__m128i state) const {
    return _mm_aesenc_si128(_mm_aesenc_si128(state, key(4)), key(5));
  }

  struct alignas(16) Key {
    std::array<uint8_t, 16> bytes;
    uint8_t* data() { return bytes.data(); }
    const uint8_t* data() const { return bytes.data(); }
  };

  DnsHashSecret secret_;
  std::array<Key, 6> keys_;
};

}  // namespace vipgate
