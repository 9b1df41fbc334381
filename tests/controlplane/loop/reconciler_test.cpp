#include "controlplane/loop/reconciler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/controlplane/loop/reconciler_fixture.h"

namespace vipgate::reconciler_test {
namespace {

struct ReconcilerTest : ReconcilerFixture {
  size_t names() const {
    size_t count = 0;
    last().dns->for_each_record([&](const DnsTable::Record& record) {
      if (record.type == DnsType::kA) ++count;
    });
    return count;
  }
  bool forwards(const std::string& vip) const {
    const auto* entry = last().v4.addresses.find(parse_ip_address(vip)->v4());
    return entry != nullptr && entry->kind == AddressKind::kVip;
  }
};

TEST_F(ReconcilerTest, ANameIsAddedOnlyWhenEveryWorkerForwardsItsVip) {
  dataplane.workers_pass = false;
  Reconciler& r = start(config_of(one("a", "11.0.0.1", kReal)));
  EXPECT_EQ(names(), 1u) << "no packet comes before the first snapshot";
  dataplane.passed_version = 1;
  ASSERT_TRUE(r.tick(0).ok());
  ASSERT_TRUE(
      r.apply(config_of(one("a", "11.0.0.1", kReal) + one("b", "11.0.0.2", kReal)), 10).ok());
  EXPECT_TRUE(forwards("11.0.0.2"));
  EXPECT_EQ(names(), 1u);
  ASSERT_TRUE(r.tick(10).ok());
  EXPECT_EQ(dataplane.published.size(), 2u) << "no worker has passed";
  EXPECT_TRUE(r.is_pending());
  dataplane.passed_version = 2;
  ASSERT_TRUE(r.tick(10).ok());
  EXPECT_EQ(names(), 2u);
  EXPECT_FALSE(r.settled());
  dataplane.passed_version = 3;
  ASSERT_TRUE(r.tick(10).ok());
  EXPECT_TRUE(r.settled());
}

TEST_F(ReconcilerTest, ASlowStartGrowsTheRowsOfARealStepByStep) {
  const auto with = [](const std::string& reals) {
    return config_of("  - { name: a, vip: 11.0.0.1, port: 80, slow_start_s: 100, reals: [" + reals +
                     "] }\n");
  };
  Reconciler& r = start(with(kReal));
  ASSERT_TRUE(r.apply(with(kReal + ", { address: 10.0.1.2, port: 80 }"), 10).ok());
  // Of the second real, by address.
  const auto share = [&] {
    const ServiceRing& ring = *last().service_info(0).ring;
    const auto rows = std::count(ring.rows->begin(), ring.rows->end(), 1);
    return static_cast<double>(rows) / static_cast<double>(ring.rows->size());
  };
  EXPECT_NEAR(share(), 1.0 / 11, 0.01);
  ASSERT_TRUE(r.tick(60).ok());
  EXPECT_NEAR(share(), 6.0 / 16, 0.01);
  ASSERT_TRUE(r.tick(100).ok());
  EXPECT_NEAR(share(), 0.5, 0.01);
}

TEST_F(ReconcilerTest, AServiceWithoutRealsUsesThoseOfItsFallbackWhateverHappensToThat) {
  const std::string head = "  - { name: a, vip: 11.0.0.1, port: 80, no_real: { fallback: ";
  const std::string spare = one("b", "11.0.0.2", kReal);
  const auto taker = [&] {
    const auto* entry = last().v4.addresses.find(parse_ip_address("11.0.0.1")->v4());
    const ServiceEntry& service = last().service(last().v4.service(*entry, Be16(80), 6));
    if (service.row_count == 0) return std::string("nobody");
    return to_string(last().real(service.reals[service.rows[0]])->address);
  };
  Reconciler& r = start(config_of(head + "b } }\n" + spare));
  EXPECT_EQ(taker(), "10.0.1.1");
  ASSERT_TRUE(
      r.apply(config_of(head + "b } }\n" + one("b", "11.0.0.2", "{ address: 10.0.1.7, port: 80 }")),
              10)
          .ok());
  EXPECT_EQ(taker(), "10.0.1.7");
  // Under another number.
  ASSERT_TRUE(r.apply(config_of(head + "c } }\n" + one("c", "11.0.0.3", kReal)), 20).ok());
  EXPECT_EQ(taker(), "10.0.1.1");
  ASSERT_TRUE(r.apply(config_of(one("a", "11.0.0.1")), 30).ok());
  EXPECT_EQ(taker(), "nobody");
}

TEST_F(ReconcilerTest, AServiceOfTheApiFallsBackOnWhomItNamesUnlessTheFileDecides) {
  const ServiceKey a{*parse_ip_address("11.0.0.1"), 80, Protocol::kTcp, {}};
  const ServiceKey b{*parse_ip_address("11.0.0.2"), 80, Protocol::kTcp, {}};
  const std::string spare = one("b", "11.0.0.2", kReal);
  const auto taken_by_spare = [&] {
    const auto* entry = last().v4.addresses.find(a.vip.v4());
    return last().service(last().v4.service(*entry, Be16(80), 6)).row_count != 0;
  };
  Reconciler& r = start(config_of(spare));
  SourceChange change;
  ServiceConfig service = config_of(one("a", "11.0.0.1")).services.front();
  service.no_real = NoReal::kFallback;
  service.fallback = "b";
  service.origin = Origin::kRest;
  change.services.emplace(a, service);
  change.fallbacks.emplace(a, b);
  r.stage({Origin::kRest, 0}, change);
  ASSERT_TRUE(r.commit(1, 0).ok());
  EXPECT_TRUE(taken_by_spare());
  ASSERT_TRUE(r.apply(config_of(spare + one("a", "11.0.0.1")), 2).ok());
  EXPECT_FALSE(taken_by_spare()) << "the file says nothing of a fallback";
  ASSERT_TRUE(r.apply(config_of(spare), 3).ok());
  EXPECT_TRUE(taken_by_spare());
  // The document stays, but its name leads nowhere any longer.
  change.fallbacks.clear();
  r.stage({Origin::kRest, 0}, change);
  EXPECT_TRUE(r.has_staged());
  ASSERT_TRUE(r.commit(4, 0).ok());
  EXPECT_FALSE(taken_by_spare());
}

TEST_F(ReconcilerTest, AddressesAreAnnouncedWhenAllWorkersServeThem) {
  dataplane.workers_pass = false;
  Reconciler& r = start(config_of(one("a", "11.0.0.1", kReal)));
  ASSERT_TRUE(r.tick(0).ok());
  EXPECT_TRUE(dataplane.announced.empty());
  dataplane.passed_version = 1;
  ASSERT_TRUE(r.tick(0).ok());
  EXPECT_EQ(dataplane.announced.size(), 3u) << "VIP, SNAT and DNS address";
}

TEST_F(ReconcilerTest, ANameIsRemovedAtOnceAndItsVipLater) {
  Reconciler& r = start(config_of(one("a", "11.0.0.1", kReal) + one("b", "11.0.0.2", kReal)));
  ASSERT_TRUE(r.tick(0).ok());
  ASSERT_EQ(names(), 2u);
  ASSERT_TRUE(r.apply(config_of(one("a", "11.0.0.1", kReal)), 10).ok());
  EXPECT_EQ(names(), 1u);
  EXPECT_TRUE(forwards("11.0.0.2"));
  EXPECT_EQ(last().service(1).row_count, 0u) << "refuses new flows";
  EXPECT_EQ(last().real(RealId(1, 0))->state, RealState::kDraining);
  EXPECT_EQ(r.next_deadline_s(), 110);
  ASSERT_TRUE(r.tick(110).ok());
  EXPECT_FALSE(forwards("11.0.0.2"));
  EXPECT_EQ(last().real(RealId(1, 0)), nullptr);
}

TEST_F(ReconcilerTest, ANameThatMovesToAnotherVipIsNeverUnknown) {
  Reconciler& r = start(config_of(one("a", "11.0.0.1", kReal)));
  ASSERT_TRUE(r.tick(0).ok());
  dataplane.workers_pass = false;
  ASSERT_TRUE(r.apply(config_of(one("a", "11.0.0.2", kReal)), 10).ok());
  EXPECT_EQ(names(), 1u);
  dataplane.workers_pass = true;
  ASSERT_TRUE(r.tick(10).ok());
  last().dns->for_each_record([](const DnsTable::Record& record) {
    if (record.type != DnsType::kA) return;
    EXPECT_EQ(record.rdata, std::string_view("\x0b\x00\x00\x02", 4));
  });
}

TEST_F(ReconcilerTest, AVipWhoseNameMovesTakesNewFlowsUntilNobodyKnowsItByItsNameAnyMore) {
  Reconciler& r = start(config_of(one("a", "11.0.0.1", kReal)));  // ttl_s: 5
  ASSERT_TRUE(r.tick(0).ok());
  const uint32_t rows = last().service(0).row_count;
  ASSERT_GT(rows, 0u);
  dataplane.workers_pass = false;
  ASSERT_TRUE(r.apply(config_of(one("a", "11.0.0.2", kReal)), 10).ok());
  EXPECT_EQ(last().service(0).row_count, rows) << "the name still leads here";
  EXPECT_EQ(last().real(RealId(0, 0))->state, RealState::kUp);
  dataplane.workers_pass = true;
  ASSERT_TRUE(r.tick(10).ok());
  // Who asked for the name just before it moved knows the old VIP for the TTL.
  ASSERT_TRUE(r.tick(15).ok());
  EXPECT_EQ(last().service(0).row_count, rows);
  EXPECT_EQ(r.next_deadline_s(), 20);
  ASSERT_TRUE(r.tick(20).ok());
  EXPECT_EQ(last().service(0).row_count, 0u) << "refuses new flows";
  EXPECT_EQ(last().real(RealId(0, 0))->state, RealState::kDraining);
  EXPECT_TRUE(forwards("11.0.0.1"));
  ASSERT_TRUE(r.tick(120).ok());
  EXPECT_FALSE(forwards("11.0.0.1"));
}

TEST_F(ReconcilerTest, AVipWhoseNameMovedAndCameBackGoesOnTakingNewFlows) {
  Reconciler& r = start(config_of(one("a", "11.0.0.1", kReal)));
  ASSERT_TRUE(r.apply(config_of(one("a", "11.0.0.2", kReal)), 10).ok());
  ASSERT_TRUE(r.apply(config_of(one("a", "11.0.0.1", kReal)), 12).ok());
  ASSERT_TRUE(r.tick(1'000).ok());
  EXPECT_GT(last().service(0).row_count, 0u);
  EXPECT_EQ(last().real(RealId(0, 0))->state, RealState::kUp);
}

TEST_F(ReconcilerTest, AReloadOfTheSameConfigurationChangesNoId) {
  const Config config = config_of(one("a", "11.0.0.1", kReal) + one("b", "11.0.0.2", kReal));
  Reconciler& r = start(config);
  const auto before = dataplane.published.back();
  const auto outcome = r.apply(config, 5);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->change.services_added + outcome->change.services_changed, 0u);
  EXPECT_EQ(last().service_pages, before->service_pages);
  EXPECT_EQ(last().real_pages, before->real_pages);
}

TEST_F(ReconcilerTest, AReloadAppliesRatesOfTheKernelAndThePolicyOfUnservedPorts) {
  const Config config = config_of(one("a", "11.0.0.1", kReal));
  Reconciler& r = start(config);
  constexpr auto kArp = static_cast<size_t>(KernelReason::kArp);
  EXPECT_EQ(last().kernel_rates[kArp], 2000u);
  Config next = config;
  next.kernel_rates[kArp] = 5;
  next.defaults.unserved_port = UnservedPort::kReject;
  const auto outcome = r.apply(next, 5);
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome->needs_restart.empty());
  EXPECT_EQ(last().kernel_rates[kArp], 5u);
  EXPECT_EQ(last().unserved_port, UnservedPort::kReject);
}

TEST_F(ReconcilerTest, WhatNeedsARestartIsNamedAndNotApplied) {
  const Config config = config_of(one("a", "11.0.0.1", kReal));
  Reconciler& r = start(config);
  Config next = config;
  next.ports[0].mtu = 9000;
  next.services.clear();
  const auto outcome = r.apply(next, 5);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->needs_restart, std::vector<std::string>{"ports.edge.mtu"});
  EXPECT_EQ(r.config().ports[0].mtu, 1500);
  EXPECT_TRUE(r.config().services.empty());
}

TEST_F(ReconcilerTest, AServiceOfAPoolThatNeedsARestartIsRefusedAsAWhole) {
  const Config config = config_of(one("a", "11.0.0.1", kReal));
  Reconciler& r = start(config);
  Config next = config;
  next.snat_pools[0].name = "other";
  next.services[0].snat_pool = "other";
  EXPECT_FALSE(r.apply(next, 5).ok());
  EXPECT_EQ(dataplane.published.size(), 1u);
  EXPECT_EQ(r.config().services[0].snat_pool, "default");
}

TEST_F(ReconcilerTest, NextHopsAreResolvedThroughThePortOfTheSegment) {
  start(config_of(one("a", "11.0.0.1", kReal + ", { address: 192.0.2.1, port: 80 }")));
  const RealEntry& near = *last().real(RealId(0, 0));
  EXPECT_TRUE(near.next_hop_resolved);
  EXPECT_EQ(near.next_hop_mac, (MacAddress{{2, 0, 0, 0, 0, 9}}));
  EXPECT_FALSE(last().real(RealId(1, 0))->next_hop_resolved);
  EXPECT_EQ(reconciler->unreachable().size(), 1u);
}

// `count` services: 11.0.0.0, 11.0.0.1, …
std::string many(int count) {
  std::string services;
  for (int i = 0; i < count; ++i) {
    services += one("s" + std::to_string(i),
                    "11.0." + std::to_string(i / 256) + "." + std::to_string(i % 256));
  }
  return services;
}

TEST_F(ReconcilerTest, AReloadGivesARealItsOtherQuicId) {
  const auto service = [](const char* ids) {
    return "  - { name: q, vip: 11.0.0.1, port: 443, protocol: udp, quic: true, reals: [" +
           std::string(ids) + "] }\n";
  };
  const auto named = [&](uint32_t id) -> std::string {
    const auto* entry = last().v4.addresses.find(parse_ip_address("11.0.0.1")->v4());
    const uint32_t index = last().v4.service(*entry, Be16(443), kProtocolUdp);
    const auto& reals = last().service_info(index).quic_reals;
    const RealId* real = reals == nullptr ? nullptr : reals->find(id);
    return real == nullptr ? "nobody" : to_string(last().real(*real)->address);
  };
  Reconciler& r = start(config_of(service(
      "{ address: 10.0.1.1, port: 443, quic_id: 7 }, { address: 10.0.1.2, port: 443, quic_id: 8 "
      "}")));
  EXPECT_EQ(named(7), "10.0.1.1");
  EXPECT_EQ(named(8), "10.0.1.2");
  ASSERT_TRUE(r.apply(config_of(service("{ address: 10.0.1.1, port: 443, quic_id: 9 }, { address: "
                                        "10.0.1.2, port: 443, quic_id: 7 }")),
                      10)
                  .ok());
  EXPECT_EQ(named(9), "10.0.1.1");
  EXPECT_EQ(named(7), "10.0.1.2");
  EXPECT_EQ(named(8), "nobody");
  ASSERT_TRUE(r.apply(config_of(service("{ address: 10.0.1.1, port: 443 }, { address: 10.0.1.2, "
                                        "port: 443, quic_id: 7 }")),
                      20)
                  .ok());
  EXPECT_EQ(named(9), "nobody");
}

TEST_F(ReconcilerTest, EveryAddressIsAnnouncedOnceThoughOnlyAFewAreTakenAtATime) {
  dataplane.takes_announcements = 7;
  Reconciler& r = start(config_of(many(300)));
  int ticks = 0;
  for (; r.is_pending() && ticks < 1'000; ++ticks) ASSERT_TRUE(r.tick(0).ok());
  const std::set<IpAddress> distinct(dataplane.announced.begin(), dataplane.announced.end());
  EXPECT_EQ(distinct.size(), 302u) << "VIPs, SNAT and DNS address";
  EXPECT_EQ(dataplane.announced.size(), distinct.size());
  EXPECT_GE(ticks, 302 / 7);
  const int calls = dataplane.announce_calls;
  ASSERT_TRUE(r.tick(0).ok());
  EXPECT_EQ(dataplane.announce_calls, calls) << "nothing is left to announce";
}

TEST_F(ReconcilerTest, AnnouncementsAreRepeatedOfAllThatIsServedAndOfNothingThatIsStillToCome) {
  dataplane.workers_pass = false;
  Reconciler& r = start(config_of(one("a", "11.0.0.1", kReal)));
  r.repeat_announcements();
  ASSERT_TRUE(r.tick(0).ok());
  EXPECT_TRUE(dataplane.announced.empty()) << "no worker serves it yet";
  dataplane.workers_pass = true;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(r.tick(0).ok());
  ASSERT_EQ(dataplane.announced.size(), 3u) << "VIP, SNAT and DNS address";
  r.repeat_announcements();
  EXPECT_TRUE(r.is_pending());
  ASSERT_TRUE(r.tick(0).ok());
  EXPECT_EQ(dataplane.announced.size(), 6u);
  EXPECT_FALSE(r.is_pending());
}

TEST_F(ReconcilerTest, NoMoreThan64AddressesAreAnnouncedPerTick) {
  Reconciler& r = start(config_of(many(300)));
  size_t before = 0;
  for (int ticks = 0; r.is_pending() && ticks < 1'000; ++ticks) {
    ASSERT_TRUE(r.tick(0).ok());
    EXPECT_LE(dataplane.announced.size() - before, 64u);
    before = dataplane.announced.size();
  }
  EXPECT_EQ(before, 302u);
  EXPECT_EQ(dataplane.announce_calls, 5);
}

TEST_F(ReconcilerTest, AnAddressThatCeasesToServeIsNotAnnounced) {
  dataplane.takes_announcements = 0;
  Reconciler& r = start(config_of(one("a", "11.0.0.1") + one("b", "11.0.0.2")));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(r.tick(0).ok());
  EXPECT_TRUE(r.is_pending()) << "nothing was taken";
  ASSERT_TRUE(r.apply(config_of(one("a", "11.0.0.1")), 10).ok());
  ASSERT_TRUE(r.tick(110).ok());
  ASSERT_FALSE(forwards("11.0.0.2")) << "has drained";
  dataplane.takes_announcements = SIZE_MAX;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(r.tick(110).ok());
  EXPECT_FALSE(r.is_pending());
  EXPECT_EQ(std::count(dataplane.announced.begin(), dataplane.announced.end(),
                       *parse_ip_address("11.0.0.2")),
            0);
  EXPECT_EQ(dataplane.announced.size(), 3u);
}

TEST_F(ReconcilerTest, AnAddressThatServesAgainIsAnnouncedAgain) {
  Reconciler& r = start(config_of(one("a", "11.0.0.1")));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(r.tick(0).ok());
  ASSERT_TRUE(r.apply(config_of("  []"), 10).ok());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(r.tick(110).ok());
  ASSERT_FALSE(forwards("11.0.0.1"));
  ASSERT_TRUE(r.apply(config_of(one("a", "11.0.0.1")), 120).ok());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(r.tick(120).ok());
  EXPECT_EQ(std::count(dataplane.announced.begin(), dataplane.announced.end(),
                       *parse_ip_address("11.0.0.1")),
            2);
}

}  // namespace
}  // namespace vipgate::reconciler_test
