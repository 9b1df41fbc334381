// A packet to a VIP goes in, a packet to a real comes out, and back.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <utility>

#include "tests/support/test_net.h"

namespace vipgate::test::pipeline_forward_test {
namespace {

class EveryService : public testing::TestWithParam<ServiceCase> {
 protected:
  const ServiceCase& kind() const { return GetParam(); }
  bool is_real(const Tuple& tuple) const {
    for (unsigned n = 1; n <= 3; ++n) {
      if (tuple.destination == ip(kind().real(n)))
        return tuple.destination_port == kind().real_port();
    }
    return false;
  }
  FakeGateway gateway_{net_spec()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, EveryService, testing::ValuesIn(kServiceCases),
                         [](const auto& test) { return test.param.name(); });

std::vector<ServiceCase> ipv4_cases() {
  std::vector<ServiceCase> cases;
  for (const ServiceCase& kind : kServiceCases) {
    if (kind.family == 4) cases.push_back(kind);
  }
  return cases;
}
class EveryIpv4Service : public EveryService {};
INSTANTIATE_TEST_SUITE_P(Pipeline, EveryIpv4Service, testing::ValuesIn(ipv4_cases()),
                         [](const auto& test) { return test.param.name(); });

TEST_P(EveryService, PacketToTheVipLeavesForARealWithRightChecksums) {
  const auto out = gateway_.send(to_vip(kind(), 40'000).ttl(7));
  ASSERT_TRUE(out.is_forward()) << to_string(out);
  EXPECT_EQ(out.port, 1u);
  EXPECT_TRUE(checksums_ok(out.frame)) << describe(out.frame);
  const Tuple tuple = tuple_of(out.frame);
  EXPECT_TRUE(is_real(tuple)) << describe(out.frame);
  if (kind().mode == Mode::kNat) {
    EXPECT_EQ(tuple.source, ip(kind().client()));
    EXPECT_EQ(tuple.source_port, 40'000);
  } else {
    EXPECT_EQ(tuple.source, ip(kind().family == 4 ? "10.8.0.1" : "fd08::1"));
    EXPECT_GE(tuple.source_port, 20'000);
    EXPECT_LE(tuple.source_port, 24'999);
  }
  // The whole frame, byte for byte.
  PacketBuilder wanted;
  wanted.eth(kGatewayMac1, kRealMac).vlan(kRealVlan);
  if (kind().family == 4) {
    wanted.ipv4(tuple.source.v4(), tuple.destination.v4());
  } else {
    wanted.ipv6(tuple.source.v6(), tuple.destination.v6());
  }
  wanted.ttl(6).payload("question");
  if (kind().protocol == Protocol::kTcp) {
    wanted.tcp(tuple.source_port, tuple.destination_port).flags("S");
  } else {
    wanted.udp(tuple.source_port, tuple.destination_port);
  }
  EXPECT_EQ(out.frame, wanted.build()) << describe(out.frame);
}

TEST_P(EveryService, AnswerOfTheRealGoesBackAsTheVips) {
  for (const uint16_t vlan : {uint16_t{0}, uint16_t{300}}) {
    PacketBuilder question = to_vip(kind(), static_cast<uint16_t>(40'000 + vlan));
    if (vlan != 0) question.vlan(vlan, 2);
    const auto out = gateway_.send(question);
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    const auto back = gateway_.send(answer_to(out, kind().protocol).ttl(9), 1);
    ASSERT_TRUE(back.is_forward()) << to_string(back);
    EXPECT_TRUE(back.verdict.is_return);
    EXPECT_EQ(back.port, 0u);
    PacketBuilder wanted;
    wanted.eth(kGatewayMac0, kClientMac);
    if (vlan != 0) wanted.vlan(vlan, 2);
    if (kind().family == 4) {
      wanted.ipv4(kind().vip(), kind().client());
    } else {
      wanted.ipv6(kind().vip(), kind().client());
    }
    wanted.ttl(8).payload("an answer");
    const auto client_port = static_cast<uint16_t>(40'000 + vlan);
    if (kind().protocol == Protocol::kTcp) {
      wanted.tcp(kind().port(), client_port).flags("SA");
    } else {
      wanted.udp(kind().port(), client_port);
    }
    EXPECT_EQ(back.frame, wanted.build()) << describe(back.frame);
  }
}

TEST_P(EveryService, SameFlowGoesToTheSameRealForAllItsPackets) {
  std::set<std::string> reals;
  for (uint16_t flow = 0; flow < 50; ++flow) {
    const auto first = gateway_.send(to_vip(kind(), static_cast<uint16_t>(3000 + flow)));
    ASSERT_TRUE(first.is_forward());
    reals.insert(to_string(tuple_of(first.frame).destination));
    for (int i = 0; i < 10; ++i) {
      const auto next =
          gateway_.send(to_vip(kind(), static_cast<uint16_t>(3000 + flow)).flags("A"));
      ASSERT_TRUE(next.is_forward());
      EXPECT_EQ(tuple_of(next.frame), tuple_of(first.frame));
    }
  }
  EXPECT_EQ(reals.size(), 3u) << "flows are spread over all reals";
  EXPECT_EQ(gateway_.flows(), kind().mode == Mode::kNat ? 100u : 50u);
}

TEST_P(EveryService, BurstOfOneNewFlowMakesOneFlow) {
  const auto outcomes = gateway_.send_burst(std::vector<Bytes>(64, to_vip(kind(), 777).build()));
  for (const auto& out : outcomes) {
    ASSERT_TRUE(out.is_forward());
    EXPECT_EQ(tuple_of(out.frame), tuple_of(outcomes[0].frame));
  }
  EXPECT_EQ(gateway_.count(Event::kFlowsCreated), 1u);
  gateway_.check_counters();
}

TEST_P(EveryService, VipOfTheLastBurstIsLookedUpAnewInTheNextOne) {
  ServiceSpec& service = gateway_.spec().services[kind().index()];
  const std::vector<Bytes> burst(8, to_vip(kind(), 777).build());
  for (const auto& out : gateway_.send_burst(burst)) ASSERT_TRUE(out.is_forward());
  const uint16_t port = std::exchange(service.port, 65'000);
  gateway_.publish();
  for (const auto& out : gateway_.send_burst(burst)) {
    EXPECT_EQ(out.verdict.kind, Verdict::Kind::kDrop) << to_string(out);
    EXPECT_EQ(out.verdict.drop, DropReason::kPortNotServed);
  }
  service.port = port;
  gateway_.publish();
  for (const auto& out : gateway_.send_burst(burst)) EXPECT_TRUE(out.is_forward());
}

TEST_P(EveryService, StrayPacketFromTheRealIsNoReturn) {
  const auto out = gateway_.send(to_vip(kind(), 40'000));
  const Tuple tuple = tuple_of(out.frame);
  const auto stray = [&](const Tuple& t) {
    PacketBuilder packet;
    packet.eth(kRealMac, kGatewayMac1).vlan(kRealVlan);
    if (kind().family == 4) {
      packet.ipv4(t.source.v4(), t.destination.v4());
    } else {
      packet.ipv6(t.source.v6(), t.destination.v6());
    }
    return kind().protocol == Protocol::kTcp ? packet.tcp(t.source_port, t.destination_port)
                                             : packet.udp(t.source_port, t.destination_port);
  };
  Tuple t{tuple.destination, tuple.source, tuple.destination_port, tuple.source_port};
  ASSERT_TRUE(gateway_.send(stray(t), 1).is_forward());
  for (const int change : {0, 1, 2}) {
    Tuple wrong = t;
    if (change == 0) wrong.destination_port ^= 1;
    if (change == 1) wrong.source_port ^= 1;
    if (change == 2) wrong.source = ip(kind().real(77));
    const auto result = gateway_.send(stray(wrong), 1);
    EXPECT_EQ(result.verdict.kind, Verdict::Kind::kDrop) << change << " " << to_string(result);
  }
}

TEST_P(EveryService, NextHopThatIsNotResolvedIsADropWithItsReason) {
  for (auto& real : gateway_.spec().services[kind().index()].reals) real.resolved = false;
  gateway_.publish();
  EXPECT_TRUE(gateway_.send(to_vip(kind(), 1)).is_drop(DropReason::kNextHopUnresolved));
  for (auto& real : gateway_.spec().services[kind().index()].reals) real.resolved = true;
  gateway_.publish();
  EXPECT_TRUE(gateway_.send(to_vip(kind(), 1)).is_forward());
}

TEST_P(EveryService, CountersOfServiceAndRealAreThoseOfTheirPackets) {
  uint64_t bytes = 0;
  for (int i = 0; i < 5; ++i) bytes += gateway_.send(to_vip(kind(), 9)).frame.size();
  const auto out = gateway_.send(to_vip(kind(), 9));
  bytes += out.frame.size();
  const auto back = gateway_.send(answer_to(out, kind().protocol), 1);
  const ServiceCounters& service = gateway_.memory().services()[kind().index()];
  EXPECT_EQ(service.forward_packets.value(), 6u);
  EXPECT_EQ(service.forward_bytes.value(), bytes);
  EXPECT_EQ(service.return_packets.value(), 1u);
  EXPECT_EQ(service.return_bytes.value(), back.frame.size());
  EXPECT_EQ(service.flows_created.value(), 1u);
  EXPECT_EQ(service.no_real.value(), 0u);
  const RealCounters& real = gateway_.memory().reals()[out.verdict.real.index()];
  EXPECT_EQ(real.packets.value(), 6u);
  EXPECT_EQ(real.bytes.value(), bytes);
  EXPECT_EQ(real.flows_created.value(), 1u);
  gateway_.check_counters();
}

TEST_P(EveryIpv4Service, PacketWithIpOptionsIsForwardedWithThem) {
  const auto out = gateway_.send(to_vip(kind(), 40'000).ip_options(12));
  ASSERT_TRUE(out.is_forward());
  EXPECT_TRUE(checksums_ok(out.frame)) << describe(out.frame);
  EXPECT_EQ(out.frame[18], 0x48);
  const auto back = gateway_.send(answer_to(out, kind().protocol).ip_options(40), 1);
  ASSERT_TRUE(back.is_forward());
  EXPECT_TRUE(checksums_ok(back.frame)) << describe(back.frame);
}

TEST_P(EveryService, BadChecksumIsNotMadeRight) {
  const auto out = gateway_.send(to_vip(kind(), 40'000).bad_l4_checksum());
  ASSERT_TRUE(out.is_forward());
  EXPECT_FALSE(checksums_ok(out.frame));
}

TEST_P(EveryService, FlowWhoseRealIsDownIsBalancedAnew) {
  const auto first = gateway_.send(to_vip(kind(), 40'000));
  for (auto& real : gateway_.spec().services[kind().index()].reals) {
    if (real.id == first.verdict.real) real.state = RealState::kDown;
  }
  gateway_.publish();
  const auto second = gateway_.send(to_vip(kind(), 40'000));
  ASSERT_TRUE(second.is_forward()) << to_string(second);
  EXPECT_FALSE(second.verdict.real == first.verdict.real);
  EXPECT_EQ(gateway_.count(Event::kFlowsRebalanced), 1u);
  EXPECT_EQ(gateway_.flows(), kind().mode == Mode::kNat ? 2u : 1u);
  EXPECT_TRUE(gateway_.send(answer_to(second, kind().protocol), 1).is_forward());
}

TEST_P(EveryService, FlowWhoseRealIsGoneIsBalancedAnewEvenIfItsIndexIsUsedAgain) {
  const auto first = gateway_.send(to_vip(kind(), 40'000));
  for (auto& real : gateway_.spec().services[kind().index()].reals) {
    if (!(real.id == first.verdict.real)) continue;
    real.id = RealId(real.id.index(), 2);
    real.address = ip(kind().real(50));
    if (kind().mode == Mode::kNat) real.return_flow_id = 5000;
  }
  gateway_.publish();
  const auto second = gateway_.send(to_vip(kind(), 40'000));
  ASSERT_TRUE(second.is_forward()) << to_string(second);
  EXPECT_FALSE(second.verdict.real == first.verdict.real);
  EXPECT_FALSE(tuple_of(second.frame).destination == tuple_of(first.frame).destination);
}

TEST_P(EveryService, DrainingRealKeepsItsFlowsAndGetsNoNewOnes) {
  const auto first = gateway_.send(to_vip(kind(), 40'000));
  for (auto& real : gateway_.spec().services[kind().index()].reals) {
    if (real.id == first.verdict.real) real.state = RealState::kDraining;
  }
  gateway_.publish();
  EXPECT_EQ(tuple_of(gateway_.send(to_vip(kind(), 40'000)).frame), tuple_of(first.frame));
  EXPECT_TRUE(gateway_.send(answer_to(first, kind().protocol), 1).is_forward());
  for (uint16_t port = 1; port < 200; ++port) {
    EXPECT_FALSE(gateway_.send(to_vip(kind(), port)).verdict.real == first.verdict.real);
  }
}

TEST_P(EveryService, ReturnsFollowTheClientsLastHopWhenItMoves) {
  const auto first = gateway_.send(to_vip(kind(), 40'000));
  gateway_.send(to_vip(kind(), 40'000).eth("02:00:00:00:00:c7", kGatewayMac0).vlan(7));
  const auto back = gateway_.send(answer_to(first, kind().protocol), 1);
  ASSERT_TRUE(back.is_forward());
  EXPECT_EQ(Bytes(back.frame.begin(), back.frame.begin() + 16),
            (Bytes{2, 0, 0, 0, 0, 0xc7, 2, 0, 0, 0, 0, 0xa0, 0x81, 0, 0, 7}));
}

TEST(PipelineUdp, NoChecksumStaysNoChecksumOverIpv4) {
  for (const ServiceCase& kind : {kServiceCases[1], kServiceCases[5]}) {
    FakeGateway gateway(net_spec());
    const auto out = gateway.send(to_vip(kind, 40'000).no_udp_checksum());
    ASSERT_TRUE(out.is_forward());
    EXPECT_EQ(out.frame[18 + 20 + 6] | out.frame[18 + 20 + 7], 0);
    const auto back = gateway.send(answer_to(out, Protocol::kUdp).no_udp_checksum(), 1);
    ASSERT_TRUE(back.is_forward());
    EXPECT_EQ(back.frame[14 + 20 + 6] | back.frame[14 + 20 + 7], 0);
  }
}

// The checksum of a payload of zeros is the one value that, put there, makes the sum all ones.
TEST(PipelineUdp, ComputedZeroChecksumIsSentAsAllOnes) {
  for (const ServiceCase& kind : {kServiceCases[1], kServiceCases[3], kServiceCases[5]}) {
    FakeGateway gateway(net_spec());
    const auto checksum_with = [&](int value) {
      const auto out = gateway.send(
          to_vip(kind, 40'000)
              .payload(Bytes{static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)}));
      EXPECT_TRUE(out.is_forward() && checksums_ok(out.frame));
      if (!out.is_forward()) return -1;
      const size_t at = 18u + (kind.family == 4 ? 20 : 40) + 6;
      return out.frame[at] << 8 | out.frame[at + 1];
    };
    const int zero_at = checksum_with(0);
    EXPECT_EQ(checksum_with(zero_at - 1), 1);
    EXPECT_EQ(checksum_with(zero_at), 0xffff);
    EXPECT_EQ(checksum_with(zero_at + 1), 0xfffe);
  }
}

TEST(PipelineForward, PacketInSeveralSegmentsIsRefused) {
  FakeGateway gateway(net_spec());
  const Bytes frame = to_vip(kServiceCases[0], 1).build();
  FakeMbuf mbuf(frame);
  mbuf->nb_segs = 2;
  EXPECT_TRUE(gateway.send_mbufs({mbuf.get()})[0].is_drop(DropReason::kMultiSegment));
}

TEST(PipelineForward, PortThatIsNotServedIsDroppedWithItsReason) {
  FakeGateway gateway(net_spec());
  for (const ServiceCase& kind : kServiceCases) {
    PacketBuilder packet = to_vip(kind, 1);
    kind.protocol == Protocol::kTcp ? packet.tcp(1, 81) : packet.udp(1, 81);
    EXPECT_TRUE(gateway.send(packet).is_drop(DropReason::kPortNotServed)) << kind.name();
  }
  gateway.check_counters();
}

TEST(PipelineForward, ServicesBeyondTheCountersDoNotCountForOthers) {
  FakeGateway gateway(net_spec(), {.counted_services = 1, .counted_reals = 0});
  gateway.send_burst({to_vip(kServiceCases[1], 1).build(), to_vip(kServiceCases[1], 2).build(),
                      to_vip(kServiceCases[0], 1).build()});
  EXPECT_EQ(gateway.memory().services()[0].forward_packets.value(), 1u);
  gateway.send_burst({to_vip(kServiceCases[1], 1).build()});
  gateway.send_burst({to_vip(kServiceCases[0], 1).build()});
  EXPECT_EQ(gateway.memory().services()[0].forward_packets.value(), 2u);
  EXPECT_EQ(gateway.count(Event::kForwardPackets), 5u);
  gateway.check_counters();
}

TEST(PipelineForward, ExhaustedSnatPortsAreADropAndRecoverWhenFlowsExpire) {
  SnapshotSpec spec = net_spec();
  spec.snat_addresses[0].port_high = static_cast<uint16_t>(spec.snat_addresses[0].port_low + 29);
  const ServiceCase& kind = kServiceCases[1];
  spec.services[kind.index()].reals.resize(1);
  FakeGateway gateway(std::move(spec));
  std::set<uint16_t> ports;
  for (uint16_t i = 1; i <= 30; ++i) {
    const auto out = gateway.send(to_vip(kind, i));
    ASSERT_TRUE(out.is_forward()) << i;
    ports.insert(tuple_of(out.frame).source_port);
    ASSERT_TRUE(gateway.send(answer_to(out, kind.protocol), 1).is_forward());
  }
  EXPECT_EQ(ports.size(), 30u) << "no port is used twice";
  EXPECT_TRUE(gateway.send(to_vip(kind, 31)).is_drop(DropReason::kSnatExhausted));
  gateway.pass_seconds(60.5);
  EXPECT_TRUE(gateway.send(to_vip(kind, 31)).is_forward());
  gateway.check_counters();
}

TEST(PipelineForward, OneClientPortToOneRealThroughTwoVipsIsRefusedUntilTheFirstFlowEnds) {
  SnapshotSpec spec = net_spec();
  const ServiceCase& kind = kServiceCases[4];
  ServiceSpec twin = spec.services[kind.index()];
  twin.index = 20;
  twin.flow_id = 2000;
  twin.vip = ip("11.0.0.7");
  twin.reals.resize(1);
  twin.reals[0].id = RealId(200, 1);
  spec.services.push_back(twin);
  spec.services[kind.index()].reals.resize(1);
  FakeGateway gateway(std::move(spec));
  ASSERT_TRUE(gateway.send(to_vip(kind, 5)).is_forward());
  const auto other = to_vip(kind, 5).ipv4(kind.client(), "11.0.0.7");
  EXPECT_TRUE(gateway.send(other).is_drop(DropReason::kNatTupleTaken));
  EXPECT_EQ(gateway.flows(), 2u);
  gateway.pass_seconds(10.5);
  EXPECT_TRUE(gateway.send(other).is_forward());
  EXPECT_EQ(gateway.flows(), 2u);
}

}  // namespace
}  // namespace vipgate::test::pipeline_forward_test
