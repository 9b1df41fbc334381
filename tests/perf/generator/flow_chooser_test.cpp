#include "perf/generator/flow_chooser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace vipgate::flow_chooser_test {
namespace {

using generator::FlowChooser;

std::vector<uint32_t> drawn(FlowChooser& chooser, uint32_t flows, uint32_t draws) {
  std::vector<uint32_t> counts(flows);
  for (uint32_t i = 0; i < draws; ++i) ++counts.at(chooser.next());
  return counts;
}

TEST(FlowChooser, WithoutAnExponentEachFlowComesInTurn) {
  FlowChooser chooser(3, 0, 1);
  std::vector<uint32_t> flows;
  for (int i = 0; i < 7; ++i) flows.push_back(chooser.next());
  EXPECT_EQ(flows, (std::vector<uint32_t>{0, 1, 2, 0, 1, 2, 0}));
}

TEST(FlowChooser, SharesAreThoseOfZipfsLaw) {
  constexpr uint32_t kFlows = 1000;
  constexpr uint32_t kDraws = 1'000'000;
  for (const double exponent : {0.5, 1.0, 1.3}) {
    FlowChooser chooser(kFlows, exponent, 7);
    const std::vector<uint32_t> counts = drawn(chooser, kFlows, kDraws);
    double sum = 0;
    for (uint32_t i = 0; i < kFlows; ++i) sum += std::pow(i + 1.0, -exponent);
    for (const uint32_t flow : {0u, 1u, 2u, 9u, 99u, 999u}) {
      const double expected = kDraws * std::pow(flow + 1.0, -exponent) / sum;
      // Six standard deviations of a Poisson distribution.
      EXPECT_NEAR(counts[flow], expected, 6 * std::sqrt(expected) + 1) << flow << " " << exponent;
    }
  }
}

TEST(FlowChooser, TheSameSeedDrawsTheSameFlows) {
  FlowChooser one(100, 1, 5);
  FlowChooser same(100, 1, 5);
  FlowChooser other(100, 1, 6);
  int differences = 0;
  for (int i = 0; i < 1000; ++i) {
    const uint32_t flow = one.next();
    ASSERT_EQ(same.next(), flow);
    differences += other.next() != flow;
  }
  EXPECT_GT(differences, 500);
}

TEST(FlowChooser, OneFlowIsAlwaysChosen) {
  FlowChooser chooser(1, 2, 5);
  EXPECT_EQ(drawn(chooser, 1, 100), (std::vector<uint32_t>{100}));
}

}  // namespace
}  // namespace vipgate::flow_chooser_test
