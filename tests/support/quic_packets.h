// QUIC payloads for tests: headers with connection ids that name a real, by katran's layouts.
#pragma once

#include <cstdint>

#include "tests/support/packet_bytes.h"

namespace vipgate::test {

// A connection id of eight bytes that holds `id` by layout 1, 2 or 3 (0: its two highest bits say
// that it holds none). The rest of it is ones.
inline Bytes quic_connection_id(int layout, uint32_t id) {
  Bytes bytes(8, 0xff);
  const auto set = [&](size_t at, uint32_t value) { bytes[at] = static_cast<uint8_t>(value); };
  bytes[0] = static_cast<uint8_t>(layout << 6 | 0x3f);
  if (layout == 1) {
    set(0, 1u << 6 | (id >> 10 & 0x3f));
    set(1, id >> 2);
    set(2, (id & 3) << 6 | 0x3f);
  } else if (layout == 2 || layout == 3) {
    size_t at = 1;
    for (int shift = layout == 2 ? 16 : 24; shift >= 0; shift -= 8) set(at++, id >> shift);
  }
  return bytes;
}

// RFC 9000 17.3: first byte, connection id, then what is encrypted.
inline Bytes quic_short(const Bytes& connection_id, size_t rest = 20) {
  Bytes payload{0x40};
  put(payload, connection_id);
  payload.resize(payload.size() + rest, 0xee);
  return payload;
}

inline constexpr uint32_t kQuicVersion1 = 1, kQuicVersion2 = 0x6b3343cf;

// RFC 9000 17.2: first byte with the type, version, connection ids with their lengths.
inline Bytes quic_long(int type, const Bytes& connection_id, uint32_t version = kQuicVersion1) {
  Bytes payload{static_cast<uint8_t>(0xc0 | type << 4)};
  put32(payload, version);
  put8(payload, static_cast<unsigned>(connection_id.size()));
  put(payload, connection_id);
  payload.resize(payload.size() + 30, 0xee);
  return payload;
}

}  // namespace vipgate::test
