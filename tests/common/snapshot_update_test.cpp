#include <gtest/gtest.h>

#include <map>
#include <random>

#include "common/snapshot_builder.h"
#include "tests/support/snapshot_text.h"

namespace vipgate::snapshot_update_test {
namespace {

const std::set<RealState> kAllStates = {RealState::kUp, RealState::kDraining, RealState::kDown};
constexpr uint32_t kServices = 600;
constexpr uint32_t kRealsPerService = 4;

SnapshotFrame frame() {
  SnapshotFrame frame;
  frame.ports = {PortEntry{.mac = {{2, 0, 0, 0, 0, 1}}, .vlan = 7, .kernel = true}};
  frame.own = {{*parse_ip_address("10.0.0.1"), true}};
  frame.dns_listen = {*parse_ip_address("10.0.0.53")};
  frame.snat_addresses = {{*parse_ip_address("10.0.9.1")}};
  return frame;
}

// Few VIPs with very many ports each, and some alone, so that all places of the tables are used.
ServiceSpec random_service(uint32_t index, std::mt19937& random) {
  ServiceSpec service;
  service.index = index;
  service.flow_id = index + 1;
  service.name = "s" + std::to_string(index);
  service.vip = index % 2 == 0 ? IpAddress(Ipv4Address{Be32(0x0b000000 + index % 5)})
                               : IpAddress(Ipv4Address{Be32(0x0b010000 + index)});
  service.port = static_cast<uint16_t>(1000 + index);
  service.mode = random() % 2 == 0 ? Mode::kNat : Mode::kFullnat;
  if (index != 0 && random() % 3 == 0) service.fallback = static_cast<uint32_t>(random() % index);
  const bool is_empty = random() % 5 == 0;
  for (uint32_t i = 0; i < kRealsPerService; ++i) {
    if (is_empty || random() % 4 == 0) continue;
    RealSpec& real = service.reals.emplace_back();
    // A few endpoints that several services share.
    real.address = Ipv4Address{Be32(0x0a000000 + static_cast<uint32_t>(random() % 40))};
    real.port = static_cast<uint16_t>(80 + i);
    real.weight = static_cast<uint32_t>(random() % 3);
    real.state = static_cast<RealState>(random() % 3);
    real.id = RealId(index * kRealsPerService + i, static_cast<uint32_t>(random() % 3));
    real.return_flow_id = 10'000 + real.address.v4().value.host() % 256 * 8 + i;
    real.resolved = random() % 2 == 0;
  }
  return service;
}

// In place of a service of one port: several ports, of an address that others have too, or of one
// of a few prefixes within each other.
void widen(ServiceSpec& service, std::mt19937& random) {
  service.flow_id = kWideFlowId + service.index;
  service.extent.port_last = static_cast<uint16_t>(service.port + 1 + random() % 400);
  if (random() % 2 == 0) {
    service.extent.prefix_length = static_cast<uint8_t>(24 + random() % 8);
    service.vip = masked(Ipv4Address{Be32(0x0b010000 + static_cast<uint32_t>(random() % 1024))},
                         service.extent.prefix_length);
  }
  for (RealSpec& real : service.reals) {
    if (random() % 2 == 0) continue;
    real.port = 0;
    real.return_flow_id = kWideFlowId + 10'000 + real.address.v4().value.host() % 256;
  }
}

// What a packet to each of some addresses and ports finds when no service is its very own.
std::vector<uint32_t> wide_services(const Snapshot& snapshot) {
  std::vector<uint32_t> found;
  for (uint32_t i = 0; i < 1024; i += 7) {
    for (const uint32_t base : {0x0b000000u, 0x0b010000u}) {
      const Ipv4Address address{Be32(base + i)};
      for (uint16_t port = 900; port < 2000; port = static_cast<uint16_t>(port + 97)) {
        found.push_back(snapshot.v4.wide.service(address, Be16(port), 6));
      }
      found.push_back(snapshot.v4.find(address) != nullptr ? 1 : 0);
    }
  }
  return found;
}

SnapshotSpec spec_of(const std::map<uint32_t, ServiceSpec>& services) {
  SnapshotSpec spec;
  static_cast<SnapshotFrame&>(spec) = frame();
  for (const auto& [index, service] : services) spec.services.push_back(service);
  spec.service_slots = kServices;
  spec.real_slots = kServices * kRealsPerService;
  return spec;
}

std::map<std::string, uint32_t> return_ids(const Snapshot& snapshot) {
  std::map<std::string, uint32_t> ids;
  snapshot.v4.nat_reals.for_each([&](const auto& endpoint, uint32_t id) {
    ids[endpoint_to_string(endpoint.address, endpoint.port.host())] = id;
  });
  return ids;
}

TEST(SnapshotUpdate, AnyRowOfUpdatesMakesWhatABuildOfTheWholeMakes) {
  std::mt19937 random(11);
  std::map<uint32_t, ServiceSpec> services;
  SnapshotBuilder builder;
  builder.set_frame(frame());
  for (int round = 0; round < 60; ++round) {
    SnapshotUpdate update;
    update.service_slots = kServices;
    update.real_slots = kServices * kRealsPerService;
    std::set<uint32_t> touched;
    for (uint32_t i = 0; i < random() % 60; ++i)
      touched.insert(static_cast<uint32_t>(random() % kServices));
    for (const uint32_t index : touched) {
      if (services.contains(index) && random() % 3 == 0) {
        services.erase(index);
        update.removed.push_back(index);
      } else {
        services[index] = random_service(index, random);
        if (random() % 4 == 0) widen(services[index], random);
        update.changed.push_back(services[index]);
      }
    }
    const auto updated = builder.update(std::move(update));
    const auto whole = SnapshotBuilder().build(spec_of(services));
    ASSERT_EQ(forwarding_lines(*updated, kAllStates), forwarding_lines(*whole, kAllStates))
        << "round " << round;
    ASSERT_EQ(return_ids(*updated), return_ids(*whole));
    ASSERT_EQ(wide_services(*updated), wide_services(*whole)) << "round " << round;
    ASSERT_EQ(updated->v4.wide_nat_reals.size(), whole->v4.wide_nat_reals.size());
    ASSERT_EQ(updated->v4.addresses.size(), whole->v4.addresses.size());
    ASSERT_EQ(updated->v4.more.size(), whole->v4.more.size());
    for (size_t page = 0; page < whole->real_pages.size(); ++page) {
      ASSERT_EQ(updated->real_pages[page]->entries, whole->real_pages[page]->entries);
    }
  }
}

struct LargeTest : testing::Test {
  void SetUp() override {
    std::mt19937 random(3);
    for (uint32_t i = 0; i < kServices; ++i) {
      ServiceSpec& service = services[i] = random_service(i, random);
      service.mode = Mode::kFullnat;
      for (RealSpec& real : service.reals) {
        real.state = RealState::kUp;
        real.weight = 1;
        real.address = Ipv4Address{Be32(0x0a010000 + real.id.index())};
        real.return_flow_id = 0;
      }
    }
    first = builder.build(spec_of(services));
  }
  std::shared_ptr<const Snapshot> update(std::vector<uint32_t> changed,
                                         std::vector<uint32_t> removed = {}) {
    SnapshotUpdate update{.generation = 2,
                          .dns = nullptr,
                          .changed = {},
                          .removed = std::move(removed),
                          .service_slots = kServices,
                          .real_slots = kServices * kRealsPerService};
    for (const uint32_t index : changed) update.changed.push_back(services[index]);
    return builder.update(std::move(update));
  }

