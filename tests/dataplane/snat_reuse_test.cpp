// SNAT ports that are used towards several reals at once.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "tests/dataplane/store_under_test.h"

namespace vipgate::test::snat_reuse_test {
namespace {

template <class Address>
class SnatReuse : public testing::Test {
 protected:
  using Store = StoreUnderTest<Address>;
  using Record = NatRecord<Address>;

  static constexpr uint32_t kPool = sizeof(Address) == 4 ? 0 : 1;  // of net_spec()

  // As one that nobody gives up for another.
  static Record* answered(Store& t, const ServiceEntry& service, uint32_t client, uint16_t port,
                          uint32_t real) {
    Record* record = t.create(service, client, port, real);
    if (record == nullptr) return nullptr;
    const bool tcp = service.protocol == Protocol::kTcp;
    t.store.set_state(*record, tcp ? FlowState::kEstablished : FlowState::kReplied,
                      deadline_after(t.now.quarter, 14'400));
    return record;
  }
};
TYPED_TEST_SUITE(SnatReuse, Families, FamilyName);

TYPED_TEST(SnatReuse, OneAddressServesManyMoreFlowsThanItHasPorts) {
  constexpr uint32_t kFlows = 200'000, kReals = 8;
  using Store = StoreUnderTest<TypeParam>;
  SnapshotSpec spec = Store::make_spec(5000);
  auto& snat = spec.snat_addresses[this->kPool];
  snat.port_low = 1024;
  snat.port_high = 65'535;
  const ServiceCase kind{Mode::kFullnat, Store::kFamily, Protocol::kTcp};
  auto& reals = spec.services[kind.index()].reals;
  const RealSpec first = reals[0];
  reals.clear();
  for (uint32_t n = 0; n < kReals; ++n) {
    RealSpec real = first;
    real.id = RealId(200 + n, 1);
    real.port = static_cast<uint16_t>(8000 + n);
    reals.push_back(real);
  }
  Store t(2 * kFlows, std::move(spec));
  const ServiceEntry& service = t.snapshot->service(kind.index());

  std::set<SnatTuple> tuples;
  std::map<uint16_t, uint32_t> uses;
  std::vector<typename TestFixture::Record*> records;
  for (uint32_t i = 0; i < kFlows; ++i) {
    auto* record =
        this->answered(t, service, i / 1000, static_cast<uint16_t>(1 + i % 1000), i % kReals);
    ASSERT_NE(record, nullptr) << "flow " << i << ": " << to_string(t.reason);
    ASSERT_TRUE(tuples.insert(SnatTuple(*record)).second) << "flow " << i;
    ++uses[record->source_port.host()];
    records.push_back(record);
  }
  EXPECT_EQ(t.count(Event::kFlowsCreated), kFlows);
  EXPECT_EQ(t.count(Event::kFlowsEvictedEstablished), 0u);
  EXPECT_GT(uses.size(), 60'000u);
  for (const auto& [port, count] : uses) EXPECT_LE(count, kReals) << port;
  // Each is found by its answer, and by nobody else's: a record is one flow's.
  std::set<const void*> distinct;
  for (auto* record : records) {
    ASSERT_EQ(&t.return_record(*record), record);
    ASSERT_TRUE(distinct.insert(record).second);
  }
  for (auto* record : records) t.store.release(*record);
  EXPECT_EQ(t.store.table().size(), 0u);
  for (uint32_t i = 0; i < 1000; ++i) {
    ASSERT_NE(t.create(service, i, 1, i % kReals), nullptr) << "what was given back is used again";
  }
}

TYPED_TEST(SnatReuse, AllPortsAreThereForEachRealAndForEachProtocol) {
  constexpr uint16_t kPorts = 40;
  StoreUnderTest<TypeParam> t(1 << 18, kPorts);  // so that none of the few meet
  uint64_t refused = 0;
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
    const auto& service = t.service(Mode::kFullnat, protocol);
    for (uint32_t real = 0; real < 3; ++real) {
      std::set<uint16_t> ports;
      for (uint16_t i = 0; i < kPorts; ++i) {
        auto* record = this->answered(t, service, real, static_cast<uint16_t>(i + 1), real);
        ASSERT_NE(record, nullptr) << "real " << real << ", flow " << i;
        ports.insert(record->source_port.host());
      }
      EXPECT_EQ(ports.size(), kPorts);
      EXPECT_EQ(t.create(service, real, 999, real), nullptr);
      EXPECT_EQ(t.reason, DropReason::kSnatExhausted);
      EXPECT_EQ(t.memory.snat_exhausted()[this->kPool].value(), ++refused) << "of its pool";
      EXPECT_EQ(t.memory.snat_exhausted()[1 - this->kPool].value(), 0u);
    }
  }
  t.check_invariant();
}

TYPED_TEST(SnatReuse, WithoutRecordsItIsTheTableThatIsFullAndNotThePool) {
  StoreUnderTest<TypeParam> t(100);
  const auto& service = t.service(Mode::kFullnat, Protocol::kTcp);
  uint16_t made = 0;
  while (this->answered(t, service, 1, static_cast<uint16_t>(made + 1), made % 3) != nullptr) {
    ASSERT_LT(++made, 1000);
  }
  EXPECT_GE(made, 100) << "as many as limits.flows_per_worker promises";
  EXPECT_EQ(t.reason, DropReason::kFlowTableFull);
  EXPECT_EQ(t.memory.snat_exhausted()[this->kPool].value(), 0u);
  t.check_invariant();
}

// Two reals whose ports have many places in common would exhaust each other's.
TEST(SnatPlace, PortsOfNeighboursMeetLittleMoreOftenThanByChance) {
  constexpr uint32_t kRecords = 1'310'720, kPorts = 64'512;
  std::vector<std::vector<uint32_t>> places;
  for (uint32_t host = 1; host <= 32; ++host) {
    const uint32_t hash = snat_hash(Ipv4Address{Be32(0x0a010000 + host)},
                                    Ipv4Address{Be32(0x0a080001)}, kProtocolTcp);
    for (const uint16_t port : std::initializer_list<uint16_t>{80, 81, 8080}) {
      std::vector<uint32_t> of_real;
      for (uint32_t at = 0; at < kPorts; ++at) {
        const Be16 snat_port(static_cast<uint16_t>(1024 + at));
        of_real.push_back(snat_place(hash, snat_ports_word(Be16(port), snat_port), kRecords));
      }
      places.push_back(of_real);
    }
  }
  size_t fewest = kPorts, most_met = 0;
  for (size_t a = 0; a < places.size(); ++a) {
    std::vector<bool> taken(kRecords);
    for (const uint32_t place : places[a]) taken[place] = true;
    const auto is_taken = [&](uint32_t place) { return taken[place]; };
    fewest = std::min<size_t>(fewest, std::count(taken.begin(), taken.end(), true));
    for (size_t b = 0; b < a; ++b) {
      most_met =
          std::max<size_t>(most_met, std::count_if(places[b].begin(), places[b].end(), is_taken));
    }
  }
  // By chance: 97.6 and 4.8 %.
  EXPECT_GT(fewest, kPorts * 97 / 100) << "places that one real's ports have";
  EXPECT_LT(most_met, kPorts * 6 / 100);
}

}  // namespace
}  // namespace vipgate::test::snat_reuse_test
