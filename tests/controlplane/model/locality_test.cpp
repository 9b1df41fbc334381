#include "controlplane/model/locality.h"

#include <gtest/gtest.h>

#include "controlplane/model/desired_state.h"
#include "tests/controlplane/config/config_error_rows.h"
#include "tests/controlplane/naming/cluster_fixture.h"
#include "tests/support/address_text.h"

namespace vipgate::locality_test {
namespace {

using test::ip;

RealKey key(const std::string& address) { return {ip(address), 80}; }

constexpr char kLocality[] = R"(
locality:
  region: eu
  zone: a
  prefixes:
    - { prefix: 10.1.0.0/16, zone: a }
    - { prefix: 10.1.2.0/24, zone: b }
    - { prefix: 10.3.0.0/16, region: us, zone: a }
    - { prefix: "fd01::/64", zone: a }
)";

Config parse(const std::string& text) {
  auto config = parse_config(kLocality + text, "f");
  EXPECT_TRUE(config.ok()) << config.error();
  return config.ok() ? *config : Config{};
}

TEST(Locality, TheLongestPrefixTellsTheZoneOfWhatNothingElseTells) {
  const Config config = parse("");
  const Locality locality(config.locality);
  EXPECT_TRUE(locality.is_local("", "", ip("10.1.1.1")));
  EXPECT_FALSE(locality.is_local("", "", ip("10.1.2.1"))) << "the longer prefix is zone b";
  EXPECT_FALSE(locality.is_local("", "", ip("10.3.0.1"))) << "a zone of that name elsewhere";
  EXPECT_FALSE(locality.is_local("", "", ip("10.9.0.1"))) << "not told";
  EXPECT_TRUE(locality.is_local("", "", ip("fd01::7")));
}

TEST(Locality, AZoneThatIsToldCountsBeforeThePrefixes) {
  const Config config = parse("");
  const Locality locality(config.locality);
  EXPECT_TRUE(locality.is_local("eu", "a", ip("10.1.2.1")));
  EXPECT_TRUE(locality.is_local("", "a", ip("10.9.0.1"))) << "of the gateway's own region";
  EXPECT_FALSE(locality.is_local("eu", "b", ip("10.1.1.1")));
  EXPECT_FALSE(locality.is_local("us", "a", ip("10.1.1.1")));
}

TEST(Locality, AGatewayWithoutARegionGoesByTheZoneAlone) {
  LocalityConfig config;
  config.zone = "a";
  EXPECT_TRUE(Locality(config).is_local("eu", "a", ip("10.1.1.1")));
  EXPECT_FALSE(Locality(config).is_local("eu", "b", ip("10.1.1.1")));
}

TEST(Locality, WithoutAZoneOfTheGatewaysOwnNothingIsLocal) {
  const LocalityConfig nowhere;
  EXPECT_FALSE(Locality(nowhere).is_local("", "", ip("10.1.1.1")));
  EXPECT_FALSE(Locality(nowhere).is_local("eu", "a", ip("10.1.1.1")));
}

TEST(Locality, RealsOfTheFileAreLocalByTheirOwnZoneOrByTheirAddress) {
  const Config config = parse(
      "services:\n"
      "  - name: s\n    vip: 11.0.0.1\n    port: 80\n    mode: nat\n    prefer: zone\n"
      "    spill_below_percent: 70\n    reals:\n"
      "      - { address: 10.1.1.1, port: 80 }\n"
      "      - { address: 10.1.1.2, port: 80, zone: b }\n"
      "      - { address: 10.9.0.1, port: 80, zone: a }\n"
      "      - { address: 10.9.0.2, port: 80, region: us, zone: a }\n");
  ASSERT_EQ(config.services.size(), 1u);
  const ServiceConfig& service = config.services[0];
  EXPECT_EQ(service.locality.prefer, Prefer::kZone);
  EXPECT_EQ(service.locality.spill_below_percent, 70);
  std::vector<bool> local;
  for (const RealConfig& real : service.reals) local.push_back(real.is_local);
  EXPECT_EQ(local, (std::vector<bool>{true, false, true, false}));
}

TEST(Locality, ThePreferenceIsInheritedByServicesAndNamedVips) {
  const Config config = parse(
      "defaults: { mode: nat, prefer: zone, spill_below_percent: 30 }\n"
      "services: [{ name: s, vip: 11.0.0.1, port: 80 },\n"
      "           { name: t, vip: 11.0.0.2, port: 80, prefer: none }]\n");
  ASSERT_EQ(config.services.size(), 2u);
  EXPECT_EQ(config.services[0].locality, (LocalityPreference{Prefer::kZone, 30}));
  EXPECT_EQ(config.services[1].locality.prefer, Prefer::kNone);
  EXPECT_EQ(config.named_vips.locality, (LocalityPreference{Prefer::kZone, 30}));
}

constexpr Row kRows[] = {
    {"defaults: {prefer: zone}\nnamed_vips: {enabled: false}\n",
     "f:1:20: prefer: zone needs to know where this gateway is; add its zone to `locality`, as "
     "{region: eu, zone: eu-1}"},
    {"named_vips: {prefer: zone}\n",
     "f:1:22: prefer: zone needs to know where this gateway is; add its zone to `locality`, as "
     "{region: eu, zone: eu-1}"},
    {"services: [{name: a, vip: 11.0.0.1, port: 80, mode: nat, prefer: zone}]\n",
     "f:1:66: prefer: zone needs to know where this gateway is; add its zone to `locality`, as "
     "{region: eu, zone: eu-1}"},
    {"locality: {zone: a, prefixes: [{prefix: 10.0.0.0/8, zone: a}, {prefix: 10.0.0.0/8, zone: "
     "b}]}\n",
     "f:1:72: prefix: it stands here a second time; an address is in one zone: keep one"},
    {"defaults: {prefer: near, spill_below_percent: 101}\n",
     "f:1:20: prefer: 'near' is not known here; write none or zone\n"
     "f:1:47: spill_below_percent: 101 is out of range; write a number from 0 to 100"},
};

TEST(Locality, APreferenceThatCannotBeKeptIsRefused) { expect_errors(kRows); }

// Four local reals and one in another zone; what merged() makes of their weights.
class PreferZoneTest : public testing::Test {
 protected:
  PreferZoneTest() {
    service_.vip = key_.vip;
    service_.port = key_.port;
    service_.locality = {Prefer::kZone, 50};
    for (const char* address : {"10.1.1.1", "10.1.1.2", "10.1.1.3", "10.1.1.4"}) {
      service_.reals.push_back({ip(address), 80, 2, {}, true});
    }
    service_.reals.push_back({ip("10.2.0.1"), 80, 3, {}, false});
  }
  void set_health(int number, RealHealth health) {
    state_.set_health(key_, key("10.1.1." + std::to_string(number)), health);
  }
  // What the real in the other zone gets now. The local ones keep theirs in any case.
  int remote_weight() {
    state_.set({Origin::kYaml, 0}, key_, service_);
    const auto merged = state_.merged(key_);
    for (const RealConfig& real : merged->config.reals) {
      if (real.is_local) {
        EXPECT_EQ(real.weight, 2);
      }
    }
    return merged->config.reals.back().weight;
  }

