// Sources other than the configuration, and health, through the reconciler.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "controlplane/config/config_reader.h"
#include "controlplane/loop/reconciler.h"
#include "controlplane/monotonic_clock.h"
#include "tests/controlplane/loop/fake_dataplane.h"
#include "tests/support/address_text.h"
#include "tests/support/snapshot_text.h"

namespace vipgate::reconciler_sources_test {
namespace {

constexpr char kConfig[] = R"(
ports:
  - { name: edge, device: "net_null0", addresses: [10.0.0.1/16], kernel: true }
snat_pools:
  - { name: default, addresses: [10.0.9.1] }
dns: { listen: [10.0.0.53], ttl_s: 5, zones: [{ name: z, services: true }, { name: mesos }] }
services:
  - { name: y, vip: 11.0.0.1, port: 80, protocol: tcp, reals: [{ address: 10.0.1.1, port: 80 }],
      timeouts: { drain_s: 100 } }
)";

constexpr SourceId kMesos{Origin::kMesos, 0};

using test::ip;

IpAddress numbered(uint32_t base, uint32_t i) { return Ipv4Address{Be32(base + i)}; }

ServiceKey key(uint32_t number) {
  return {numbered(0x0b010000, number), static_cast<uint16_t>(1000 + number % 7), Protocol::kTcp};
}

ServiceConfig service(uint32_t number, std::vector<RealConfig> reals) {
  ServiceConfig config;
  config.origin = Origin::kMesos;
  config.name = "m" + std::to_string(number);
  config.vip = key(number).vip;
  config.port = key(number).port;
  config.snat_pool = "default";
  config.timeouts.drain_s = 100;
  config.reals = std::move(reals);
  return config;
}

RealConfig real(uint32_t number, uint16_t weight = 1) {
  return {numbered(0x0a000100, number), 8080, weight, {}};
}

DnsRecord task_record(const std::string& name, uint32_t number) {
  return *dns_address_record(name + ".mesos", numbered(0x0a000100, number), 5);
}

struct ReconcilerSourcesTest : testing::Test {
  void SetUp() override {
    auto parsed = parse_config(kConfig, "test.yaml");
    ASSERT_TRUE(parsed.ok()) << parsed.error();
    config = *parsed;
    reconciler = make(dataplane);
  }
  std::unique_ptr<Reconciler> make(FakeDataplane& target) {
    auto made = std::make_unique<Reconciler>(
        config, target, [this](const NextHop& hop) { return neighbor(hop); }, DnsHashSecret{},
        RingRunner{});
    EXPECT_TRUE(made->apply(config, 0).ok());
    return made;
  }
  std::optional<MacAddress> neighbor(const NextHop& hop) const {
    const auto found = neighbors.find(hop.address);
    return found == neighbors.end() ? std::nullopt : std::optional(found->second);
  }
  void stage(uint32_t number, std::optional<ServiceConfig> wanted) {
    SourceChange change;
    change.services.emplace(key(number), std::move(wanted));
    reconciler->stage(kMesos, std::move(change));
  }
  void commit(int64_t now_s = 0) {
    const auto status = reconciler->commit(now_s, 0);
    EXPECT_TRUE(status.ok()) << status.error();
  }
  void settle(int64_t now_s = 0) {
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(reconciler->tick(now_s).ok());
    ASSERT_TRUE(reconciler->settled());
  }
  const Snapshot& last() const { return *dataplane.published.back(); }
  bool answers(const std::string& name) const {
    for (const std::string& line : record_lines(*last().dns)) {
      if (line.starts_with(name + " ")) return true;
    }
    return false;
  }

