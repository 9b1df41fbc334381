// The SNAT ports of one worker. And where the record lies of a flow from such a port to a real: a
// pure function of both, so that a return packet finds it without a search.
//
// A port is used again towards every other real, so that a pool serves as many flows as there are
// records. A flow's record lies where the hash of its addresses, ports and protocol says, at the
// real's side of the gateway: there is one such flow at a time, and its place is its own. Where two
// flows would meet in one place, the later one takes another port. So nothing has to be searched
// but a port whose place is free.
#pragma once

#include <nmmintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/addresses.h"
#include "common/byte_order.h"
#include "common/hash.h"
#include "common/snapshot.h"
#include "dataplane/fastpath/flow_owners.h"

namespace vipgate {

class SnatPorts {
 public:
  SnatPorts() = default;
  // Those of `address` that `worker` owns; null: there is one worker alone. With several workers
  // they are listed, 128 KB for all workers and a whole range: which ones they are is a hash's
  // doing.
  SnatPorts(const SnatAddress& address, uint32_t worker, const FlowOwners* owners)
      : low_(address.port_low), high_(address.port_high) {
    if (owners == nullptr || owners->workers() == 1) {
      count_ = static_cast<uint32_t>(high_ - low_) + 1;
      return;
    }
    for (uint32_t port = low_; port <= high_; ++port) {
      const Be16 number(static_cast<uint16_t>(port));
      const uint32_t owner = address.address.is_v4() ? owners->of(address.address.v4(), number)
                                                     : owners->of(address.address.v6(), number);
      if (owner == worker) listed_.push_back(number.host());
    }
    count_ = static_cast<uint32_t>(listed_.size());
  }

  // Whether some worker owns the port.
  bool contains(uint16_t port) const { return port >= low_ && port <= high_; }
  // Number of ports that are this worker's.
  uint32_t count() const { return count_; }
  // They, by position 0 to count() - 1.
  uint16_t port(uint32_t position) const {
    return listed_.empty() ? static_cast<uint16_t>(low_ + position) : listed_[position];
  }

 private:
  std::vector<uint16_t> listed_;  // empty: all of them are this worker's
  uint16_t low_ = 1, high_ = 0;
  uint32_t count_ = 0;
};

// How many records a worker that owns so many ports has for so many flows from them: a fourth more,
// as a port whose place is free is hard to find where nearly none is; and, for the ports of one
// address, places enough that few of them meet.
constexpr uint32_t snat_records_for(size_t flows, size_t ports) {
  return static_cast<uint32_t>(flows + flows / 4 + std::min<size_t>(4 * ports, 1 << 18));
}

// What the flows from `snat` to the real have in common of their hash.
template <class Address>
[[nodiscard, gnu::always_inline]] inline uint32_t snat_hash(const Address& real,
                                                            const Address& snat, uint8_t protocol) {
  uint64_t crc = protocol;
  for (const Address* address : {&real, &snat}) {
    if constexpr (sizeof(Address) == 4) {
      crc = _mm_crc32_u32(static_cast<uint32_t>(crc), address->value.raw());
    } else {
      crc = _mm_crc32_u64(crc, load<uint64_t>(address));
      crc = _mm_crc32_u64(crc, load<uint64_t>(&address->bytes[8]));
    }
  }
  return static_cast<uint32_t>(crc);
}

// A real's port and a SNAT port as they follow each other in a packet from the real.
[[nodiscard]] inline uint32_t snat_ports_word(Be16 real_port, Be16 snat_port) {
  return real_port.raw() | static_cast<uint32_t>(snat_port.raw()) << 16;
}

// CRC32c, as it is there in one instruction: who chooses reals and pools has no need to attack.
// Alone it would send the ports of two reals to the same places or to none in common.
[[nodiscard, gnu::always_inline]] inline uint32_t snat_place(uint32_t hash, uint32_t ports_word,
                                                             uint32_t records) {
  const uint64_t mixed = _mm_crc32_u32(hash, ports_word) * 0x9e3779b97f4a7c15u;
  return scale(static_cast<uint32_t>(mixed >> 32), records);
}

}  // namespace vipgate
