#include "controlplane/network/route_table.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "controlplane/network/route_keeper.h"
#include "tests/support/address_text.h"

namespace vipgate::route_table_test {
namespace {

using test::ip;

IpPrefix net(const std::string& text) { return parse_ip_prefix(text).value(); }

// To `prefix` by a gateway on port 1; "": on link.
Route via(const std::string& prefix, const std::string& gateway, uint32_t metric = 0) {
  const IpAddress address = gateway.empty() ? IpAddress{} : ip(gateway);
  return {net(prefix), metric, RouteKind::kForward, {{1, address, 1}}, 1};
}
Route elsewhere(const std::string& prefix, uint32_t metric = 0) {
  return {net(prefix), metric, RouteKind::kForward, {}, 1};
}
Route refusing(const std::string& prefix, RouteKind kind, uint32_t metric = 0) {
  return {net(prefix), metric, kind, {}, 0};
}

struct RouteTableTest : testing::Test {
  bool add(const Route& route) { return table.apply({false, false, route}); }
  bool replace(const Route& route) { return table.apply({false, true, route}); }
  bool remove(const Route& route) { return table.apply({true, false, route}); }
  // The neighbour that gets what goes to `address`; else "no" or what the route is.
  std::string to(const std::string& address, int above = -1) const {
    const auto match = table.find(ip(address), above);
    if (!match) return "no";
    if (match->kind == RouteKind::kBlackhole) return "blackhole";
    if (match->kind != RouteKind::kForward) return "refused";
    EXPECT_EQ(match->next_hop.port, 1);
    return to_string(match->next_hop.address);
  }
  size_t changed() { return table.take_changed().size(); }

