// Which worker owns a flow: a pure function of what its packets show in both directions, the same
// in every worker. A device whose RSS has the same key and hashes the same fields delivers to the
// owner by itself; what comes to another worker is handed over.
//
// What is hashed is the far end of the flow as the side that a packet comes by sees it: a client's
// address and port, or a SNAT address and port. That is the source of what clients send and the
// destination of what reals send.
#pragma once

#include <immintrin.h>

#include <bit>
#include <bitset>
#include <cstdint>
#include <vector>

#include "common/addresses.h"
#include "common/byte_order.h"
#include "common/hash.h"

namespace vipgate {

class FlowOwners {
 public:
  // Entries of the redirection tables (RETA) of most NICs.
  static constexpr uint32_t kBuckets = 512;

  // `buckets`: a power of two, not fewer than workers, 65,536 at most; what the lower bits of a
  // hash choose, as in a device's redirection table.
  FlowOwners(const ToeplitzHash::Key& key, uint32_t workers, uint32_t buckets = kBuckets)
      : owner_of_(buckets),
        workers_(workers),
        mask_(buckets - 1),
        bits_(static_cast<uint32_t>(std::countr_zero(buckets))),
        hash_(key) {
    for (uint32_t bucket = 0; bucket < buckets; ++bucket) {
      owner_of_[turned_round(bucket)] = static_cast<uint8_t>(of_bucket(bucket));
    }
    // Of what comes before the address and the port, no bit of the key is needed; of what comes
    // after them, as many as a bucket has.
    uint64_t factor = 0;
    for (uint32_t bit = 0; bit < kIpv4Bits + bits_ - 1; ++bit) {
      const uint32_t at = kHashBits - bits_ + bit;
      const uint64_t is_set = key[at / 8] >> (7 - at % 8) & 1;
      factor |= is_set << (bit + 1);
    }
    ipv4_factor_ = _mm_cvtsi64_si128(static_cast<int64_t>(factor));
  }

  // As of_bucket() of the hash, which is a product of polynomials over GF(2), as one instruction
  // reckons it: nearly all packets ask for it where there is more than one worker.
  [[nodiscard, gnu::always_inline]] uint32_t of(Ipv4Address address, Be16 port) const {
    const uint64_t input = byte_swap(address.value.raw() | uint64_t{port.raw()} << 32);
    return owner_of_[product_above(input, ipv4_factor_) & mask_];
  }
  [[nodiscard]] uint32_t of(const Ipv6Address& address, Be16 port) const {
    return of_bucket(hash_.v6(address, port));
  }
  // Of what falls into this entry of a redirection table, however many times as long it is.
  [[nodiscard]] uint32_t of_bucket(uint32_t bucket) const {
    return ((bucket & mask_) * workers_) >> bits_;
  }

  // Whether this key spreads what is alike: 512 ports from a multiple of 512 on fall into each of
  // 512 buckets once, at any address, and 16 neighbouring addresses into each eighth of the buckets
  // twice. One key in seven does; by others a worker may have no SNAT ports, or no clients of a
  // rack.
  static bool spreads(const ToeplitzHash::Key& key) {
    const ToeplitzHash hash(key);
    std::bitset<kBuckets> ports4, ports6;
    for (uint16_t port = 0; port < kBuckets; ++port) {
      ports4.set(hash.v4({}, Be16(port)) % kBuckets);
      ports6.set(hash.v6({}, Be16(port)) % kBuckets);
    }
    std::bitset<8> clients4, clients6;
    for (uint8_t client = 0; client < 16; ++client) {
      Ipv6Address v6;
      v6.bytes[15] = client;
      clients4.set(hash.v4({Be32(client)}, {}) % kBuckets / (kBuckets / 8));
      clients6.set(hash.v6(v6, {}) % kBuckets / (kBuckets / 8));
    }
    // The hash is linear: what is added to all moves their buckets, and they stay apart.
    return ports4.all() && ports6.all() && clients4.all() && clients6.all();
  }

  uint32_t workers() const { return workers_; }
  uint32_t buckets() const { return mask_ + 1; }

 private:
  static constexpr uint32_t kIpv4Bits = 8 * (sizeof(Ipv4Address) + sizeof(Be16));
  static constexpr uint32_t kHashBits = 32;

  // The bits of a bucket's number, the last one first.
  uint32_t turned_round(uint32_t bucket) const {
    uint32_t turned = 0;
    for (uint32_t bit = 0; bit < bits_; ++bit) turned = turned << 1 | (bucket >> bit & 1);
    return turned;
  }

  // The upper 64 bits of the product without carries. In assembly, so that only this needs
  // PCLMULQDQ, which every CPU with AVX2 and AES has.
  [[gnu::always_inline]] static uint64_t product_above(uint64_t a, __m128i b) {
    __m128i product;
    asm("vpclmulqdq $0, %2, %1, %0"
        : "=x"(product)
        : "x"(_mm_cvtsi64_si128(static_cast<int64_t>(a))), "xm"(b));
    return static_cast<uint64_t>(_mm_extract_epi64(product, 1));
  }

  __m128i ipv4_factor_;            // bits of the key, the first one lowest
  std::vector<uint8_t> owner_of_;  // by turned_round()
  uint32_t workers_;
  uint32_t mask_;
  uint32_t bits_;
  ToeplitzHash hash_;
};

}  // namespace vipgate
