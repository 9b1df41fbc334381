// Which worker owns a flow: a pure function of what its packets show in both directions, the same
// in every worker. A device whose RSS has the same key and hashes the same fields delivers to the
// owner by itself; what comes to another worker is handed over.
//
// What is hashed is the far end of the flow as the side that a packet comes by sees it: a client's
// address and port, or a SNAT address and port. That is the source of what clients send and the
// destination of what reals send.
#pragma once

#include <bit>
#include <bitset>
#include <cstdint>

#include "common/addresses.h"
#include "common/byte_order.h"
#include "common/hash.h"

namespace vipgate {

class FlowOwners {
 public:
  // Entries of the redirection tables (RETA) of most NICs.
  static constexpr uint32_t kBuckets = 512;

  // `buckets`: a power of two, not fewer than workers; what the lower bits of a hash choose, as in
  // a device's redirection table.
  FlowOwners(const ToeplitzHash::Key& key, uint32_t workers, uint32_t buckets = kBuckets)
      : hash_(key),
        workers_(workers),
        mask_(buckets - 1),
        bits_(static_cast<uint32_t>(std::countr_zero(buckets))) {}

  [[nodiscard]] uint32_t of(Ipv4Address address, Be16 port) const {
    return of_bucket(hash_.v4(address, port));
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
  ToeplitzHash hash_;
  uint32_t workers_;
  uint32_t mask_;
  uint32_t bits_;
};

}  // namespace vipgate
