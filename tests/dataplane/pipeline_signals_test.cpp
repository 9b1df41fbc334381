// What the workers note of reals that do not answer, and of those that do.
#include <gtest/gtest.h>

#include "tests/support/test_net.h"

namespace vipgate::test::pipeline_signals_test {
namespace {

class TcpSignals : public testing::TestWithParam<ServiceCase> {
 protected:
  Outcome client(uint16_t port, std::string_view flags) {
    const auto out = gateway_.send(to_vip(GetParam(), port).flags(flags));
    EXPECT_TRUE(out.is_forward());
    return out;
  }
  void real(const Outcome& asked, std::string_view flags) {
    ASSERT_TRUE(gateway_.send(answer_to(asked, Protocol::kTcp, flags), 1).is_forward());
  }
  RealSignals of(const Outcome& forwarded) const {
    const auto& signals = gateway_.memory().signals()[forwarded.verdict.real.index()];
    return {signals.opened.value(), signals.answered.value(), signals.resets.value()};
  }
  RealSignals all() const {
    RealSignals sum;
    for (const auto& signals : gateway_.memory().signals()) {
      sum.opened += signals.opened.value();
      sum.answered += signals.answered.value();
      sum.resets += signals.resets.value();
    }
    return sum;
  }

  FakeGateway gateway_{net_spec()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, TcpSignals,
                         testing::Values(kServiceCases[0], kServiceCases[2], kServiceCases[4],
                                         kServiceCases[6]),
                         [](const auto& test) { return test.param.name(); });

TEST_P(TcpSignals, CountAnAnsweredConnectionOnceForItsRealAndForNoOther) {
  const auto out = client(1000, "S");
  EXPECT_EQ(of(out), (RealSignals{1, 0, 0}));
  real(out, "SA");
  EXPECT_EQ(of(out), (RealSignals{1, 1, 0}));
  EXPECT_EQ(all(), of(out));
}

TEST_P(TcpSignals, DoNotCountRepetitions) {
  const auto out = client(1000, "S");
  client(1000, "S");
  real(out, "SA");
  real(out, "SA");
  real(out, "R");
  real(out, "R");
  EXPECT_EQ(of(out), (RealSignals{1, 1, 1}));
}

TEST_P(TcpSignals, DoNotChangeWithThePacketsOfAnEstablishedConnection) {
  const auto out = client(1000, "S");
  real(out, "SA");
  for (int i = 0; i < 5; ++i) {
    client(1000, "PA");
    real(out, "A");
  }
  client(1000, "FA");
  real(out, "FA");
  EXPECT_EQ(all(), (RealSignals{1, 1, 0}));
}

TEST_P(TcpSignals, CountARefusalAsAResetAndNotAsAnAnswer) {
  const auto out = client(1000, "S");
  real(out, "RA");
  EXPECT_EQ(of(out), (RealSignals{1, 0, 1}));
}

TEST_P(TcpSignals, DoNotBlameTheRealForAResetAfterTheEndOfAConnection) {
  const auto out = client(1000, "S");
  real(out, "SA");
  client(1000, "FA");
  real(out, "FA");
  real(out, "R");
  EXPECT_EQ(all().resets, 0u);
}

TEST_P(TcpSignals, DoNotTakeAnAnswerFromThePacketsOfAnUnknownConnection) {
  const auto out = client(1000, "PA");
  EXPECT_EQ(all(), RealSignals{}) << "no SYN, so no answer is owed";
  real(out, "R");
  EXPECT_EQ(of(out), (RealSignals{0, 0, 1}));
}

TEST_P(TcpSignals, CountAConnectionThatReusesThePortsOfAnEndedOne) {
  const auto out = client(1000, "S");
  real(out, "RA");
  client(1000, "S");
  EXPECT_EQ(of(out), (RealSignals{2, 0, 1}));
  real(out, "SA");
  EXPECT_EQ(of(out), (RealSignals{2, 1, 1}));
}

TEST_P(TcpSignals, OfARealBeyondTheCountedOnesAreLeftOut) {
  FakeGateway small(net_spec(), {.counted_reals = 1});
  const auto out = small.send(to_vip(GetParam(), 1000).flags("S"));
  EXPECT_TRUE(out.is_forward());
  EXPECT_TRUE(small.send(answer_to(out, Protocol::kTcp, "SA"), 1).is_forward());
  EXPECT_EQ(small.memory().signals()[0].opened.value(), 0u);
}

TEST(UdpSignals, AreNone) {
  FakeGateway gateway(net_spec());
  const auto out = gateway.send(to_vip(kServiceCases[1], 1000));
  ASSERT_TRUE(gateway.send(answer_to(out, Protocol::kUdp), 1).is_forward());
  const auto& signals = gateway.memory().signals()[out.verdict.real.index()];
  EXPECT_EQ(signals.opened.value() + signals.answered.value() + signals.resets.value(), 0u);
}

}  // namespace
}  // namespace vipgate::test::pipeline_signals_test