  RouteTable table;
};

TEST_F(RouteTableTest, TheLongestPrefixLeadsOfEitherFamily) {
  ASSERT_TRUE(add(via("0.0.0.0/0", "10.9.1.1")));
  ASSERT_TRUE(add(via("10.0.0.0/8", "10.9.1.2")));
  ASSERT_TRUE(add(via("10.20.0.0/16", "10.9.1.3")));
  ASSERT_TRUE(add(via("10.20.0.7/32", "10.9.1.4")));
  ASSERT_TRUE(add(via("::/0", "fe80::1")));
  ASSERT_TRUE(add(via("2001:db8::/32", "fe80::2")));
  ASSERT_TRUE(add(via("2001:db8::7/128", "")));
  EXPECT_EQ(to("192.0.2.1"), "10.9.1.1");
  EXPECT_EQ(to("10.1.1.1"), "10.9.1.2");
  EXPECT_EQ(to("10.20.255.255"), "10.9.1.3");
  EXPECT_EQ(to("10.20.0.7"), "10.9.1.4");
  EXPECT_EQ(to("fd00::1"), "fe80::1");
  EXPECT_EQ(to("2001:db8:ffff::1"), "fe80::2");
  EXPECT_EQ(to("2001:db8::7"), "2001:db8::7") << "on link";
  EXPECT_EQ(to("10.20.0.7", 31), "10.9.1.4");
  EXPECT_EQ(to("10.20.0.7", 32), "no") << "only longer ones than asked for";
}

TEST_F(RouteTableTest, OfOnePrefixTheLowestMetricCountsThatLeadsByAPort) {
  ASSERT_TRUE(add(via("10.0.0.0/8", "10.9.1.3", 300)));
  ASSERT_TRUE(add(via("10.0.0.0/8", "10.9.1.2", 200)));
  EXPECT_EQ(to("10.0.0.1"), "10.9.1.2");
  ASSERT_TRUE(add(elsewhere("10.0.0.0/8", 100)));
  EXPECT_EQ(to("10.0.0.1"), "10.9.1.2") << "routes by other interfaces do not count";
  ASSERT_TRUE(add(refusing("10.0.0.0/8", RouteKind::kBlackhole, 50)));
  EXPECT_EQ(to("10.0.0.1"), "blackhole");
  ASSERT_TRUE(remove(refusing("10.0.0.0/8", RouteKind::kBlackhole, 50)));
  ASSERT_TRUE(remove(via("10.0.0.0/8", "10.9.1.2", 200)));
  EXPECT_EQ(to("10.0.0.1"), "10.9.1.3");
}

TEST_F(RouteTableTest, ARouteBehindARefusingOrForeignLongerOneIsUsedOnlyBehindTheForeignOne) {
  ASSERT_TRUE(add(via("10.0.0.0/8", "10.9.1.2")));
  ASSERT_TRUE(add(refusing("10.1.0.0/16", RouteKind::kProhibit)));
  ASSERT_TRUE(add(elsewhere("10.2.0.0/16")));
  EXPECT_EQ(to("10.1.0.1"), "refused");
  EXPECT_EQ(to("10.2.0.1"), "10.9.1.2");
}

TEST_F(RouteTableTest, AReplacementLeadsElsewhereAndARemovalBackToTheShorterPrefix) {
  ASSERT_TRUE(add(via("10.0.0.0/8", "10.9.1.1")));
  ASSERT_TRUE(add(via("10.20.0.0/16", "10.9.1.2")));
  changed();
  ASSERT_TRUE(replace(via("10.20.0.0/16", "10.9.1.3")));
  EXPECT_EQ(to("10.20.0.1"), "10.9.1.3");
  const ChangedPrefixes after = table.take_changed();
  EXPECT_EQ(after.size(), 1u);
  EXPECT_EQ(after.longest(ip("10.20.0.1")), 16);
  EXPECT_EQ(after.longest(ip("10.21.0.1")), -1);
  ASSERT_TRUE(replace(via("10.20.0.0/16", "10.9.1.3")));
  EXPECT_EQ(changed(), 0u) << "it led there before";
  ASSERT_TRUE(replace(elsewhere("10.20.0.0/16")));
  EXPECT_EQ(to("10.20.0.1"), "10.9.1.1") << "it has left our ports";
  EXPECT_EQ(changed(), 1u);
  ASSERT_TRUE(remove(elsewhere("10.20.0.0/16")));
  EXPECT_EQ(changed(), 0u);
  ASSERT_TRUE(remove(via("10.0.0.0/8", "10.9.1.1")));
  EXPECT_EQ(to("10.20.0.1"), "no");
  EXPECT_EQ(changed(), 1u);
  EXPECT_EQ(table.size(), 0u);
  ASSERT_TRUE(remove(via("10.0.0.0/8", "10.9.1.1"))) << "what is not there may go";
}

TEST_F(RouteTableTest, WhatOneEventCannotTellIsLeftToANewReading) {
  ASSERT_TRUE(add(via("10.0.0.0/8", "10.9.1.1")));
  EXPECT_FALSE(add(via("10.0.0.0/8", "10.9.1.2"))) << "appended or put before: which counts?";
  Route both = via("2001:db8::/32", "fe80::1");
  both.hops.push_back({1, ip("fe80::2"), 1});
  both.all_hops = 2;
  ASSERT_TRUE(add(both));
  EXPECT_FALSE(remove(via("2001:db8::/32", "fe80::1"))) << "one of two hops";
  changed();
  table.replace({via("10.0.0.0/8", "10.9.1.2"), via("10.0.0.0/8", "10.9.1.1"),
                 via("2001:db8::/32", "fe80::2"), via("fd00::/8", "fe80::3")});
  EXPECT_EQ(to("10.0.0.1"), "10.9.1.2") << "the first one in the kernel's order";
  EXPECT_EQ(to("2001:db8::1"), "fe80::2");
  EXPECT_EQ(changed(), 3u);
  EXPECT_FALSE(remove(via("10.0.0.0/8", "10.9.1.1"))) << "of two, which?";
  table.replace({via("10.0.0.0/8", "10.9.1.2"), via("fd00::/8", "fe80::3")});
  EXPECT_EQ(changed(), 1u) << "one went, and the second of two that was never used";
}

TEST_F(RouteTableTest, OfSeveralHopsEachDestinationHasOneByWeightAndOnlyThoseOfOneThatGoesMove) {
  Route route = via("10.0.0.0/8", "10.9.1.1");
  route.hops.push_back({1, ip("10.9.1.2"), 1});
  route.hops.push_back({1, ip("10.9.1.3"), 2});
  route.all_hops = 3;
  ASSERT_TRUE(add(route));
  std::map<std::string, std::string> before;
  std::map<std::string, int> count;
  for (int i = 0; i < 4000; ++i) {
    const std::string address = "10.1." + std::to_string(i / 200) + "." + std::to_string(i % 200);
    before[address] = to(address);
    ++count[before[address]];
    EXPECT_EQ(to(address), before[address]);
  }
  EXPECT_NEAR(count["10.9.1.1"], 1000, 120);
  EXPECT_NEAR(count["10.9.1.2"], 1000, 120);
  EXPECT_NEAR(count["10.9.1.3"], 2000, 150);
  route.hops.erase(route.hops.begin());
  ASSERT_TRUE(replace(route));
  for (const auto& [address, gateway] : before) {
    EXPECT_TRUE(gateway == "10.9.1.1" || to(address) == gateway) << address;
  }
}

TEST(RouteSchedule, ARouteWaitsForItsGatewayButNotForEver) {
  RouteSchedule schedule;
  EXPECT_FALSE(schedule.is_due(false, 0)) << "nothing is staged";
  EXPECT_EQ(schedule.next_ms(0), INT64_MAX);
  schedule.staged(false, 1000);
  EXPECT_TRUE(schedule.is_due(false, 1000));
  EXPECT_FALSE(schedule.is_due(true, 1000));
  EXPECT_EQ(schedule.next_ms(1000), 1500);
  schedule.staged(false, 1400);
  EXPECT_TRUE(schedule.is_due(true, 1500)) << "since the first one";
  schedule.committed(true, 1500);
  EXPECT_EQ(schedule.next_ms(1500), INT64_MAX);
}

TEST(RouteSchedule, ARemovalWaitsALittleForWhatReplacesIt) {
  RouteSchedule schedule;
  schedule.staged(true, 1000);
  EXPECT_FALSE(schedule.is_due(false, 1000));
  EXPECT_EQ(schedule.next_ms(1000), 1020);
  schedule.staged(false, 1001);
  EXPECT_FALSE(schedule.is_due(false, 1019));
  EXPECT_TRUE(schedule.is_due(false, 1020));
  EXPECT_EQ(schedule.next_ms(1020), 1500) << "for its gateway";
}

TEST(RouteSchedule, AfterACostlyChangeTheNextOneWaits) {
  RouteSchedule schedule;
  schedule.rest_until(1400);
  schedule.staged(false, 1000);
  EXPECT_FALSE(schedule.is_due(false, 1399));
  EXPECT_EQ(schedule.next_ms(1399), 1400);
  EXPECT_TRUE(schedule.is_due(false, 1400));
}

TEST(RouteSchedule, AnErrorIsTriedAnewASecondLater) {
  RouteSchedule schedule;
  schedule.staged(false, 1000);
  schedule.committed(false, 1000);
  EXPECT_FALSE(schedule.is_due(false, 1999));
  EXPECT_EQ(schedule.next_ms(1000), 2000);
  EXPECT_TRUE(schedule.is_due(false, 2000));
}

}  // namespace
}  // namespace vipgate::route_table_test
