// Maglev rows through a change: which real a row had before, and which rows may get another one.
//
// Packets without an entry in the flow table are helped by it: those that another gateway saw
// before a router spread the flows anew, and those of rows whose flows need no entry at all
// (JET, Sinaeri et al., CoNEXT 2020). Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/snapshot.h"

namespace vipgate {

// The rows before a change that follows upon another one: each row's real of `before` where that
// differs from `now`, else that of `older`, so that a row keeps what it had before it last moved.
// Of the reals of `older`, only those in `known` count. Only `before` counts when the numbers of
// rows differ, or the reals of both are more than a row can name.
[[nodiscard]] std::shared_ptr<const ServiceRing> join_previous(
    const std::shared_ptr<const ServiceRing>& older,
    const std::shared_ptr<const ServiceRing>& before, const ServiceRing& now,
    std::span<const RealId> known);

// Marks the rows of `now` whose real is another one in `other`; all, when the numbers of rows
// differ. REQUIRES: `bits` has one for each row of `now`.
void mark_moves(const ServiceRing& now, const ServiceRing& other, RowBits& bits);

}  // namespace vipgate
