// SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash that whoever does not know the key cannot
// predict, short enough for packets.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/byte_order.h"

namespace vipgate {

// 128 bits, the octets in the order of the paper.
struct SipKey {
  std::array<uint8_t, 16> bytes{};
  friend bool operator==(const SipKey&, const SipKey&) = default;
};

namespace siphash_internal {

struct State {
  uint64_t v0, v1, v2, v3;

  explicit State(const SipKey& key) {
    const auto k0 = load<uint64_t>(key.bytes.data());
    const auto k1 = load<uint64_t>(key.bytes.data() + 8);
    v0 = k0 ^ 0x736f6d6570736575;
    v1 = k1 ^ 0x646f72616e646f6d;
    v2 = k0 ^ 0x6c7967656e657261;
    v3 = k1 ^ 0x7465646279746573;
  }

  void round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }
  void take(uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  uint64_t finish() {
    v2 ^= 0xff;
    for (int i = 0; i < 4; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace siphash_internal

// The hash of `length` octets. Stored as it lies in memory, it is the paper's output of 8 octets.
[[nodiscard]] inline uint64_t siphash24(const SipKey& key, const uint8_t* octets, size_t length) {
  siphash_internal::State state(key);
  size_t at = 0;
  for (; at + 8 <= length; at += 8) state.take(load<uint64_t>(octets + at));
  uint64_t last = uint64_t{length} << 56;
  for (size_t i = 0; at + i < length; ++i) last |= uint64_t{octets[at + i]} << (8 * i);
  state.take(last);
  return state.finish();
}

}  // namespace vipgate
