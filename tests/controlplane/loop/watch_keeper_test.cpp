#include "controlplane/loop/watch_keeper.h"

#include <gtest/gtest.h>

#include "tests/controlplane/loop/fake_dataplane.h"

namespace vipgate::watch_keeper_test {
namespace {

class NoOutput : public WatchOutput {
 public:
  void begin() override {}
  bool offer(const std::string&) override { return true; }
  void write(const std::string&) override {}
  void end(const WatchStatus&, const std::string&) override {}
};

WatchOptions of_file() {
  WatchOptions options;
  options.packets = 50;
  options.capture = "/c";
  return options;
}

WatchOptions of_api() {
  WatchOptions options;
  options.output = std::make_shared<NoOutput>();
  return options;
}

class WatchKeeperTest : public ::testing::Test {
 protected:
  FakeDataplane dataplane_;
  WatchKeeper keeper_{dataplane_};
};

TEST_F(WatchKeeperTest, TheConfigurationsWatchHoldsUntilItHasEnded) {
  EXPECT_EQ(keeper_.holder(), "");
  keeper_.follow(of_file());
  dataplane_.watch_now = {.is_running = true, .packets = 7};
  EXPECT_EQ(keeper_.holder(), "the watch of the configuration (7 of 50 packets)");
  dataplane_.watch_now.is_running = false;
  EXPECT_EQ(keeper_.holder(), "");
}

TEST_F(WatchKeeperTest, TheApisHoldsUntilItIsEndedByWhoBeganIt) {
  const WatchOptions mine = of_api();
  const WatchOptions other = of_api();
  ASSERT_TRUE(keeper_.begin(mine, "the capture of eve").ok());
  EXPECT_EQ(keeper_.holder(), "the capture of eve");
  keeper_.end(*other.output);
  EXPECT_EQ(keeper_.holder(), "the capture of eve");
  keeper_.end(*mine.output);
  EXPECT_EQ(keeper_.holder(), "");
  ASSERT_EQ(dataplane_.watches.size(), 2u);
  EXPECT_FALSE(dataplane_.watches[1]);
}

TEST_F(WatchKeeperTest, TheConfigurationsWaitsForTheEndOfTheApis) {
  const WatchOptions mine = of_api();
  ASSERT_TRUE(keeper_.begin(mine, "the trace of eve").ok());
  keeper_.follow(of_file());
  EXPECT_EQ(dataplane_.watches.size(), 1u) << "the API's goes on";
  keeper_.end(*mine.output);
  ASSERT_EQ(dataplane_.watches.size(), 3u);
  EXPECT_EQ(dataplane_.watches[2]->capture, "/c");
}

TEST_F(WatchKeeperTest, OneThatCannotBeginHoldsNothing) {
  dataplane_.watch_started = Error{"not enough memory"};
  EXPECT_FALSE(keeper_.begin(of_api(), "the trace of eve").ok());
  EXPECT_EQ(keeper_.holder(), "");
}

TEST_F(WatchKeeperTest, TheApisEndsWithTheKeeper) {
  {
    WatchKeeper keeper(dataplane_);
    ASSERT_TRUE(keeper.begin(of_api(), "the trace of eve").ok());
  }
  ASSERT_EQ(dataplane_.watches.size(), 2u);
  EXPECT_FALSE(dataplane_.watches[1]);
}

}  // namespace
}  // namespace vipgate::watch_keeper_test