  std::map<uint32_t, ServiceSpec> services;
  SnapshotBuilder builder;
  std::shared_ptr<const Snapshot> first;
};

TEST_F(LargeTest, AChangeOfOneRealBuildsOneRingAndTwoPagesAndSharesTheAddressTables) {
  services[300].reals[0].weight = 3;
  const auto second = update({300});
  EXPECT_EQ(builder.stats().rings_built, 1u);
  EXPECT_EQ(builder.stats().service_pages_built, 1u);
  EXPECT_EQ(builder.stats().real_pages_built, 1u);
  EXPECT_EQ(builder.stats().service_pages_shared, 2u);
  EXPECT_TRUE(second->v4.addresses.shares_with(first->v4.addresses));
  EXPECT_TRUE(second->v4.more.shares_with(first->v4.more));
  EXPECT_TRUE(second->v4.nat_reals.shares_with(first->v4.nat_reals));
}

TEST_F(LargeTest, AnUpdateThatSaysWhatIsKnownSharesEverything) {
  const auto second = update({5, 300});
  EXPECT_EQ(builder.stats().rings_built, 0u);
  EXPECT_EQ(second->service_pages, first->service_pages);
  EXPECT_EQ(second->real_pages, first->real_pages);
  EXPECT_TRUE(second->v4.addresses.shares_with(first->v4.addresses));
}

TEST_F(LargeTest, AServiceThatWentLeavesNoTraceAndTheSnapshotBeforeKeepsIt) {
  const auto second = update({}, {301});
  EXPECT_EQ(second->service(301).index, kNone);
  EXPECT_EQ(second->v4.addresses.find(services[301].vip.v4()), nullptr);
  for (const RealSpec& real : services[301].reals) EXPECT_EQ(second->real(real.id), nullptr);
  EXPECT_EQ(first->service(301).index, 301u);
  EXPECT_NE(first->v4.addresses.find(services[301].vip.v4()), nullptr);
}

TEST_F(LargeTest, ANewFrameReachesEveryReal) {
  SnapshotFrame moved = frame();
  moved.ports[0].mac = MacAddress{{2, 0, 0, 0, 0, 77}};
  moved.dns_listen = {*parse_ip_address("10.0.0.54")};
  builder.set_frame(moved);
  const auto second = update({});
  for (const auto& [index, service] : services) {
    for (const RealSpec& real : service.reals) {
      ASSERT_EQ(second->real(real.id)->port_mac, moved.ports[0].mac);
    }
  }
  EXPECT_EQ(second->v4.addresses.find(parse_ip_address("10.0.0.53")->v4()), nullptr);
  EXPECT_NE(second->v4.addresses.find(parse_ip_address("10.0.0.54")->v4()), nullptr);
}

TEST(SnapshotUpdate, TellsByWhatTheOwnersOfNatFlowsAreFound) {
  SnapshotBuilder builder;
  builder.set_frame(frame());
  const auto with = [](uint32_t index, uint16_t affinity_s, uint32_t return_id) {
    ServiceSpec service;
    service.index = index;
    service.flow_id = index + 1;
    service.vip = Ipv4Address{Be32(0x0b000000 + index)};
    service.port = 80;
    service.mode = return_id == 0 ? Mode::kL2dsr : Mode::kNat;
    service.admission.affinity_s = affinity_s;
    RealSpec real;
    real.address = Ipv4Address{Be32(0x0a000000 + index)};
    real.port = 80;
    real.id = RealId(index, 1);
    real.return_flow_id = return_id;
    service.reals = {real};
    return service;
  };
  const auto update = [&](std::vector<ServiceSpec> changed, std::vector<uint32_t> removed) {
    return builder
        .update({.generation = 1,
                 .dns = nullptr,
                 .changed = std::move(changed),
                 .removed = std::move(removed),
                 .service_slots = 8,
                 .real_slots = 8})
        ->nat_return_owner;
  };
  EXPECT_EQ(update({with(0, 0, 100), with(1, 9, 0)}, {}), NatReturnOwner::kClientPort);
  EXPECT_EQ(update({with(2, 9, 102)}, {}), NatReturnOwner::kEither);
  EXPECT_EQ(update({with(0, 9, 100)}, {}), NatReturnOwner::kClient);
  EXPECT_EQ(update({with(2, 0, 102)}, {}), NatReturnOwner::kEither);
  EXPECT_EQ(update({}, {2}), NatReturnOwner::kClient);
  EXPECT_EQ(update({}, {0}), NatReturnOwner::kClientPort);
}

}  // namespace
}  // namespace vipgate::snapshot_update_test
