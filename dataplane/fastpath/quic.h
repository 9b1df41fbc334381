// QUIC connection ids that name the real which gave them, by katran's layouts, so that a connection
// stays with its real when the client's address changes. The two highest bits of an id say where in
// it the real's own id lies: 1, in the 16 bits behind them; 2, in bytes 1 to 3; 3, in bytes 1 to 4.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/byte_order.h"

namespace vipgate {

namespace quic_detail {

constexpr size_t kLeastId = 8;              // shorter ones name nobody
constexpr uint32_t kVersion2 = 0x6b3343cf;  // RFC 9369 3.1

// REQUIRES: kLeastId bytes.
inline uint32_t real_of(const uint8_t* id) {
  switch (id[0] >> 6) {
    case 1:
      return (id[0] & 0x3fu) << 10 | uint32_t{id[1]} << 2 | id[2] >> 6;
    case 2:
      return uint32_t{id[1]} << 16 | uint32_t{id[2]} << 8 | id[3];
    case 3:
      return load<Be32>(id + 1).host();
    default:
      return 0;
  }
}

// Whether the client knows an id of the real's by then: Initial and 0-RTT packets may have one that
// it made up. Types are numbered otherwise in version 2 (RFC 9000 17.2, RFC 9369 3.2).
inline bool is_handshake_or_later(uint8_t first_byte, uint32_t version) {
  const int type = first_byte >> 4 & 3;
  return version == kVersion2 ? type == 3 : version != 0 && type >= 2;
}

}  // namespace quic_detail

// The id of the real that a client's UDP payload is for; 0: it names none. `length`: bytes that are
// there.
[[nodiscard]] inline uint32_t quic_id(const uint8_t* payload, size_t length) {
  using namespace quic_detail;       // NOLINT(google-build-using-namespace)
  constexpr size_t kLongHeader = 6;  // first byte, version 4, length of the id (RFC 8999 5.1)
  if (length < 1 + kLeastId) return 0;
  if ((payload[0] & 0x80) == 0) return real_of(payload + 1);
  if (length < kLongHeader + kLeastId || payload[5] < kLeastId) return 0;
  if (!is_handshake_or_later(payload[0], load<Be32>(payload + 1).host())) return 0;
  return real_of(payload + kLongHeader);
}

}  // namespace vipgate