  Config config;
  std::map<IpAddress, MacAddress> neighbors;
  FakeDataplane dataplane;
  std::unique_ptr<Reconciler> reconciler;
};

TEST_F(ReconcilerSourcesTest, NamesOfASourceBeyondTheLimitWaitForRoomAndCostNothingThatIsThere) {
  // Two zones, their name server, "y" and its SRV name, and two more.
  config.limits.dns_names = 7;
  reconciler = make(dataplane);
  SourceChange change;
  for (uint32_t i = 1; i <= 3; ++i) {
    change.records_added.push_back(task_record("t" + std::to_string(i), i));
  }
  reconciler->stage(kMesos, std::move(change));
  stage(1, service(1, {real(1)}));
  commit();
  settle();
  EXPECT_TRUE(answers("y.z."));
  EXPECT_TRUE(answers("t1.mesos."));
  EXPECT_TRUE(answers("t2.mesos."));
  EXPECT_FALSE(answers("t3.mesos."));
  EXPECT_FALSE(answers("m1.z."));
  EXPECT_NE(reconciler->model().find(key(1)), nullptr) << "it is forwarded all the same";
  EXPECT_EQ(reconciler->dns_table().waiting().size(), 3u) << "t3, m1 and its SRV name";

  SourceChange gone;
  for (uint32_t i = 1; i <= 2; ++i) {
    gone.records_removed.push_back(task_record("t" + std::to_string(i), i));
  }
  reconciler->stage(kMesos, std::move(gone));
  stage(1, std::nullopt);
  commit();
  settle();
  EXPECT_TRUE(answers("t3.mesos."));
  EXPECT_TRUE(answers("y.z."));
  EXPECT_TRUE(reconciler->dns_table().waiting().empty());
}

TEST_F(ReconcilerSourcesTest, VeryManyNamesThatComeWithNewVipsComeWithTheirNamesInOneTable) {
  const auto stage_many = [&](const std::string& name) {
    SourceChange change;
    for (uint32_t i = 0; i < 10'000; ++i) {
      change.records_added.push_back(task_record(name + std::to_string(i), i));
    }
    reconciler->stage(kMesos, std::move(change));
  };
  settle();
  const auto before = last().dns;
  dataplane.workers_pass = false;
  dataplane.passed_version = dataplane.published.size();

  stage_many("a");
  stage(1, service(1, {real(1)}));
  commit();
  EXPECT_EQ(last().dns, before);
  const size_t snapshots = dataplane.published.size();
  ASSERT_TRUE(reconciler->tick(0).ok());
  EXPECT_EQ(dataplane.published.size(), snapshots) << "the workers do not forward the VIP yet";
  EXPECT_TRUE(reconciler->is_pending());
  dataplane.passed_version = dataplane.published.size();
  ASSERT_TRUE(reconciler->tick(0).ok());
  EXPECT_TRUE(answers("a0.mesos."));
  EXPECT_TRUE(answers("m1.z."));

  // With further VIPs at each commit they wait once, not for ever.
  stage_many("b");
  stage(2, service(2, {real(2)}));
  commit();
  EXPECT_FALSE(answers("b0.mesos."));
  stage_many("c");
  stage(3, service(3, {real(3)}));
  commit();
  EXPECT_TRUE(answers("b0.mesos."));
  EXPECT_TRUE(answers("c0.mesos."));
  EXPECT_FALSE(answers("m3.z."));

  // A VIP that goes again leaves nobody waiting for it.
  dataplane.workers_pass = true;
  settle();
  dataplane.workers_pass = false;
  dataplane.passed_version = dataplane.published.size();
  stage_many("d");
  stage(4, service(4, {real(4)}));
  commit();
  EXPECT_FALSE(answers("d0.mesos."));
  stage(4, std::nullopt);
  commit();
  EXPECT_TRUE(answers("d0.mesos."));
}

TEST_F(ReconcilerSourcesTest, ANameThatGoesWaitsForNoOthers) {
  SourceChange first;
  first.records_added.push_back(task_record("gone", 1));
  reconciler->stage(kMesos, std::move(first));
  commit();
  settle();
  ASSERT_TRUE(answers("gone.mesos."));
  dataplane.workers_pass = false;
  SourceChange change;
  for (uint32_t i = 0; i < 10'000; ++i) {
    change.records_added.push_back(task_record("t" + std::to_string(i), i));
  }
  change.records_removed.push_back(task_record("gone", 1));
  reconciler->stage(kMesos, std::move(change));
  stage(1, service(1, {real(1)}));
  commit();
  EXPECT_FALSE(answers("gone.mesos."));
  EXPECT_TRUE(answers("t0.mesos."));
}

TEST_F(ReconcilerSourcesTest, AllOfOneEventComesWithOneSnapshotAndNothingBeforeItsCommit) {
  SourceChange change;
  change.services.emplace(key(1), service(1, {real(1)}));
  change.services.emplace(key(2), service(2, {real(2)}));
  change.records_added = {task_record("t", 1)};
  reconciler->stage(kMesos, std::move(change));
  EXPECT_TRUE(reconciler->has_staged());
  ASSERT_TRUE(reconciler->tick(0).ok());
  EXPECT_EQ(dataplane.published.size(), 1u);
  commit();
  EXPECT_EQ(dataplane.published.size(), 2u);
  EXPECT_FALSE(reconciler->has_staged());
  EXPECT_EQ(vip_ports(last()).size(), 3u);
  EXPECT_TRUE(answers("t.mesos."));
  EXPECT_FALSE(answers("m1.z.")) << "its VIP does not forward everywhere yet";
  settle();
  EXPECT_TRUE(answers("m1.z."));
  EXPECT_TRUE(answers("_m1._tcp.z."));
}

TEST_F(ReconcilerSourcesTest, ACommitWithoutADifferencePublishesNothing) {
  stage(1, service(1, {real(1)}));
  commit();
  settle();
  const size_t published = dataplane.published.size();
  stage(1, service(1, {real(1)}));
  commit();
  EXPECT_EQ(dataplane.published.size(), published);
}

TEST_F(ReconcilerSourcesTest, SeveralCommitsMayBeOnTheirWayAndNamesFollowTheirOwn) {
  settle();
  dataplane.workers_pass = false;
  dataplane.passed_version = 1;
  for (uint32_t i = 1; i <= 3; ++i) {
    stage(i, service(i, {real(i)}));
    commit();
  }
  EXPECT_EQ(dataplane.published.size(), 4u);
  EXPECT_FALSE(answers("m1.z."));
  dataplane.passed_version = 2;
  stage(4, service(4, {real(4)}));
  commit();
  EXPECT_TRUE(answers("m1.z."));
  EXPECT_FALSE(answers("m2.z."));
}

TEST_F(ReconcilerSourcesTest, ARealThatAnswersNoMoreLosesItsFlowsAndComesBack) {
  auto checked = service(1, {real(1), real(2)});
  checked.health.type = HealthType::kTcp;
  stage(1, checked);
  commit();
  const auto targets = reconciler->take_health_changes();
  ASSERT_EQ(targets.add.size(), 2u);
  const RealKey first{real(1).address, 8080};
  const auto state = [&] {
    return last()
        .real(RealId(reconciler->model().find(key(1))->reals.at(first).id.value, 0))
        ->state;
  };
  reconciler->stage_health(key(1), first, RealHealth::kDown);
  commit();
  EXPECT_EQ(state(), RealState::kDown);
  reconciler->stage_health(key(1), first, RealHealth::kUp);
  commit();
  EXPECT_EQ(state(), RealState::kUp);
}

TEST_F(ReconcilerSourcesTest, AVipWhoseRealsAreAllDownStillResolves) {
  auto checked = service(1, {real(1)});
  checked.health.type = HealthType::kTcp;
  stage(1, checked);
  commit();
  settle();
  reconciler->stage_health(key(1), {real(1).address, 8080}, RealHealth::kDown);
  commit();
  settle();
  EXPECT_TRUE(answers("m1.z."));
  EXPECT_EQ(last().service(reconciler->model().find(key(1))->index).row_count, 0u);
}

TEST_F(ReconcilerSourcesTest,
       ARealOutsideTheZoneKeepsItsFlowsAndGetsNewOnesOnlyWhileTheOwnZoneFails) {
  auto checked = service(1, {real(1), real(2)});
  checked.reals[0].is_local = true;
  checked.locality.prefer = Prefer::kZone;
  checked.health.type = HealthType::kTcp;
  stage(1, checked);
  commit();
  settle();
  const auto takes_new_flows = [&] {
    std::set<IpAddress> reals;
    const ServiceEntry& entry = last().service(reconciler->model().find(key(1))->index);
    for (uint32_t row = 0; row < entry.row_count; ++row) {
      const RealId id = entry.reals[entry.rows[row]];
      reals.insert(last().real(id)->address);
    }
    return reals;
  };
  const auto keeps_flows = [&](const RealConfig& one) {
    const ModelReal& known = reconciler->model().find(key(1))->reals.at({one.address, one.port});
    return known.state == RealState::kDraining && known.gone_at_s == kNever;
  };
  EXPECT_EQ(takes_new_flows(), std::set<IpAddress>{real(1).address});
  EXPECT_TRUE(keeps_flows(real(2)));
  reconciler->stage_health(key(1), {real(1).address, 8080}, RealHealth::kDown);
  commit();
  EXPECT_EQ(takes_new_flows(), std::set<IpAddress>{real(2).address});
  reconciler->stage_health(key(1), {real(1).address, 8080}, RealHealth::kUp);
  commit();
  EXPECT_EQ(takes_new_flows(), std::set<IpAddress>{real(1).address});
  EXPECT_TRUE(keeps_flows(real(2))) << "those that came meanwhile";
}

TEST_F(ReconcilerSourcesTest, TheVerdictOfARealThatWentDoesNotHauntItsReturn) {
  auto checked = service(1, {real(1), real(2)});
  checked.health.type = HealthType::kTcp;
  stage(1, checked);
  commit();
  reconciler->stage_health(key(1), {real(1).address, 8080}, RealHealth::kDown);
  commit();
  auto without = checked;
  without.reals = {real(2)};
  stage(1, without);
  commit();
  EXPECT_EQ(reconciler->take_health_changes().remove.size(), 1u);
  reconciler->stage_health(key(1), {real(1).address, 8080}, RealHealth::kDown);  // a late verdict
  stage(1, checked);
  commit();
  EXPECT_EQ(reconciler->model().find(key(1))->reals.at({real(1).address, 8080}).state,
            RealState::kUp);
}

TEST_F(ReconcilerSourcesTest, AVipThatIsAnAddressOfOursIsRefusedAndCostsNoOther) {
  ServiceConfig thief = service(1, {real(1)});
  SourceChange change;
  for (const char* ours : {"10.0.0.1", "10.0.9.1", "10.0.0.53"}) {
    thief.vip = ip(ours);
    change.services.emplace(ServiceKey{thief.vip, 80, Protocol::kTcp}, thief);
  }
  change.services.emplace(key(2), service(2, {real(2)}));
  reconciler->stage(kMesos, std::move(change));
  commit();
  EXPECT_EQ(reconciler->refused().size(), 3u);
  EXPECT_EQ(vip_ports(last()).size(), 2u);
  EXPECT_EQ(last().v4.addresses.find(ip("10.0.9.1").v4())->kind, AddressKind::kSnat);
}

TEST_F(ReconcilerSourcesTest, WhatWasRefusedForWantOfRoomIsServedWhenThereIsRoom) {
  config.limits.services = 2;
  dataplane.published.clear();
  reconciler = make(dataplane);
  stage(1, service(1, {}));
  stage(2, service(2, {}));
  commit();
  EXPECT_TRUE(reconciler->refused().contains(key(2)));
  stage(1, std::nullopt);
  commit(1);
  EXPECT_TRUE(reconciler->refused().empty());
  EXPECT_TRUE(reconciler->model().find(key(2))->is_configured());
}

TEST_F(ReconcilerSourcesTest, AReloadLeavesWhatOtherSourcesWant) {
  stage(1, service(1, {real(1)}));
  commit();
  Config next = config;
  next.services.clear();
  next.dns.ttl_s = 7;
  ASSERT_TRUE(reconciler->apply(next, 1).ok());
  settle(1);
  EXPECT_TRUE(answers("m1.z."));
  EXPECT_FALSE(answers("y.z."));
  for (const std::string& line : record_lines(*last().dns)) {
    EXPECT_NE(line.find(" 7 "), std::string::npos) << line;
  }
}

TEST_F(ReconcilerSourcesTest, AVipThatBecomesADnsAddressIsGivenUpAtOnce) {
  stage(1, service(1, {real(1)}));
  commit();
  Config next = config;
  next.dns.listen = {key(1).vip};
  ASSERT_TRUE(reconciler->apply(next, 1).ok());
  EXPECT_EQ(last().v4.addresses.find(key(1).vip.v4())->kind, AddressKind::kDns);
  EXPECT_EQ(reconciler->model().find(key(1)), nullptr);
  EXPECT_TRUE(reconciler->refused().contains(key(1)));
}

TEST_F(ReconcilerSourcesTest, ARecordOutsideAllZonesIsReportedAndCostsNoOther) {
  SourceChange change;
  change.records_added = {*dns_address_record("a.elsewhere", ip("10.0.1.1"), 5),
                          task_record("t", 1)};
  reconciler->stage(kMesos, std::move(change));
  const auto status = reconciler->commit(0, 0);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().find("a.elsewhere"), std::string::npos) << status.error();
  EXPECT_TRUE(answers("t.mesos."));
}

