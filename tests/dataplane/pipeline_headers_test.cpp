// Packets whose transport header does not lie right behind the IP header: extension headers and
// options.
#include <gtest/gtest.h>

#include "tests/support/direct_net.h"

namespace vipgate::test::pipeline_headers_test {
namespace {

PacketBuilder& with_headers(PacketBuilder& packet, int family) {
  if (family == 4) return packet.ip_options({148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0});
  return packet.ipv6_extension(0)
      .ipv6_extension(60, Bytes(14))
      .ipv6_extension(43, {4, 0, 0, 0, 0, 0});
}

class Headers : public testing::TestWithParam<ServiceCase> {
 protected:
  ~Headers() override { gateway_.check_counters(); }
  const ServiceCase& kind() const { return GetParam(); }
  FakeGateway gateway_{net_spec()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, Headers, testing::ValuesIn(kServiceCases),
                         [](const auto& test) { return test.param.name(); });

TEST_P(Headers, AreKeptWhenAPacketIsTranslated) {
  const auto plain = gateway_.send(to_vip(kind(), 7));
  ASSERT_TRUE(plain.is_forward());
  PacketBuilder question = to_vip(kind(), 7);
  const auto out = gateway_.send(with_headers(question, kind().family));
  ASSERT_TRUE(out.is_forward()) << to_string(out);
  EXPECT_EQ(gateway_.flows(), kind().mode == Mode::kNat ? 2u : 1u) << "it is the same flow";
  const Tuple tuple = tuple_of(plain.frame);
  const auto build = [&](const Tuple& t, bool from_real, uint8_t ttl) {
    PacketBuilder packet;
    if (from_real) {
      packet.eth(kRealMac, kGatewayMac1).vlan(kRealVlan);
    } else {
      packet.eth(kGatewayMac1, kRealMac).vlan(kRealVlan);
    }
    if (kind().family == 4) {
      packet.ipv4(t.source.v4(), t.destination.v4());
    } else {
      packet.ipv6(t.source.v6(), t.destination.v6());
    }
    with_headers(packet, kind().family).ttl(ttl);
    if (kind().protocol == Protocol::kTcp) {
      packet.tcp(t.source_port, t.destination_port).flags("S");
    } else {
      packet.udp(t.source_port, t.destination_port);
    }
    return packet.payload("question");
  };
  EXPECT_EQ(out.frame, build(tuple, false, 63).build()) << describe(out.frame);

  const Tuple back{tuple.destination, tuple.source, tuple.destination_port, tuple.source_port};
  const auto answer = gateway_.send(build(back, true, 64), 1);
  ASSERT_TRUE(answer.is_forward()) << to_string(answer);
  const Tuple to_client{ip(kind().vip()), ip(kind().client()), kind().port(), 7};
  PacketBuilder wanted = build(to_client, false, 63);
  EXPECT_EQ(ip_packet(answer.frame), ip_packet(wanted.build())) << describe(answer.frame);
}

TEST_P(Headers, AreQuotedWhenASenderIsTold) {
  PacketBuilder question = to_vip(kind(), 7).ttl(1);
  const Bytes frame = with_headers(question, kind().family).build();
  const auto out = gateway_.send(frame);
  ASSERT_TRUE(out.is_reply(ReplyKind::kTimeExceeded)) << to_string(out);
  EXPECT_TRUE(checksums_ok(out.frame));
  const Bytes told = ip_packet(out.frame);
  const size_t headers = kind().family == 4 ? 28 : 48;
  EXPECT_EQ(Bytes(told.begin() + static_cast<ptrdiff_t>(headers), told.end()), ip_packet(frame));
}

TEST_P(Headers, ThatRouteElsewhereOrHideTheTransportAreRefused) {
  PacketBuilder routed = to_vip(kind(), 7);
  if (kind().family == 4) {
    routed.ip_options({131, 7, 4, 1, 2, 3, 4});
  } else {
    routed.ipv6_extension(43, {0, 0, 0, 0, 0, 0});
    const auto hidden = gateway_.send(PacketBuilder(to_vip(kind(), 7)).ipv6_extension(51));
    EXPECT_TRUE(hidden.is_drop(DropReason::kIpv6ExtensionHeader)) << to_string(hidden);
  }
  const auto out = gateway_.send(routed);
  EXPECT_TRUE(out.is_drop(DropReason::kSourceRoute)) << to_string(out);
  EXPECT_EQ(gateway_.flows(), 0u);
}

TEST(HeadersOfRarePackets, AreLeftOutOfAnswers) {
  FakeGateway gateway(net_spec());
  for (const uint16_t vlan : {uint16_t{0}, uint16_t{9}}) {
    PacketBuilder from, back;
    from.eth(kClientMac, kGatewayMac0).ipv6("2001:db8::1", "fd11::1");
    back.eth(kGatewayMac0, kClientMac).ipv6("fd11::1", "2001:db8::1");
    if (vlan != 0) from.vlan(vlan), back.vlan(vlan);
    PacketBuilder echo = from, reset = from, refused = from;
    const auto pong = gateway.send(with_headers(echo, 6).tos(9).icmp_echo(7, 9).payload("odd"));
    ASSERT_TRUE(pong.is_reply(ReplyKind::kEcho)) << to_string(pong);
    EXPECT_EQ(pong.frame, PacketBuilder(back).tos(9).icmp_echo_reply(7, 9).payload("odd").build());
    const auto rst = gateway.send(with_headers(reset, 6).tcp(4000, 99).flags("S"));
    ASSERT_TRUE(rst.is_reply(ReplyKind::kTcpReset)) << to_string(rst);
    EXPECT_EQ(
        describe(rst.frame),
        describe(
            PacketBuilder(back).tcp(99, 4000).flags("RA").sequence(0).acknowledgment(1).build()));
    EXPECT_TRUE(checksums_ok(rst.frame));
    const Bytes datagram = with_headers(refused, 6).udp(4000, 99).build();
    const auto unreachable = gateway.send(datagram);
    ASSERT_TRUE(unreachable.is_reply(ReplyKind::kPortUnreachable));
    EXPECT_EQ(unreachable.frame,
              PacketBuilder(back)
                  .icmp(1, 4, 0)
                  .payload(Bytes(datagram.begin() + (vlan == 0 ? 14 : 18), datagram.end()))
                  .build());
  }
  gateway.check_counters();
}

TEST(HeadersOfRarePackets, DoNotHideWhoseTheyAre) {
  FakeGateway gateway(net_spec());
  PacketBuilder report, question, own;
  report.eth(kClientMac, "33:33:00:00:00:16").ipv6("fe80::9", "ff02::16");
  EXPECT_TRUE(gateway.send(report.ipv6_extension(0, {5, 2, 0, 0, 1, 0}).icmp(143, 0, 1))
                  .is_kernel(KernelReason::kLinkLocal))
      << "multicast listener discovery";
  question.eth(kClientMac, kGatewayMac0).ipv6("2001:db8::1", "fd09::53");
  EXPECT_TRUE(gateway.send(question.ipv6_extension(60).udp(4000, 53).payload(Bytes(30)))
                  .is_kernel(KernelReason::kDnsFragment));
  own.eth(kClientMac, kGatewayMac0).ipv6("2001:db8::1", "fd09::1");
  EXPECT_TRUE(
      gateway.send(own.ipv6_extension(60).tcp(4000, 22)).is_kernel(KernelReason::kOwnAddress));
}

TEST(HeadersInTunnels, TravelWithTheirPacket) {
  for (const DirectCase& kind : direct_cases()) {
    FakeGateway gateway(direct_spec());
    const auto plain = gateway.send(to_vip(kind, 7));
    PacketBuilder packet = to_vip(kind, 7);
    const Bytes frame = with_headers(packet, kind.family).build();
    const auto out = gateway.send(frame);
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    EXPECT_EQ(out.verdict.real, plain.verdict.real);
    EXPECT_EQ(is_tunnel(kind.mode) ? open_tunnel(out.frame).inner : ip_packet(out.frame),
              ip_packet(frame));
    EXPECT_TRUE(checksums_ok(out.frame)) << kind.name() << describe(out.frame);
  }
}

}  // namespace
}  // namespace vipgate::test::pipeline_headers_test
