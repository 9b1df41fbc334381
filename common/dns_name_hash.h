// Folding and hashing of whole wire names, 64 octets at a time.
#pragma once

#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

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
};

namespace dns_internal {

inline __m256i fold32(__m256i octets) {
  const __m256i shifted = _mm256_sub_epi8(octets, _mm256_set1_epi8(static_cast<char>('A' + 128)));
  const __m256i upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(-128 + 26), shifted);
  return _mm256_or_si256(octets, _mm256_and_si256(upper, _mm256_set1_epi8(32)));
}

// The first `count` of 32 octets, the others zero; any count is allowed. Reads whole groups of four
// octets, so up to three beyond `count`.
inline __m256i load_first(const uint8_t* from, int count) {
  const __m256i words = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
  const __m256i wanted = _mm256_cmpgt_epi32(_mm256_set1_epi32(count), words);
  const __m256i loaded = _mm256_maskload_epi32(reinterpret_cast<const int*>(from), wanted);
  const __m256i index =
      _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                       22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
  const int clamped = count < 0 ? 0 : count > 32 ? 32 : count;
  const __m256i keep = _mm256_cmpgt_epi8(_mm256_set1_epi8(static_cast<char>(clamped)), index);
  return _mm256_and_si256(loaded, keep);
}

}  // namespace dns_internal

// Folds the name of `length` octets at `wire` into `folded`. Reads up to three octets beyond it,
// which in a query are of the type and class that follow the name.
// REQUIRES: length <= 255, and length + 3 octets readable.
inline void dns_fold_name(const uint8_t* wire, size_t length, DnsFoldedName& folded) {
  for (size_t at = 0; at < length; at += 64) {
    const int left = static_cast<int>(length - at);
    auto* to = reinterpret_cast<__m256i*>(folded.octets.data() + at);
    _mm256_store_si256(to, dns_internal::fold32(dns_internal::load_first(wire + at, left)));
    // No address beyond the name is formed, although nothing would be read there.
    const __m256i second =
        left > 32 ? dns_internal::load_first(wire + at + 32, left - 32) : _mm256_setzero_si256();
    _mm256_store_si256(to + 1, dns_internal::fold32(second));
  }
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
      const auto* block = reinterpret_cast<const __m128i*>(name.octets.data() + at);
      const __m128i a = two_rounds(_mm_xor_si128(_mm_load_si128(block), key(0)));
      const __m128i b = two_rounds(_mm_xor_si128(_mm_load_si128(block + 1), key(1)));
      const __m128i c = two_rounds(_mm_xor_si128(_mm_load_si128(block + 2), key(2)));
      const __m128i d = two_rounds(_mm_xor_si128(_mm_load_si128(block + 3), key(3)));
      const __m128i mixed = _mm_xor_si128(_mm_xor_si128(a, b), _mm_xor_si128(c, d));
      state = two_rounds(_mm_xor_si128(state, mixed));
    }
    return static_cast<uint64_t>(_mm_cvtsi128_si64(state));
  }

 private:
  __m128i key(size_t i) const {
    return _mm_load_si128(reinterpret_cast<const __m128i*>(keys_[i].data()));
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
