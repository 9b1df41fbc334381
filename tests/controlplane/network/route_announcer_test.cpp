#include "controlplane/network/route_announcer.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "tests/support/network_namespace.h"

namespace vipgate::route_announcer_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

IpPrefix net(const std::string& text) { return parse_ip_prefix(text).value(); }

class RouteAnnouncerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    here_ = test::NetworkNamespace::create();
    if (here_ == nullptr) GTEST_SKIP() << "needs root to make network namespaces";
    inside_ = std::make_unique<test::InNamespace>(*here_);
    file_ = ::testing::TempDir() + "/vipgate-announced-" + std::to_string(getpid());
  }
  void TearDown() override { std::remove(file_.c_str()); }

  void start() {
    auto announcer = RouteAnnouncer::create({.table = 100, .protocol = 118, .ports = {}});
    ASSERT_TRUE(announcer.ok()) << announcer.error();
    announcer_ = std::move(*announcer);
  }
  void serve(const std::string& prefix, bool is_served, uint64_t version) {
    const ServingChange change{net(prefix), is_served};
    announcer_->update({&change, 1}, version);
  }
  // As `ip` says, IPv4 first.
  std::vector<std::string> announced() const {
    std::vector<std::string> routes;
    EXPECT_TRUE(
        here_->run("(ip -4 route show table 100 proto 118; ip -6 route show table 100 proto 118) "
                   "2>/dev/null | cut -d ' ' -f 1 >" +
                   file_));
    std::ifstream file(file_);
    for (std::string line; std::getline(file, line);) routes.push_back(line);
    return routes;
  }

  std::string file_;
  std::unique_ptr<test::NetworkNamespace> here_;
  std::unique_ptr<test::InNamespace> inside_;
  std::unique_ptr<RouteAnnouncer> announcer_;
};

TEST_F(RouteAnnouncerTest, ARouteComesWhenAllWorkersServeTheVipAndGoesAtOnce) {
  start();
  serve("11.0.0.1/32", true, 1);
  serve("11.2.0.0/16", true, 1);
  serve("fd01:c::1/128", true, 2);
  announcer_->advance(0, 0);
  EXPECT_THAT(announced(), IsEmpty());
  announcer_->advance(1, 0);
  EXPECT_THAT(announced(), ElementsAre("11.0.0.1", "11.2.0.0/16"));
  announcer_->advance(2, 0);
  EXPECT_THAT(announced(), ElementsAre("11.0.0.1", "11.2.0.0/16", "fd01:c::1"));
  serve("11.0.0.1/32", false, 3);
  announcer_->advance(2, 0);
  EXPECT_THAT(announced(), ElementsAre("11.2.0.0/16", "fd01:c::1"));
  EXPECT_EQ(announcer_->installed(), 2u);
  serve("11.0.0.9/32", true, 4);
  serve("11.0.0.9/32", false, 5);
  announcer_->advance(5, 0);
  EXPECT_THAT(announced(), ElementsAre("11.2.0.0/16", "fd01:c::1")) << "it went before it came";
  announcer_.reset();
  EXPECT_THAT(announced(), IsEmpty());
}

TEST_F(RouteAnnouncerTest, LeftOversStayWhereTheyAreServedAndOthersRoutesAlways) {
  ASSERT_TRUE(here_->run("ip route add 11.0.0.1/32 dev lo table 100 proto 118"));
  ASSERT_TRUE(here_->run("ip route add 11.0.0.2/32 dev lo table 100 proto 118"));
  ASSERT_TRUE(here_->run("ip -6 route add fd01:c::2/128 dev lo table 100 proto 118"));
  ASSERT_TRUE(here_->run("ip route add 11.0.0.3/32 dev lo table 100 proto bird"));
  ASSERT_TRUE(here_->run("ip route add 11.0.0.4/32 dev lo table 101 proto 118"));
  start();
  serve("11.0.0.1/32", true, 1);
  announcer_->advance(0, 0);
  EXPECT_THAT(announced(), ElementsAre("11.0.0.1", "11.0.0.2", "fd01:c::2"))
      << "nobody has told what is served";
  announcer_->advance(1, 0);
  EXPECT_THAT(announced(), ElementsAre("11.0.0.1"));
  announcer_->withdraw_all();
  EXPECT_THAT(announced(), IsEmpty());
  EXPECT_TRUE(here_->run("ip route show table 100 | grep -q 11.0.0.3"));
  EXPECT_TRUE(here_->run("ip route show table 101 | grep -q 11.0.0.4"));
}

TEST_F(RouteAnnouncerTest, WhileSuspendedNothingIsAnnounced) {
  start();
  serve("11.0.0.1/32", true, 1);
  announcer_->advance(1, 0);
  announcer_->suspend("a worker does not advance");
  announcer_->advance(1, 0);
  EXPECT_THAT(announced(), IsEmpty());
  serve("11.0.0.2/32", true, 2);
  announcer_->advance(2, 0);
  EXPECT_THAT(announced(), IsEmpty());
  announcer_->suspend("no link");
  announcer_->advance(2, 0);
  EXPECT_THAT(announced(), IsEmpty()) << "for another reason now";
  announcer_->suspend("");
  announcer_->advance(2, 0);
  EXPECT_THAT(announced(), ElementsAre("11.0.0.1", "11.0.0.2"));
}

TEST_F(RouteAnnouncerTest, WhatTheKernelRefusesIsTriedAgainASecondLater) {
  start();
  ASSERT_TRUE(here_->run("ip link set lo down"));
  serve("11.0.0.1/32", true, 1);
  announcer_->advance(1, 0);
  EXPECT_EQ(announcer_->installed(), 0u);
  EXPECT_EQ(announcer_->next_ms(5), 1000);
  ASSERT_TRUE(here_->run("ip link set lo up"));
  announcer_->advance(1, 999);
  EXPECT_EQ(announcer_->installed(), 0u);
  announcer_->advance(1, 1000);
  EXPECT_THAT(announced(), ElementsAre("11.0.0.1"));
  EXPECT_EQ(announcer_->next_ms(1000), INT64_MAX);
}

}  // namespace
}  // namespace vipgate::route_announcer_test
