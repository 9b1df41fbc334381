// Maglev rows as packets without a flow go by them: the row's real now, the one before its last
// move, and whether it may move.
#pragma once

#include "common/hash.h"
#include "common/snapshot.h"
#include "dataplane/fastpath/packet.h"

namespace vipgate {

// REQUIRES: the service has rows.
inline uint32_t row_of(const ServiceEntry& service, uint32_t row_hash) {
  return scale(row_hash, service.row_count);
}
inline RealId real_of_row(const ServiceEntry& service, uint32_t row) {
  return service.reals[service.rows[row]];
}

inline bool begins_connection(const Packet& packet) {
  return (packet.tcp_flags & TcpHeader::kSyn) != 0;
}

// The real that a connection may have that has begun before the service's last change; none: the
// row as it is now says.
inline RealId previous_real(const Snapshot& snapshot, const ServiceEntry& service,
                            uint32_t row_hash) {
  if (!service.has_previous_rows) return {};
  const ServiceRing& ring = *snapshot.service_info(service.index).previous;
  const uint32_t row = scale(row_hash, static_cast<uint32_t>(ring.rows->size()));
  const RealId id = ring.reals[(*ring.rows)[row]];
  const RealEntry* real = snapshot.real(id);
  return real != nullptr && real->state != RealState::kDown ? id : RealId{};
}

// Whether the row may get another real, so that its flows need entries.
inline bool may_move(const Snapshot& snapshot, const ServiceEntry& service, uint32_t row) {
  const auto& bits = snapshot.service_info(service.index).moving_rows;
  return bits != nullptr && ((*bits)[row / 64] >> (row % 64) & 1) != 0;
}

}  // namespace vipgate
