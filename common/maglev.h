// Weighted Maglev tables (Eisenbud et al., NSDI 2016, 3.4): rows that name a real each, spread in
// proportion to weights, few of which change when a real comes or goes. Pure functions; the same
// set of reals gives the same assignment on every gateway, whatever the order of the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/addresses.h"
#include "common/paged_allocator.h"

namespace vipgate {

inline constexpr uint32_t kMaglevRowsMin = 4093;
inline constexpr uint32_t kMaglevRowsMax = 655373;
inline constexpr size_t kMaglevRealsMax = 65535;

// What maglev_build() makes.
using MaglevRows = std::vector<uint16_t, PagedAllocator<uint16_t>>;

struct MaglevReal {
  uint64_t id_hash = 0;  // from maglev_id; unique within a table
  uint32_t weight = 0;   // 0: gets no row
};

// Identifies a real on every gateway: a pure function of its address and port (in host order).
[[nodiscard]] uint64_t maglev_id(const IpAddress& address, uint16_t port);

// Entry r is the index in `reals` of the real that serves row r; empty when no real has a weight.
// Shares are apportioned by the Sainte-Laguë method, so a real whose quota is below half a row may
// get none. Integers only: exact on every machine.
// REQUIRES: rows is prime and at most kMaglevRowsMax; at most kMaglevRealsMax reals.
[[nodiscard]] MaglevRows maglev_build(std::span<const MaglevReal> reals, uint32_t rows);

// Number of rows for `maglev_rows: auto`.
[[nodiscard]] uint32_t maglev_rows_auto(size_t reals);

// Whether a configured number of rows is a prime from kMaglevRowsMin to kMaglevRowsMax.
[[nodiscard]] bool maglev_rows_valid(uint32_t rows);

// Equal on two gateways when each row leads to the same real, whatever index that has there. It
// tells tables apart by accident, not against someone who makes up two that look alike.
[[nodiscard]] uint64_t maglev_checksum(std::span<const uint16_t> table,
                                       std::span<const MaglevReal> reals);
// The same for a table whose rows all lead to one real.
[[nodiscard]] uint64_t maglev_checksum_of_one(uint64_t id_hash, uint32_t rows);

}  // namespace vipgate
