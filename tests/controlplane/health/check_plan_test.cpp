// When checks begin and end, by a clock that only the test moves.
#include "controlplane/health/check_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <vector>

namespace vipgate::check_plan_test {
namespace {

using Kind = CheckPlan::Due::Kind;

constexpr CheckTiming kTiming{.interval_ms = 5000, .timeout_ms = 1000, .thresholds = {2, 3}};

// Runs a plan whose checks have outcomes and durations that the test says.
class PlanRunner {
 public:
  struct Start {
    int64_t at_ms;
    uint32_t check;
  };
  // Nothing: it hangs until its time-out.
  using Outcome = std::function<std::optional<CheckOutcome>(uint32_t check, int64_t now_ms)>;

  explicit PlanRunner(uint64_t seed = 1, uint32_t max_in_flight = 2000)
      : plan(seed, max_in_flight) {}

  void run_until(int64_t end_ms, const Outcome& outcome) {
    for (;;) {
      const auto next_ms = plan.next_due_ms();
      if (!next_ms || *next_ms > end_ms) break;
      now_ms = std::max(now_ms, *next_ms);
      while (const auto due = plan.take_due(now_ms)) handle(*due, outcome);
      most_in_flight = std::max(most_in_flight, plan.in_flight());
    }
    now_ms = end_ms;
  }
  static std::optional<CheckOutcome> answers(uint32_t, int64_t) { return CheckOutcome::kAlive; }
  static std::optional<CheckOutcome> refuses(uint32_t, int64_t) { return CheckOutcome::kFailed; }
  static std::optional<CheckOutcome> hangs(uint32_t, int64_t) { return std::nullopt; }

  std::vector<int64_t> starts_of(uint32_t check) const {
    std::vector<int64_t> times;
    for (const Start& start : starts) {
      if (start.check == check) times.push_back(start.at_ms);
    }
    return times;
  }

  CheckPlan plan;
  int64_t now_ms = 0;
  std::vector<Start> starts;
  std::vector<int64_t> timeouts;
  uint32_t most_in_flight = 0;

