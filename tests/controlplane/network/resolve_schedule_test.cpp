#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "controlplane/network/neighbor_keeper.h"

namespace vipgate::resolve_schedule_test {
namespace {

NextHop hop(uint32_t number) { return {0, Ipv4Address{Be32(0x0a000000 + number)}}; }

std::set<NextHop> hops(uint32_t count) {
  std::set<NextHop> set;
  for (uint32_t i = 0; i < count; ++i) set.insert(hop(i));
  return set;
}

// Runs the schedule at each time that it asks for, as the control loop does, and notes the
// requests.
struct ResolveScheduleTest : testing::Test {
  Status resolve(const NextHop& next_hop) {
    asked[next_hop].push_back(now);
    ++in_round;
    if (is_refused(next_hop)) return Error{"cannot resolve " + to_string(next_hop.address)};
    return Done{};
  }
  void round() {
    in_round = 0;
    if (auto text = schedule.run(now, [this](const NextHop& n) { return resolve(n); })) {
      warnings.push_back({now, *text});
    }
    most_in_round = std::max(most_in_round, in_round);
  }
  void run_until(int64_t end) {
    for (; schedule.next_ms() <= end; round()) {
      now = std::max(now, schedule.next_ms());
      ASSERT_GE(now, last_round + ResolveSchedule::kRoundMs);
      last_round = now;
    }
    now = end;
  }

  ResolveSchedule schedule;
  int64_t now = 100'000;
  int64_t last_round = 0;
  size_t in_round = 0;
  size_t most_in_round = 0;
  std::function<bool(const NextHop&)> is_refused = [](const NextHop&) { return false; };
  std::map<NextHop, std::vector<int64_t>> asked;
  std::vector<std::pair<int64_t, std::string>> warnings;
};

TEST_F(ResolveScheduleTest, AnUnresolvedNextHopIsRetriedAtGrowingIntervals) {
  schedule.follow(hops(1));
  schedule.update(hops(1), now);
  run_until(200'000);
  std::vector<int64_t> after;
  for (const int64_t time : asked[hop(0)]) after.push_back((time - 100'000) / 1'000);
  EXPECT_EQ(after, (std::vector<int64_t>{0, 1, 3, 7, 15, 31, 61, 91}));
  EXPECT_TRUE(warnings.empty());
}

TEST_F(ResolveScheduleTest, ANextHopThatLosesItsAddressIsAskedForAtOnceAndOftenAgain) {
  schedule.follow(hops(1));
  schedule.update(hops(1), now);
  run_until(200'000);
  schedule.update({}, now);
  run_until(201'000);
  schedule.update(hops(1), now);
  asked.clear();
  run_until(204'000);
  EXPECT_EQ(asked[hop(0)], (std::vector<int64_t>{201'000, 202'000, 204'000}));
}

TEST_F(ResolveScheduleTest, AResolvedNextHopIsConfirmedEvery15SecondsOrSo) {
  schedule.follow(hops(1));
  schedule.update({}, now);
  run_until(400'000);
  const std::vector<int64_t>& times = asked[hop(0)];
  ASSERT_GE(times.size(), 300u / 18u);
  for (size_t i = 1; i < times.size(); ++i) {
    EXPECT_GE(times[i] - times[i - 1], 12'000);
    EXPECT_LE(times[i] - times[i - 1], 18'000);
  }
}

TEST_F(ResolveScheduleTest, ARoundIsBoundedAndTheRestFollowsInFurtherRounds) {
  schedule.follow(hops(1'000));
  schedule.update(hops(1'000), now);
  run_until(100'999);
  EXPECT_EQ(asked.size(), 1'000u);
  EXPECT_EQ(most_in_round, ResolveSchedule::kMaxPerRound);
}

TEST_F(ResolveScheduleTest, WhatIsNoLongerFollowedIsNotAskedFor) {
  schedule.follow(hops(2));
  schedule.update(hops(2), now);
  run_until(100'000);
  schedule.follow({hop(1)});
  asked.clear();
  run_until(200'000);
  EXPECT_EQ(asked.size(), 1u);
  EXPECT_TRUE(asked.contains(hop(1)));
  schedule.follow({});
  EXPECT_EQ(schedule.next_ms(), INT64_MAX);
}

TEST_F(ResolveScheduleTest, AFullTableCostsOneWarningAMinuteAndFewRequests) {
  is_refused = [](const NextHop&) { return true; };
  schedule.follow(hops(3'000));
  schedule.update(hops(3'000), now);
  run_until(100'000 + 179'000);
  EXPECT_EQ(most_in_round, ResolveSchedule::kMaxRefusals);
  ASSERT_EQ(warnings.size(), 3u);
  EXPECT_EQ(warnings[0].first, 100'000);
  EXPECT_EQ(warnings[0].second,
            "neighbours: the kernel refused 16 of 16 requests, and 3000 next hops have no "
            "link-layer address; for example cannot resolve 10.0.0.0");
  for (size_t i = 1; i < warnings.size(); ++i) {
    EXPECT_GE(warnings[i].first - warnings[i - 1].first, 60'000);
  }
}

TEST_F(ResolveScheduleTest, RefusalsOfAnotherFamilyAreWarnedOfAtOnceAndDelayNobodyElse) {
  is_refused = [](const NextHop& n) { return n.address.is_v4(); };
  const NextHop six{0, *parse_ip_address("fd09::1")};
  std::set<NextHop> both = hops(100);
  both.insert(six);
  schedule.follow(both);
  schedule.update(both, now);
  run_until(101'000);
  EXPECT_EQ(asked[six].size(), 2u);
  EXPECT_EQ(warnings.size(), 1u);
  is_refused = [](const NextHop&) { return true; };
  run_until(104'000);
  EXPECT_EQ(warnings.size(), 2u);
}

TEST_F(ResolveScheduleTest, WhenTheTableHasRoomAgainAllAreAskedForWithinHalfAMinute) {
  is_refused = [](const NextHop&) { return true; };
  schedule.follow(hops(3'000));
  schedule.update(hops(3'000), now);
  run_until(300'000);
  is_refused = [](const NextHop&) { return false; };
  asked.clear();
  run_until(331'000);
  EXPECT_EQ(asked.size(), 3'000u);
}

}  // namespace
}  // namespace vipgate::resolve_schedule_test
