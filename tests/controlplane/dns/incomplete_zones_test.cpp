// When the reconciler publishes that a zone has all of its names.
#include <gtest/gtest.h>

#include "controlplane/config/config_reader.h"
#include "controlplane/dns/fed_zones.h"
#include "controlplane/loop/reconciler.h"
#include "tests/controlplane/loop/fake_dataplane.h"

namespace vipgate::incomplete_zones_test {
namespace {

constexpr char kConfig[] = R"(
ports: [{ name: edge, device: "net_null0", addresses: [10.0.0.1/16], kernel: true }]
snat_pools: [{ name: default, addresses: [10.0.9.1] }]
dns: { zones: [{ name: l4lb.thisdcos.directory, services: true }, { name: mesos }] }
mesos: [{ masters: ["10.0.0.9:5050"] }]
)";
constexpr SourceId kMesos{Origin::kMesos, 0};
const ServiceKey kRedis{*parse_ip_address("11.0.0.1"), 6379, Protocol::kTcp};

struct IncompleteZonesTest : testing::Test {
  void SetUp() override {
    auto parsed = parse_config(kConfig, "test.yaml");
    ASSERT_TRUE(parsed.ok()) << parsed.error();
    config = *parsed;
    reconciler = std::make_unique<Reconciler>(
        config, dataplane, [](const NextHop&) { return MacAddress{{2}}; }, DnsHashSecret{},
        RingRunner{});
    ASSERT_TRUE(reconciler->apply(config, 0).ok());
    pass();
  }
  void pass() {
    dataplane.passed_version = dataplane.published.size();
    ASSERT_TRUE(reconciler->tick(0).ok());
  }
  void stage_redis(bool wanted) {
    ServiceConfig redis;
    redis.origin = Origin::kMesos;
    redis.name = "redis";
    redis.vip = kRedis.vip;
    redis.port = kRedis.port;
    redis.snat_pool = "default";
    redis.reals = {{*parse_ip_address("10.0.1.1"), 6379, 1, {}}};
    SourceChange change;
    change.services.emplace(kRedis, wanted ? std::optional(redis) : std::nullopt);
    reconciler->stage(kMesos, std::move(change));
  }
  void commit() { ASSERT_TRUE(reconciler->commit(0, 0).ok()); }
  bool is_incomplete(const std::string& name) const {
    for (const DnsZone& zone : dataplane.published.back()->dns->zones()) {
      if (dns_name_to_text(zone.name) == name) return zone.is_incomplete;
    }
    ADD_FAILURE() << name << " is no zone";
    return false;
  }
  bool services_incomplete() const { return is_incomplete("l4lb.thisdcos.directory."); }
  bool has_redis() const {
    bool found = false;
    dataplane.published.back()->dns->for_each_record([&](const DnsTable::Record& record) {
      found = found || dns_name_to_text(record.name) == "redis.l4lb.thisdcos.directory.";
    });
    return found;
  }

  Config config;
  FakeDataplane dataplane;
  std::unique_ptr<Reconciler> reconciler;
};

TEST_F(IncompleteZonesTest, AZoneBecomesCompleteInTheSnapshotThatHasTheNamesOfTheFirstState) {
  dataplane.workers_pass = false;
  EXPECT_TRUE(services_incomplete());
  stage_redis(true);
  reconciler->stage_cluster(0, true);
  EXPECT_TRUE(services_incomplete());
  commit();
  // The VIP, whose name waits until all workers forward it.
  EXPECT_FALSE(has_redis());
  EXPECT_TRUE(services_incomplete());
  EXPECT_FALSE(reconciler->settled());
  ASSERT_TRUE(reconciler->tick(0).ok());
  EXPECT_TRUE(services_incomplete());
  pass();
  EXPECT_TRUE(has_redis());
  EXPECT_FALSE(services_incomplete());
  EXPECT_FALSE(is_incomplete("mesos."));
  pass();
  EXPECT_TRUE(reconciler->settled());
}

TEST_F(IncompleteZonesTest, AFirstStateWithoutAnythingInItCompletesTheZones) {
  reconciler->stage_cluster(0, true);
  EXPECT_TRUE(reconciler->has_staged());
  commit();
  pass();
  EXPECT_FALSE(services_incomplete());
}

TEST_F(IncompleteZonesTest, AZoneIsIncompleteInTheSnapshotThatLosesTheNamesOfAStaleState) {
  stage_redis(true);
  reconciler->stage_cluster(0, true);
  commit();
  pass();
  ASSERT_TRUE(has_redis());
  ASSERT_FALSE(services_incomplete());
  stage_redis(false);
  reconciler->stage_cluster(0, false);
  commit();
  EXPECT_FALSE(has_redis());
  EXPECT_TRUE(services_incomplete());
}

TEST_F(IncompleteZonesTest, AReloadOfTheZonesKeepsWhatIsKnownOfThem) {
  config.dns.ttl_s += 1;
  ASSERT_TRUE(reconciler->apply(config, 0).ok());
  EXPECT_TRUE(services_incomplete());
  reconciler->stage_cluster(0, true);
  commit();
  pass();
  config.dns.ttl_s += 1;
  ASSERT_TRUE(reconciler->apply(config, 0).ok());
  EXPECT_FALSE(services_incomplete());
}

std::string wire(const std::string& text) { return *dns_name_from_text(text); }

TEST(FedZones, AreThoseOfTheDomainOfTheNamedVipsAndOfTheAddressesOfBoth) {
  auto parsed = parse_config(kConfig, "test.yaml");
  ASSERT_TRUE(parsed.ok()) << parsed.error();
  Config config = *parsed;
  EXPECT_TRUE(is_fed_by(config, 0, wire("mesos")));
  EXPECT_TRUE(is_fed_by(config, 0, wire("below.mesos")));
  EXPECT_TRUE(is_fed_by(config, 0, wire("dcos.thisdcos.directory")));
  EXPECT_TRUE(is_fed_by(config, 0, wire("l4lb.thisdcos.directory")));
  EXPECT_FALSE(is_fed_by(config, 0, wire("notmesos")));
  EXPECT_FALSE(is_fed_by(config, 0, wire("example.test")));

  EXPECT_FALSE(is_fed_by(config, 0, wire("10.in-addr.arpa")));
  config.mesos[0].ptr = true;
  EXPECT_TRUE(is_fed_by(config, 0, wire("10.in-addr.arpa")));
  config.mesos[0].ptr = false;
  config.dns.ptr = true;
  EXPECT_TRUE(is_fed_by(config, 0, wire("11.in-addr.arpa")));

  config.named_vips.enabled = false;
  EXPECT_FALSE(is_fed_by(config, 0, wire("11.in-addr.arpa")));
  EXPECT_FALSE(is_fed_by(config, 0, wire("l4lb.thisdcos.directory")));
  EXPECT_TRUE(is_fed_by(config, 0, wire("mesos")));
}

}  // namespace
}  // namespace vipgate::incomplete_zones_test
