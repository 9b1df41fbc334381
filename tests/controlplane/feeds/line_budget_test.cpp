#include "controlplane/feeds/line_budget.h"

#include <gtest/gtest.h>

namespace vipgate::line_budget_test {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

TEST(LineBudget, ThousandsThatComeOneByOneMakeAFewLinesAWindowAndANumber) {
  LineBudget budget(10, 1000);
  size_t lines = 0;
  size_t told = 0;
  for (int64_t now_ms = 500; now_ms < 5'500; ++now_ms) {  // one each millisecond, for five seconds
    told += budget.take_kept_back(now_ms);
    lines += budget.allows(now_ms) ? 1 : 0;
  }
  EXPECT_EQ(lines, 50u);
  EXPECT_EQ(budget.due_ms(), 5'500);
  EXPECT_EQ(budget.take_kept_back(5'499), 0u);
  told += budget.take_kept_back(5'500);
  EXPECT_EQ(lines + told, 5'000u);
  EXPECT_EQ(budget.due_ms(), kNever);
  EXPECT_EQ(budget.take_kept_back(9'999), 0u);
}

TEST(LineBudget, WhatComesSeldomIsWrittenWholly) {
  LineBudget budget(1, 1000);
  for (int64_t now_ms = 0; now_ms < 100'000; now_ms += 1000) EXPECT_TRUE(budget.allows(now_ms));
  EXPECT_EQ(budget.due_ms(), kNever);
}

}  // namespace
}  // namespace vipgate::line_budget_test
