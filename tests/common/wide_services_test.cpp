#include "common/wide_services.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace vipgate::wide_services_test {
namespace {

Ipv4Address ip4(const char* text) { return parse_ip_address(text)->v4(); }
Ipv6Address ip6(const char* text) { return parse_ip_address(text)->v6(); }

constexpr uint8_t kTcp = 6, kUdp = 17;

TEST(WidePorts, APortGoesBeforeARangeAndARangeBeforeAllPorts) {
  const WidePorts ports(std::vector<PortClaim>{
      {0, 65535, kTcp, 1}, {8000, 8999, kTcp, 2}, {8080, 8080, kTcp, 3}, {70, 79, kUdp, 4}});
  const auto service = [&](uint16_t port, uint8_t protocol) {
    return ports.service(Be16(port), protocol);
  };
  EXPECT_EQ(service(0, kTcp), 1u);
  EXPECT_EQ(service(7999, kTcp), 1u);
  EXPECT_EQ(service(8000, kTcp), 2u);
  EXPECT_EQ(service(8079, kTcp), 2u);
  EXPECT_EQ(service(8080, kTcp), 3u);
  EXPECT_EQ(service(8081, kTcp), 2u);
  EXPECT_EQ(service(8999, kTcp), 2u);
  EXPECT_EQ(service(9000, kTcp), 1u);
  EXPECT_EQ(service(65535, kTcp), 1u);
  EXPECT_EQ(service(69, kUdp), WidePorts::kNobody);
  EXPECT_EQ(service(70, kUdp), 4u);
  EXPECT_EQ(service(79, kUdp), 4u);
  EXPECT_EQ(service(80, kUdp), WidePorts::kNobody);
  EXPECT_EQ(service(80, 1), WidePorts::kNobody);
  EXPECT_EQ(service(80, 255), WidePorts::kNobody);
}

TEST(WidePorts, AgreeWithALookAtEveryClaim) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<PortClaim> claims;
    for (uint32_t i = 0; i < random() % 12; ++i) {
      const auto first = static_cast<uint16_t>(random() % 30);
      const auto last = static_cast<uint16_t>(first + random() % 10);
      claims.push_back({first, last, random() % 2 == 0 ? kTcp : kUdp, i});
    }
    const WidePorts ports(claims);
    for (const uint8_t protocol : {kTcp, kUdp}) {
      for (uint16_t port = 0; port < 45; ++port) {
        const PortClaim* best = nullptr;
        const auto rank = [](const PortClaim& claim) {
          return std::tuple(claim.last - claim.first, claim.first, claim.service);
        };
        for (const PortClaim& claim : claims) {
          if (claim.protocol != protocol || port < claim.first || port > claim.last) continue;
          if (best == nullptr || rank(claim) < rank(*best)) best = &claim;
        }
        ASSERT_EQ(ports.service(Be16(port), protocol),
                  best == nullptr ? WidePorts::kNobody : best->service)
            << "round " << round << ", port " << port;
      }
    }
  }
}

TEST(WideServices, MasksKeepTheFirstBits) {
  EXPECT_EQ(masked(ip4("10.255.255.255"), 32), ip4("10.255.255.255"));
  EXPECT_EQ(masked(ip4("10.255.255.255"), 9), ip4("10.128.0.0"));
  EXPECT_EQ(masked(ip4("10.255.255.255"), 0), ip4("0.0.0.0"));
  EXPECT_EQ(masked(ip6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 128),
            ip6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
  EXPECT_EQ(masked(ip6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 65),
            ip6("ffff:ffff:ffff:ffff:8000::"));
  EXPECT_EQ(masked(ip6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 64),
            ip6("ffff:ffff:ffff:ffff::"));
  EXPECT_EQ(masked(ip6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 12), ip6("fff0::"));
}

template <class Address>
WideServices<Address> of(
    const std::vector<std::tuple<Address, int, std::vector<PortClaim>>>& prefixes) {
  std::vector<typename WideServices<Address>::Change> changes;
  for (const auto& [address, length, claims] : prefixes) {
    changes.push_back({length, address, std::make_shared<WidePorts>(claims)});
  }
  return WideServices<Address>().with(changes);
}

TEST(WideServices, TheLongestPrefixThatHasThePortIsFound) {
  const auto services = of<Ipv4Address>({{ip4("10.0.0.0"), 8, {{0, 65535, kTcp, 1}}},
                                         {ip4("10.1.0.0"), 16, {{80, 89, kTcp, 2}}},
                                         {ip4("10.1.2.3"), 32, {{80, 80, kTcp, 3}}}});
  const auto find = [&](const char* address, uint16_t port) {
    return services.service(ip4(address), Be16(port), kTcp);
  };
  EXPECT_EQ(find("10.1.2.3", 80), 3u);
  EXPECT_EQ(find("10.1.2.3", 81), 2u);
  EXPECT_EQ(find("10.1.2.3", 90), 1u);
  EXPECT_EQ(find("10.1.2.4", 80), 2u);
  EXPECT_EQ(find("10.2.0.0", 80), 1u);
  EXPECT_EQ(find("11.0.0.0", 80), WidePorts::kNobody);
  EXPECT_EQ(services.service(ip4("10.1.2.3"), Be16(80), kUdp), WidePorts::kNobody);
  EXPECT_TRUE(services.is_in_prefix(ip4("10.255.255.255")));
  EXPECT_FALSE(services.is_in_prefix(ip4("11.0.0.0")));
}

TEST(WideServices, AnAddressOfItsOwnIsNoPrefix) {
  const auto services = of<Ipv6Address>({{ip6("fd00::1"), 128, {{0, 65535, kUdp, 9}}}});
  EXPECT_EQ(services.service(ip6("fd00::1"), Be16(5), kUdp), 9u);
  EXPECT_EQ(services.service(ip6("fd00::2"), Be16(5), kUdp), WidePorts::kNobody);
  EXPECT_FALSE(services.is_in_prefix(ip6("fd00::1")));
}

TEST(WideServices, ChangesLeaveTheRestAndTheFormerOneAsTheyWere) {
  const auto before = of<Ipv4Address>(
      {{ip4("10.0.0.0"), 8, {{0, 65535, kTcp, 1}}}, {ip4("11.0.0.0"), 16, {{1, 9, kTcp, 2}}}});
  const auto after = before.with(std::vector<WideServices<Ipv4Address>::Change>{
      {8, ip4("10.0.0.0"), nullptr},
      {16, ip4("11.0.0.0"), std::make_shared<WidePorts>(std::vector<PortClaim>{{1, 9, kTcp, 3}})}});
  EXPECT_EQ(before.service(ip4("10.9.9.9"), Be16(7), kTcp), 1u);
  EXPECT_EQ(before.service(ip4("11.0.9.9"), Be16(7), kTcp), 2u);
  EXPECT_EQ(after.service(ip4("10.9.9.9"), Be16(7), kTcp), WidePorts::kNobody);
  EXPECT_EQ(after.service(ip4("11.0.9.9"), Be16(7), kTcp), 3u);
  const auto none =
      after.with(std::vector<WideServices<Ipv4Address>::Change>{{16, ip4("11.0.0.0"), nullptr}});
  EXPECT_TRUE(none.empty());
  EXPECT_FALSE(after.empty());
}

}  // namespace
}  // namespace vipgate::wide_services_test