TEST_F(ReconcilerSourcesTest, ANeighborThatIsFoundTouchesOnlyTheServicesBehindIt) {
  for (uint32_t i = 1; i <= 400; ++i) stage(i, service(i, {real(i)}));
  commit();
  settle();
  neighbors[real(7).address] = MacAddress{{2, 0, 0, 0, 0, 9}};
  ASSERT_TRUE(reconciler->neighbors_changed(0).ok());
  EXPECT_EQ(reconciler->build_stats().real_pages_built, 1u);
  EXPECT_EQ(reconciler->build_stats().service_pages_built, 0u);
  EXPECT_EQ(reconciler->build_stats().rings_built, 0u);
  const RealId id(reconciler->model().find(key(7))->reals.begin()->second.id.value, 0);
  EXPECT_TRUE(last().real(id)->next_hop_resolved);
  EXPECT_FALSE(reconciler->unresolved().contains({0, real(7).address}));
  const size_t published = dataplane.published.size();
  ASSERT_TRUE(reconciler->neighbors_changed(0).ok());
  EXPECT_EQ(dataplane.published.size(), published);
}

TEST_F(ReconcilerSourcesTest, AChangeOfOneRealBuildsOneRingOnePageOfServicesAndTwoOfReals) {
  for (uint32_t i = 1; i <= 1000; ++i) {
    stage(i, service(i, {real(i), real(i + 1000), real(i + 2000)}));
  }
  commit();
  settle();
  const auto before = dataplane.published.back();
  stage(500, service(500, {real(500), real(5000), real(2500)}));
  commit();
  EXPECT_EQ(reconciler->build_stats().rings_built, 1u);
  EXPECT_EQ(reconciler->build_stats().service_pages_built, 1u);
  EXPECT_EQ(reconciler->build_stats().real_pages_built, 2u) << "one drains, one is new";
  EXPECT_TRUE(last().v4.addresses.shares_with(before->v4.addresses));
  EXPECT_EQ(last().dns, before->dns);
}

