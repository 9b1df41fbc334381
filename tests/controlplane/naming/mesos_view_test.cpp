#include "controlplane/naming/mesos_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/naming/cluster_fixture.h"

namespace vipgate::mesos_view_test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

Config with_mesos() {
  Config config;
  config.mesos.resize(1);
  return config;
}

TEST(MesosView, AServiceGrowsShrinksAndVanishesWithItsTasks) {
  const Config config = with_mesos();
  ClusterFixture fixture(config);
  fixture.add(task_of("F-marathon", "redis.1", "9.0.0.1", {vip_port(80, "/redis:6379")}));
  fixture.update();
  EXPECT_THAT(fixture.services(), ElementsAre("redis.marathon 11.202.66.36:6379/tcp 9.0.0.1:80*1"));
  fixture.add(task_of("F-marathon", "redis.2", "9.0.0.2", {vip_port(80, "/redis:6379")}));
  fixture.update();
  EXPECT_THAT(fixture.services(),
              ElementsAre("redis.marathon 11.202.66.36:6379/tcp 9.0.0.1:80*1 9.0.0.2:80*1"));
  fixture.end("F-marathon", "redis.1");
  fixture.update();
  EXPECT_THAT(fixture.services(), ElementsAre("redis.marathon 11.202.66.36:6379/tcp 9.0.0.2:80*1"));
  fixture.end("F-marathon", "redis.2");
  fixture.update();
  EXPECT_THAT(fixture.services(), IsEmpty());
}

std::vector<std::string> coming_of(const ClusterFixture& fixture) {
  std::vector<std::string> lines;
  for (const auto& [key, service] : fixture.service_configs()) {
    for (const RealConfig& real : service.coming) {
      lines.push_back(service.name + " " + endpoint_to_string(real.address, real.port));
    }
  }
  return lines;
}

// Starting on the agent, with a port of it.
MesosTask staging(const std::string& id, uint32_t number) {
  MesosDiscoveryPort port = vip_port(number, "/redis:6379");
  port.labels.push_back({"network-scope", "host"});
  MesosTask task = task_of("F-marathon", id, "", {port});
  task.state = MesosTaskState::kStaging;
  task.statuses.clear();
  return task;
}
MesosTask running(MesosTask task) {
  task.state = MesosTaskState::kRunning;
  task.statuses.push_back({});
  task.statuses.back().state = MesosTaskState::kRunning;
  return task;
}

TEST(MesosView, WhatIsStartingIsTheServicesToComeAndMakesNoneByItself) {
  Config config = with_mesos();
  config.named_vips.track = Track::kWhenNeeded;
  config.named_vips.mode = Mode::kIpip;
  ClusterFixture fixture(config);
  fixture.add(staging("redis.1", 31001));
  fixture.update();
  EXPECT_THAT(fixture.services(), IsEmpty());
  EXPECT_THAT(fixture.skipped(), IsEmpty()) << "what it has not yet is not missing";
  fixture.add(running(staging("redis.2", 31002)));
  fixture.update();
  EXPECT_THAT(fixture.services(),
              ElementsAre("redis.marathon 11.202.66.36:6379/tcp 10.1.0.10:31002*1"));
  EXPECT_EQ(fixture.service_configs().begin()->second.track, Track::kWhenNeeded);
  EXPECT_THAT(coming_of(fixture), ElementsAre("redis.marathon 10.1.0.10:31001"));
  fixture.add(staging("redis.3", 31003));
  fixture.update();
  EXPECT_THAT(coming_of(fixture),
              ElementsAre("redis.marathon 10.1.0.10:31001", "redis.marathon 10.1.0.10:31003"));
  fixture.add(running(staging("redis.1", 31001)));
  fixture.end("F-marathon", "redis.3");
  fixture.update();
  EXPECT_THAT(
      fixture.services(),
      ElementsAre("redis.marathon 11.202.66.36:6379/tcp 10.1.0.10:31001*1 10.1.0.10:31002*1"));
  EXPECT_THAT(coming_of(fixture), IsEmpty());
  fixture.end("F-marathon", "redis.1");
  fixture.add(staging("redis.4", 31004));
  fixture.end("F-marathon", "redis.2");
  fixture.update();
  EXPECT_THAT(fixture.services(), IsEmpty()) << "nobody serves it by now";
  fixture.add(running(staging("redis.4", 31004)));
  fixture.update();
  EXPECT_THAT(fixture.services(),
              ElementsAre("redis.marathon 11.202.66.36:6379/tcp 10.1.0.10:31004*1"));
  fixture.end("F-marathon", "redis.4");
  fixture.update();
  EXPECT_THAT(fixture.services(), IsEmpty());
}

