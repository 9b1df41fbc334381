#include "controlplane/dns/dns_view_tables.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/controlplane/loop/reconciler_fixture.h"

namespace vipgate::dns_view_tables_test {
namespace {

using Lines = std::vector<std::string>;

std::string view_config(const std::string& services, const std::string& views) {
  return R"(
ports:
  - { name: edge, device: "net_null0", addresses: [10.0.0.1/16], kernel: true }
snat_pools:
  - { name: default, addresses: [10.0.9.1] }
dns:
  listen: [10.0.0.53]
  ttl_s: 5
  zones: [{ name: z, services: true }]
  views:
)" + views +
         "services:\n" + services;
}

const std::string kAgents =
    "    - { name: agents, clients: [10.0.0.0/8, \"fd00::/8\"], zones: [{ name: z, services: reals "
    "}] }\n";

struct DnsViewsOfServices : ReconcilerFixture {
  static Config config(const std::string& services, const std::string& views = kAgents) {
    auto config = parse_config(view_config(services, views), "test.yaml");
    EXPECT_TRUE(config.ok()) << config.error();
    return *config;
  }
  // What a client's view has.
  Lines seen_by(const std::string& client) const {
    if (last().dns_views == nullptr) return {"no views"};
    const IpAddress address = *parse_ip_address(client);
    const DnsTable* table = last().dns_views->table_of(address.bytes().data(),
                                                       static_cast<uint8_t>(address.bits() / 8));
    return table == nullptr ? Lines{"none"} : dns_record_lines(*table);
  }
  static std::string reals(const std::string& list) { return one("web.shop", "11.0.0.1", list); }
};

const std::string kFirst = "{ address: 10.0.1.1, port: 8080 }";
const std::string kSecond = "{ address: 10.0.1.2, port: 8081, weight: 7 }";

const Lines kBoth = {"10-0-1-1.reals.z.\tA\t10.0.1.1",
                     "10-0-1-2.reals.z.\tA\t10.0.1.2",
                     "_web._tcp.shop.z.\tSRV\t10-0-1-1.reals.z.:8080",
                     "_web._tcp.shop.z.\tSRV\t10-0-1-2.reals.z.:8081",
                     "web.shop.z.\tA\t10.0.1.1",
                     "web.shop.z.\tA\t10.0.1.2"};
const Lines kOnlyFirst = {"10-0-1-1.reals.z.\tA\t10.0.1.1",
                          "_web._tcp.shop.z.\tSRV\t10-0-1-1.reals.z.:8080",
                          "web.shop.z.\tA\t10.0.1.1"};

TEST_F(DnsViewsOfServices, RealsOfAServiceAreItsAddressesPortsAndTargets) {
  start(config(reals(kFirst + ", " + kSecond)));
  EXPECT_EQ(seen_by("10.1.2.3"), kBoth);
  EXPECT_EQ(seen_by("fd00::1"), kBoth);
  EXPECT_EQ(seen_by("192.0.2.1"), Lines{"none"});
}

TEST_F(DnsViewsOfServices, WithoutViewsTheSnapshotHasNone) {
  start(config_of(one("a", "11.0.0.1", kReal)));
  EXPECT_EQ(last().dns_views, nullptr);
}

TEST_F(DnsViewsOfServices, RealThatGoesDownLeavesTheViewInTheSnapshotThatStopsItsFlows) {
  Reconciler& r = start(
      config("  - { name: web.shop, vip: 11.0.0.1, port: 80, protocol: tcp, health: { type: tcp }, "
             "reals: [" +
             kFirst + ", " + kSecond + "] }\n"));
  const ServiceKey key{*parse_ip_address("11.0.0.1"), 80, Protocol::kTcp};
  const RealKey second{*parse_ip_address("10.0.1.2"), 8081};
  ASSERT_EQ(seen_by("10.1.2.3"), kBoth);
  const size_t before = dataplane.published.size();
  r.stage_health(key, second, RealHealth::kDown);
  ASSERT_TRUE(r.commit(10, 0).ok());
  ASSERT_EQ(dataplane.published.size(), before + 1) << "one snapshot for both";
  EXPECT_EQ(seen_by("10.1.2.3"), kOnlyFirst);
  r.stage_health(key, {*parse_ip_address("10.0.1.1"), 8080}, RealHealth::kDown);
  ASSERT_TRUE(r.commit(11, 0).ok());
  EXPECT_EQ(seen_by("10.1.2.3"), kBoth) << "all, where none is up";
  r.stage_health(key, second, RealHealth::kUp);
  ASSERT_TRUE(r.commit(12, 0).ok());
  EXPECT_EQ(seen_by("10.1.2.3").size(), 3u);
}

TEST_F(DnsViewsOfServices, RealsThatComeAndGoAndServicesThatGoAreFollowed) {
  Reconciler& r = start(config(reals(kFirst)));
  EXPECT_EQ(seen_by("10.1.2.3"), kOnlyFirst);
  ASSERT_TRUE(r.apply(config(reals(kFirst + ", " + kSecond)), 10).ok());
  EXPECT_EQ(seen_by("10.1.2.3"), kBoth);
  ASSERT_TRUE(r.apply(config(reals(kFirst)), 20).ok());
  EXPECT_EQ(seen_by("10.1.2.3"), kOnlyFirst) << "a draining real gets nobody new";
  ASSERT_TRUE(r.apply(config("  []\n"), 30).ok());
  EXPECT_EQ(seen_by("10.1.2.3"), Lines{}) << "the name goes at once, as everywhere";
}

TEST_F(DnsViewsOfServices, RealThatTwoServicesShareStaysATargetUntilNeitherHasIt) {
  const std::string other = one("ftp", "11.0.0.2", "{ address: 10.0.1.1, port: 21 }");
  Reconciler& r = start(config(reals(kFirst) + other));
  ASSERT_TRUE(r.apply(config(other), 10).ok());
  EXPECT_EQ(seen_by("10.1.2.3"),
            (Lines{"10-0-1-1.reals.z.\tA\t10.0.1.1", "_ftp._tcp.z.\tSRV\t10-0-1-1.reals.z.:21",
                   "ftp.z.\tA\t10.0.1.1"}));
}

TEST_F(DnsViewsOfServices, AddressesAreWrittenAsLabelsOfNames) {
  start(
      config("  - { name: a, vip: \"fd11::1\", port: 80, protocol: tcp, mode: nat, reals: [{ "
             "address: \"fd01::1\", port: 80 }] }\n"));
  EXPECT_EQ(seen_by("10.1.2.3"),
            (Lines{"_a._tcp.z.\tSRV\tfd01-0000-0000-0000-0000-0000-0000-0001.reals.z.:80",
                   "a.z.\tAAAA\tfd01::1",
                   "fd01-0000-0000-0000-0000-0000-0000-0001.reals.z.\tAAAA\tfd01::1"}));
}

TEST_F(DnsViewsOfServices, ReloadTakesViewsOver) {
  Reconciler& r = start(config(reals(kFirst)));
  const std::string inside =
      "    - { name: inside, clients: [10.0.0.0/8], zones: [{ name: z, records: [{ name: www, "
      "type: "
      "A, data: 10.5.0.1 }] }] }\n";
  ASSERT_TRUE(r.apply(config(reals(kFirst), inside), 10).ok());
  EXPECT_EQ(seen_by("10.1.2.3"), Lines{"www.z.\tA\t10.5.0.1"});
  EXPECT_EQ(seen_by("fd00::1"), Lines{"none"});
  ASSERT_TRUE(r.apply(config(reals(kFirst), "    []\n"), 20).ok());
  EXPECT_EQ(last().dns_views, nullptr);
  ASSERT_TRUE(r.apply(config(reals(kFirst)), 30).ok());
  EXPECT_EQ(seen_by("10.1.2.3"), kOnlyFirst) << "with the services that were there all the time";
}

TEST_F(DnsViewsOfServices, SnapshotsInWhichNothingOfThemChangedShareThem) {
  Reconciler& r = start(config(reals(kFirst)));
  const auto before = last().dns_views;
  r.stage({Origin::kRest, 0}, {});
  ASSERT_TRUE(r.apply(config(reals(kFirst) + one("nobody", "11.0.0.9")), 10).ok());
  EXPECT_EQ(last().dns_views, before) << "a service without reals has nothing in a view";
}

}  // namespace
}  // namespace vipgate::dns_view_tables_test
