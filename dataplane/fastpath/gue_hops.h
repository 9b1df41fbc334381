// GLB's private data in a GUE header: the reals that a packet is to be tried at, one after the
// other, when the one that it goes to does not know its connection.
//
// Which they are is a function of the flow's Maglev hash: the real that its row had before the
// service's last change, to which a connection may belong that began then; then the reals of its
// row and of the rows that follow. A flow may come without an entry here when routers spread flows
// anew over the gateways, or when the table was full.
#pragma once

#include <array>
#include <cstring>

#include "common/hash.h"
#include "common/snapshot.h"
#include "common/tunnel.h"

namespace vipgate {

// Whether that header has room for them: the one of a real that the service borrows from its
// fallback is as the fallback's options say, and variant 1 has none.
inline bool takes_gue_hops(const TunnelHeader& tunnel) {
  return tunnel.has_gue_header && tunnel.outer_family == 4;
}

class GueHops {
 public:
  // REQUIRES: takes_gue_hops() of the real's header; the service has rows, and `service.gue_hops`
  // is at most kMaxGueHops.
  GueHops(const Snapshot& snapshot, const ServiceEntry& service, uint32_t row_hash, RealId chosen)
      : snapshot_(snapshot), most_(service.gue_hops), chosen_(chosen) {
    const auto& previous = snapshot.service_info(service.index).previous;
    if (previous != nullptr) {
      const uint32_t row = scale(row_hash, static_cast<uint32_t>(previous->rows->size()));
      add(previous->reals[(*previous->rows)[row]]);
    }
    uint32_t row = scale(row_hash, service.row_count);
    for (uint32_t i = 0; i < kRows && count_ < most_; ++i) {
      add(service.reals[service.rows[row]]);
      row = row + 1 == service.row_count ? 0 : row + 1;
    }
  }

  uint32_t count() const { return count_; }
  // Of the private data.
  size_t length() const { return kPrefix + sizeof(Ipv4Address) * count_; }
  // Its type 0 and the index of the next hop 0, the number of hops, and they.
  void write(uint8_t* to) const {
    const uint8_t prefix[kPrefix] = {0, 0, 0, static_cast<uint8_t>(count_)};
    std::memcpy(to, prefix, kPrefix);
    std::memcpy(to + kPrefix, hops_.data(), sizeof(Ipv4Address) * count_);
  }

 private:
  static constexpr size_t kPrefix = 4;
  // Rows looked at: with three reals, one in a billion flows then misses one of them.
  static constexpr uint32_t kRows = 64;

  void add(RealId id) {
    if (id == chosen_ || count_ == most_) return;
    const RealEntry* real = snapshot_.real(id);
    if (real == nullptr || real->state == RealState::kDown || !real->address.is_v4()) return;
    const Ipv4Address address = real->address.v4();
    for (uint32_t i = 0; i < count_; ++i) {
      if (hops_[i] == address) return;
    }
    hops_[count_++] = address;
  }

  const Snapshot& snapshot_;
  const uint32_t most_;
  const RealId chosen_;
  uint32_t count_ = 0;
  std::array<Ipv4Address, kMaxGueHops> hops_;
};

}  // namespace vipgate