TEST(MesosView, WhoIsOnlyStartingClaimsNoAddress) {
  Config config = with_mesos();
  config.named_vips.track = Track::kWhenNeeded;
  config.named_vips.mode = Mode::kIpip;
  ClusterFixture fixture(config);
  const auto claim = [](MesosTask task, const char* framework) {
    task.framework_id = framework;
    task.discovery->ports[0].labels[0].value = "11.1.1.1:80";
    return task;
  };
  fixture.add(claim(staging("a.1", 31001), "F-kafka"));
  fixture.update();
  fixture.add(claim(running(staging("b.1", 31002)), "F-marathon"));
  fixture.update();
  EXPECT_THAT(fixture.services(), ElementsAre(" 11.1.1.1:80/tcp 10.1.0.10:31002*1"))
      << "kafka's name is the lower one, but it does not run";
  EXPECT_THAT(coming_of(fixture), IsEmpty()) << "of another framework";
}

TEST(MesosView, WithoutTrackWhenNeededNobodyCaresForWhatIsStarting) {
  const Config config = with_mesos();
  ClusterFixture fixture(config);
  fixture.add(running(staging("redis.1", 31001)));
  fixture.add(staging("redis.2", 31002));
  fixture.update();
  EXPECT_EQ(fixture.services().size(), 1u);
  EXPECT_THAT(coming_of(fixture), IsEmpty());
}

TEST(MesosView, AChangeNamesOnlyWhatChanged) {
  const Config config = with_mesos();
  ClusterFixture fixture(config);
  fixture.add(task_of("F-marathon", "a.1", "9.0.0.1", {vip_port(80, "/a:80")}));
  fixture.add(task_of("F-marathon", "b.1", "9.0.0.2", {vip_port(80, "/b:80")}));
  fixture.update();
  EXPECT_TRUE(fixture.update().empty());
  fixture.add(task_of("F-marathon", "b.2", "9.0.0.3", {vip_port(80, "/b:80")}));
  const SourceChange& change = fixture.update();
  EXPECT_EQ(change.services.size(), 1u);
  EXPECT_THAT(change.records_removed, IsEmpty());
  EXPECT_EQ(change.records_added.size(), 4u);
}

TEST(MesosView, AllRecordsGoWithTheirTasks) {
  const Config config = with_mesos();
  ClusterFixture fixture(config);
  fixture.update();
  const size_t before = fixture.record_count();
  for (int i = 0; i < 5; ++i) {
    fixture.add(task_of("F-marathon", "web." + std::to_string(i), "9.0.0.1"));
  }
  fixture.update();
  EXPECT_GT(fixture.record_count(), before);
  for (int i = 0; i < 5; ++i) fixture.end("F-marathon", "web." + std::to_string(i));
  fixture.update();
  EXPECT_EQ(fixture.record_count(), before);
  EXPECT_TRUE(fixture.records_are_well_counted());
}

