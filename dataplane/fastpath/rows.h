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

// What a packet is to a flow that nobody knows here.
enum class Begins : uint8_t {
  kFlow,     // TCP with SYN
  kNothing,  // TCP without: its flow is another gateway's, or was not tracked
  kPerhaps,  // UDP does not tell
};

inline Begins begins(const Packet& packet) {
  if (packet.protocol != kProtocolTcp) return Begins::kPerhaps;
  return (packet.tcp_flags & TcpHeader::kSyn) != 0 ? Begins::kFlow : Begins::kNothing;
}

// The real that a flow may have that has begun before the service's last change; none: the row as
// it is now says. A real that takes no new flows gets no packet that may be one.
inline RealId previous_real(const Snapshot& snapshot, const ServiceEntry& service,
                            uint32_t row_hash, Begins begins) {
  if (!service.has_previous_rows || begins == Begins::kFlow) return {};
  const ServiceRing& ring = *snapshot.service_info(service.index).previous;
  const uint32_t row = scale(row_hash, static_cast<uint32_t>(ring.rows->size()));
  const RealId id = ring.reals[(*ring.rows)[row]];
  const RealEntry* real = snapshot.real(id);
  if (real == nullptr || real->state == RealState::kDown) return {};
  const bool takes_flows = real->state == RealState::kUp && real->weight != 0;
  return begins == Begins::kNothing || takes_flows ? id : RealId{};
}

// Whether the row may get another real, so that its flows need entries.
inline bool may_move(const Snapshot& snapshot, const ServiceEntry& service, uint32_t row) {
  const auto& bits = snapshot.service_info(service.index).moving_rows;
  return bits != nullptr && ((*bits)[row / 64] >> (row % 64) & 1) != 0;
}

}  // namespace vipgate
