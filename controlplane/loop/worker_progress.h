// Whether workers are stuck: what routes are withdrawn for, and the service manager restarts us
// for.
#pragma once

#include <cstdint>
#include <vector>

#include "common/loop_counters.h"

namespace vipgate {

// Whether all workers go on with their loops. Owned and used by the control thread.
class WorkerProgress {
 public:
  static constexpr int64_t kStuckMs = 3000;
  // What they have done so far. False: one has not done anything for kStuckMs.
  bool note(const WorkerFigures& figures, int64_t now_ms);

 private:
  struct Seen {
    uint64_t ticks = 0;
    int64_t at_ms = 0;
  };
  std::vector<Seen> seen_;
};

}  // namespace vipgate
