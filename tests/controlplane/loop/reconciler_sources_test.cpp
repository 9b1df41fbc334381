// Sources other than the configuration, and health, through the reconciler.
#include "controlplane/monotonic_clock.h"
#include "tests/controlplane/loop/reconciler_sources_fixture.h"

namespace vipgate::reconciler_sources_test {
namespace {

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

}  // namespace
}  // namespace vipgate::reconciler_sources_test