TEST(MesosView, AViewThatTakesAllBackLeavesNothingButItsAddressesToItsSuccessor) {
  const Config config = with_mesos();
  VipAllocator allocator(config.named_vips);
  ClusterFixture fixture(config, 0, allocator);
  fixture.add(task_of("F-marathon", "redis.1", "9.0.0.1", {vip_port(80, "/redis:6379")}));
  fixture.add(task_of("F-marathon", "ip.1", "9.0.0.2", {vip_port(80, "11.1.1.1:80")}));
  fixture.update();
  ASSERT_EQ(fixture.services().size(), 2u);
  fixture.take_back();
  EXPECT_THAT(fixture.services(), ElementsAre());
  EXPECT_EQ(fixture.record_count(), 0u);
  EXPECT_TRUE(allocator.claim({*parse_ip_address("11.1.1.1"), 80, Protocol::kTcp}, "other"));
}

TEST(MesosView, TasksWithOneEndpointAreOneRealOfTheLargerWeight) {
  const Config config = with_mesos();
  ClusterFixture fixture(config);
  MesosTask dying = task_of("F-marathon", "redis.1", "9.0.0.1", {vip_port(80, "/redis:6379")});
  dying.state = MesosTaskState::kKilling;
  fixture.add(dying);
  fixture.update();
  EXPECT_THAT(fixture.services(), ElementsAre("redis.marathon 11.202.66.36:6379/tcp 9.0.0.1:80*0"));
  fixture.add(task_of("F-marathon", "redis.2", "9.0.0.1", {vip_port(80, "/redis:6379")}));
  fixture.update();
  EXPECT_THAT(fixture.services(), ElementsAre("redis.marathon 11.202.66.36:6379/tcp 9.0.0.1:80*1"));
}

TEST(MesosView, WhomItsSchedulerFindsUnhealthyHasNoRecordsWithHealthyOnlyUntilItIsWell) {
  for (const bool healthy_only : {false, true}) {
    Config config = with_mesos();
    config.mesos[0].healthy_only = healthy_only;
    ClusterFixture fixture(config);
    SchedulerHealth health;
    MesosView view(config, 0, fixture.allocator(), {}, &health);
    view.update(fixture.cluster(), fixture.cluster().take_changes());
    health.set("marathon", "web.1", false);
    fixture.add(task_of("F-marathon", "web.1", "9.0.0.1", {vip_port(80, "/web:80")}));
    SourceChange change = view.update(fixture.cluster(), fixture.cluster().take_changes());
    EXPECT_EQ(change.services.size(), 1u);
    EXPECT_EQ(change.records_added.size(), healthy_only ? 0u : 4u);
    EXPECT_EQ(view.skipped().size(), healthy_only ? 1u : 0u);
    health.set("marathon", "web.1", true);
    MesosChanges touched;
    touched.tasks.insert({"F-marathon", "web.1"});
    change = view.update(fixture.cluster(), touched);
    EXPECT_EQ(change.records_added.size(), healthy_only ? 4u : 0u);
    EXPECT_TRUE(view.skipped().empty());
  }
}

TEST(MesosView, LabelsThatCleanAlikeAreOneVip) {
  const Config config = with_mesos();
  ClusterFixture fixture(config);
  fixture.add(task_of("F-marathon", "a.1", "9.0.0.1", {vip_port(80, "/UPPER_Case:80")}));
  fixture.add(task_of("F-marathon", "a.2", "9.0.0.2", {vip_port(80, "upper-case:80")}));
  fixture.update();
  ASSERT_EQ(fixture.services().size(), 1u);
  EXPECT_THAT(fixture.services()[0], HasSubstr(" 9.0.0.1:80*1 9.0.0.2:80*1"));
}

TEST(MesosView, EachFamilyOfBackendsHasItsOwnVip) {
  const Config config = with_mesos();
  ClusterFixture fixture(config);
  MesosTask task = task_of("F-marathon", "redis.1", "9.0.0.1", {vip_port(80, "/redis:6379")});
  task.statuses[0].networks[0].ip_addresses.push_back("fd01:b::1");
  fixture.add(task);
  fixture.update();
  EXPECT_THAT(fixture.services(),
              ElementsAre("redis.marathon 11.202.66.36:6379/tcp 9.0.0.1:80*1",
                          "redis.marathon [fd01:c::da94:49ac:1e87:4a07]:6379/tcp "
                          "[fd01:b::1]:80*1"));
}

