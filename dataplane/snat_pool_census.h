// How many flows each SNAT pool has: counted by going through the reals, some at a time, so that
// very many of them never keep the control thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "common/snapshot.h"
#include "common/table_figures.h"
#include "dataplane/worker_memory.h"

namespace vipgate {

// One thread.
class SnatPoolCensus {
 public:
  // Of kPageSize reals: as many as are counted at a time.
  static constexpr size_t kPages = 32;

  // Goes on by up to kPages: few reals are counted anew each time, very many in several.
  void advance(std::span<const std::unique_ptr<WorkerMemory>> workers, const Snapshot& snapshot);

  // Of the pools that services use, as the last whole round has found them.
  const std::vector<SnatPoolUse>& uses() const { return uses_; }

 private:
  void finish();

  size_t page_ = 0;
  // Of this round, by the first address: snapshots may lay pools out anew in the middle of it.
  std::map<IpAddress, SnatPoolUse> counts_;
  std::vector<SnatPoolUse> uses_;
};

}  // namespace vipgate
