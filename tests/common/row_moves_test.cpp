#include "common/row_moves.h"

#include <gtest/gtest.h>

#include <random>

#include "common/maglev.h"

namespace vipgate::row_moves_test {
namespace {

using Ring = std::shared_ptr<const ServiceRing>;

Ring ring(MaglevRows rows, RingReals reals) {
  ServiceRing made;
  made.rows = std::make_shared<const MaglevRows>(std::move(rows));
  made.reals = std::move(reals);
  return std::make_shared<const ServiceRing>(std::move(made));
}
RealId id(uint32_t index, uint32_t generation = 0) { return {index, generation}; }
RealId at(const ServiceRing& ring, size_t row) { return ring.reals[(*ring.rows)[row]]; }

TEST(RowMoves, ARowKeepsTheRealThatItHadBeforeItLastMoved) {
  const Ring first = ring({0, 1, 0, 1}, {id(1), id(2)});
  const Ring second = ring({1, 1, 0, 0}, {id(2), id(3)});
  const Ring third = ring({0, 1, 0, 1}, {id(2), id(3)});
  const std::vector<RealId> all = {id(1), id(2), id(3)};
  // Rows: 1→3→2, 2→3→3, 1→2→2, 2→2→3.
  const Ring previous = join_previous(first, second, *third, all);
  EXPECT_EQ(at(*previous, 0), id(3));
  EXPECT_EQ(at(*previous, 1), id(2));
  EXPECT_EQ(at(*previous, 2), id(1));
  EXPECT_EQ(at(*previous, 3), id(2));
}

TEST(RowMoves, ARealThatIsGoneLeavesTheRowAsItIs) {
  const Ring first = ring({0, 1}, {id(1), id(2)});
  const Ring second = ring({0, 1}, {id(3), id(2)});
  const Ring third = ring({0, 1}, {id(3), id(4)});
  const Ring previous = join_previous(first, second, *third, std::vector<RealId>{id(3), id(4)});
  EXPECT_EQ(at(*previous, 0), id(3));
  EXPECT_EQ(at(*previous, 1), id(2)) << "the last change itself is always remembered";
  EXPECT_EQ(previous->reals.size(), 2u);
}

TEST(RowMoves, AnotherGenerationIsAnotherReal) {
  const Ring first = ring({0}, {id(1, 1)});
  const Ring second = ring({0}, {id(1, 2)});
  const Ring third = ring({0}, {id(1, 2)});
  const Ring previous =
      join_previous(first, second, *third, std::vector<RealId>{id(1, 1), id(1, 2)});
  EXPECT_EQ(at(*previous, 0), id(1, 1));
}

TEST(RowMoves, OnlyTheLastRowsCountWhenTheirNumberChanges) {
  const Ring small = ring({0, 0}, {id(1)});
  const Ring large = ring({0, 0, 0}, {id(2)});
  EXPECT_EQ(join_previous(small, large, *large, std::vector<RealId>{id(1), id(2)}), large);
  EXPECT_EQ(join_previous(large, small, *large, std::vector<RealId>{id(1), id(2)}), small);
}

TEST(RowMoves, MovedRowsAreThoseWithAnotherReal) {
  const Ring now = ring({0, 1, 0, 1}, {id(1), id(2)});
  const Ring other = ring({1, 0, 1, 2}, {id(2), id(1), RealId{}});
  RowBits bits(1);
  mark_moves(*now, *other, bits);
  EXPECT_EQ(bits[0], 0b1000u);
  mark_moves(*now, *ring({0, 1, 1, 1}, now->reals), bits);
  EXPECT_EQ(bits[0], 0b1100u) << "marks stay";
  mark_moves(*now, *ring({0, 1, 0}, now->reals), bits);
  EXPECT_EQ(bits[0], ~uint64_t{0}) << "another number of rows moves every flow";
}

// Against the history itself, row by row.
TEST(RowMoves, AnyRowOfChangesIsRemembered) {
  std::mt19937 random(5);
  constexpr size_t kRows = 97;
  constexpr uint32_t kReals = 6;
  for (int round = 0; round < 50; ++round) {
    RingReals all;
    for (uint32_t i = 0; i < kReals; ++i) all.push_back(id(i, 3));
    std::vector<Ring> history;
    Ring previous;
    for (int change = 0; change < 12; ++change) {
      RingReals reals = all;
      std::shuffle(reals.begin(), reals.end(), random);
      reals.resize(1 + random() % kReals);
      MaglevRows rows(kRows);
      for (size_t row = 0; row < kRows; ++row) {
        rows[row] = static_cast<uint16_t>(random() % reals.size());
      }
      history.push_back(ring(rows, reals));
      if (history.size() == 2) previous = history[0];
      if (history.size() > 2) {
        previous = join_previous(previous, history[history.size() - 2], *history.back(), all);
      }
      if (previous == nullptr) continue;
      for (size_t row = 0; row < kRows; ++row) {
        RealId expected = at(*history.back(), row);
        for (size_t i = history.size() - 1; i-- > 0;) {
          if (at(*history[i], row) == expected) continue;
          expected = at(*history[i], row);
          break;
        }
        ASSERT_EQ(at(*previous, row), expected) << "row " << row;
      }
    }
  }
}

}  // namespace
}  // namespace vipgate::row_moves_test
