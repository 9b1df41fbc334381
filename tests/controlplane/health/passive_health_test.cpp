#include "controlplane/health/passive_health.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

namespace vipgate::passive_health_test {
namespace {

// What one second brought.
struct Second {
  uint64_t opened, answered, resets;
};

struct Row {
  std::string name;
  std::vector<Second> seconds;
  std::vector<size_t> suspect_at;  // seconds after which the real is suspect, from 0
};

std::vector<size_t> suspicions(const std::vector<Second>& seconds) {
  PassiveWatch watch;
  RealSignals signals{100, 90, 10};  // an index that other reals had before
  EXPECT_FALSE(watch.observe(signals, 50'000));
  std::vector<size_t> found;
  for (size_t i = 0; i < seconds.size(); ++i) {
    signals.opened += seconds[i].opened;
    signals.answered += seconds[i].answered;
    signals.resets += seconds[i].resets;
    if (watch.observe(signals, 51'000 + static_cast<int64_t>(i) * 1000)) found.push_back(i);
  }
  return found;
}

class PassiveRows : public testing::TestWithParam<Row> {};

TEST_P(PassiveRows, MakeARealSuspectWhereTheyShould) {
  EXPECT_EQ(suspicions(GetParam().seconds), GetParam().suspect_at);
}

INSTANTIATE_TEST_SUITE_P(
    Passive, PassiveRows,
    testing::Values(Row{"silence", {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}, {}},
                    Row{"all_is_well", {{50, 50, 0}, {50, 50, 1}, {50, 50, 0}}, {}},
                    Row{"syns_without_answer", {{5, 0, 0}, {0, 0, 0}, {0, 0, 0}}, {1}},
                    Row{"too_few_syns", {{4, 0, 0}, {4, 0, 0}, {4, 0, 0}}, {}},
                    Row{"answers_a_little_later", {{5, 0, 0}, {0, 5, 0}, {0, 0, 0}}, {}},
                    Row{"one_answer_among_many", {{50, 1, 0}, {0, 0, 0}}, {}},
                    Row{"stops_answering", {{9, 9, 0}, {9, 0, 0}, {9, 0, 0}}, {2}},
                    Row{"refuses", {{6, 0, 6}}, {0}},
                    Row{"refuses_slowly", {{2, 0, 2}, {3, 0, 3}}, {1}},
                    Row{"too_few_resets", {{2, 0, 2}, {2, 0, 2}, {2, 0, 2}}, {}},
                    Row{"crashes_with_its_connections", {{0, 0, 0}, {0, 0, 80}}, {1}},
                    Row{"resets_less_than_half", {{20, 20, 10}, {20, 20, 10}}, {}}),
    [](const auto& test) { return test.param.name; });

TEST(PassiveWatch, SuspectsAPersistentResetterLessAndLessOften) {
  const auto found = suspicions(std::vector<Second>(300, Second{10, 10, 10}));
  ASSERT_GE(found.size(), 7u);
  std::vector<size_t> gaps(found.size());
  std::adjacent_difference(found.begin(), found.end(), gaps.begin());
  EXPECT_EQ(std::vector(gaps.begin() + 1, gaps.begin() + 7),
            (std::vector<size_t>{2, 4, 8, 16, 32, 60}));
  EXPECT_EQ(gaps.back(), 60u);
}

TEST(PassiveWatch, BeginsAnewAfterALongPeace) {
  std::vector<Second> seconds(100, Second{10, 10, 10});
  seconds.insert(seconds.end(), 130, Second{10, 10, 0});
  seconds.insert(seconds.end(), 4, Second{10, 10, 10});
  const auto found = suspicions(seconds);
  ASSERT_GE(found.size(), 2u);
  EXPECT_EQ(found[found.size() - 2], 231u) << "when resets were more than half of two seconds";
  EXPECT_EQ(found.back(), 233u) << "two seconds of quiet again, not a minute";
}

TEST(PassiveWatch, TakesSamplesThatComeTooSoonAsNone) {
  PassiveWatch watch;
  EXPECT_FALSE(watch.observe({0, 0, 0}, 0));
  EXPECT_FALSE(watch.observe({9, 0, 9}, 999));
  EXPECT_TRUE(watch.observe({9, 0, 9}, 1000));
}

TEST(PassiveHealth, BeginsAnewForAnotherRealWithTheSameIndex) {
  PassiveHealth health;
  EXPECT_FALSE(health.observe(RealId(7, 1), {0, 0, 0}, 0));
  EXPECT_FALSE(health.observe(RealId(7, 2), {9, 0, 9}, 1000)) << "the other one's resets";
  EXPECT_FALSE(health.observe(RealId(7, 2), {9, 0, 9}, 2000));
  EXPECT_TRUE(health.observe(RealId(7, 2), {18, 0, 18}, 3000));
  EXPECT_EQ(health.suspicions(), 1u);
}

TEST(PassiveHealth, KeepsRealsApart) {
  PassiveHealth health;
  for (uint32_t i = 0; i < 3; ++i) EXPECT_FALSE(health.observe(RealId(i, 1), {0, 0, 0}, 0));
  EXPECT_FALSE(health.observe(RealId(0, 1), {9, 9, 0}, 1000));
  EXPECT_TRUE(health.observe(RealId(1, 1), {9, 0, 9}, 1000));
  EXPECT_FALSE(health.observe(RealId(2, 1), {0, 0, 0}, 1000));
}

}  // namespace
}  // namespace vipgate::passive_health_test