TEST(MesosView, AServiceHasWhatNamedVipsAndTheDefaultsSay) {
  Config config = with_mesos();
  config.named_vips.mode = Mode::kNat;
  config.named_vips.health.type = HealthType::kTcp;
  config.defaults.maglev_rows = 4093;
  config.defaults.no_real = NoReal::kDrop;
  config.timeouts.udp_s = 7;
  ClusterFixture fixture(config);
  fixture.add(task_of("F-marathon", "redis.1", "9.0.0.1", {vip_port(80, "/redis:6379")}));
  fixture.update();
  const ServiceConfig& service = fixture.service_configs().begin()->second;
  EXPECT_EQ(service.mode, Mode::kNat);
  EXPECT_EQ(service.health.type, HealthType::kTcp);
  EXPECT_EQ(service.snat_pool, "default");
  EXPECT_EQ(service.maglev_rows, 4093u);
  EXPECT_EQ(service.no_real, NoReal::kDrop);
  EXPECT_EQ(service.timeouts.udp_s, 7);
  EXPECT_EQ(service.origin, Origin::kMesos);
}

TEST(MesosView, OfFrameworksThatClaimOneAddressTogetherTheLowestNameWinsAndTheLoserIsListed) {
  const Config config = with_mesos();
  ClusterFixture fixture(config);
  fixture.add(task_of("F-marathon", "m.1", "9.0.0.1", {vip_port(80, "11.1.1.1:80")}));
  fixture.add(task_of("F-kafka", "k.1", "9.0.0.2", {vip_port(80, "11.1.1.1:80")}));
  fixture.update();
  EXPECT_THAT(fixture.services(), ElementsAre(" 11.1.1.1:80/tcp 9.0.0.2:80*1"));
  EXPECT_THAT(fixture.skipped(),
              Contains("claim marathon m.1 11.1.1.1:80/tcp: framework 'kafka' has it: it was the "
                       "first to claim it, or the lowest name of those that came together"));
}

TEST(MesosView, TheFirstFrameworkKeepsAnAddressUntilItsLastTaskIsGone) {
  const Config config = with_mesos();
  ClusterFixture fixture(config);
  fixture.add(task_of("F-marathon", "m.1", "9.0.0.1", {vip_port(80, "11.1.1.1:80")}));
  fixture.update();
  fixture.add(task_of("F-kafka", "k.1", "9.0.0.2", {vip_port(80, "11.1.1.1:80")}));
  fixture.update();
  EXPECT_THAT(fixture.services(), ElementsAre(" 11.1.1.1:80/tcp 9.0.0.1:80*1"));
  fixture.end("F-marathon", "m.1");
  fixture.update();
  EXPECT_THAT(fixture.services(), ElementsAre(" 11.1.1.1:80/tcp 9.0.0.2:80*1"));
}

TEST(MesosView, AnAddressOutsideTheRangesIsRefusedWithTheReason) {
  Config config = with_mesos();
  config.named_vips.ip_vips = {*parse_ip_prefix("192.0.2.0/24")};
  ClusterFixture fixture(config);
  fixture.add(task_of("F-marathon", "m.1", "9.0.0.1", {vip_port(80, "8.8.8.8:53")}));
  fixture.add(task_of("F-marathon", "m.2", "9.0.0.1", {vip_port(80, "192.0.2.9:53")}));
  fixture.update();
  EXPECT_THAT(fixture.services(), ElementsAre(" 192.0.2.9:53/tcp 9.0.0.1:80*1"));
  EXPECT_THAT(fixture.skipped(),
              Contains("claim marathon m.1 8.8.8.8:53: 8.8.8.8 lies outside of named_vips.ipv4, "
                       ".ipv6 and .ip_vips: add its prefix to ip_vips"));
}