 private:
  void handle(const CheckPlan::Due& due, const Outcome& outcome) {
    if (due.kind == Kind::kTimeout) {
      timeouts.push_back(now_ms);
      plan.finish(due.check, CheckOutcome::kFailed, now_ms);
      return;
    }
    starts.push_back({now_ms, due.check});
    if (const auto result = outcome(due.check, now_ms)) plan.finish(due.check, *result, now_ms);
  }
};

TEST(CheckPlan, ChecksEachTargetOncePerIntervalGiveOrTakeATenth) {
  PlanRunner runner;
  const uint32_t check = runner.plan.add(kTiming, 42, 0);
  runner.run_until(500'000, PlanRunner::answers);
  const auto times = runner.starts_of(check);
  EXPECT_NEAR(static_cast<double>(times.size()), 100, 3);
  EXPECT_LE(times.front(), 5000);
  std::set<int64_t> gaps;
  for (size_t i = 1; i < times.size(); ++i) {
    EXPECT_GE(times[i] - times[i - 1], 4500 - kCheckTickMs);
    EXPECT_LE(times[i] - times[i - 1], 5500 + kCheckTickMs);
    gaps.insert(times[i] - times[i - 1]);
  }
  EXPECT_GT(gaps.size(), 30u) << "each round has its own jitter";
}

TEST(CheckPlan, SpreadsTenThousandTargetsEvenlyOverTheInterval) {
  PlanRunner runner;
  constexpr uint32_t kTargets = 10'000;
  for (uint32_t i = 0; i < kTargets; ++i) runner.plan.add(kTiming, i, 0);
  runner.run_until(60'000, PlanRunner::answers);
  std::map<int64_t, int> per_100_ms;
  for (const auto& start : runner.starts) ++per_100_ms[start.at_ms / 100];
  for (const auto& [when, count] : per_100_ms) {
    if (when == 600) continue;  // only its first moment lies within the run
    EXPECT_LT(count, 300) << "200 on average, at " << when * 100;
    EXPECT_GT(count, 100) << when * 100;
  }
  EXPECT_NEAR(static_cast<double>(runner.starts.size()), 12 * kTargets, kTargets * 0.1);
  std::map<uint32_t, int> per_check;
  for (const auto& start : runner.starts) ++per_check[start.check];
  EXPECT_EQ(per_check.size(), kTargets);
  for (const auto& [check, count] : per_check) EXPECT_NEAR(count, 12, 2) << check;
}

TEST(CheckPlan, RepeatsItselfForTheSameSeedAndDiffersForAnother) {
  const auto times = [](uint64_t seed) {
    PlanRunner runner(seed);
    for (uint32_t i = 0; i < 10; ++i) runner.plan.add(kTiming, i, 0);
    runner.run_until(30'000, PlanRunner::answers);
    std::vector<int64_t> all;
    for (const auto& start : runner.starts) all.push_back(start.at_ms);
    return all;
  };
  EXPECT_EQ(times(7), times(7));
  EXPECT_NE(times(7), times(8));
}

TEST(CheckPlan, EndsACheckThatHangsAfterItsTimeout) {
  PlanRunner runner;
  const uint32_t check = runner.plan.add(kTiming, 1, 0);
  runner.run_until(60'000, PlanRunner::hangs);
  const auto times = runner.starts_of(check);
  ASSERT_GE(runner.timeouts.size(), 3u);
  for (size_t i = 0; i < runner.timeouts.size(); ++i) {
    EXPECT_EQ(runner.timeouts[i], times[i] + 1000);
  }
  EXPECT_EQ(runner.plan.health(check), RealHealth::kDown);
}

TEST(CheckPlan, HasNoMoreChecksInFlightThanAllowedAndForgetsNone) {
  PlanRunner runner(1, 50);
  // 100 checks a second that take one each: twice what fits.
  for (uint32_t i = 0; i < 500; ++i) runner.plan.add(kTiming, i, 0);
  runner.run_until(100'000, PlanRunner::hangs);
  EXPECT_EQ(runner.most_in_flight, 50u);
  EXPECT_GT(runner.plan.waiting(), 0u);
  std::map<uint32_t, int> per_check;
  for (const auto& start : runner.starts) ++per_check[start.check];
  EXPECT_EQ(per_check.size(), 500u);
  for (const auto& [check, count] : per_check) EXPECT_GE(count, 8) << check;
}

TEST(CheckPlan, ChecksASuspectAtOnceAndAgainEverySecondUntilItIsDown) {
  PlanRunner runner;
  const uint32_t check = runner.plan.add(kTiming, 1, 0);
  runner.run_until(20'000, PlanRunner::answers);
  ASSERT_EQ(runner.plan.health(check), RealHealth::kUp);
  runner.starts.clear();
  runner.plan.suspect(check, 20'000);
  runner.run_until(22'000, PlanRunner::refuses);
  EXPECT_EQ(runner.starts_of(check), (std::vector<int64_t>{20'000, 21'000, 22'000}));
  EXPECT_EQ(runner.plan.health(check), RealHealth::kDown);
  runner.run_until(26'000, PlanRunner::refuses);
  EXPECT_EQ(runner.starts_of(check).size(), 3u) << "at its usual pace again";
}

TEST(CheckPlan, TakesOneAnswerOfASuspectForAnEndOfTheSuspicion) {
  PlanRunner runner;
  const uint32_t check = runner.plan.add(kTiming, 1, 0);
  runner.run_until(20'000, PlanRunner::answers);
  runner.starts.clear();
  runner.plan.suspect(check, 20'000);
  runner.run_until(24'000, PlanRunner::answers);
  EXPECT_EQ(runner.starts_of(check), (std::vector<int64_t>{20'000}));
}

TEST(CheckPlan, HeedsSuspicionsOfOneTargetOnlyEveryTwoSeconds) {
  PlanRunner runner;
  const uint32_t check = runner.plan.add(kTiming, 1, 0);
  runner.run_until(20'000, PlanRunner::answers);
  runner.starts.clear();
  for (int64_t at_ms = 20'000; at_ms < 23'900; at_ms += 100) {
    runner.now_ms = at_ms;
    runner.plan.suspect(check, at_ms);
    runner.run_until(at_ms, PlanRunner::answers);
  }
  EXPECT_EQ(runner.starts_of(check), (std::vector<int64_t>{20'000, 22'000}));
}

TEST(CheckPlan, PutsASuspectBeforeThoseThatWait) {
  CheckPlan plan(1, 1);
  for (uint32_t i = 0; i < 10; ++i) plan.add(kTiming, i, 0);
  const auto first = plan.take_due(5005);
  ASSERT_TRUE(first);
  EXPECT_FALSE(plan.take_due(5005)) << "only one may be in flight";
  EXPECT_EQ(plan.waiting(), 9u);
  const uint32_t suspect = (first->check + 5) % 10;
  plan.suspect(suspect, 5005);
  plan.finish(first->check, CheckOutcome::kAlive, 5005);
  const auto next = plan.take_due(5005);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->check, suspect);
  EXPECT_EQ(plan.waiting(), 8u) << "its former place is void";
}

TEST(CheckPlan, LearnsNothingFromChecksThatCouldNotBeMade) {
  PlanRunner runner;
  const uint32_t check = runner.plan.add(kTiming, 1, 0);
  runner.run_until(20'000, PlanRunner::answers);
  runner.run_until(100'000, [](uint32_t, int64_t) { return CheckOutcome::kNoVerdict; });
  EXPECT_EQ(runner.plan.health(check), RealHealth::kUp);
  // Neither does it break a run of failures.
  int turn = 0;
  runner.run_until(130'000, [&](uint32_t, int64_t) {
    return ++turn % 2 == 0 ? CheckOutcome::kNoVerdict : CheckOutcome::kFailed;
  });
  EXPECT_EQ(runner.plan.health(check), RealHealth::kDown);
}

TEST(CheckPlan, IgnoresWhatWasDueOfARemovedTarget) {
  CheckPlan plan(1, 1);
  const uint32_t flying = plan.add(kTiming, 1, 0);
  ASSERT_TRUE(plan.take_due(5005));
  const uint32_t waiting = plan.add(kTiming, 2, 0);
  EXPECT_FALSE(plan.take_due(5005));
  EXPECT_EQ(plan.waiting(), 1u);
  plan.remove(waiting);
  EXPECT_EQ(plan.waiting(), 0u);
  plan.remove(flying);
  EXPECT_EQ(plan.in_flight(), 0u);
  EXPECT_EQ(plan.size(), 0u);
  EXPECT_FALSE(plan.next_due_ms());
  EXPECT_FALSE(plan.take_due(1'000'000));
}

TEST(CheckPlan, GivesTheNumberOfARemovedTargetACleanStart) {
  PlanRunner runner;
  const uint32_t old = runner.plan.add(kTiming, 1, 0);
  runner.run_until(30'000, PlanRunner::refuses);
  ASSERT_EQ(runner.plan.health(old), RealHealth::kDown);
  runner.plan.remove(old);
  const uint32_t fresh = runner.plan.add(kTiming, 2, 30'000);
  EXPECT_EQ(fresh, old);
  EXPECT_EQ(runner.plan.health(fresh), RealHealth::kUnknown);
}

TEST(CheckPlan, SpreadsTheChecksAgainAfterItWasHeldUpForLong) {
  PlanRunner runner(1, 10'000);
  for (uint32_t i = 0; i < 1000; ++i) runner.plan.add(kTiming, i, 0);
  runner.run_until(10'000, PlanRunner::answers);
  runner.now_ms = 100'000;  // the process was stopped meanwhile
  runner.run_until(100'000, PlanRunner::answers);
  runner.starts.clear();
  runner.run_until(110'000, PlanRunner::answers);
  std::map<int64_t, int> per_500_ms;
  for (const auto& start : runner.starts) ++per_500_ms[start.at_ms / 500];
  for (const auto& [when, count] : per_500_ms) EXPECT_LT(count, 250) << when * 500;
}

}  // namespace
}  // namespace vipgate::check_plan_test
