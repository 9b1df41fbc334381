#include "controlplane/loop/worker_progress.h"

#include <gtest/gtest.h>

namespace vipgate::worker_progress_test {
namespace {

TEST(WorkerProgress, AWorkerThatDoesNothingForAWhileIsStuckAndNoOther) {
  WorkerProgress progress;
  WorkerFigures figures;
  EXPECT_TRUE(progress.note(figures, 0)) << "there is none";
  figures.workers.resize(2);
  EXPECT_TRUE(progress.note(figures, 1000));
  for (int64_t ms = 2000; ms < 1000 + WorkerProgress::kStuckMs; ms += 1000) {
    figures.workers[0].idle.ticks += 5;
    EXPECT_TRUE(progress.note(figures, ms));
  }
  figures.workers[0].asleep_ticks += 5;
  EXPECT_FALSE(progress.note(figures, 1000 + WorkerProgress::kStuckMs)) << "the second one";
  figures.workers[1].busy.ticks += 5;
  EXPECT_TRUE(progress.note(figures, 2000 + WorkerProgress::kStuckMs));
}

}  // namespace
}  // namespace vipgate::worker_progress_test