TEST(MesosView, AnAddressOfOurOwnIsRefused) {
  Config config = with_mesos();
  config.dns.listen = {*parse_ip_address("11.0.0.53")};
  ClusterFixture fixture(config);
  fixture.add(task_of("F-marathon", "m.1", "9.0.0.1", {vip_port(80, "11.0.0.53:53")}));
  fixture.update();
  EXPECT_THAT(fixture.services(), IsEmpty());
}

TEST(MesosView, ClaimRulesSayWhichNamesAndAddressesAFrameworkMayHave) {
  Config config = with_mesos();
  config.named_vips.claims = {{"kafka", {"broker", "team-*"}, {*parse_ip_prefix("11.9.0.0/16")}},
                              {"*", {"web*"}, {}}};
  ClusterFixture fixture(config);
  int number = 0;
  for (const char* vip : {"broker:1", "team-a:1", "redis:1", "11.9.0.1:1", "11.8.0.1:1"}) {
    fixture.add(
        task_of("F-kafka", "k." + std::to_string(++number), "9.0.0.1", {vip_port(80, vip)}));
  }
  for (const char* vip : {"web-1:1", "broker:1", "11.7.0.1:1"}) {
    fixture.add(
        task_of("F-marathon", "m." + std::to_string(++number), "9.0.0.1", {vip_port(80, vip)}));
  }
  fixture.update();
  std::vector<std::string> names;
  for (const std::string& line : fixture.services())
    names.push_back(line.substr(0, line.find(':')));
  EXPECT_THAT(names, UnorderedElementsAre(HasSubstr("broker.kafka"), HasSubstr("team-a.kafka"),
                                          HasSubstr("11.9.0.1"), HasSubstr("web-1.marathon"),
                                          HasSubstr("11.7.0.1")));
  EXPECT_EQ(fixture.skipped().size(), 3u);
}

TEST(MesosView, AServiceMovesWhenItsAddressIsPinnedToAnotherName) {
  const Config config = with_mesos();
  ClusterFixture fixture(config);
  fixture.add(task_of("F-marathon", "redis.1", "9.0.0.1", {vip_port(80, "/redis:6379")}));
  fixture.update();
  fixture.allocator().pin("web", *parse_ip_address("11.202.66.36"));
  fixture.update();
  EXPECT_THAT(fixture.services(), ElementsAre("redis.marathon 11.202.66.37:6379/tcp 9.0.0.1:80*1"));
}

TEST(MesosView, ANameWithoutAddressGetsOneWhenAnotherGoes) {
  Config config = with_mesos();
  config.named_vips.ipv4 = {*parse_ip_address("11.0.0.1"), *parse_ip_address("11.0.0.1")};
  ClusterFixture fixture(config);
  fixture.add(task_of("F-marathon", "a.1", "9.0.0.1", {vip_port(80, "/a:80")}));
  fixture.add(task_of("F-marathon", "b.1", "9.0.0.2", {vip_port(80, "/b:80")}));
  fixture.update();
  EXPECT_THAT(fixture.services(), ElementsAre("a.marathon 11.0.0.1:80/tcp 9.0.0.1:80*1"));
  EXPECT_THAT(fixture.skipped(), Contains(HasSubstr("every address of the range is taken")));
  fixture.end("F-marathon", "a.1");
  fixture.update();
  EXPECT_THAT(fixture.services(), ElementsAre("b.marathon 11.0.0.1:80/tcp 9.0.0.2:80*1"));
}

TEST(MesosView, PointersLeadToTheOneNameThatHasTheAddress) {
  Config config = with_mesos();
  config.mesos[0].ptr = true;
  ClusterFixture fixture(config);
  fixture.add(task_of("F-marathon", "a.1", "9.0.0.1"));
  fixture.add(task_of("F-marathon", "a.2", "9.0.0.1"));
  fixture.add(task_of("F-marathon", "b.1", "9.0.0.2"));
  fixture.update();
  EXPECT_THAT(fixture.records(DnsType::kPtr),
              ElementsAre("1.0.0.9.in-addr.arpa.", "2.0.0.9.in-addr.arpa."));
  fixture.add(task_of("F-marathon", "c.1", "9.0.0.1"));
  fixture.update();
  EXPECT_THAT(fixture.records(DnsType::kPtr), ElementsAre("2.0.0.9.in-addr.arpa."));
  fixture.end("F-marathon", "a.1");
  fixture.end("F-marathon", "a.2");
  fixture.update();
  EXPECT_EQ(fixture.records(DnsType::kPtr).size(), 2u);
}

