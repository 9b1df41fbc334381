#include "controlplane/loop/worker_progress.h"

namespace vipgate {

bool WorkerProgress::note(const WorkerFigures& figures, int64_t now_ms) {
  seen_.resize(figures.workers.size(), Seen{0, now_ms});
  bool all_advance = true;
  for (size_t i = 0; i < seen_.size(); ++i) {
    const uint64_t ticks = figures.workers[i].all_ticks();
    if (ticks != seen_[i].ticks) seen_[i] = {ticks, now_ms};
    if (now_ms - seen_[i].at_ms >= kStuckMs) all_advance = false;
  }
  return all_advance;
}

}  // namespace vipgate
