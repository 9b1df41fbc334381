#include "dataplane/fastpath/wall_clock.h"

#include <gtest/gtest.h>

namespace vipgate::wall_clock_test {
namespace {

TEST(WallClock, IsTheWorkersTimeWithoutAnOffset) {
  EXPECT_EQ(WallClock(nullptr).unix_ns(5'000'000'000), 5'000'000'000u);
}

TEST(WallClock, FollowsAnOffsetThatChangesInBothDirections) {
  std::atomic<int64_t> offset{1'700'000'000'000'000'000};
  const WallClock clock(&offset);
  EXPECT_EQ(clock.unix_ns(5), 1'700'000'000'000'000'005u);
  offset = -3;
  EXPECT_EQ(clock.unix_ns(5), 2u);
}

}  // namespace
}  // namespace vipgate::wall_clock_test
