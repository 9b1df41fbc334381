// Which addresses are surely not in a table: for packets whose one end is hardly ever one of ours.
#pragma once

#include <nmmintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/addresses.h"
#include "common/byte_order.h"

namespace vipgate {

// A bit for each hash of an address in the table, in eight cache lines that stay at hand: one load
// tells of nearly any other address that it is not there, where a look-up takes a keyed hash, a
// line of the table and twenty instructions. CRC32c, as it is one of them: who sends addresses that
// share a bit with one of ours only makes them be looked up.
template <class Address>
class AddressFilter {
 public:
  // Of more the filter would exclude too few to be worth asking.
  static constexpr size_t kMostAddresses = 1024;

  void add(const Address& address) {
    const uint32_t at = hash(address);
    words_[at / 64 % kWords] |= uint64_t{1} << at % 64;
  }
  // Excludes nothing from now on.
  void fill() { words_.fill(UINT64_MAX); }

  [[gnu::always_inline]] bool excludes(const Address& address) const {
    const uint32_t at = hash(address);
    return (words_[at / 64 % kWords] >> at % 64 & 1) == 0;
  }

 private:
  static constexpr size_t kWords = 64;

  [[gnu::always_inline]] static uint32_t hash(const Address& address) {
    if constexpr (sizeof(Address) == 4) {
      return _mm_crc32_u32(0, address.value.raw());
    } else {
      const uint64_t crc = _mm_crc32_u64(0, load<uint64_t>(&address));
      return static_cast<uint32_t>(_mm_crc32_u64(crc, load<uint64_t>(&address.bytes[8])));
    }
  }

  std::array<uint64_t, kWords> words_{};
};

}  // namespace vipgate