TEST_F(ReconcilerSourcesTest, TimesAreCountedFromTheEventToItsSnapshotAndToTheLastWorker) {
  stage(1, service(1, {real(1)}));
  ASSERT_TRUE(reconciler->commit(0, monotonic_ns() - 3'000'000).ok());
  settle();
  std::map<std::string, uint64_t> timings;
  for (const auto& [name, value] : reconciler->counters()) timings[name] = value;
  EXPECT_EQ(timings.at("publish.received_to_published.count"), 1u);
  EXPECT_GE(timings.at("publish.received_to_published.max_us"), 3000u);
  EXPECT_GE(timings.at("publish.published_to_passed.count"), 2u);
}

// What the sources want, as the test itself knows it.
struct Wishes {
  std::map<uint32_t, ServiceConfig> services;
  std::map<std::string, uint32_t> tasks;
  std::set<std::pair<uint32_t, RealKey>> down;
};

class ReconcilerRandomTest : public ReconcilerSourcesTest {
 protected:
  // One random change of `wishes`, staged.
  void change() {
    const auto number = static_cast<uint32_t>(random() % 30);
    switch (random() % 5) {
      case 0: {
        wishes.services.erase(number);
        stage(number, std::nullopt);
        break;
      }
      case 1: {
        const std::string name = "t" + std::to_string(random() % 20);
        SourceChange staged;
        if (wishes.tasks.contains(name)) {
          staged.records_removed = {task_record(name, wishes.tasks.at(name))};
          wishes.tasks.erase(name);
        }
        if (random() % 3 != 0) {
          wishes.tasks[name] = number;
          staged.records_added = {task_record(name, number)};
        }
        reconciler->stage(kMesos, std::move(staged));
        break;
      }
      case 2: {
        const RealKey checked{real(static_cast<uint32_t>(random() % 6)).address, 8080};
        const bool is_down = random() % 2 == 0;
        reconciler->stage_health(key(number), checked,
                                 is_down ? RealHealth::kDown : RealHealth::kUp);
        break;
      }
      default: {
        std::vector<RealConfig> reals;
        for (uint32_t i = 0; i < 6; ++i) {
          if (random() % 2 == 0) reals.push_back(real(i, static_cast<uint16_t>(random() % 3)));
        }
        ServiceConfig wanted = service(number, reals);
        // Names move between VIPs, and some are shared.
        wanted.name = "m" + std::to_string(random() % 12);
        wanted.mode = random() % 2 == 0 ? Mode::kNat : Mode::kFullnat;
        wanted.health.type = random() % 3 == 0 ? HealthType::kTcp : HealthType::kNone;
        wishes.services[number] = wanted;
        stage(number, wanted);
      }
    }
  }

