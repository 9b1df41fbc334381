// How flows begin, live and end.
#include <gtest/gtest.h>

#include "tests/support/test_net.h"

namespace vipgate::test::pipeline_state_test {
namespace {

// Time-outs of net_spec(), in seconds: closing 10, embryonic 10, one-way 15, replied 60,
// established 3600.
class TcpFlow : public testing::TestWithParam<ServiceCase> {
 protected:
  static constexpr uint16_t kPort = 40'000;

  Outcome client(std::string_view flags) {
    auto out = gateway_.send(to_vip(GetParam(), kPort).flags(flags));
    if (out.is_forward()) last_ = out;
    return out;
  }
  Outcome real(std::string_view flags) {
    return gateway_.send(answer_to(last_, Protocol::kTcp, flags), 1);
  }
  void establish() {
    ASSERT_TRUE(client("S").is_forward());
    ASSERT_TRUE(real("SA").is_forward());
    ASSERT_TRUE(client("A").is_forward());
    ASSERT_TRUE(client("PA").is_forward());
  }
  bool lives() const { return gateway_.flows() != 0; }

  FakeGateway gateway_{net_spec()};
  Outcome last_;
};
INSTANTIATE_TEST_SUITE_P(Pipeline, TcpFlow,
                         testing::Values(kServiceCases[0], kServiceCases[2], kServiceCases[4],
                                         kServiceCases[6]),
                         [](const auto& test) { return test.param.name(); });

TEST_P(TcpFlow, IsEstablishedOnceTheClientAcknowledgesTheAnswer) {
  establish();
  gateway_.pass_seconds(3000, 500);
  EXPECT_TRUE(lives());
  EXPECT_TRUE(real("A").is_forward());
  gateway_.pass_seconds(3000, 500);
  EXPECT_TRUE(lives()) << "packets of the real keep it alive, too";
  gateway_.pass_seconds(700, 500);
  EXPECT_FALSE(lives());
  EXPECT_TRUE(real("A").is_drop(DropReason::kNoFlow));
}

TEST_P(TcpFlow, ThatTheRealNeverAnsweredStaysEmbryonicWhateverTheClientSends) {
  client("S");
  client("A");
  client("PA");
  gateway_.pass_seconds(9);
  EXPECT_TRUE(lives());
  gateway_.pass_seconds(32);
  EXPECT_FALSE(lives());
}

TEST_P(TcpFlow, WhoseAnswerIsNotAcknowledgedStaysEmbryonic) {
  client("S");
  real("SA");
  gateway_.pass_seconds(42);
  EXPECT_FALSE(lives());
}

TEST_P(TcpFlow, ClosesOnFinsOfBothSides) {
  establish();
  client("FA");
  gateway_.pass_seconds(100);
  EXPECT_TRUE(lives()) << "half closed";
  real("FA");
  client("A");
  gateway_.pass_seconds(41);
  EXPECT_FALSE(lives());
}

TEST_P(TcpFlow, ThatTheRealEndsLastIsGivenBackAfterTheClosingTime) {
  establish();
  client("FA");
  real("FA");
  gateway_.pass_seconds(41);
  EXPECT_FALSE(lives());
}

TEST_P(TcpFlow, ThatTheRealResetsIsGivenBackAfterTheClosingTime) {
  establish();
  real("R");
  gateway_.pass_seconds(41);
  EXPECT_FALSE(lives());
  EXPECT_EQ(gateway_.count(Event::kFlowsClosed), 1u);
}

TEST_P(TcpFlow, ThatTheRealResetStaysEndedForHours) {
  establish();
  real("R");
  gateway_.pass_seconds(2400, 500);
  EXPECT_FALSE(lives());
  EXPECT_TRUE(real("A").is_drop(DropReason::kNoFlow));
}

TEST_P(TcpFlow, ThatTheClientResetsIsGivenBackAfterTheClosingTime) {
  establish();
  client("R");
  gateway_.pass_seconds(41);
  EXPECT_FALSE(lives());
}

TEST_P(TcpFlow, ReopensOnANewSyn) {
  establish();
  const Tuple before = tuple_of(last_.frame);
  real("FA");
  client("FA");
  ASSERT_TRUE(client("S").is_forward());
  EXPECT_EQ(tuple_of(last_.frame), before);
  real("SA");
  client("A");
  gateway_.pass_seconds(3000, 500);
  EXPECT_TRUE(lives());
}

TEST_P(TcpFlow, DoesNotReopenToARealThatDrains) {
  establish();
  client("FA");
  real("FA");
  client("A");
  const RealId old = last_.verdict.real;
  for (auto& r : gateway_.spec().services[GetParam().index()].reals) {
    if (r.id == old) r.state = RealState::kDraining;
  }
  gateway_.publish();
  ASSERT_TRUE(client("S").is_forward());
  EXPECT_FALSE(last_.verdict.real == old);
  EXPECT_TRUE(real("SA").is_forward());
}

TEST_P(TcpFlow, ClockJumpOfAnyLengthEndsWhatIsOverAndNothingElse) {
  establish();
  gateway_.jump_seconds(40 * 60);
  EXPECT_TRUE(lives());
  client("A");
  for (const double jump : {3601.0, 5.0 * 3600, 18.0 * 3600 + 7, 16384.0, 100.0 * 3600}) {
    gateway_.jump_seconds(jump);
    EXPECT_FALSE(lives()) << jump;
    establish();
  }
}

class UdpFlow : public testing::TestWithParam<ServiceCase> {
 protected:
  FakeGateway gateway_{net_spec()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, UdpFlow,
                         testing::Values(kServiceCases[1], kServiceCases[3], kServiceCases[5],
                                         kServiceCases[7]),
                         [](const auto& test) { return test.param.name(); });

TEST_P(UdpFlow, WithoutAnAnswerEndsAfterTheOneWayTime) {
  gateway_.send(to_vip(GetParam(), 1));
  gateway_.pass_seconds(14);
  EXPECT_NE(gateway_.flows(), 0u);
  gateway_.pass_seconds(32);
  EXPECT_EQ(gateway_.flows(), 0u);
}

TEST_P(UdpFlow, WithAnAnswerEndsAfterTheTwoWayTime) {
  const auto out = gateway_.send(to_vip(GetParam(), 1));
  ASSERT_TRUE(gateway_.send(answer_to(out, Protocol::kUdp), 1).is_forward());
  gateway_.pass_seconds(59);
  EXPECT_NE(gateway_.flows(), 0u);
  EXPECT_TRUE(gateway_.send(answer_to(out, Protocol::kUdp), 1).is_forward());
  gateway_.pass_seconds(92);
  EXPECT_EQ(gateway_.flows(), 0u);
}

TEST_P(UdpFlow, ThatHasExpiredIsBalancedAnewAlthoughNoSweepHasSeenIt) {
  gateway_.send(to_vip(GetParam(), 1));
  const auto expired = gateway_.count(Event::kFlowsExpired);
  gateway_.jump_seconds(15.5);
  EXPECT_TRUE(gateway_.send(to_vip(GetParam(), 1)).is_forward());
  EXPECT_EQ(gateway_.count(Event::kFlowsCreated), 2u);
  EXPECT_EQ(gateway_.count(Event::kFlowsExpired), expired + 1);
}

TEST_P(UdpFlow, IsNotKeptByPacketsThatAreDroppedForTheirTtl) {
  gateway_.send(to_vip(GetParam(), 1));
  for (int i = 0; i < 10; ++i) {
    gateway_.pass_seconds(5);
    EXPECT_TRUE(gateway_.send(to_vip(GetParam(), 1).ttl(1)).is_reply(ReplyKind::kTimeExceeded));
  }
  EXPECT_EQ(gateway_.flows(), 0u);
}

TEST_P(UdpFlow, IsKeptInBothDirectionsByPacketsWithoutANextHop) {
  const auto out = gateway_.send(to_vip(GetParam(), 1));
  for (auto& real : gateway_.spec().services[GetParam().index()].reals) real.resolved = false;
  gateway_.publish();
  for (int i = 0; i < 10; ++i) {
    gateway_.pass_seconds(5);
    EXPECT_TRUE(gateway_.send(to_vip(GetParam(), 1)).is_drop(DropReason::kNextHopUnresolved));
  }
  EXPECT_TRUE(gateway_.send(answer_to(out, Protocol::kUdp), 1).is_forward());
}

}  // namespace
}  // namespace vipgate::test::pipeline_state_test
