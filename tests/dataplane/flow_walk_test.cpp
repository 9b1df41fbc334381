#include "dataplane/fastpath/flow_walk.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "dataplane/fastpath/flow_number.h"
#include "tests/dataplane/store_under_test.h"

namespace vipgate::test::flow_walk_test {
namespace {

// A walk over one store; the other family has none.
template <class Address>
struct WalkUnderTest {
  explicit WalkUnderTest(StoreUnderTest<Address>& of, size_t room = 10'000,
                         const FlowMatcher& matcher = {})
      : t(of), rows(room), walk(matcher, rows) {}

  bool step() {
    if constexpr (sizeof(Address) == 4) {
      return walk.step(t.store, other.store, t.now);
    } else {
      return walk.step(other.store, t.store, t.now);
    }
  }
  // How many steps it took.
  size_t run() {
    size_t steps = 1;
    while (step()) ++steps;
    return steps;
  }

  using Other = std::conditional_t<sizeof(Address) == 4, Ipv6Address, Ipv4Address>;
  StoreUnderTest<Address>& t;
  StoreUnderTest<Other> other{10};
  std::vector<FlowRow> rows;
  FlowWalk walk;
};

template <class Address>
class FlowWalkOf : public testing::Test {};
TYPED_TEST_SUITE(FlowWalkOf, Families, FamilyName);

TYPED_TEST(FlowWalkOf, TellsEachFlowOnceWithBothItsEndsItsRealAndItsState) {
  StoreUnderTest<TypeParam> t(1000);
  const auto& fullnat = t.service(Mode::kFullnat, Protocol::kTcp);
  const auto& nat = t.service(Mode::kNat, Protocol::kUdp);
  auto* first = t.create(fullnat, 1, 1000, 1);
  t.store.set_state(*first, FlowState::kEstablished, deadline_after(t.now.quarter, 400));
  t.create(nat, 2, 2000, 2);
  ASSERT_TRUE(t.track(3, 3000, RealId(77, 3)));

  WalkUnderTest<TypeParam> walk(t);
  walk.run();
  ASSERT_EQ(walk.walk.matched(), 3u);
  std::map<uint16_t, FlowRow> rows;
  for (const FlowRow& row : walk.walk.rows()) rows[row.client_port.host()] = row;
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[1000].client, IpAddress(client_address<TypeParam>(1)));
  EXPECT_EQ(rows[1000].state, FlowState::kEstablished);
  EXPECT_EQ(rows[1000].left, 400);
  EXPECT_EQ(rows[1000].real, fullnat.reals[1]);
  EXPECT_EQ(rows[1000].source, IpAddress(first->source));
  EXPECT_EQ(rows[1000].source_port, first->source_port);
  EXPECT_EQ(rows[1000].vip_port, fullnat.port);
  EXPECT_EQ(rows[2000].real, nat.reals[2]);
  EXPECT_EQ(rows[2000].source, rows[2000].client);
  EXPECT_EQ(rows[3000].real, RealId(77, 3));
  EXPECT_FALSE(rows[3000].has_record);
}

TYPED_TEST(FlowWalkOf, TakesOnlyWhatMatchesEveryPartOfTheFilter) {
  StoreUnderTest<TypeParam> t(1000);
  const auto& nat = t.service(Mode::kNat, Protocol::kTcp);
  const auto& fullnat = t.service(Mode::kFullnat, Protocol::kTcp);
  for (uint16_t i = 1; i <= 20; ++i) {
    t.create(nat, i, i, i % 3);
    t.create(fullnat, i, static_cast<uint16_t>(i + 100), i % 3);
  }
  const auto matched = [&](const FlowMatcher& matcher) {
    WalkUnderTest<TypeParam> walk(t, 100, matcher);
    walk.run();
    EXPECT_EQ(walk.walk.looked_at(), 40u);
    return walk.walk.matched();
  };
  EXPECT_EQ(matched({}), 40u);
  const IpAddress seventh(client_address<TypeParam>(7));
  FlowMatcher matcher;
  matcher.client = IpPrefix{seventh, seventh.bits()};
  EXPECT_EQ(matched(matcher), 2u);
  matcher.client_port = Be16(107);
  EXPECT_EQ(matched(matcher), 1u);

  const uint32_t number = flow_number(nat.flow_id, seventh.is_v4());
  std::vector<uint64_t> ids(number / 64 + 1), reals(nat.reals[1].index() / 64 + 1);
  ids[number / 64] |= uint64_t{1} << number % 64;
  reals[nat.reals[1].index() / 64] |= uint64_t{1} << nat.reals[1].index() % 64;
  FlowMatcher by_service;
  by_service.ids = NumberSet(ids);
  by_service.wide_ids = NumberSet();
  EXPECT_EQ(matched(by_service), 20u);
  FlowMatcher by_real;
  by_real.reals = NumberSet(reals);
  EXPECT_EQ(matched(by_real), 7u);
  by_real.ids = NumberSet();
  EXPECT_EQ(matched(by_real), 0u);
}

TYPED_TEST(FlowWalkOf, LooksAtFewBucketsInAStepAndCountsWhatHasNoRoom) {
  StoreUnderTest<TypeParam> t(2000);
  for (uint16_t i = 1; i <= 1000; ++i) ASSERT_TRUE(t.track(i, i, RealId(1, 1)));
  WalkUnderTest<TypeParam> walk(t, 10);
  const size_t steps = walk.run();
  EXPECT_GE(steps, t.parts.buckets.size() / kWalkBucketsPerLoop);
  EXPECT_EQ(walk.walk.rows().size(), 10u);
  EXPECT_EQ(walk.walk.matched(), 1000u);
}

TYPED_TEST(FlowWalkOf, FlowsThatStayAreToldThoughOthersComeAndGo) {
  StoreUnderTest<TypeParam> t(2000);
  // Few, so that no entry has to move.
  for (uint16_t i = 1; i <= 200; ++i) ASSERT_TRUE(t.track(i, i, RealId(1, 1)));
  WalkUnderTest<TypeParam> walk(t);
  uint16_t port = 10'000;
  while (walk.step()) {
    ASSERT_TRUE(t.track(5000, ++port, RealId(2, 1)));
    t.store.release(*t.find_bare(5000, port));
  }
  std::map<uint16_t, int> told;
  for (const FlowRow& row : walk.walk.rows()) ++told[row.client_port.host()];
  for (uint16_t i = 1; i <= 200; ++i) EXPECT_EQ(told[i], 1) << i;
}

TYPED_TEST(FlowWalkOf, FlowsThatAreOverAreNotTold) {
  StoreUnderTest<TypeParam> t(100);
  ASSERT_TRUE(t.track(1, 1, RealId(1, 1)));
  t.now = Now::from_ns(t.now.ns + 11'000'000'000);
  WalkUnderTest<TypeParam> walk(t);
  walk.run();
  EXPECT_EQ(walk.walk.matched(), 0u);
}

TYPED_TEST(FlowWalkOf, EndsWithTheNextStepWhenItIsStopped) {
  StoreUnderTest<TypeParam> t(10'000);
  ASSERT_TRUE(t.track(1, 1, RealId(1, 1)));
  WalkUnderTest<TypeParam> walk(t);
  EXPECT_TRUE(walk.step());
  walk.walk.stop();
  EXPECT_FALSE(walk.step());
  EXPECT_FALSE(walk.walk.is_whole());
}

}  // namespace
}  // namespace vipgate::test::flow_walk_test
