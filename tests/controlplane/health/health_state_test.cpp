#include "controlplane/health/health_state.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vipgate::health_state_test {
namespace {

// '+' an answer, '-' a failure, one each second; the result is the health after each: '?', 'u',
// 'd'.
std::string run(HealthState& state, const std::string& checks, const HealthThresholds& thresholds,
                int64_t& now_ms) {
  std::string healths;
  for (const char check : checks) {
    now_ms += 1000;
    const RealHealth before = state.health();
    const bool has_changed = state.observe(check == '+', thresholds, now_ms);
    EXPECT_EQ(has_changed, before != state.health());
    healths += "?ud"[static_cast<size_t>(state.health())];
  }
  return healths;
}

struct Row {
  uint8_t rise, fall;
  std::string checks, healths;
};

TEST(HealthState, FollowsRunsOfEqualResults) {
  const std::vector<Row> rows = {
      {2, 3, "++", "?u"},
      {2, 3, "+-+-+-", "??????"},
      {2, 3, "---", "??d"},
      {2, 3, "--+---", "?????d"},
      {2, 3, "++--+--+", "?uuuuuuu"},
      {2, 3, "++---", "?uuud"},
      {2, 3, "++---+++", "?uuudduu"},
      {2, 3, "++---+-+-++",
       "?uuudddddd"
       "u"},
      {1, 1, "+-+", "udu"},
      {1, 1, "-+-", "dud"},
      {3, 1, "+++-++", "??uddd"},
      {0, 0, "+-", "ud"},  // as one
      {255, 255, std::string(254, '-'), std::string(254, '?')},
  };
  for (const Row& row : rows) {
    HealthState state;
    int64_t now_ms = 0;
    EXPECT_EQ(run(state, row.checks, {row.rise, row.fall}, now_ms), row.healths) << row.checks;
  }
}

constexpr HealthThresholds kThresholds{2, 3};

// Up, then down once; returns the answers in a row that it takes to come back.
uint32_t fall_and_rise(HealthState& state, int64_t& now_ms) {
  run(state, "---", kThresholds, now_ms);
  EXPECT_EQ(state.health(), RealHealth::kDown);
  uint32_t answers = 0;
  while (state.health() == RealHealth::kDown) {
    run(state, "+", kThresholds, now_ms);
    ++answers;
  }
  return answers;
}

TEST(HealthState, MakesARealThatFlapsAnswerLongerEachTimeUpToALimit) {
  HealthState state;
  int64_t now_ms = 0;
  run(state, "++", kThresholds, now_ms);
  std::vector<uint32_t> answers;
  for (int i = 0; i < 8; ++i) answers.push_back(fall_and_rise(state, now_ms));
  EXPECT_EQ(answers, (std::vector<uint32_t>{2, 2, 4, 8, 16, 16, 16, 16}));
}

TEST(HealthState, DoesNotTakeSlowChangesForFlapping) {
  HealthState state;
  int64_t now_ms = 0;
  run(state, "++", kThresholds, now_ms);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(fall_and_rise(state, now_ms), 2u);
    now_ms += kFlapWindowMs / 2;
  }
}

TEST(HealthState, ForgivesARealThatWasSteadyForTheWholeWindow) {
  HealthState state;
  int64_t now_ms = 0;
  run(state, "++", kThresholds, now_ms);
  for (int i = 0; i < 6; ++i) fall_and_rise(state, now_ms);
  EXPECT_EQ(state.rise_needed(kThresholds), 16u);
  now_ms += kFlapWindowMs;
  EXPECT_EQ(fall_and_rise(state, now_ms), 2u);
}

TEST(HealthState, DoesNotCountTheFirstVerdictAsAFlap) {
  HealthState state;
  int64_t now_ms = 0;
  run(state, "---++", kThresholds, now_ms);
  EXPECT_EQ(fall_and_rise(state, now_ms), 2u);
  EXPECT_EQ(fall_and_rise(state, now_ms), 2u);
  EXPECT_EQ(fall_and_rise(state, now_ms), 4u);
}

}  // namespace
}  // namespace vipgate::health_state_test
