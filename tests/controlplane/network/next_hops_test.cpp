#include "controlplane/network/next_hops.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "tests/support/address_text.h"

namespace vipgate::next_hops_test {
namespace {

using test::ip;

std::vector<PortConfig> ports() {
  std::vector<PortConfig> ports(3);
  ports[0].addresses = {parse_ip_prefix("10.0.0.1/8").value()};
  ports[1].addresses = {parse_ip_prefix("10.9.0.1/16").value(),
                        parse_ip_prefix("fd09::1/64").value()};
  ports[1].gateways = {ip("10.9.0.254")};
  ports[2].gateways = {ip("10.7.0.254"), ip("fd07::fe")};
  ports[1].neighbors = {{ip("10.9.0.7"), MacAddress{{2, 0, 0, 0, 0, 7}}}};
  return ports;
}

std::optional<NextHop> next_hop(std::span<const PortConfig> of, const std::string& destination,
                                const RouteLookup& routes = {}) {
  return find_way(of, routes, ip(destination)).next_hop;
}

// The kernel's only route.
RouteLookup route(const std::string& prefix, RouteKind kind, NextHop hop = {}) {
  const RouteMatch match{parse_ip_prefix(prefix).value(), kind, hop};
  return [match](const IpAddress& destination, int above) -> std::optional<RouteMatch> {
    if (match.prefix.length <= above || !match.prefix.contains(destination)) return std::nullopt;
    return match;
  };
}

TEST(NextHops, AnAddressOnASegmentIsItsOwnNextHopOnTheMostSpecificPort) {
  EXPECT_EQ(next_hop(ports(), "10.9.1.1"), (NextHop{1, ip("10.9.1.1")}));
  EXPECT_EQ(next_hop(ports(), "10.1.1.1"), (NextHop{0, ip("10.1.1.1")}));
  EXPECT_EQ(next_hop(ports(), "fd09::5"), (NextHop{1, ip("fd09::5")}));
}

TEST(NextHops, ElsewhereTheFirstGatewayOfTheFamilyLeads) {
  EXPECT_EQ(next_hop(ports(), "192.0.2.1"), (NextHop{1, ip("10.9.0.254")}));
  EXPECT_EQ(next_hop(ports(), "2001:db8::1"), (NextHop{2, ip("fd07::fe")}));
}

TEST(NextHops, WithoutAGatewayOfTheFamilyNoWayLeads) {
  const auto only_v4 = std::vector<PortConfig>{ports()[0]};
  EXPECT_EQ(next_hop(only_v4, "2001:db8::1"), std::nullopt);
  EXPECT_EQ(why_unreachable(find_way(only_v4, {}, ip("2001:db8::1"))), "no route");
}

TEST(NextHops, ARouteOfTheKernelLeadsWhereItsPrefixIsLongerThanThatOfAPort) {
  const NextHop router{0, ip("10.0.0.254")};
  const auto forward = [&](const char* prefix) {
    return route(prefix, RouteKind::kForward, router);
  };
  EXPECT_EQ(next_hop(ports(), "10.9.1.1", forward("10.9.1.0/24")), router);
  EXPECT_EQ(next_hop(ports(), "10.9.1.1", forward("10.9.0.0/16")), (NextHop{1, ip("10.9.1.1")}))
      << "of equals, the configuration's";
  EXPECT_EQ(next_hop(ports(), "10.9.1.1", forward("10.0.0.0/12")), (NextHop{1, ip("10.9.1.1")}));
  EXPECT_EQ(next_hop(ports(), "192.0.2.1", forward("192.0.0.0/8")), router);
}

TEST(NextHops, AGatewayOfTheConfigurationWinsOverADefaultRouteAndOverNoOther) {
  const NextHop router{0, ip("10.0.0.254")};
  EXPECT_EQ(next_hop(ports(), "192.0.2.1", route("0.0.0.0/0", RouteKind::kForward, router)),
            (NextHop{1, ip("10.9.0.254")}));
  EXPECT_EQ(next_hop(ports(), "192.0.2.1", route("128.0.0.0/1", RouteKind::kForward, router)),
            router);
  const auto without = std::vector<PortConfig>{ports()[0]};
  EXPECT_EQ(next_hop(without, "192.0.2.1", route("0.0.0.0/0", RouteKind::kForward, router)),
            router);
}

TEST(NextHops, ARouteThatRefusesIsNoWayAndSaysWhy) {
  const auto why = [&](RouteKind kind) {
    const Way way = find_way(ports(), route("192.0.2.0/24", kind), ip("192.0.2.1"));
    EXPECT_FALSE(way.next_hop);
    return why_unreachable(way);
  };
  EXPECT_EQ(why(RouteKind::kBlackhole), "blackhole 192.0.2.0/24");
  EXPECT_EQ(why(RouteKind::kUnreachable), "unreachable 192.0.2.0/24");
  EXPECT_EQ(why(RouteKind::kProhibit), "prohibit 192.0.2.0/24");
  EXPECT_EQ(why(RouteKind::kThrow), "throw 192.0.2.0/24");
  EXPECT_EQ(why(RouteKind::kEncapsulating), "encapsulating route 192.0.2.0/24");
}

TEST(NextHops, AWayDependsOnRoutesOfItsOwnPrefixAndOfLongerOnes) {
  const NextHop router{0, ip("10.0.0.254")};
  const auto routed =
      find_way(ports(), route("192.0.2.0/24", RouteKind::kForward, router), ip("192.0.2.1"));
  EXPECT_TRUE(routed.depends_on(24));
  EXPECT_TRUE(routed.depends_on(32));
  EXPECT_FALSE(routed.depends_on(16));
  const auto on_link = find_way(ports(), {}, ip("10.9.1.1"));
  EXPECT_TRUE(on_link.depends_on(17));
  EXPECT_FALSE(on_link.depends_on(16)) << "the port's prefix wins";
  EXPECT_FALSE(find_way(ports(), {}, ip("192.0.2.1")).depends_on(0)) << "the gateway wins";
  const auto none = find_way({}, {}, ip("192.0.2.1"));
  EXPECT_TRUE(none.depends_on(0)) << "what had a default route has lost it";
}

TEST(NextHops, StaticNeighborsBelongToTheirPort) {
  EXPECT_EQ(static_neighbor(ports(), {1, ip("10.9.0.7")}), (MacAddress{{2, 0, 0, 0, 0, 7}}));
  EXPECT_EQ(static_neighbor(ports(), {0, ip("10.9.0.7")}), std::nullopt);
}

TEST(NextHops, AGatewayIsUnresolvedUnlessItsLinkLayerAddressIsConfigured) {
  std::vector<PortConfig> with_neighbor = ports();
  with_neighbor[2].neighbors = {{ip("fd07::fe"), MacAddress{{2, 0, 0, 0, 0, 8}}}};
  EXPECT_EQ(unresolved_gateways(with_neighbor),
            (std::set<NextHop>{{1, ip("10.9.0.254")}, {2, ip("10.7.0.254")}}));
}

}  // namespace
}  // namespace vipgate::next_hops_test
