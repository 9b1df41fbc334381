// A packet to a VIP goes in, the same packet within another one to a real comes out.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "tests/support/direct_net.h"

namespace vipgate::test::pipeline_tunnel_test {
namespace {

class EveryTunnel : public testing::TestWithParam<DirectCase> {
 protected:
  const DirectCase& kind() const { return GetParam(); }
  ServiceSpec& service() { return gateway_.spec().services[kind().index]; }
  FakeGateway gateway_{direct_spec()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, EveryTunnel, testing::ValuesIn(tunnel_cases()),
                         [](const auto& test) { return test.param.name(); });

TEST_P(EveryTunnel, HasThePacketsClassOrTheServicesDscpWithThePacketsEcn) {
  const auto outer_class = [&](uint8_t inner) {
    const auto out = gateway_.send(to_vip(kind(), 40'000).tos(inner));
    EXPECT_TRUE(out.is_forward()) << to_string(out);
    EXPECT_TRUE(checksums_ok(out.frame));
    const Tunneled tunnel = open_tunnel(out.frame);
    EXPECT_EQ(tunnel.inner, ip_packet(to_vip(kind(), 40'000).tos(inner).build()));
    return tunnel.tos;
  };
  for (const int inner : {0, 1, 0xb8, 0xff}) {
    EXPECT_EQ(outer_class(static_cast<uint8_t>(inner)), inner);
  }
  service().tunnel.dscp = 46;
  gateway_.publish();
  EXPECT_EQ(outer_class(0x00), 46 << 2);
  EXPECT_EQ(outer_class(0x21), 46 << 2 | 1);
  EXPECT_EQ(outer_class(0xff), 46 << 2 | 3);
  service().tunnel.dscp = 0;
  gateway_.publish();
  EXPECT_EQ(outer_class(0xba), 2);
}

uint32_t low_bits(const IpAddress& address) {
  const auto bytes = std::span(address.bytes()).first(address.is_v4() ? 4 : 16).last(4);
  return static_cast<uint32_t>(bytes[0]) << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

TEST_P(EveryTunnel, CarriesThePacketByteForByteToARealWithRightHeaders) {
  const Bytes question = to_vip(kind(), 40'000).ttl(7).tos(0xb9).build();
  const auto out = gateway_.send(question);
  ASSERT_TRUE(out.is_forward()) << to_string(out);
  EXPECT_EQ(out.port, 1u);
  EXPECT_TRUE(checksums_ok(out.frame)) << describe(out.frame);
  const Tunneled tunnel = open_tunnel(out.frame);
  EXPECT_EQ(tunnel.inner, ip_packet(question));
  EXPECT_EQ(tunnel.destination_mac, mac(kRealMac));
  EXPECT_EQ(tunnel.source_mac, mac(kGatewayMac1));
  EXPECT_EQ(tunnel.vlan, kRealVlan);
  EXPECT_EQ(tunnel.ttl, 64);
  EXPECT_EQ(tunnel.tos, 0xb9);
  const std::set<IpAddress> reals = {ip(kind().real(1)), ip(kind().real(2)), ip(kind().real(3))};
  EXPECT_TRUE(reals.contains(tunnel.destination)) << to_string(tunnel.destination);
  if (kind().real_family == 4) {
    EXPECT_EQ(tunnel.ip_id, 0);
    EXPECT_EQ(tunnel.fragment_bits, 0x4000) << "don't fragment";
  }
  switch (kind().mode) {
    case Mode::kIpip:
      EXPECT_EQ(tunnel.protocol, kind().family == 4 ? 4 : 41);
      break;
    case Mode::kGre:
      EXPECT_EQ(tunnel.protocol, 47);
      break;
    default:
      EXPECT_EQ(tunnel.protocol, 17);
      EXPECT_EQ(tunnel.gue_variant, kind().gue_variant);
      EXPECT_EQ(tunnel.destination_port, 6080);
      EXPECT_GE(tunnel.source_port, 49'152);
      EXPECT_EQ(tunnel.udp_checksum == 0, kind().real_family == 4);
      EXPECT_FALSE(tunnel.hops.has_value());
  }
  gateway_.check_counters();
}

TEST_P(EveryTunnel, EmbedsTheClientInTheSourceByDefault) {
  for (const unsigned client : {1u, 700u}) {
    const auto out = gateway_.send(to_vip(kind(), 0x1234, client));
    const Tunneled tunnel = open_tunnel(out.frame);
    const uint32_t entropy = low_bits(ip(kind().client(client))) ^ 0x1234;
    if (kind().real_family == 4) {
      EXPECT_EQ(tunnel.source, IpAddress(Ipv4Address{Be32(0xac100000 | (entropy & 0xffff))}));
    } else {
      EXPECT_EQ(low_bits(tunnel.source), entropy);
      EXPECT_TRUE((IpPrefix{ip("100::"), 64}.contains(tunnel.source)));
    }
  }
}

TEST_P(EveryTunnel, TakesAFixedSourceOrAPrefixOfAnyLength) {
  const auto source_with = [&](const IpPrefix& v4, const IpPrefix& v6) {
    service().tunnel.source_ipv4 = v4;
    service().tunnel.source_ipv6 = v6;
    gateway_.publish();
    const auto out = gateway_.send(to_vip(kind(), 0x1234, 700));
    EXPECT_TRUE(checksums_ok(out.frame)) << describe(out.frame);
    return open_tunnel(out.frame).source;
  };
  const bool is_v4 = kind().real_family == 4;
  EXPECT_EQ(source_with({ip("10.1.0.254"), 32}, {ip("fd01::fe"), 128}),
            ip(is_v4 ? "10.1.0.254" : "fd01::fe"));
  const uint32_t entropy = low_bits(ip(kind().client(700))) ^ 0x1234;
  EXPECT_EQ(low_bits(source_with({ip("203.0.113.240"), 28}, {ip("fd01::aaaa:fff0"), 124})),
            (is_v4 ? 0xcb0071f0u : 0xaaaafff0u) | (entropy & 15));
  EXPECT_EQ(low_bits(source_with({ip("16.0.0.0"), 4}, {ip("fd01::"), 32})),
            is_v4 ? 0x10000000u | (entropy & 0x0fffffff) : entropy);
}

TEST_P(EveryTunnel, HasRightChecksumsForPacketsOfEveryLengthAndContent) {
  std::mt19937 random(7);
  for (size_t length = 0; length < 300; ++length) {
    Bytes payload(length);
    for (uint8_t& byte : payload) byte = static_cast<uint8_t>(random());
    auto packet =
        to_vip(kind(), static_cast<uint16_t>(random()), static_cast<unsigned>(random() % 1000));
    packet.payload(payload).tos(static_cast<uint8_t>(random())).ttl(1);
    if (kind().family == 4 && length % 3 == 0) packet.ip_options(4 * (length % 11));
    if (length % 5 == 0) packet.pad_to(400);
    const Bytes question = packet.build();
    const auto out = gateway_.send(question);
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    ASSERT_TRUE(checksums_ok(out.frame)) << length << ": " << describe(out.frame);
    ASSERT_EQ(open_tunnel(out.frame).inner, ip_packet(question)) << length;
  }
}

TEST_P(EveryTunnel, CarriesUdpWithoutAChecksum) {
  if (kind().protocol != Protocol::kUdp || kind().family != 4) return;
  for (size_t length = 0; length < 70; ++length) {
    const Bytes question =
        to_vip(kind(), 40'000).no_udp_checksum().payload(Bytes(length, 0xc3)).build();
    const auto out = gateway_.send(question);
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    ASSERT_TRUE(checksums_ok(out.frame)) << describe(out.frame);
    ASSERT_EQ(open_tunnel(out.frame).inner, ip_packet(question));
  }
}

TEST_P(EveryTunnel, TakesATaggedPacketAndSendsItUntaggedWhereTheRealsAre) {
  gateway_.spec().ports[1].vlan = 0;
  gateway_.publish();
  const Bytes question = to_vip(kind(), 40'000).vlan(300, 2).build();
  const auto out = gateway_.send(question);
  ASSERT_TRUE(out.is_forward()) << to_string(out);
  const Tunneled tunnel = open_tunnel(out.frame);
  EXPECT_EQ(tunnel.vlan, 0);
  EXPECT_EQ(tunnel.inner, ip_packet(question));
  EXPECT_TRUE(checksums_ok(out.frame));
}

TEST_P(EveryTunnel, FillsTheMtuAndNoMore) {
  const size_t shortest = ip_packet(to_vip(kind(), 1).payload("").build()).size();
  const auto empty = gateway_.send(to_vip(kind(), 1).payload(""));
  const size_t overhead = empty.frame.size() - 18 - shortest;
  const size_t most = 1500 - overhead - shortest;
  const auto out = gateway_.send(to_vip(kind(), 1).payload(Bytes(most, 1)));
  ASSERT_TRUE(out.is_forward()) << to_string(out);
  EXPECT_EQ(out.frame.size(), 1518u);
  EXPECT_TRUE(checksums_ok(out.frame));
  const auto is_refused = [&](const Outcome& refused) {
    // Without DF nobody asked to be told.
    return kind().family == 4 ? refused.is_drop(DropReason::kTooBig)
                              : refused.is_reply(ReplyKind::kPacketTooBig);
  };
  EXPECT_TRUE(is_refused(gateway_.send(to_vip(kind(), 1).payload(Bytes(most + 1, 1)))));
  gateway_.spec().ports[1].mtu = 1400;
  gateway_.publish();
  EXPECT_TRUE(is_refused(gateway_.send(to_vip(kind(), 1).payload(Bytes(most, 1)))));
  EXPECT_TRUE(gateway_.send(to_vip(kind(), 1).payload(Bytes(most - 100, 1))).is_forward());
  gateway_.check_counters();
}

TEST_P(EveryTunnel, NeedsRoomBeforeThePacket) {
  const Bytes question = to_vip(kind(), 40'000).build();
  FakeMbuf tight(question, 8);
  EXPECT_TRUE(gateway_.send_mbufs({tight.get()})[0].is_drop(DropReason::kNoHeadroom));
  FakeMbuf enough(question, 96 - 14);
  EXPECT_TRUE(gateway_.send_mbufs({enough.get()})[0].is_forward());
  EXPECT_EQ(open_tunnel(enough.frame()).inner, ip_packet(question));
}

class EveryGueOverIpv6 : public EveryTunnel {};
INSTANTIATE_TEST_SUITE_P(Pipeline, EveryGueOverIpv6, testing::ValuesIn([] {
                           std::vector<DirectCase> cases;
                           for (const DirectCase& kind : tunnel_cases()) {
                             if (kind.mode == Mode::kGue && kind.real_family == 6) {
                               cases.push_back(kind);
                             }
                           }
                           return cases;
                         }()),
                         [](const auto& test) { return test.param.name(); });

TEST_P(EveryGueOverIpv6, HasNoChecksumIfToldSo) {
  service().tunnel.gue_zero_checksum = true;
  gateway_.publish();
  const auto out = gateway_.send(to_vip(kind(), 40'000));
  ASSERT_TRUE(out.is_forward()) << to_string(out);
  EXPECT_EQ(open_tunnel(out.frame).udp_checksum, 0);
}

TEST_P(EveryGueOverIpv6, HasAWrongChecksumForAPacketThatIsWrong) {
  const auto out = gateway_.send(to_vip(kind(), 40'000).bad_l4_checksum());
  ASSERT_TRUE(out.is_forward()) << to_string(out);
  EXPECT_FALSE(checksums_ok(out.frame)) << "the real must see that the packet is broken";
}

TEST(Tunnel, GoesToTheConfiguredUdpPort) {
  const DirectCase kind = direct_case(Mode::kGue);
  FakeGateway gateway(direct_spec());
  gateway.spec().services[kind.index].tunnel.gue_port = 19'523;
  gateway.publish();
  EXPECT_EQ(open_tunnel(gateway.send(to_vip(kind, 1)).frame).destination_port, 19'523);
}

TEST(Tunnel, UdpSourcePortIsTheFlowsAndDiffersBetweenFlows) {
  const DirectCase kind = direct_case(Mode::kGue);
  FakeGateway gateway(direct_spec());
  std::set<uint16_t> ports;
  for (uint16_t flow = 0; flow < 200; ++flow) {
    const auto port = [&] {
      return open_tunnel(gateway.send(to_vip(kind, static_cast<uint16_t>(1000 + flow))).frame)
          .source_port;
    };
    const uint16_t first = port();
    EXPECT_EQ(port(), first);
    ports.insert(first);
  }
  EXPECT_GT(ports.size(), 190u);
}

TEST(Tunnel, TheSenderOfAPacketThatIsTooBigIsToldWhatTheTunnelLeaves) {
  const DirectCase kind = direct_case(Mode::kIpip, 6, 6);
  FakeGateway gateway(direct_spec());
  gateway.spec().ports[1].mtu = 1500;
  gateway.publish();
  const auto out = gateway.send(to_vip(kind, 1).payload(Bytes(1500, 1)));
  ASSERT_TRUE(out.is_reply(ReplyKind::kPacketTooBig)) << to_string(out);
  const Bytes answer = ip_packet(out.frame);
  // ICMPv6 type 2, and the MTU behind code and checksum (RFC 4443 3.2).
  EXPECT_EQ(answer[40], 2);
  EXPECT_EQ(answer[46] << 8 | answer[47], 1460);
  EXPECT_TRUE(checksums_ok(out.frame));
}

// A SYN whose options begin with `before`, and the segment size.
Bytes syn_with_mss(const DirectCase& kind, Bytes before, uint16_t mss) {
  before.insert(before.end(), {2, 4, static_cast<uint8_t>(mss >> 8), static_cast<uint8_t>(mss)});
  return to_vip(kind, 1).tcp_options(before).build();
}

TEST(Tunnel, SynsAnnounceNoLargerSegmentsThanTheServiceAllows) {
  for (const int family : {4, 6}) {
    const DirectCase kind = direct_case(Mode::kGre, family, 4);
    FakeGateway gateway(direct_spec());
    gateway.spec().services[kind.index].tunnel.mss_clamp = 1300;
    gateway.publish();
    for (const Bytes& before : {Bytes{}, Bytes{1}, Bytes{3, 3, 7}}) {
      const auto out = gateway.send(syn_with_mss(kind, before, 1460));
      ASSERT_TRUE(out.is_forward()) << to_string(out);
      EXPECT_TRUE(checksums_ok(out.frame)) << describe(out.frame);
      EXPECT_EQ(open_tunnel(out.frame).inner, ip_packet(syn_with_mss(kind, before, 1300)));
      const Bytes smaller = syn_with_mss(kind, before, 1299);
      EXPECT_EQ(open_tunnel(gateway.send(smaller).frame).inner, ip_packet(smaller));
    }
    const Bytes malformed = to_vip(kind, 1).tcp_options({3, 0, 2, 4}).build();
    EXPECT_EQ(open_tunnel(gateway.send(malformed).frame).inner, ip_packet(malformed));
    const Bytes beyond = to_vip(kind, 1).tcp_options({1, 1, 2, 9}).build();
    EXPECT_EQ(open_tunnel(gateway.send(beyond).frame).inner, ip_packet(beyond));
    const Bytes whole = syn_with_mss(kind, {}, 1460);
    FakeMbuf tight(whole, 8);
    ASSERT_TRUE(gateway.send_mbufs({tight.get()})[0].is_drop(DropReason::kNoHeadroom));
    EXPECT_EQ(tight.frame(), whole) << "what is not sent is left as it came";
  }
}

TEST(Tunnel, GueHopsAreTheOtherRealsAndFirstTheOneThatTheRowHadBefore) {
  for (const DirectCase& kind : tunnel_cases()) {
    if (kind.mode != Mode::kGue || kind.gue_variant != 0 || kind.real_family != 4) continue;
    FakeGateway gateway(direct_spec());
    gateway.spec().services[kind.index].tunnel.gue_hops = 2;
    gateway.publish();
    const Bytes question = to_vip(kind, 40'000).build();
    const auto hops_of = [&](const Outcome& out) {
      const Tunneled tunnel = open_tunnel(out.frame);
      EXPECT_TRUE(checksums_ok(out.frame));
      EXPECT_EQ(tunnel.inner, ip_packet(question));
      return std::pair{tunnel.destination, tunnel.hops.value_or(std::vector<Ipv4Address>{})};
    };
    const auto [real, hops] = hops_of(gateway.send(question));
    ASSERT_EQ(hops.size(), 2u) << kind.name();
    const std::set<IpAddress> all = {real, hops[0], hops[1]};
    EXPECT_EQ(all, (std::set<IpAddress>{ip("10.1.0.1"), ip("10.1.0.2"), ip("10.1.0.3")}));
    // Without its real, the flow goes to another one; the first hop is then the one that is left.
    auto& reals = gateway.spec().services[kind.index].reals;
    for (RealSpec& one : reals) {
      if (one.address == real) one.state = RealState::kDraining;
    }
    gateway.publish();
    const auto [next, next_hops] = hops_of(gateway.send(to_vip(kind, 40'000, 1)));
    EXPECT_EQ(next, real) << "a flow stays while its real drains";
    ASSERT_GE(next_hops.size(), 1u);
    EXPECT_EQ(std::count(next_hops.begin(), next_hops.end(), real.v4()), 0);
  }
}

TEST(Tunnel, PacketWithoutTimeToLiveIsNotSentOn) {
  const DirectCase kind = direct_case(Mode::kIpip);
  FakeGateway gateway(direct_spec());
  EXPECT_TRUE(gateway.send(to_vip(kind, 1).ttl(0)).is_drop(DropReason::kTtlExpired));
  const auto out = gateway.send(to_vip(kind, 1).ttl(1));
  ASSERT_TRUE(out.is_forward());
  EXPECT_EQ(open_tunnel(out.frame).inner[8], 1) << "the real is where the packet was going";
}

TEST(Tunnel, NewLinkAddressOfTheRealIsUsedAtOnce) {
  const DirectCase kind = direct_case(Mode::kGre, 4, 6);
  FakeGateway gateway(direct_spec());
  gateway.send(to_vip(kind, 1));
  for (RealSpec& real : gateway.spec().services[kind.index].reals) {
    real.next_hop = mac("02:00:00:00:00:b9");
  }
  gateway.publish();
  EXPECT_EQ(open_tunnel(gateway.send(to_vip(kind, 1)).frame).destination_mac,
            mac("02:00:00:00:00:b9"));
  for (RealSpec& real : gateway.spec().services[kind.index].reals) real.resolved = false;
  gateway.publish();
  EXPECT_TRUE(gateway.send(to_vip(kind, 1)).is_drop(DropReason::kNextHopUnresolved));
}

}  // namespace
}  // namespace vipgate::test::pipeline_tunnel_test
