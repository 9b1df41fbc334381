#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "tests/dataplane/store_under_test.h"

namespace vipgate::test::flow_store_test {
namespace {

template <class Address>
class FlowStoreOf : public testing::Test {};
TYPED_TEST_SUITE(FlowStoreOf, Families, FamilyName);

TYPED_TEST(FlowStoreOf, CreatedFlowIsFoundFromBothSidesUntilItIsReleased) {
  StoreUnderTest<TypeParam> t(100);
  for (const Mode mode : {Mode::kFullnat, Mode::kNat}) {
    const auto& service = t.service(mode, Protocol::kTcp);
    auto* record = t.create(service, 1, 1000, 1);
    ASSERT_NE(record, nullptr);
    EXPECT_EQ(record->state, FlowState::kEmbryonic);
    EXPECT_EQ(record->real_id, service.reals[1]);
    EXPECT_EQ(t.find(t.key(service, 1, 1000)), record);
    t.check_invariant();
    t.store.release(*record);
    EXPECT_EQ(t.find(t.key(service, 1, 1000)), nullptr);
    EXPECT_EQ(t.store.table().size(), 0u);
    EXPECT_EQ(record->state, FlowState::kFree);
  }
}

TYPED_TEST(FlowStoreOf, FlowWithoutARecordIsItsEntryUntilItIsReleasedOrExpires) {
  StoreUnderTest<TypeParam> t(100);
  t.store.advance(t.now);
  const RealId real(77, 3);
  ASSERT_TRUE(t.track(1, 1000, real));
  ASSERT_TRUE(t.track(2, 1000, real));
  auto* entry = t.find_bare(1, 1000);
  ASSERT_NE(entry, nullptr);
  EXPECT_TRUE(entry->names_real());
  EXPECT_EQ(entry->real(), real);
  EXPECT_EQ(entry->state, FlowState::kEmbryonic);
  EXPECT_EQ(t.count(Event::kFlowsCreated), 2u);
  t.check_invariant();
  t.store.release(*entry);
  EXPECT_EQ(t.find_bare(1, 1000), nullptr);
  t.pass_seconds(9);
  EXPECT_NE(t.find_bare(2, 1000), nullptr);
  t.pass_seconds(2 + kSweepSeconds);
  EXPECT_EQ(t.store.table().size(), 0u);
  EXPECT_EQ(t.count(Event::kFlowsExpired), 1u);
  t.check_invariant();
}

TYPED_TEST(FlowStoreOf, RecordsOfNatAreUsedAgainAndNeverRunOutByLeaking) {
  StoreUnderTest<TypeParam> t(10);
  const auto& service = t.service(Mode::kNat, Protocol::kUdp);
  for (uint32_t round = 0; round < 1000; ++round) {
    auto* a = t.create(service, round, 1);
    auto* b = t.create(service, round, 2);
    ASSERT_NE(a, nullptr);
    ASSERT_NE(b, nullptr);
    t.store.release(*a);
    t.store.release(*b);
  }
  t.check_invariant();
}

// Packets of a burst are found before any of it is finished: a return may hold the record of a flow
// that an earlier packet has just ended, and looks its service up.
TYPED_TEST(FlowStoreOf, ARecordThatIsGivenBackStillNamesItsService) {
  StoreUnderTest<TypeParam> t(10);
  const auto& service = t.service(Mode::kNat, Protocol::kTcp);
  std::vector<decltype(t.create(service, 1, 1))> records;
  for (uint16_t i = 0; i < 3; ++i) {
    auto* record = t.create(service, 1, static_cast<uint16_t>(1000 + i));
    ASSERT_NE(record, nullptr);
    records.push_back(record);
  }
  for (auto* record : records) t.store.release(*record);
  for (const auto* record : records) {
    EXPECT_EQ(record->service, service.index);
    EXPECT_EQ(record->seen, 0);
  }
  for (uint16_t i = 3; i > 0; --i) EXPECT_EQ(t.create(service, 2, i), records[i - 1]);
}

TYPED_TEST(FlowStoreOf, ExhaustedSnatPortsAreTheReasonAndComeBackWithExpiry) {
  StoreUnderTest<TypeParam> t(1 << 18, 40);
  const auto& service = t.service(Mode::kFullnat, Protocol::kUdp);
  std::set<uint16_t> ports;
  for (uint16_t i = 0; i < 40; ++i) {
    auto* record = t.create(service, 1, static_cast<uint16_t>(i + 1));
    ASSERT_NE(record, nullptr) << i;
    // Answered flows are not given up for new ones.
    t.store.set_state(*record, FlowState::kReplied, record->deadline);
    ports.insert(record->source_port.host());
  }
  EXPECT_EQ(ports.size(), 40u);
  EXPECT_EQ(t.create(service, 1, 999), nullptr);
  EXPECT_EQ(t.reason, DropReason::kSnatExhausted);
  t.check_invariant();
  t.now = Now::from_ns(t.now.ns + 15'500'000'000);
  EXPECT_NE(t.create(service, 1, 999), nullptr) << "without a sweep";
  t.check_invariant();
}

TYPED_TEST(FlowStoreOf, SweepGivesBackWhatHasExpiredWithinItsPeriod) {
  for (const Mode mode : {Mode::kFullnat, Mode::kNat}) {
    StoreUnderTest<TypeParam> t(2000);
    const auto& service = t.service(mode, Protocol::kUdp);
    t.store.advance(t.now);
    uint32_t made = 0;
    for (uint16_t i = 1; i <= 1000; ++i) made += t.create(service, i, i) != nullptr;
    const size_t entries = t.store.table().size();
    t.pass_seconds(14.5);
    EXPECT_EQ(t.store.table().size(), entries);
    t.pass_seconds(1 + kSweepSeconds + 1);
    EXPECT_EQ(t.store.table().size(), 0u);
    EXPECT_EQ(t.count(Event::kFlowsExpired), made);
    t.check_invariant();
  }
}

TYPED_TEST(FlowStoreOf, ClockJumpsEndWhatIsOverAndKeepTheRest) {
  for (const double jump : {3.0, 20.0 * 60, 40.0 * 60, 5.0 * 3600, 4.6 * 3600, 30.0 * 3600}) {
    StoreUnderTest<TypeParam> t(100);
    t.store.advance(t.now);
    const auto& service = t.service(Mode::kNat, Protocol::kTcp);
    auto* brief = t.create(service, 1, 1);
    auto* lasting = t.create(service, 2, 2);
    t.store.set_state(*lasting, FlowState::kEstablished, deadline_after(t.now.quarter, 14'400));
    (void)brief;
    t.now = Now::from_ns(t.now.ns + static_cast<uint64_t>(jump * 1e9));
    t.store.advance(t.now);
    t.pass_seconds(31);
    EXPECT_EQ(t.find(t.key(service, 1, 1)), nullptr) << jump;
    EXPECT_EQ(t.find(t.key(service, 2, 2)) != nullptr, jump < 3500) << jump;
    t.check_invariant();
  }
}

TYPED_TEST(FlowStoreOf, ClockThatGoesBackDoesNothing) {
  StoreUnderTest<TypeParam> t(100);
  t.store.advance(t.now);
  t.create(t.service(Mode::kNat, Protocol::kUdp), 1, 1);
  t.now = Now::from_ns(t.now.ns - 1'000'000'000);
  t.store.advance(t.now);
  EXPECT_EQ(t.store.table().size(), 2u);
}

TYPED_TEST(FlowStoreOf, NewFlowTakesTheReturnTupleOfOneThatIsClosing) {
  StoreUnderTest<TypeParam> t(100);
  const auto& service = t.service(Mode::kNat, Protocol::kTcp);
  ServiceEntry twin = service;
  twin.flow_id = 3000;
  auto* first = t.create(service, 1, 1);
  EXPECT_EQ(t.create(twin, 1, 1), nullptr);
  EXPECT_EQ(t.reason, DropReason::kNatTupleTaken);
  t.check_invariant();
  t.store.set_state(*first, FlowState::kClosing, first->deadline);
  auto* second = t.create(twin, 1, 1);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(t.find(t.key(service, 1, 1)), nullptr);
  t.check_invariant();
}

// A tiny, overfull store.
TYPED_TEST(FlowStoreOf, HoldsTogetherAndKeepsAnsweredFlowsWhateverIsCreatedReleasedOrExpires) {
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    StoreUnderTest<TypeParam> t(30 * seed, 20 * seed);
    std::mt19937 random(seed);
    const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
    for (int step = 0; step < 20'000; ++step) {
      const Mode mode = below(2) == 0 ? Mode::kNat : Mode::kFullnat;
      const auto& service = t.service(mode, below(2) == 0 ? Protocol::kTcp : Protocol::kUdp);
      const uint32_t client = below(20);
      const auto port = static_cast<uint16_t>(1 + below(20));
      // Of answered flows that live on, none may go.
      std::vector<typename StoreUnderTest<TypeParam>::Key> answered;
      const auto note_answered = [&] {
        for (uint32_t i = 0; i < t.parts.records.size(); ++i) {
          const auto& r = t.store.record(i);
          if (r.state >= FlowState::kReplied && !has_passed(r.deadline, t.now.quarter)) {
            answered.push_back(
                StoreUnderTest<TypeParam>::Key::of(r.client, r.client_port, r.flow_id));
          }
        }
        t.for_each_bare([&](auto& e) {
          if (e.state >= FlowState::kReplied && !has_passed(e.deadline, t.now.quarter)) {
            answered.push_back(e.key);
          }
        });
      };
      const auto check_answered = [&] {
        for (const auto& key : answered) {
          ASSERT_NE(t.store.table().find(key, t.store.table().hash(key)), nullptr)
              << "step " << step;
        }
      };
      if (below(3) == 0) {
        auto* entry = t.find_bare(client, port);
        if (entry == nullptr) {
          note_answered();
          const RealId real(below(1000), below(100));
          if (t.track(client, port, real)) {
            ASSERT_NE(t.find_bare(client, port), nullptr);
            ASSERT_EQ(t.find_bare(client, port)->real(), real);
          }
          check_answered();
        } else if (below(4) == 0) {
          t.store.release(*entry);
        } else {
          entry->state = below(3) == 0 ? FlowState::kClosing : FlowState::kEstablished;
          entry->deadline = deadline_after(t.now.quarter, 14'400);
        }
        continue;
      }
      auto* record = t.find(t.key(service, client, port));
      if (record != nullptr) {
        ASSERT_EQ(record->service, service.index);
        ASSERT_TRUE(record->client == client_address<TypeParam>(client));
        ASSERT_EQ(record->client_port, Be16(port));
        switch (below(4)) {
          case 0:
            t.store.release(*record);
            break;
          case 1: {
            const bool tcp = service.protocol == Protocol::kTcp;
            const FlowState states[] = {FlowState::kClosing,
                                        tcp ? FlowState::kEstablished : FlowState::kReplied};
            const FlowState state = states[tcp ? below(2) : 1];
            t.store.set_state(
                *record, state,
                deadline_after(t.now.quarter, service.timeouts[static_cast<size_t>(state)]));
            break;
          }
          default:
            break;
        }
      } else {
        note_answered();
        auto* made = t.create(service, client, port, below(3));
        if (made != nullptr) {
          ASSERT_EQ(t.find(t.key(service, client, port)), made);
        }
        check_answered();
      }
      if (below(10) == 0) {
        const uint64_t step_ns = below(200) == 0 ? 3'000'000'000'000 : 500'000'000;
        t.now = Now::from_ns(t.now.ns + step_ns);
        t.store.advance(t.now);
      }
      if (step % 50 == 0) t.check_invariant();
      if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed << " step " << step;
    }
  }
}

}  // namespace
}  // namespace vipgate::test::flow_store_test
