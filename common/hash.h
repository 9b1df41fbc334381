// The three kinds of hash: keyed for tables that an attacker fills, fixed for what gateways must
// agree on, Toeplitz for what a NIC computes too.
#pragma once

#include <wmmintrin.h>

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/addresses.h"
#include "common/byte_order.h"
#include "common/service.h"

namespace vipgate {

// Drawn once per boot, so that nobody outside can choose buckets. All zero makes runs repeatable.
struct HashSecret {
  uint64_t words[4] = {0, 0, 0, 0};
};

namespace hash_detail {

// Digits of pi: they keep the rounds asymmetric when the secret is zero.
inline __m128i whitening(const HashSecret& secret) {
  return _mm_set_epi64x(static_cast<int64_t>(secret.words[1] ^ 0x13198a2e03707344),
                        static_cast<int64_t>(secret.words[0] ^ 0x243f6a8885a308d3));
}
inline __m128i round_key(const HashSecret& secret) {
  return _mm_set_epi64x(static_cast<int64_t>(secret.words[3] ^ 0x082efa98ec4e6c89),
                        static_cast<int64_t>(secret.words[2] ^ 0xa4093822299f31d0));
}

inline uint64_t load_big_endian(const void* bytes) { return byte_swap(load<uint64_t>(bytes)); }

// Bijective mixing of 64 bits: splitmix64's finalizer.
constexpr uint64_t mix64(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace hash_detail

// A secret as the rounds use it, for who hashes many keys with one.
struct PreparedSecret {
  __m128i whitening, round;

  PreparedSecret(const HashSecret& secret)  // NOLINT(google-explicit-constructor): the same value
      : whitening(hash_detail::whitening(secret)), round(hash_detail::round_key(secret)) {}
};

// Three AES rounds over the whitened key: every key bit reaches every output bit non-linearly, so
// differences of keys (unlike with CRC or Toeplitz) do not tell which keys share a bucket.
[[nodiscard]] inline uint64_t keyed_hash(uint64_t key, const PreparedSecret& secret) {
  __m128i state = _mm_xor_si128(_mm_cvtsi64_si128(static_cast<int64_t>(key)), secret.whitening);
  state = _mm_aesenc_si128(state, secret.round);
  state = _mm_aesenc_si128(state, secret.round);
  state = _mm_aesenc_si128(state, secret.round);
  return static_cast<uint64_t>(_mm_cvtsi128_si64(state));
}

// Two rounds between 16-byte blocks: with one, a difference in a block could be cancelled in the
// next one with a probability of 2^-6. REQUIRES: the length is a multiple of 8.
[[nodiscard]] inline uint64_t keyed_hash(const void* key, size_t length_multiple_of_8,
                                         const PreparedSecret& secret) {
  assert(length_multiple_of_8 % 8 == 0);
  const __m128i round = secret.round;
  __m128i state = _mm_xor_si128(_mm_cvtsi64_si128(static_cast<int64_t>(length_multiple_of_8)),
                                secret.whitening);
  const auto* at = static_cast<const uint8_t*>(key);
  for (; length_multiple_of_8 >= 16; length_multiple_of_8 -= 16, at += 16) {
    __m128i block;
    std::memcpy(&block, at, 16);
    state = _mm_aesenc_si128(_mm_xor_si128(state, block), round);
    state = _mm_aesenc_si128(state, round);
  }
  if (length_multiple_of_8 != 0) {
    int64_t half;
    std::memcpy(&half, at, 8);
    state = _mm_aesenc_si128(_mm_xor_si128(state, _mm_cvtsi64_si128(half)), round);
    state = _mm_aesenc_si128(state, round);
  }
  state = _mm_aesenc_si128(state, round);
  return static_cast<uint64_t>(_mm_cvtsi128_si64(state));
}

// Hashes of a forward packet that choose the Maglev row. They have no secret: every gateway, of
// every build, must get the same value, so the constants and the order are part of the format.
[[nodiscard]] constexpr uint32_t flow_hash_v4(Ipv4Address client, Be16 client_port, Ipv4Address vip,
                                              Be16 vip_port, uint8_t protocol) {
  const uint64_t addresses = static_cast<uint64_t>(client.value.host()) << 32 | vip.value.host();
  const uint64_t ports = static_cast<uint64_t>(client_port.host()) << 24 |
                         static_cast<uint64_t>(vip_port.host()) << 8 | protocol;
  const uint64_t hash =
      hash_detail::mix64(hash_detail::mix64(addresses + 0x9e3779b97f4a7c15) ^ ports);
  return static_cast<uint32_t>(hash >> 32);
}

[[nodiscard]] inline uint32_t flow_hash_v6(const Ipv6Address& client, Be16 client_port,
                                           const Ipv6Address& vip, Be16 vip_port,
                                           uint8_t protocol) {
  uint64_t hash = 0x9e3779b97f4a7c15;
  for (const Ipv6Address* address : {&client, &vip}) {
    const uint8_t* bytes = address->bytes.data();
    hash = hash_detail::mix64(hash + hash_detail::load_big_endian(bytes));
    hash = hash_detail::mix64(hash + hash_detail::load_big_endian(bytes + 8));
  }
  const uint64_t ports = static_cast<uint64_t>(client_port.host()) << 24 |
                         static_cast<uint64_t>(vip_port.host()) << 8 | protocol;
  return static_cast<uint32_t>(hash_detail::mix64(hash ^ ports) >> 32);
}

// The same for either family, from the fields that count; the others are zero.
template <class Address>
[[nodiscard]] uint32_t flow_hash(HashFields fields, const Address& client, Be16 client_port,
                                 const Address& vip, Be16 vip_port, uint8_t protocol) {
  const auto hash = [](const Address& from, Be16 from_port, const Address& to, Be16 to_port,
                       uint8_t number) {
    if constexpr (sizeof(Address) == 4) {
      return flow_hash_v4(from, from_port, to, to_port, number);
    } else {
      return flow_hash_v6(from, from_port, to, to_port, number);
    }
  };
  switch (fields) {
    case HashFields::kSource:
      return hash(client, Be16{}, Address{}, Be16{}, 0);
    case HashFields::kSourceDestination:
      return hash(client, Be16{}, vip, Be16{}, 0);
    case HashFields::kFiveTuple:
      break;
  }
  return hash(client, client_port, vip, vip_port, protocol);
}

// Maps a hash evenly onto 0 … n-1 by its upper bits (multiply-shift).
[[nodiscard]] constexpr uint32_t scale(uint32_t hash, uint32_t n) {
  return static_cast<uint32_t>(static_cast<uint64_t>(hash) * n >> 32);
}

// Toeplitz hash of an address and a port, address first: what RSS computes with this key over the
// fields "source only, L3 and L4" of a packet from the client, and "destination only" of one to it.
// 18 KB of tables (6 KB of them used for IPv4), made once; immutable, so any thread may call.
class ToeplitzHash {
 public:
  static constexpr size_t kKeyLength = 40;
  using Key = std::array<uint8_t, kKeyLength>;

  explicit ToeplitzHash(const Key& key) {
    for (size_t byte = 0; byte < kInputLength; ++byte) {
      // Bit b of the input, counted from its start, selects bits b … b+31 of the key.
      uint64_t window = 0;
      for (size_t i = 0; i < 5; ++i) window = window << 8 | key[byte + i];
      for (size_t value = 0; value < 256; ++value) {
        uint32_t hash = 0;
        for (int bit = 0; bit < 8; ++bit) {
          if ((value & (0x80u >> bit)) != 0) hash ^= static_cast<uint32_t>(window >> (8 - bit));
        }
        tables_[byte][value] = hash;
      }
    }
  }

  [[nodiscard]] uint32_t v4(Ipv4Address client, Be16 client_port) const {
    uint8_t input[6];
    std::memcpy(input, &client, 4);
    std::memcpy(input + 4, &client_port, 2);
    return hash<6>(input);
  }

  [[nodiscard]] uint32_t v6(const Ipv6Address& client, Be16 client_port) const {
    uint8_t input[kInputLength];
    std::memcpy(input, &client, 16);
    std::memcpy(input + 16, &client_port, 2);
    return hash<kInputLength>(input);
  }

 private:
  static constexpr size_t kInputLength = 18;

  template <size_t length>
  uint32_t hash(const uint8_t* input) const {
    uint32_t result = 0;
    for (size_t i = 0; i < length; ++i) result ^= tables_[i][input[i]];
    return result;
  }

  std::array<std::array<uint32_t, 256>, kInputLength> tables_;
};

}  // namespace vipgate
