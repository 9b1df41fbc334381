#include "controlplane/naming/sha1.h"

#include <bit>
#include <cstddef>

namespace vipgate {
namespace {

constexpr size_t kBlock = 64;

struct Sha1State {
  std::array<uint32_t, 5> h = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
};

void add_block(Sha1State& state, const uint8_t* block) {
  std::array<uint32_t, 80> w;
  for (size_t i = 0; i < 16; ++i) {
    w[i] = static_cast<uint32_t>(block[4 * i]) << 24 |
           static_cast<uint32_t>(block[4 * i + 1]) << 16 |
           static_cast<uint32_t>(block[4 * i + 2]) << 8 | block[4 * i + 3];
  }
  for (size_t i = 16; i < 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  auto [a, b, c, d, e] = state.h;
  for (size_t i = 0; i < 80; ++i) {
    uint32_t f = 0;
    uint32_t k = 0;
    if (i < 20) {
      f = (b & c) | (~b & d);
      k = 0x5a827999;
    } else if (i < 40) {
      f = b ^ c ^ d;
      k = 0x6ed9eba1;
    } else if (i < 60) {
      f = (b & c) | (b & d) | (c & d);
      k = 0x8f1bbcdc;
    } else {
      f = b ^ c ^ d;
      k = 0xca62c1d6;
    }
    const uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  state.h[0] += a;
  state.h[1] += b;
  state.h[2] += c;
  state.h[3] += d;
  state.h[4] += e;
}

}  // namespace

// By hand: the library's takes longer to set up than to hash a task's id.
std::array<uint8_t, 20> sha1(std::string_view octets) {
  Sha1State state;
  const auto* data = reinterpret_cast<const uint8_t*>(octets.data());
  size_t left = octets.size();
  for (; left >= kBlock; left -= kBlock, data += kBlock) add_block(state, data);

  std::array<uint8_t, 2 * kBlock> tail{};
  for (size_t i = 0; i < left; ++i) tail[i] = data[i];
  tail[left] = 0x80;
  const size_t tail_length = left + 9 <= kBlock ? kBlock : 2 * kBlock;
  const uint64_t bits = static_cast<uint64_t>(octets.size()) * 8;
  for (size_t i = 0; i < 8; ++i) {
    tail[tail_length - 1 - i] = static_cast<uint8_t>(bits >> (8 * i));
  }
  for (size_t at = 0; at < tail_length; at += kBlock) add_block(state, tail.data() + at);

  std::array<uint8_t, 20> digest;
  for (size_t i = 0; i < 20; ++i) {
    digest[i] = static_cast<uint8_t>(state.h[i / 4] >> (24 - 8 * (i % 4)));
  }
  return digest;
}

}  // namespace vipgate
