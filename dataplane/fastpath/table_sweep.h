// At what pace a flow table is swept, so that each bucket is seen in time: before deadlines that
// have passed wrap round and read as alive.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "dataplane/fastpath/flow_clock.h"
#include "dataplane/fastpath/knobs.h"

namespace vipgate {

// How fast a table is swept, and how far that has come.
struct SweepPace {
  explicit SweepPace(size_t buckets)
      : ns_per_bucket(kSweepSeconds * 1'000'000'000ull / std::max<size_t>(buckets, 1) + 1) {}
  const uint64_t ns_per_bucket;
  Now swept_to{};
  bool started = false;
};

// To be called once per loop. Sweeps some buckets, so that all are visited within kSweepSeconds,
// and all of them after a jump of the clock. visit(entry, quarter): it is to end if it is due.
template <class Table, class Visit>
void advance_sweep(Table& table, SweepPace& pace, Now now, Visit&& visit) {
  constexpr uint64_t kStep = kPassedWindowQuarters / 2 * kNanosecondsPerQuarter;
  constexpr uint64_t kAllExpired = (kMaxTimeoutQuarters + 1) * kNanosecondsPerQuarter;
  const auto sweep = [&](size_t buckets, Quarter quarter) {
    table.sweep(buckets, [&](auto& entry) { visit(entry, quarter); });
  };
  // A table without entries has been swept.
  if (!pace.started || table.size() == 0) {
    pace.swept_to = now;
    pace.started = true;
    return;
  }
  if (now.ns < pace.swept_to.ns) return;
  // After a stall (or a gap in a replayed capture) deadlines would wrap: sweep in steps.
  if (now.ns - pace.swept_to.ns > kStep) {
    const uint64_t end = std::min(now.ns, pace.swept_to.ns + kAllExpired + kStep);
    for (uint64_t at = pace.swept_to.ns + kStep; at < end; at += kStep) {
      sweep(table.bucket_count(), Now::from_ns(at).quarter);
    }
    sweep(table.bucket_count(), Now::from_ns(end).quarter);
    pace.swept_to = now;
    return;
  }
  if (now.ns - pace.swept_to.ns < pace.ns_per_bucket) return;
  const uint64_t due = (now.ns - pace.swept_to.ns) / pace.ns_per_bucket;
  const size_t buckets = std::min<size_t>(due, kSweepBucketsPerLoop);
  sweep(buckets, now.quarter);
  pace.swept_to.ns += buckets * pace.ns_per_bucket;
}

}  // namespace vipgate
