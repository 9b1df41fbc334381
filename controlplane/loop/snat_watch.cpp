#include "controlplane/loop/snat_watch.h"

#include <utility>

namespace vipgate {

SnatWatch::SnatWatch(const Config& config) {
  SnatLayout layout = snat_layout(config);
  for (SnatRange& range : layout.ranges) {
    if (range.count != 0) pools_.push_back({.range = std::move(range)});
  }
}

std::vector<SnatTurn> SnatWatch::look(std::span<const uint64_t> exhausted, int64_t now_ms) {
  std::vector<SnatTurn> turns;
  for (Pool& pool : pools_) {
    if (pool.range.first >= exhausted.size()) continue;
    const uint64_t refused = exhausted[pool.range.first] - pool.told;
    if (refused == 0 || (pool.told != 0 && now_ms < pool.told_ms + kBetweenWarningsMs)) continue;
    turns.push_back(
        {.pool = pool.range.pool,
         .family = pool.range.family,
         .refused = refused,
         .detail = "the SNAT pool '" + pool.range.pool + "' had no free port for " +
                   std::to_string(refused) + " new flows" +
                   (pool.told != 0 ? " since it was warned of last" : "") + ": its " +
                   std::to_string(pool.range.count) + " IPv" + std::to_string(pool.range.family) +
                   (pool.range.count == 1 ? " address is" : " addresses are") +
                   " too few for the flows to a real; add addresses to the pool in snat_pools, "
                   "which needs a restart"});
    pool.told = exhausted[pool.range.first];
    pool.told_ms = now_ms;
  }
  return turns;
}

}  // namespace vipgate
