// Routes: those of the kernel to reals, and what is told of VIPs and ports of reals.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/controlplane/loop/reconciler_fixture.h"

namespace vipgate::reconciler_routes_test {
namespace {

using ReconcilerRoutesTest = ReconcilerFixture;

TEST_F(ReconcilerRoutesTest, ARouteThatChangesIsPublishedForTheServicesWhoseRealsItLeadsTo) {
  std::map<std::string, RouteMatch> kernel;  // by prefix; none in another
  routes = [&](const IpAddress& destination, int above) -> std::optional<RouteMatch> {
    for (const auto& [prefix, match] : kernel) {
      if (match.prefix.length > above && match.prefix.contains(destination)) return match;
    }
    return std::nullopt;
  };
  const auto lead = [&](const std::string& prefix, RouteKind kind) {
    kernel[prefix] = {*parse_ip_prefix(prefix), kind, {0, *parse_ip_address("10.0.0.254")}};
  };
  const auto changed = [&](const std::string& prefix) {
    ChangedPrefixes prefixes;
    prefixes[*parse_ip_prefix(prefix)];
    return reconciler->routes_changed(prefixes, 1);
  };
  Reconciler& r = start(config_of(one("a", "11.0.0.1", "{ address: 192.0.2.7, port: 80 }") +
                                  one("b", "11.0.0.2", kReal)));
  const auto resolved = [&] {
    const auto* entry = last().v4.addresses.find(parse_ip_address("11.0.0.1")->v4());
    const ServiceEntry& service = last().service(last().v4.service(*entry, Be16(80), 6));
    return last().real(service.reals[0])->next_hop_resolved;
  };
  EXPECT_EQ(r.unreachable().size(), 1u);
  EXPECT_FALSE(resolved());
  lead("192.0.2.0/24", RouteKind::kForward);
  ASSERT_TRUE(changed("192.0.2.0/24").ok());
  EXPECT_EQ(dataplane.published.size(), 2u);
  EXPECT_TRUE(resolved());
  EXPECT_TRUE(r.unreachable().empty());
  EXPECT_TRUE(r.next_hops().contains({0, *parse_ip_address("10.0.0.254")}));
  ASSERT_TRUE(changed("198.51.100.0/24").ok());
  ASSERT_TRUE(changed("192.0.0.0/16").ok());
  EXPECT_EQ(dataplane.published.size(), 2u) << "no real goes by these";
  lead("192.0.2.0/24", RouteKind::kBlackhole);
  ASSERT_TRUE(changed("192.0.2.0/24").ok());
  EXPECT_EQ(dataplane.published.size(), 3u);
  EXPECT_FALSE(resolved());
  EXPECT_EQ(r.why_unreachable(*parse_ip_address("192.0.2.7")), "blackhole 192.0.2.0/24");
}

TEST_F(ReconcilerRoutesTest, TransitIsForThePortsByWhichRealsAreReachedNow) {
  const auto with = [](const std::string& services) {
    auto config = parse_config(R"(
ports:
  - { name: edge, device: "net_null0", addresses: [10.9.0.1/24], kernel: true }
  - { name: cluster, device: "net_null1", addresses: [10.0.0.1/16], kernel: true }
snat_pools:
  - { name: default, addresses: [10.0.9.1] }
dns: { listen: [10.0.0.53], ttl_s: 5, zones: [{ name: z, services: true }] }
services:
)" + services,
                               "test.yaml");
    EXPECT_TRUE(config.ok()) << config.error();
    return *config;
  };
  const std::string far = "{ address: 10.9.0.7, port: 80 }";
  Config config = with(one("a", "11.0.0.1"));
  Reconciler& r = start(config);
  EXPECT_EQ(last().transit.ports, 0u);
  EXPECT_TRUE(last().transit.to_kernel);
  config = with(one("a", "11.0.0.1", kReal) + one("b", "11.0.0.2", kReal));
  ASSERT_TRUE(r.apply(config, 1).ok());
  EXPECT_EQ(last().transit.ports, 0b10u);
  config = with(one("a", "11.0.0.1", kReal) + one("b", "11.0.0.2", far));
  ASSERT_TRUE(r.apply(config, 2).ok());
  EXPECT_EQ(last().transit.ports, 0b11u);
  config.transit = Transit::kDrop;
  ASSERT_TRUE(r.apply(config, 3).ok());
  EXPECT_FALSE(last().transit.to_kernel);
  config = with(one("a", "11.0.0.1", kReal));
  ASSERT_TRUE(r.apply(config, 4).ok());
  ASSERT_TRUE(r.tick(1000).ok());
  EXPECT_EQ(last().transit.ports, 0b10u) << "what drained is gone";
}

TEST_F(ReconcilerRoutesTest, AVipIsServedFromItsFirstLivingRealUntilTheLastFlowsHaveEnded) {
  using Changes = std::vector<std::pair<IpPrefix, bool>>;
  const IpPrefix vip{*parse_ip_address("11.0.0.1"), 32};
  const auto other = [](const std::string& reals) {
    return "  - { name: a, vip: 11.0.0.1, port: 81, protocol: tcp, reals: [" + reals + "] }\n";
  };
  Reconciler& r = start(config_of(one("a", "11.0.0.1")));
  EXPECT_EQ(r.take_serving_changes(), Changes{}) << "it has no real";
  ASSERT_TRUE(r.apply(config_of(one("a", "11.0.0.1", kReal)), 1).ok());
  EXPECT_EQ(r.take_serving_changes(), (Changes{{vip, true}}));
  ASSERT_TRUE(r.apply(config_of(one("a", "11.0.0.1", kReal) + other(kReal)), 2).ok());
  ASSERT_TRUE(r.apply(config_of(one("a", "11.0.0.1", kReal)), 3).ok());
  ASSERT_TRUE(r.tick(1000).ok());
  EXPECT_EQ(r.take_serving_changes(), Changes{})
      << "another port of the VIP is served all the time";
  ASSERT_TRUE(r.apply(config_of(""), 2000).ok());
  EXPECT_EQ(r.take_serving_changes(), Changes{}) << "its flows end";
  ASSERT_TRUE(r.tick(2100).ok());
  EXPECT_EQ(r.take_serving_changes(), (Changes{{vip, false}}));
  const std::string spare = one("b", "11.0.0.2", kReal);
  const std::string leaning =
      "  - { name: a, vip: 11.0.0.1, port: 80, protocol: tcp, no_real: { fallback: b } }\n";
  ASSERT_TRUE(r.apply(config_of(spare + leaning), 3000).ok());
  EXPECT_EQ(r.take_serving_changes().size(), 2u) << "by its fallback";
}

}  // namespace
}  // namespace vipgate::reconciler_routes_test