  // Every name in every snapshot leads to a VIP that the oldest snapshot forwards that a worker may
  // still have, and this one.
  void check_gate(size_t first_new, uint64_t passed) const {
    for (size_t i = first_new; i < dataplane.published.size(); ++i) {
      const Snapshot& snapshot = *dataplane.published[i];
      snapshot.dns->for_each_record([&](const DnsTable::Record& record) {
        if (record.type != DnsType::kA || record.rdata[0] != 11) return;
        Ipv4Address vip;
        std::copy(record.rdata.begin(), record.rdata.end(), reinterpret_cast<char*>(&vip));
        EXPECT_NE(snapshot.v4.addresses.find(vip), nullptr) << to_string(IpAddress(vip));
        if (i == 0) return;
        EXPECT_NE(dataplane.published[passed - 1]->v4.addresses.find(vip), nullptr)
            << to_string(IpAddress(vip)) << " in snapshot " << i + 1;
      });
    }
  }

  // The same wishes given to a new reconciler at once make the same.
  void compare_with_fresh(int64_t now_s) {
    FakeDataplane other_dataplane;
    auto other = make(other_dataplane);
    SourceChange all;
    for (const auto& [number, wanted] : wishes.services) all.services.emplace(key(number), wanted);
    for (const auto& [name, number] : wishes.tasks) {
      all.records_added.push_back(task_record(name, number));
    }
    other->stage(kMesos, std::move(all));
    ASSERT_TRUE(other->commit(now_s, 0).ok());
    // What the checks said of the reals is known by the model alone, panic and all.
    for (const auto& [service_key, service] : reconciler->model().services()) {
      for (const auto& [real_key, known] : service.reals) {
        if (known.gone_at_s == kNever && known.state == RealState::kDown) {
          other->stage_health(service_key, real_key, RealHealth::kDown);
        }
      }
    }
    ASSERT_TRUE(other->commit(now_s, 0).ok());
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(other->tick(now_s).ok());
    const std::set<RealState> states = {RealState::kUp, RealState::kDraining, RealState::kDown};
    EXPECT_EQ(forwarding_lines(last(), states),
              forwarding_lines(*other_dataplane.published.back(), states));
    EXPECT_EQ(record_lines(*last().dns), record_lines(*other_dataplane.published.back()->dns));
  }