TEST(MesosView, TwoClustersThatShareANameShareItsAddressUntilBothLetGo) {
  Config config = with_mesos();
  config.mesos.resize(2);
  VipAllocator allocator(config.named_vips);
  ClusterFixture first(config, 0, allocator);
  ClusterFixture second(config, 1, allocator);
  for (ClusterFixture* cluster : {&first, &second}) {
    cluster->add(task_of("F-marathon", "redis.1", "9.0.0.1", {vip_port(80, "/redis:6379")}));
    cluster->update();
  }
  first.end("F-marathon", "redis.1");
  first.update();
  EXPECT_THAT(first.services(), IsEmpty());
  EXPECT_EQ(second.services().size(), 1u);
  EXPECT_TRUE(allocator.address_of("redis.marathon", 4));
}

TEST(MesosView, AClaimInAnotherClusterIsTakenOverWhenItIsLetGo) {
  Config config = with_mesos();
  config.mesos.resize(2);
  VipAllocator allocator(config.named_vips);
  ClusterFixture first(config, 0, allocator);
  ClusterFixture second(config, 1, allocator);
  first.add(task_of("F-marathon", "m.1", "9.0.0.1", {vip_port(80, "11.1.1.1:80")}));
  first.update();
  second.add(task_of("F-kafka", "k.1", "9.0.0.2", {vip_port(80, "11.1.1.1:80")}));
  second.update();
  EXPECT_THAT(second.services(), IsEmpty());
  first.end("F-marathon", "m.1");
  first.update();
  second.update();
  EXPECT_EQ(second.services().size(), 1u);
}

TEST(MesosView, AFrameworksNewNameIsThatOfItsServicesAndRecords) {
  const Config config = with_mesos();
  ClusterFixture fixture(config);
  fixture.add(task_of("F-marathon", "redis.1", "9.0.0.1", {vip_port(80, "/redis:6379")}));
  fixture.update();
  fixture.apply(MesosFrameworkAdded{{"F-marathon", "apps", "", "10.1.0.1"}});
  fixture.update();
  ASSERT_EQ(fixture.services().size(), 1u);
  EXPECT_THAT(fixture.services()[0], testing::StartsWith("redis.apps "));
  EXPECT_THAT(fixture.records(DnsType::kA), Contains("redis.apps.mesos."));
  EXPECT_THAT(fixture.records(DnsType::kA), testing::Not(Contains("redis.marathon.mesos.")));
  EXPECT_TRUE(fixture.records_are_well_counted());
}

TEST(MesosView, WithoutNamedVipsThereAreRecordsOnly) {
  Config config = with_mesos();
  config.named_vips.enabled = false;
  ClusterFixture fixture(config);
  fixture.add(task_of("F-marathon", "redis.1", "9.0.0.1", {vip_port(80, "/redis:6379")}));
  fixture.update();
  EXPECT_THAT(fixture.services(), IsEmpty());
  EXPECT_THAT(fixture.records(DnsType::kA), Contains("redis.marathon.mesos."));
}

TEST(MesosView, ALabelThatCleansToNothingIsRefusedAndListed) {
  const Config config = with_mesos();
  ClusterFixture fixture(config);
  fixture.add(task_of("F-marathon", "redis.1", "9.0.0.1", {vip_port(80, "/:6379")}));
  fixture.update();
  EXPECT_THAT(fixture.services(), IsEmpty());
  EXPECT_THAT(fixture.skipped(),
              ElementsAre(testing::StartsWith("label marathon redis.1 VIP_0=/:")));
}

}  // namespace
}  // namespace vipgate::mesos_view_test
