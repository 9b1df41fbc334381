#include "controlplane/model/desired_state.h"

#include <gtest/gtest.h>

#include "tests/support/address_text.h"

namespace vipgate::desired_state_test {
namespace {

using test::ip;

constexpr SourceId kYaml{Origin::kYaml, 0};
constexpr SourceId kRest{Origin::kRest, 0};
constexpr SourceId kMesos{Origin::kMesos, 0};

ServiceConfig service(const std::string& name, std::vector<RealConfig> reals) {
  ServiceConfig config;
  config.name = name;
  config.vip = ip("11.0.0.1");
  config.port = 80;
  config.reals = std::move(reals);
  return config;
}
const ServiceKey kKey{ip("11.0.0.1"), 80, Protocol::kTcp};
RealConfig real(const std::string& address, uint16_t weight = 1) {
  return {ip(address), 8080, weight, {}};
}
RealKey key(const std::string& address) { return {ip(address), 8080}; }

TEST(DesiredState, TheOriginThatComesFirstDecidesWhateverCameFirstInTime) {
  DesiredState state;
  auto mesos = service("redis", {real("10.0.0.1", 7), real("10.0.0.2", 7)});
  mesos.mode = Mode::kNat;
  state.set(kMesos, kKey, mesos);
  auto rest = service("", {real("10.0.0.3")});
  rest.maglev_rows = 65537;
  state.set(kRest, kKey, rest);
  auto yaml = service("", {real("10.0.0.1", 2)});
  state.set(kYaml, kKey, yaml);
  const auto merged = state.merged(kKey);
  ASSERT_TRUE(merged);
  EXPECT_EQ(merged->config.mode, Mode::kFullnat);
  EXPECT_EQ(merged->config.maglev_rows, 0u);
  EXPECT_EQ(merged->config.name, "redis") << "of the first that has one";
  EXPECT_EQ(merged->config.reals,
            (std::vector<RealConfig>{real("10.0.0.1", 2), real("10.0.0.3"), real("10.0.0.2", 7)}));
}

TEST(DesiredState, WhatIsComingIsUnitedButForWhatIsThereInAnySource) {
  DesiredState state;
  auto one = service("a", {real("10.0.0.1")});
  one.coming = {real("10.0.0.2"), real("10.0.0.3")};
  auto other = service("a", {real("10.0.0.2")});
  other.coming = {real("10.0.0.1"), real("10.0.0.3"), real("10.0.0.4")};
  state.set(kMesos, kKey, one);
  state.set(SourceId{Origin::kMesos, 1}, kKey, other);
  EXPECT_EQ(state.merged(kKey)->config.coming,
            (std::vector<RealConfig>{real("10.0.0.3"), real("10.0.0.4")}));
}

TEST(DesiredState, AServiceIsGoneWhenNoSourceWantsIt) {
  DesiredState state;
  state.set(kMesos, kKey, service("a", {}));
  state.set(SourceId{Origin::kMesos, 1}, kKey, service("b", {}));
  state.set(kMesos, kKey, std::nullopt);
  EXPECT_EQ(state.merged(kKey)->config.name, "b");
  state.set(SourceId{Origin::kMesos, 1}, kKey, std::nullopt);
  EXPECT_FALSE(state.merged(kKey));
}

TEST(DesiredState, OnlyWhatDiffersIsDirty) {
  DesiredState state;
  state.set(kMesos, kKey, service("a", {real("10.0.0.1")}));
  EXPECT_EQ(state.take_dirty(), std::set<ServiceKey>{kKey});
  state.set(kMesos, kKey, service("a", {real("10.0.0.1")}));
  state.set_health(kKey, key("10.0.0.1"), RealHealth::kUnknown);
  state.set(kYaml, kKey, std::nullopt);
  EXPECT_TRUE(state.dirty().empty());
  state.set_health(kKey, key("10.0.0.1"), RealHealth::kDown);
  EXPECT_EQ(state.dirty().size(), 1u);
}

TEST(DesiredState, ReplacingASourceCanBeUndone) {
  DesiredState state;
  const ServiceKey second{ip("11.0.0.2"), 80, Protocol::kTcp};
  state.replace(kYaml, {{kKey, service("a", {})}});
  const auto before = state.replace(kYaml, {{second, service("b", {})}});
  EXPECT_FALSE(state.merged(kKey));
  EXPECT_TRUE(state.merged(second));
  state.replace(kYaml, before);
  EXPECT_EQ(state.merged(kKey)->config.name, "a");
  EXPECT_FALSE(state.merged(second));
}

TEST(DesiredState, ARealIsTakenOutOnlyByAVerdict) {
  DesiredState state;
  state.set(kMesos, kKey, service("a", {real("10.0.0.1"), real("10.0.0.2"), real("10.0.0.3")}));
  state.set_health(kKey, key("10.0.0.1"), RealHealth::kUp);
  state.set_health(kKey, key("10.0.0.2"), RealHealth::kDown);
  EXPECT_EQ(state.merged(kKey)->down, std::set<RealKey>{key("10.0.0.2")});
  state.set_health(kKey, key("10.0.0.2"), RealHealth::kUnknown);
  EXPECT_TRUE(state.merged(kKey)->down.empty());
}

TEST(DesiredState, BelowThePanicThresholdAllRealsAreUsed) {
  auto config = service("a", {real("10.0.0.1"), real("10.0.0.2"), real("10.0.0.3"),
                              real("10.0.0.4"), real("10.0.0.5", 0)});
  config.health.panic_percent = 50;
  std::map<RealKey, RealHealth> health = {{key("10.0.0.1"), RealHealth::kDown},
                                          {key("10.0.0.2"), RealHealth::kDown}};
  const auto down = [&] {
    DesiredState state;
    state.set(kMesos, kKey, config);
    for (const auto& [real_key, known] : health) state.set_health(kKey, real_key, known);
    return state.merged(kKey)->down;
  };
  EXPECT_EQ(down().size(), 2u) << "half of those with a weight are up";
  health[key("10.0.0.3")] = RealHealth::kDown;
  EXPECT_TRUE(down().empty());
  config.health.panic_percent = 0;
  health[key("10.0.0.4")] = RealHealth::kDown;
  EXPECT_EQ(down().size(), 4u);
}

TEST(DesiredState, WithUseAllEveryRealWithAWeightIsUsedOnceNoneIsUp) {
  auto config = service("a", {real("10.0.0.1"), real("10.0.0.2"), real("10.0.0.3", 0)});
  config.no_real = NoReal::kUseAll;
  DesiredState state;
  state.set(kMesos, kKey, config);
  state.set_health(kKey, key("10.0.0.1"), RealHealth::kDown);
  EXPECT_EQ(state.merged(kKey)->down.size(), 1u);
  EXPECT_FALSE(state.merged(kKey)->is_in_panic);
  state.set_health(kKey, key("10.0.0.2"), RealHealth::kDown);
  EXPECT_TRUE(state.merged(kKey)->down.empty());
  EXPECT_TRUE(state.merged(kKey)->is_in_panic);
  config.no_real = NoReal::kReject;
  state.set(kMesos, kKey, config);
  EXPECT_EQ(state.merged(kKey)->down.size(), 2u);
}

TEST(HealthTargets, TellOnlyWhatIsNewChangedOrGone) {
  HealthTargets targets;
  auto config = service("a", {real("10.0.0.1"), real("10.0.0.2")});
  targets.follow(kKey, &config);
  EXPECT_TRUE(targets.take_changes().add.empty()) << "no checks are configured";
  config.health.type = HealthType::kTcp;
  targets.follow(kKey, &config);
  EXPECT_EQ(targets.take_changes().add.size(), 2u);
  targets.follow(kKey, &config);
  EXPECT_TRUE(targets.take_changes().add.empty());

  config.reals = {real("10.0.0.2"), real("10.0.0.3")};
  EXPECT_EQ(targets.follow(kKey, &config), std::vector<RealKey>{key("10.0.0.1")});
  auto changes = targets.take_changes();
  ASSERT_EQ(changes.add.size(), 1u);
  EXPECT_EQ(changes.add[0].real, key("10.0.0.3"));
  ASSERT_EQ(changes.remove.size(), 1u);
  EXPECT_EQ(changes.remove[0].second, key("10.0.0.1"));

  config.health.interval_s = 9;
  targets.follow(kKey, &config);
  EXPECT_EQ(targets.take_changes().add.size(), 2u) << "in another way";
  targets.follow(kKey, nullptr);
  EXPECT_EQ(targets.take_changes().remove.size(), 2u);
  EXPECT_FALSE(targets.contains(kKey, key("10.0.0.2")));
}

TEST(HealthTargets, ChecksBeginWithAProxyHeaderWhereTheRealsOwnPortExpectsOne) {
  HealthTargets targets;
  auto config = service("a", {real("10.0.0.1")});
  config.health.type = HealthType::kTcp;
  const auto sends_header = [&] {
    targets.follow(kKey, nullptr);
    (void)targets.take_changes();
    targets.follow(kKey, &config);
    const auto changes = targets.take_changes();
    EXPECT_EQ(changes.add.size(), 1u);
    return changes.add.at(0).sends_proxy_header;
  };
  EXPECT_FALSE(sends_header());
  config.client_address = ClientAddress::kProxyV2;
  EXPECT_TRUE(sends_header());
  config.health.port = 8080;
  EXPECT_FALSE(sends_header()) << "another server's port";
  config.health.port = 0;
  config.mode = Mode::kNat;
  EXPECT_FALSE(sends_header());
  config.mode = Mode::kFullnat;
  config.client_address = ClientAddress::kToa;
  EXPECT_FALSE(sends_header());
}

TEST(HealthTargets, RealsAreCheckedAnewWhenTheirServiceBeginsToSendProxyHeaders) {
  HealthTargets targets;
  auto config = service("a", {real("10.0.0.1")});
  config.health.type = HealthType::kTcp;
  targets.follow(kKey, &config);
  (void)targets.take_changes();
  config.client_address = ClientAddress::kProxyV2;
  targets.follow(kKey, &config);
  const auto changes = targets.take_changes();
  ASSERT_EQ(changes.add.size(), 1u);
  EXPECT_TRUE(changes.add[0].sends_proxy_header);
}

TEST(HealthTargets, ARealThatCameAndWentBetweenTwoLooksIsOnlyRemoved) {
  HealthTargets targets;
  auto config = service("a", {real("10.0.0.1")});
  config.health.type = HealthType::kTcp;
  targets.follow(kKey, &config);
  targets.follow(kKey, nullptr);
  const auto changes = targets.take_changes();
  EXPECT_TRUE(changes.add.empty());
  EXPECT_EQ(changes.remove.size(), 1u);
}

TEST(HealthTargets, AUdpServiceIsNotCheckedByTcpUnlessTheCheckHasAPortOfItsOwn) {
  const ServiceKey key{*parse_ip_address("11.0.0.1"), 53, Protocol::kUdp};
  ServiceConfig service;
  service.reals = {{*parse_ip_address("10.0.0.1"), 53, 1, {}}};
  service.health.type = HealthType::kTcp;
  HealthTargets targets;
  targets.follow(key, &service);
  EXPECT_TRUE(targets.take_changes().add.empty());
  service.health.port = 8080;
  targets.follow(key, &service);
  EXPECT_EQ(targets.take_changes().add.size(), 1u);
  service.health.port = 0;
  service.health.type = HealthType::kDns;
  targets.follow(key, &service);
  EXPECT_EQ(targets.take_changes().add.size(), 1u);
}

TEST(DesiredState, WhatIsTakenOutHasNoWeightWhoeverWantsItAndIsDownWhenItsTimeIsOver) {
  DesiredState state;
  state.set(kYaml, kKey, service("a", {real("10.0.0.1"), real("10.0.0.2")}));
  state.set(kMesos, kKey, service("a", {real("10.0.0.3")}));
  state.take_dirty();
  const auto weights = [&] {
    const auto merged = state.merged(kKey);
    std::vector<uint32_t> all;
    for (const RealConfig& each : merged->config.reals) all.push_back(each.weight);
    return all;
  };
  state.set_drain({ip("10.0.0.2"), 8080}, DrainStage::kDraining);
  state.set_drain({ip("10.0.0.3"), 0}, DrainStage::kDraining);
  EXPECT_EQ(state.take_dirty(), std::set<ServiceKey>{kKey});
  EXPECT_EQ(weights(), (std::vector<uint32_t>{1, 0, 0}));
  EXPECT_TRUE(state.merged(kKey)->down.empty());

  state.set_drain({ip("10.0.0.2"), 8080}, DrainStage::kOver);
  EXPECT_EQ(state.merged(kKey)->down, std::set<RealKey>{key("10.0.0.2")});
  state.set_drain({ip("10.0.0.2"), 8080}, DrainStage::kNone);
  state.set_drain({ip("10.0.0.2"), 8081}, DrainStage::kOver);
  EXPECT_EQ(weights(), (std::vector<uint32_t>{1, 1, 0})) << "another port is another real";
  state.take_dirty();
  state.set_drain({ip("10.0.0.9"), 0}, DrainStage::kOver);
  EXPECT_TRUE(state.dirty().empty()) << "no service has it";
}

TEST(DesiredState, WhatIsTakenOutIsNotGivenFlowsByAPanic) {
  DesiredState state;
  auto config = service("a", {real("10.0.0.1"), real("10.0.0.2")});
  config.no_real = NoReal::kUseAll;
  state.set(kYaml, kKey, config);
  state.set_drain({ip("10.0.0.1"), 0}, DrainStage::kOver);
  state.set_health(kKey, key("10.0.0.2"), RealHealth::kDown);
  const auto merged = state.merged(kKey);
  EXPECT_TRUE(merged->is_in_panic);
  EXPECT_EQ(merged->down, std::set<RealKey>{key("10.0.0.1")});
}

TEST(DesiredState, ServicesThatWouldHaveNoRealLeftAreTold) {
  DesiredState state;
  state.set(kYaml, kKey, service("a", {real("10.0.0.1"), real("10.0.0.2")}));
  const DrainTarget one{ip("10.0.0.1"), 0};
  const DrainTarget two{ip("10.0.0.2"), 8080};
  EXPECT_TRUE(state.emptied_by(one).empty());
  state.set_drain(one, DrainStage::kDraining);
  EXPECT_EQ(state.emptied_by(two), std::vector<ServiceKey>{kKey}) << "nothing was committed yet";
  EXPECT_TRUE(state.emptied_by(one).empty()) << "it is out already";
  state.set_drain(one, DrainStage::kNone);
  EXPECT_TRUE(state.emptied_by(two).empty()) << "asking has taken nothing out";
  state.set_health(kKey, key("10.0.0.1"), RealHealth::kDown);
  EXPECT_EQ(state.emptied_by(two), std::vector<ServiceKey>{kKey});
}

TEST(DesiredState, RealsFurtherAwayAreLeftWhereThoseOfTheOwnZoneAreTakenOut) {
  DesiredState state;
  auto config = service("a", {real("10.0.0.1"), real("10.0.0.2")});
  config.locality.prefer = Prefer::kZone;
  config.reals[0].is_local = true;
  state.set(kYaml, kKey, config);
  EXPECT_TRUE(state.emptied_by({ip("10.0.0.1"), 0}).empty());
}

}  // namespace
}  // namespace vipgate::desired_state_test