  const ServiceKey key_{ip("11.0.0.1"), 80, Protocol::kTcp};
  ServiceConfig service_;
  DesiredState state_;
};

TEST_F(PreferZoneTest, NewFlowsGoToTheOwnZoneAndSpillWhenTooFewOfItsRealsLive) {
  EXPECT_EQ(remote_weight(), 0);
  set_health(1, RealHealth::kDown);
  set_health(2, RealHealth::kDown);
  EXPECT_EQ(remote_weight(), 0) << "half of them is not below 50 percent";
  set_health(3, RealHealth::kDown);
  EXPECT_EQ(remote_weight(), 3);
  set_health(2, RealHealth::kUp);
  EXPECT_EQ(remote_weight(), 0) << "they are back";
}

TEST_F(PreferZoneTest, WithAThresholdOfZeroItSpillsWhenNoneLives) {
  service_.locality.spill_below_percent = 0;
  for (int i = 1; i <= 3; ++i) set_health(i, RealHealth::kDown);
  EXPECT_EQ(remote_weight(), 0);
  set_health(4, RealHealth::kDown);
  EXPECT_EQ(remote_weight(), 3);
}

TEST_F(PreferZoneTest, WithoutALocalRealThatGetsFlowsAllDo) {
  for (RealConfig& real : service_.reals) real.is_local = false;
  EXPECT_EQ(remote_weight(), 3);
}

TEST_F(PreferZoneTest, LocalRealsThatMesosFindsUnhealthyDoNotLive) {
  // Which is told by their weight.
  for (RealConfig& real : service_.reals) real.weight = 1;
  service_.reals[0].weight = 0;
  service_.reals[1].weight = 0;
  ServiceConfig half = service_;
  prefer_local_reals(half, {});
  EXPECT_EQ(half.reals.back().weight, 0);
  prefer_local_reals(service_, {key("10.1.1.3")});
  EXPECT_EQ(service_.reals.back().weight, 1) << "one of four";
}

TEST_F(PreferZoneTest, WhenAllLocalRealsAreDownFlowsGoFurtherThoughItLooksLikePanic) {
  service_.health.panic_percent = 50;  // four of five are down
  for (int i = 1; i <= 4; ++i) set_health(i, RealHealth::kDown);
  EXPECT_EQ(remote_weight(), 3);
  EXPECT_TRUE(state_.merged(key_)->down.empty()) << "panic: all get flows";
}

TEST_F(PreferZoneTest, FlowsGoFurtherBeforeTheOwnZoneWouldPanic) {
  service_.locality.spill_below_percent = 20;
  service_.health.panic_percent = 40;
  for (int i = 1; i <= 3; ++i) set_health(i, RealHealth::kDown);
  EXPECT_EQ(remote_weight(), 3) << "a quarter of the local ones lives";
  EXPECT_EQ(state_.merged(key_)->down.size(), 3u) << "two of five live: no panic";
}

TEST_F(PreferZoneTest, RealsThatAreTooFarDoNotMakeTheOwnZonePanic) {
  service_.health.panic_percent = 60;
  for (int i = 1; i <= 4; ++i)
    service_.reals.push_back({ip("10.2.0.1" + std::to_string(i)), 80, 1, {}, false});
  for (size_t i = 4; i < service_.reals.size(); ++i) {
    state_.set_health(key_, {service_.reals[i].address, 80}, RealHealth::kDown);
  }
  EXPECT_EQ(remote_weight(), 0);
  EXPECT_EQ(state_.merged(key_)->down.size(), 5u);
}

TEST_F(PreferZoneTest, WithoutThePreferenceNothingChanges) {
  service_.locality.prefer = Prefer::kNone;
  EXPECT_EQ(remote_weight(), 3);
}

TEST(PreferZone, RealsFromMesosAreWhereTheirAgentOrTheirAddressIs) {
  Config config = parse("mesos: [{ masters: [\"10.0.0.1:5050\"] }]\nnamed_vips: { mode: nat }\n");
  config.named_vips.locality.prefer = Prefer::kZone;
  ClusterFixture fixture(config);
  const auto add_agent = [&](const std::string& id, const std::string& region,
                             const std::string& zone) {
    fixture.apply(MesosAgentAdded{{id, "10.0.0.5", "slave(1)@10.0.0.5:5051", region, zone}});
  };
  const auto add_task = [&](const std::string& id, const std::string& agent,
                            const std::string& address) {
    MesosTask task = task_of("F-marathon", id, address, {vip_port(80, "/redis:6379")});
    task.agent_id = agent;
    fixture.add(task);
  };
  add_agent("near", "eu", "a");
  add_agent("far", "eu", "b");
  add_agent("silent", "", "");
  add_task("r.1", "near", "10.9.0.1");
  add_task("r.2", "far", "10.9.0.2");
  add_task("r.3", "silent", "10.1.1.1");
  add_task("r.4", "silent", "10.9.0.3");
  fixture.update();
  ASSERT_EQ(fixture.service_configs().size(), 1u);
  const auto locals = [&] {
    std::set<std::string> found;
    for (const RealConfig& real : fixture.service_configs().begin()->second.reals) {
      if (real.is_local) found.insert(to_string(real.address));
    }
    return found;
  };
  EXPECT_EQ(locals(), (std::set<std::string>{"10.1.1.1", "10.9.0.1"}));
  EXPECT_EQ(fixture.service_configs().begin()->second.locality.prefer, Prefer::kZone);
  add_agent("far", "eu", "a");  // moved
  fixture.update();
  EXPECT_EQ(locals(), (std::set<std::string>{"10.1.1.1", "10.9.0.1", "10.9.0.2"}));
}

}  // namespace
}  // namespace vipgate::locality_test
