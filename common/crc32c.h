// CRC32c (Castagnoli), as SCTP has it (RFC 9260 6.8): of the whole packet, with zeros in place of
// the checksum.
//
// Apart from what its start and its end are inverted by, a CRC is linear: that of a xor b is that
// of a xor that of b. So what a change of some bytes does to a packet's CRC follows from those
// bytes and from where they lie alone; a CRC that was wrong stays wrong by the same bits.
#pragma once

#include <nmmintrin.h>

#include <cstddef>
#include <cstdint>

#include "common/byte_order.h"
#include "common/headers.h"

namespace vipgate {

namespace crc32c_detail {

// `state` after `length` more bytes.
inline uint32_t add(uint32_t state, const void* data, size_t length) {
  const auto* at = static_cast<const uint8_t*>(data);
  for (; length >= 8; at += 8, length -= 8) {
    state = static_cast<uint32_t>(_mm_crc32_u64(state, load<uint64_t>(at)));
  }
  for (; length != 0; ++at, --length) state = _mm_crc32_u8(state, *at);
  return state;
}

inline uint32_t add_zeros(uint32_t state, size_t length) {
  for (; length >= 8; length -= 8) state = static_cast<uint32_t>(_mm_crc32_u64(state, 0));
  for (; length != 0; --length) state = _mm_crc32_u8(state, 0);
  return state;
}

}  // namespace crc32c_detail

[[nodiscard]] inline uint32_t crc32c(const void* data, size_t length) {
  return ~crc32c_detail::add(UINT32_MAX, data, length);
}

// What belongs into SctpHeader::checksum, raw, of the packet of `length` bytes at `packet`,
// whatever stands there. REQUIRES: length >= sizeof(SctpHeader).
[[nodiscard]] inline uint32_t sctp_checksum(const void* packet, size_t length) {
  using namespace crc32c_detail;  // NOLINT(google-build-using-namespace)
  const auto* bytes = static_cast<const uint8_t*>(packet);
  uint32_t state = add(UINT32_MAX, bytes, offsetof(SctpHeader, checksum));
  state = add_zeros(state, sizeof(Be32));
  return ~add(state, bytes + sizeof(SctpHeader), length - sizeof(SctpHeader));
}

// The bits of the checksum, raw, that turn over when those of `ports`, the first four bytes of a
// packet of `length` bytes as they lie in memory, do. REQUIRES: length >= 4.
[[nodiscard]] inline uint32_t sctp_checksum_delta(uint32_t ports, size_t length) {
  return crc32c_detail::add_zeros(_mm_crc32_u32(0, ports), length - sizeof ports);
}

}  // namespace vipgate
