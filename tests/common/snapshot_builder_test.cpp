#include "common/snapshot_builder.h"

#include <gtest/gtest.h>

#include "common/dns_table.h"
#include "common/maglev.h"
#include "tests/support/address_text.h"

namespace vipgate::snapshot_builder_test {
namespace {

using test::ip;

IpAddress numbered(uint32_t base, uint32_t i) { return Ipv4Address{Be32(base + i)}; }

ServiceSpec service(uint32_t index, const IpAddress& vip, uint16_t port = 80) {
  ServiceSpec spec;
  spec.index = index;
  spec.flow_id = index + 1;
  spec.name = "s" + std::to_string(index);
  spec.vip = vip;
  spec.port = port;
  return spec;
}

RealSpec real(uint32_t index, const std::string& address, uint32_t weight = 1) {
  RealSpec spec;
  spec.address = ip(address);
  spec.port = 8080;
  spec.weight = weight;
  spec.id = RealId(index, 0);
  return spec;
}

SnapshotSpec spec_of(std::vector<ServiceSpec> services) {
  SnapshotSpec spec;
  spec.ports = {PortEntry{.mac = {{2, 0, 0, 0, 0, 1}}, .vlan = 7, .kernel = true}};
  spec.services = std::move(services);
  spec.service_slots = 300;
  spec.real_slots = 600;
  return spec;
}

// 10,000 services with two reals each, all of them different.
SnapshotSpec large_spec() {
  SnapshotSpec spec;
  for (uint32_t i = 0; i < 10'000; ++i) {
    spec.services.push_back(service(i, numbered(0x0b000000, i)));
    for (uint32_t r = 0; r < 2; ++r) {
      RealSpec added;
      added.address = numbered(0x0a000000, 2 * i + r);
      added.port = 80;
      added.id = RealId(2 * i + r, 0);
      spec.services.back().reals.push_back(added);
    }
  }
  spec.service_slots = 10'000;
  spec.real_slots = 20'000;
  return spec;
}

TEST(SnapshotBuilder, EveryAddressIsFoundByItsKind) {
  auto spec = spec_of({service(0, ip("11.0.0.1")), service(1, ip("fd01::1"))});
  spec.own = {{ip("10.0.0.2"), true}, {ip("fd00::2"), false}};
  spec.dns_listen = {ip("10.0.0.53")};
  spec.snat_addresses = {{ip("10.0.1.100")}, {ip("10.0.1.101")}};
  const auto snapshot = SnapshotBuilder().build(spec);

  const auto* own = snapshot->v4.addresses.find(ip("10.0.0.2").v4());
  ASSERT_NE(own, nullptr);
  EXPECT_EQ(own->kind, AddressKind::kOwn);
  EXPECT_TRUE(own->kernel);
  EXPECT_FALSE(snapshot->v6.addresses.find(ip("fd00::2").v6())->kernel);
  EXPECT_EQ(snapshot->v4.addresses.find(ip("10.0.0.53").v4())->kind, AddressKind::kDns);
  const auto* snat = snapshot->v4.addresses.find(ip("10.0.1.101").v4());
  EXPECT_EQ(snat->kind, AddressKind::kSnat);
  EXPECT_EQ(snat->slot, 1u);
  const auto* vip = snapshot->v6.addresses.find(ip("fd01::1").v6());
  EXPECT_EQ(snapshot->v6.service(*vip, Be16(80), 6), 1u);
  EXPECT_EQ(snapshot->v6.service(*vip, Be16(80), 17), kNone);
  EXPECT_EQ(snapshot->v4.addresses.find(ip("11.0.0.2").v4()), nullptr);
}

TEST(SnapshotBuilder, AVipWithMorePortsThanFitInlineFindsThemAll) {
  std::vector<ServiceSpec> services;
  for (uint32_t i = 0; i < 40; ++i) {
    services.push_back(
        service(i, ip(i < 20 ? "11.0.0.1" : "11.0.0.2"), static_cast<uint16_t>(1000 + i % 20)));
  }
  const auto snapshot = SnapshotBuilder().build(spec_of(services));
  for (const ServiceSpec& sought : services) {
    const auto* vip = snapshot->v4.addresses.find(sought.vip.v4());
    ASSERT_NE(vip, nullptr);
    EXPECT_EQ(snapshot->v4.service(*vip, Be16(sought.port), 6), sought.index);
  }
}

TEST(SnapshotBuilder, OnlyRealsThatAreUpAndHaveAWeightAreInTheRing) {
  auto one = service(0, ip("11.0.0.1"));
  one.reals = {real(0, "10.0.0.1"), real(1, "10.0.0.2"), real(2, "10.0.0.3", 0),
               real(3, "10.0.0.4")};
  one.reals[1].state = RealState::kDraining;
  one.reals[3].state = RealState::kDown;
  const auto snapshot = SnapshotBuilder().build(spec_of({one}));
  const ServiceEntry& entry = snapshot->service(0);
  EXPECT_EQ(entry.row_count, maglev_rows_auto(1));
  for (uint32_t row = 0; row < entry.row_count; ++row) {
    ASSERT_EQ(entry.reals[entry.rows[row]], RealId(0, 0));
  }
  EXPECT_EQ(snapshot->real(RealId(1, 0))->state, RealState::kDraining);
  EXPECT_EQ(snapshot->real(RealId(3, 0))->state, RealState::kDown);
}

TEST(SnapshotBuilder, AServiceWithoutLiveRealsHasNoRows) {
  auto one = service(0, ip("11.0.0.1"));
  one.reals = {real(0, "10.0.0.1")};
  SnapshotBuilder builder;
  EXPECT_NE(builder.build(spec_of({one}))->service(0).row_count, 0u);
  one.reals[0].state = RealState::kDraining;
  const auto snapshot = builder.build(spec_of({one}));
  EXPECT_EQ(snapshot->service(0).row_count, 0u);
  EXPECT_EQ(snapshot->service(0).rows, nullptr);
}

TEST(SnapshotBuilder, AServiceWithoutLiveRealsHasTheRowsOfItsFallbackForAsLong) {
  auto one = service(0, ip("11.0.0.1"));
  one.reals = {real(0, "10.0.0.1")};
  one.no_real = NoReal::kFallback;
  one.fallback = 1;
  auto two = service(1, ip("11.0.0.2"));
  two.no_real = NoReal::kFallback;
  two.fallback = 2;
  auto three = service(2, ip("11.0.0.3"));
  three.reals = {real(1, "10.0.0.2")};
  SnapshotBuilder builder;
  const auto taker = [&] {
    const auto snapshot = builder.build(spec_of({one, two, three}));
    const ServiceEntry& entry = snapshot->service(0);
    return entry.row_count == 0 ? RealId{} : entry.reals[entry.rows[0]];
  };
  EXPECT_EQ(taker(), RealId(0, 0));
  one.reals[0].state = RealState::kDown;
  EXPECT_EQ(taker(), RealId(1, 0)) << "of the fallback's fallback";
  two.reals = {real(2, "10.0.0.3")};
  EXPECT_EQ(taker(), RealId(2, 0)) << "though of the service itself nothing has changed";
  two.reals.clear();
  three.reals[0].state = RealState::kDown;
  EXPECT_EQ(taker(), RealId{});
  three.reals[0].state = RealState::kUp;
  one.reals[0].state = RealState::kUp;
  EXPECT_EQ(taker(), RealId(0, 0));
}

TEST(SnapshotBuilder, AFallbackThatIsGoneLendsNothing) {
  auto one = service(0, ip("11.0.0.1"));
  one.no_real = NoReal::kFallback;
  one.fallback = 1;
  auto two = service(1, ip("11.0.0.2"));
  two.reals = {real(1, "10.0.0.2")};
  SnapshotBuilder builder;
  EXPECT_NE(builder.build(spec_of({one, two}))->service(0).row_count, 0u);
  const auto snapshot = builder.build(spec_of({one}));
  EXPECT_EQ(snapshot->service(0).row_count, 0u);
  EXPECT_EQ(snapshot->service_info(0).ring, nullptr);
}

TEST(SnapshotBuilder, AnIdOfAnotherGenerationFindsNoReal) {
  auto one = service(0, ip("11.0.0.1"));
  one.reals = {real(0, "10.0.0.1")};
  one.reals[0].id = RealId(0, 5);
  const auto snapshot = SnapshotBuilder().build(spec_of({one}));
  EXPECT_NE(snapshot->real(RealId(0, 5)), nullptr);
  EXPECT_EQ(snapshot->real(RealId(0, 4)), nullptr);
  EXPECT_EQ(snapshot->real(RealId(1, 0)), nullptr) << "a slot that is not in use";
}

TEST(SnapshotBuilder, RealsCarryTheNextHopAndTheirPort) {
  auto one = service(0, ip("11.0.0.1"));
  one.reals = {real(0, "10.0.0.1"), real(1, "10.0.0.2")};
  one.reals[0].resolved = true;
  one.reals[0].next_hop = MacAddress{{2, 0, 0, 0, 0, 9}};
  const auto snapshot = SnapshotBuilder().build(spec_of({one}));
  const RealEntry& resolved = *snapshot->real(RealId(0, 0));
  EXPECT_TRUE(resolved.next_hop_resolved);
  EXPECT_EQ(resolved.next_hop_mac, (MacAddress{{2, 0, 0, 0, 0, 9}}));
  EXPECT_EQ(resolved.port_mac, (MacAddress{{2, 0, 0, 0, 0, 1}}));
  EXPECT_EQ(resolved.vlan, Be16(7));
  EXPECT_FALSE(snapshot->real(RealId(1, 0))->next_hop_resolved);
}

TEST(SnapshotBuilder, NatServicesThatUseOneRealShareItsReturnEntry) {
  auto a = service(0, ip("11.0.0.1"));
  a.mode = Mode::kNat;
  a.reals = {real(0, "10.0.0.1")};
  a.reals[0].return_flow_id = 900;
  auto b = service(1, ip("11.0.0.2"));
  b.mode = Mode::kNat;
  b.reals = {real(1, "10.0.0.1")};
  b.reals[0].return_flow_id = 900;
  auto fullnat = service(2, ip("11.0.0.3"));
  fullnat.reals = {real(2, "10.0.0.7")};
  const auto snapshot = SnapshotBuilder().build(spec_of({a, b, fullnat}));
  ASSERT_EQ(snapshot->v4.nat_reals.size(), 1u);
  EXPECT_EQ(*snapshot->v4.nat_reals.find({ip("10.0.0.1").v4(), Be16(8080), 6, 0}), 900u);
}

TEST(SnapshotBuilder, ServicesWithEqualRealsShareOneTableWhateverTheirOrder) {
  auto a = service(0, ip("11.0.0.1"));
  a.reals = {real(0, "10.0.0.1"), real(1, "10.0.0.2", 3)};
  auto b = service(1, ip("11.0.0.2"));
  b.reals = {real(2, "10.0.0.2", 3), real(3, "10.0.0.1")};
  auto other_weight = service(2, ip("11.0.0.3"));
  other_weight.reals = {real(4, "10.0.0.1"), real(5, "10.0.0.2", 2)};
  SnapshotBuilder builder;
  const auto snapshot = builder.build(spec_of({a, b, other_weight}));
  EXPECT_EQ(snapshot->service(0).rows, snapshot->service(1).rows);
  EXPECT_NE(snapshot->service(0).rows, snapshot->service(2).rows);
  EXPECT_EQ(builder.stats().rings_built, 2u);
  EXPECT_EQ(builder.stats().rings_shared, 1u);
  // Each service's rows mean its own reals, at the same endpoints.
  for (uint32_t row = 0; row < snapshot->service(0).row_count; ++row) {
    const auto real_of = [&](uint32_t index) {
      const ServiceEntry& entry = snapshot->service(index);
      return snapshot->real(entry.reals[entry.rows[row]])->address;
    };
    ASSERT_EQ(real_of(0), real_of(1));
  }
}

TEST(SnapshotBuilder, ServicesOfOneRealEachShareATable) {
  auto spec = spec_of(
      {service(0, ip("11.0.0.1")), service(1, ip("11.0.0.2"), 81), service(2, ip("11.0.0.3"))});
  spec.services[0].reals = {real(0, "10.0.0.1"), real(1, "10.0.0.2", 0)};
  spec.services[1].reals = {real(2, "10.0.0.3", 7)};
  spec.services[2].reals = {real(3, "10.0.0.4")};
  spec.services[2].maglev_rows = 65537;
  SnapshotBuilder builder;
  const auto snapshot = builder.build(spec);
  EXPECT_EQ(snapshot->service(0).rows, snapshot->service(1).rows);
  EXPECT_EQ(builder.stats().rings_built, 2u);
  for (const uint32_t index : {0u, 1u, 2u}) {
    const ServiceEntry& entry = snapshot->service(index);
    for (uint32_t row = 0; row < entry.row_count; ++row) ASSERT_EQ(entry.rows[row], 0);
  }
  EXPECT_EQ(snapshot->service(0).row_count, 4093u);
  EXPECT_EQ(snapshot->service(2).row_count, 65537u);
  EXPECT_EQ(snapshot->service(0).reals[0], RealId(0, 0));
  EXPECT_EQ(snapshot->service(1).reals[0], RealId(2, 0));
}

TEST(SnapshotBuilder, NothingIsBuiltWhenNothingChanged) {
  const SnapshotSpec spec = large_spec();
  SnapshotBuilder builder;
  const auto first = builder.build(spec);
  const auto second = builder.build(spec);
  EXPECT_EQ(builder.stats().rings_built, 0u);
  EXPECT_EQ(builder.stats().service_pages_built, 0u);
  EXPECT_EQ(builder.stats().real_pages_built, 0u);
  EXPECT_EQ(first->service_pages, second->service_pages);
  EXPECT_EQ(first->real_pages, second->real_pages);
}

TEST(SnapshotBuilder, AChangeOfOneRealBuildsOneRingAndOnePage) {
  SnapshotSpec spec = large_spec();
  SnapshotBuilder builder;
  const auto first = builder.build(spec);
  spec.services[5000].reals[1].weight = 4;
  const auto second = builder.build(spec);
  EXPECT_EQ(builder.stats().rings_built, 1u);
  EXPECT_EQ(builder.stats().service_pages_built, 1u);
  EXPECT_EQ(builder.stats().real_pages_built, 1u);
  EXPECT_EQ(first->service(4999).rows, second->service(4999).rows);
  EXPECT_NE(first->service(5000).rows, second->service(5000).rows);
}

TEST(SnapshotBuilder, AResolvedNextHopBuildsNoRing) {
  auto one = service(0, ip("11.0.0.1"));
  one.reals = {real(0, "10.0.0.1")};
  SnapshotBuilder builder;
  const auto first = builder.build(spec_of({one}));
  one.reals[0].resolved = true;
  const auto second = builder.build(spec_of({one}));
  EXPECT_EQ(builder.stats().rings_built, 0u);
  EXPECT_EQ(builder.stats().service_pages_built, 0u);
  EXPECT_EQ(builder.stats().real_pages_built, 1u);
  EXPECT_TRUE(second->real(RealId(0, 0))->next_hop_resolved);
  EXPECT_FALSE(first->real(RealId(0, 0))->next_hop_resolved);
}

TEST(SnapshotBuilder, ARealThatComesBackUnderAnotherIdGetsTheOldTableButItsNewId) {
  auto one = service(0, ip("11.0.0.1"));
  one.reals = {real(0, "10.0.0.1")};
  SnapshotBuilder builder;
  const auto first = builder.build(spec_of({one}));
  one.reals[0].id = RealId(0, 1);
  const auto second = builder.build(spec_of({one}));
  EXPECT_EQ(builder.stats().rings_built, 0u);
  EXPECT_EQ(first->service(0).rows, second->service(0).rows);
  EXPECT_EQ(second->service(0).reals[0], RealId(0, 1));
}

TEST(SnapshotBuilder, PagesThatNobodyUsesAreOneAndTheSame) {
  auto spec = spec_of({});
  spec.service_slots = 100'000;
  spec.real_slots = 1'000'000;
  SnapshotBuilder builder;
  const auto snapshot = builder.build(spec);
  EXPECT_EQ(snapshot->services.size(), 391u);
  EXPECT_EQ(snapshot->real_pages.front(), snapshot->real_pages.back());
  EXPECT_EQ(builder.stats().real_pages_built, 0u);
  EXPECT_EQ(snapshot->service(99'999).index, kNone);
}

TEST(SnapshotBuilder, TheRunnerComputesEachMissingTableOnce) {
  size_t jobs = 0;
  SnapshotBuilder builder([&](size_t count, const std::function<void(size_t)>& job) {
    jobs += count;
    for (size_t i = count; i > 0; --i) job(i - 1);
  });
  auto a = service(0, ip("11.0.0.1"));
  a.reals = {real(0, "10.0.0.1"), real(1, "10.0.0.2")};
  auto b = service(1, ip("11.0.0.2"));
  b.reals = {real(2, "10.0.0.3"), real(3, "10.0.0.4")};
  const auto snapshot = builder.build(spec_of({a, b}));
  EXPECT_EQ(jobs, 2u);
  EXPECT_EQ(snapshot->service(0).row_count, kMaglevRowsMin);
  EXPECT_EQ(snapshot->service(1).row_count, kMaglevRowsMin);
}

TEST(SnapshotBuilder, WithoutADnsTableThereIsOneThatKnowsNoName) {
  const auto snapshot = SnapshotBuilder().build(spec_of({}));
  ASSERT_NE(snapshot->dns, nullptr);
  EXPECT_EQ(snapshot->dns->size(), 0u);
}

ServiceSpec quic_service() {
  ServiceSpec spec = service(3, ip("11.0.0.1"), 443);
  spec.protocol = Protocol::kUdp;
  spec.is_quic = true;
  spec.reals = {real(1, "10.0.0.1"), real(2, "10.0.0.2"), real(3, "10.0.0.3")};
  spec.reals[0].quic_id = 77;
  spec.reals[2].quic_id = 78;
  return spec;
}

TEST(SnapshotBuilder, QuicIdsLeadToTheirReals) {
  const auto snapshot = SnapshotBuilder().build(spec_of({quic_service()}));
  EXPECT_TRUE(snapshot->service(3).is_quic);
  const QuicReals& reals = *snapshot->service_info(3).quic_reals;
  EXPECT_EQ(reals.size(), 2u);
  ASSERT_NE(reals.find(77), nullptr);
  EXPECT_EQ(*reals.find(77), RealId(1, 0));
  EXPECT_EQ(*reals.find(78), RealId(3, 0));
  EXPECT_EQ(reals.find(79), nullptr);
}

TEST(SnapshotBuilder, AServiceWithoutQuicOrIdsReadsNone) {
  ServiceSpec without = quic_service();
  without.is_quic = false;
  EXPECT_FALSE(SnapshotBuilder().build(spec_of({without}))->service(3).is_quic);
  without = quic_service();
  for (RealSpec& each : without.reals) each.quic_id = 0;
  const auto snapshot = SnapshotBuilder().build(spec_of({without}));
  EXPECT_FALSE(snapshot->service(3).is_quic);
  EXPECT_EQ(snapshot->service_info(3).quic_reals, nullptr);
}

TEST(SnapshotBuilder, AQuicIdOfTwoRealsIsThatOfTheOneThatIsUp) {
  for (const size_t draining : {0u, 2u}) {
    ServiceSpec spec = quic_service();
    spec.reals[2].quic_id = 77;
    spec.reals[draining].state = RealState::kDraining;
    const auto snapshot = SnapshotBuilder().build(spec_of({spec}));
    EXPECT_EQ(*snapshot->service_info(3).quic_reals->find(77), RealId(draining == 0 ? 3 : 1, 0));
  }
}

TEST(SnapshotBuilder, QuicIdsAreSharedUntilTheyChange) {
  SnapshotBuilder builder;
  SnapshotSpec spec = spec_of({quic_service()});
  const auto first = builder.build(spec)->service_info(3).quic_reals;
  spec.services[0].reals[1].state = RealState::kDown;
  EXPECT_EQ(builder.build(spec)->service_info(3).quic_reals, first);
  spec.services[0].reals[1].quic_id = 79;
  const auto second = builder.build(spec)->service_info(3).quic_reals;
  EXPECT_NE(second, first);
  spec.services[0].reals[1].id = RealId(2, 1);
  EXPECT_EQ(*builder.build(spec)->service_info(3).quic_reals->find(79), RealId(2, 1));
}

}  // namespace
}  // namespace vipgate::snapshot_builder_test
