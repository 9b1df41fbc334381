#include "controlplane/next_hops.h"

#include <gtest/gtest.h>

namespace vipgate {
namespace {

IpAddress ip(const std::string& text) { return parse_ip_address(text).value(); }

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

TEST(NextHops, AnAddressOnASegmentIsItsOwnNextHopOnTheMostSpecificPort) {
  EXPECT_EQ(find_next_hop(ports(), ip("10.9.1.1")), (NextHop{1, ip("10.9.1.1")}));
  EXPECT_EQ(find_next_hop(ports(), ip("10.1.1.1")), (NextHop{0, ip("10.1.1.1")}));
  EXPECT_EQ(find_next_hop(ports(), ip("fd09::5")), (NextHop{1, ip("fd09::5")}));
}

TEST(NextHops, ElsewhereTheFirstGatewayOfTheFamilyLeads) {
  EXPECT_EQ(find_next_hop(ports(), ip("192.0.2.1")), (NextHop{1, ip("10.9.0.254")}));
  EXPECT_EQ(find_next_hop(ports(), ip("2001:db8::1")), (NextHop{2, ip("fd07::fe")}));
}

TEST(NextHops, WithoutAGatewayOfTheFamilyNoWayLeads) {
  const auto only_v4 = std::vector<PortConfig>{ports()[0]};
  EXPECT_EQ(find_next_hop(only_v4, ip("2001:db8::1")), std::nullopt);
}

TEST(NextHops, StaticNeighborsBelongToTheirPort) {
  EXPECT_EQ(static_neighbor(ports(), {1, ip("10.9.0.7")}), (MacAddress{{2, 0, 0, 0, 0, 7}}));
  EXPECT_EQ(static_neighbor(ports(), {0, ip("10.9.0.7")}), std::nullopt);
}

}  // namespace
}  // namespace vipgate
