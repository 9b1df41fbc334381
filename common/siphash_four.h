// SipHash-2-4 of four messages at once, with one key: siphash.h, in the four lanes of a vector.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "common/siphash.h"

#ifndef __AVX2__
#error "four messages are hashed at once with AVX2: build for x86-64-v3"
#endif

namespace vipgate {

class SipHashFour {
 public:
  explicit SipHashFour(const SipKey& key) {
    const siphash_internal::State state(key);
    v0_ = all(state.v0);
    v1_ = all(state.v1);
    v2_ = all(state.v2);
    v3_ = all(state.v3);
  }

  // The next word of each message.
  void take(__m256i words) {
    v3_ = _mm256_xor_si256(v3_, words);
    round();
    round();
    v0_ = _mm256_xor_si256(v0_, words);
  }
  __m256i finish() {
    v2_ = _mm256_xor_si256(v2_, all(0xff));
    for (int i = 0; i < 4; ++i) round();
    return _mm256_xor_si256(_mm256_xor_si256(v0_, v1_), _mm256_xor_si256(v2_, v3_));
  }

  // A word that all messages have.
  static __m256i all(uint64_t word) { return _mm256_set1_epi64x(static_cast<int64_t>(word)); }

 private:
  template <int kBits>
  static __m256i rotate(__m256i words) {
    return _mm256_or_si256(_mm256_slli_epi64(words, kBits), _mm256_srli_epi64(words, 64 - kBits));
  }
  // By whole octets, and by halves: one shuffle.
  static __m256i rotate_by_16(__m256i words) {
    const __m256i places = _mm256_setr_epi8(6, 7, 0, 1, 2, 3, 4, 5, 14, 15, 8, 9, 10, 11, 12, 13, 6,
                                            7, 0, 1, 2, 3, 4, 5, 14, 15, 8, 9, 10, 11, 12, 13);
    return _mm256_shuffle_epi8(words, places);
  }
  static __m256i rotate_by_32(__m256i words) { return _mm256_shuffle_epi32(words, 0xb1); }

  void round() {
    v0_ = _mm256_add_epi64(v0_, v1_);
    v2_ = _mm256_add_epi64(v2_, v3_);
    v1_ = _mm256_xor_si256(rotate<13>(v1_), v0_);
    v3_ = _mm256_xor_si256(rotate_by_16(v3_), v2_);
    v0_ = rotate_by_32(v0_);
    v2_ = _mm256_add_epi64(v2_, v1_);
    v0_ = _mm256_add_epi64(v0_, v3_);
    v1_ = _mm256_xor_si256(rotate<17>(v1_), v2_);
    v3_ = _mm256_xor_si256(rotate<21>(v3_), v0_);
    v2_ = rotate_by_32(v2_);
  }

  __m256i v0_, v1_, v2_, v3_;
};

}  // namespace vipgate