  std::mt19937 random{17};
  Wishes wishes;
};

TEST_F(ReconcilerRandomTest, AnyRowOfChangesEndsWhereAFreshStartWithTheLastOneEnds) {
  int64_t now_s = 0;
  for (int round = 0; round < 120 && !HasFailure(); ++round) {
    for (uint32_t i = 0; i < 1 + random() % 8; ++i) change();
    commit(now_s);
    if (random() % 2 == 0) settle(now_s);
    now_s += static_cast<int64_t>(random() % 40);
    if (round % 10 != 9) continue;
    // When all that leaves has left, nothing but the wishes counts.
    settle(now_s);
    while (reconciler->next_deadline_s() != kNever) {
      now_s = reconciler->next_deadline_s();
      settle(now_s);
    }
    compare_with_fresh(now_s);
  }
}

TEST_F(ReconcilerRandomTest, NoSnapshotNamesAVipThatAWorkerMayNotForwardYet) {
  settle();
  dataplane.workers_pass = false;
  dataplane.passed_version = 1;
  size_t checked = 0;
  size_t named = 0;
  for (int round = 0; round < 300 && !HasFailure(); ++round) {
    for (uint32_t i = 0; i < 1 + random() % 4; ++i) change();
    const uint64_t passed = dataplane.passed_version;
    commit(round / 10);
    ASSERT_TRUE(reconciler->tick(round / 10).ok());
    check_gate(checked, passed);
    checked = dataplane.published.size();
    // Workers move on at their own pace.
    dataplane.passed_version += random() % (dataplane.published.size() + 1 - passed);
    named += record_lines(*last().dns).size();
  }
  EXPECT_GT(named, 1000u) << "the test must have seen names";
}

}  // namespace
}  // namespace vipgate::reconciler_sources_test
