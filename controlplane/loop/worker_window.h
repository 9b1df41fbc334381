// What the workers did of late.
#pragma once

#include <utility>

#include "common/loop_counters.h"

namespace vipgate {

// Owned and used by the control thread.
class WorkerWindow {
 public:
  // To be called at even intervals, with the figures of then.
  void note(WorkerFigures figures) { before_ = std::exchange(last_, std::move(figures)); }

  // Of the last one to two intervals before `now`; at first, since the start.
  WorkerFigures until(WorkerFigures now) const {
    for (size_t i = 0; i < now.workers.size() && i < before_.workers.size(); ++i) {
      now.workers[i] = now.workers[i].since(before_.workers[i]);
    }
    return now;
  }

 private:
  WorkerFigures before_, last_;
};

}  // namespace vipgate
