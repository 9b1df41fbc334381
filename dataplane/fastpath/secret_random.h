// Numbers that nobody outside can guess, for ids, ports and case of questions (RFC 5452 4.5, 10):
// AES-128 of a counter (NIST SP 800-38A 6.5), keyed by the process's secret.
#pragma once

#include <immintrin.h>

#include <array>
#include <cstdint>

#include "common/hash.h"

namespace vipgate {

// Each worker has its own: a stream of numbers for each `stream`.
class SecretRandom {
 public:
  SecretRandom(const HashSecret& secret, uint32_t stream) : stream_(stream) {
    keys_[0] = _mm_set_epi64x(static_cast<int64_t>(secret.words[1] ^ secret.words[3]),
                              static_cast<int64_t>(secret.words[0] ^ secret.words[2]));
    expand<0x01>(1);
    expand<0x02>(2);
    expand<0x04>(3);
    expand<0x08>(4);
    expand<0x10>(5);
    expand<0x20>(6);
    expand<0x40>(7);
    expand<0x80>(8);
    expand<0x1b>(9);
    expand<0x36>(10);
  }

  // 128 bits.
  std::array<uint64_t, 2> next() {
    __m128i state = _mm_set_epi64x(static_cast<int64_t>(stream_), static_cast<int64_t>(counter_++));
    state = _mm_xor_si128(state, keys_[0]);
    for (size_t round = 1; round < 10; ++round) state = _mm_aesenc_si128(state, keys_[round]);
    state = _mm_aesenclast_si128(state, keys_[10]);
    alignas(16) std::array<uint64_t, 2> words;
    _mm_store_si128(reinterpret_cast<__m128i*>(words.data()), state);
    return words;
  }

 private:
  // FIPS 197 5.2.
  template <int kConstant>
  void expand(size_t round) {
    __m128i key = keys_[round - 1];
    const __m128i word = _mm_shuffle_epi32(_mm_aeskeygenassist_si128(key, kConstant), 0xff);
    for (int i = 0; i < 3; ++i) key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    keys_[round] = _mm_xor_si128(key, word);
  }

  uint64_t stream_;
  uint64_t counter_ = 0;
  __m128i keys_[11];
};

}  // namespace vipgate
