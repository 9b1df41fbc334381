#include "controlplane/feeds/commit_pacer.h"

#include <gtest/gtest.h>

namespace vipgate::commit_pacer_test {
namespace {

// Updates come at a steady rate for a second; returns how many commits they make.
size_t commits_of(size_t updates_per_ms) {
  CommitPacer pacer;
  size_t commits = 0;
  for (int64_t now_ms = 0; now_ms < 1000; ++now_ms) {
    if (updates_per_ms > 0) pacer.note(updates_per_ms, now_ms * 1'000'000);
    if (!pacer.has_work() || now_ms < pacer.due_ms()) continue;
    pacer.committed(now_ms);
    ++commits;
  }
  return commits;
}

TEST(CommitPacer, TheFirstChangeIsDueAtOnce) {
  CommitPacer pacer;
  pacer.note(1, 5);
  EXPECT_TRUE(pacer.has_work());
  EXPECT_LE(pacer.due_ms(), 0);
}

TEST(CommitPacer, FewUpdatesAreCommittedWithinTheShortestWait) {
  CommitPacer pacer;
  pacer.note(1, 0);
  pacer.committed(1000);
  EXPECT_FALSE(pacer.has_work());
  pacer.note(1, 0);
  EXPECT_EQ(pacer.due_ms(), 1000 + CommitPacer::kShortestMs);
}

TEST(CommitPacer, TenThousandUpdatesInASecondMakeAFewDozenCommitsAtMost) {
  EXPECT_LE(commits_of(10), 24u);
}

TEST(CommitPacer, AThousandUpdatesASecondAreNotHeldUp) {
  EXPECT_GE(commits_of(1), 1000 / CommitPacer::kShortestMs / 2);
}

TEST(CommitPacer, AStormWaitsNoLongerThanTheLongestWait) {
  CommitPacer pacer;
  pacer.note(1'000'000, 0);
  pacer.committed(7);
  EXPECT_EQ(pacer.due_ms(), 7 + CommitPacer::kLongestMs);
}

TEST(CommitPacer, TheOldestUpdateIsTheOneThatWaitedLongest) {
  CommitPacer pacer;
  pacer.note(1, 30);
  pacer.note(1, 10);
  pacer.note(1, 20);
  EXPECT_EQ(pacer.oldest_received_ns(), 10);
  pacer.committed(1);
  pacer.note(1, 40);
  EXPECT_EQ(pacer.oldest_received_ns(), 40);
}

}  // namespace
}  // namespace vipgate::commit_pacer_test
