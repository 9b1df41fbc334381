// ICMP errors about what the reals of l2dsr and tunnels answered: they go the way of the flow, as
// they are.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <span>

#include "tests/support/direct_net.h"
#include "tests/support/icmp_errors.h"

namespace vipgate::test::pipeline_icmp_errors_direct_test {
namespace {

class DirectIcmpErrors : public testing::TestWithParam<DirectCase> {
 protected:
  ~DirectIcmpErrors() override { gateway_.check_counters(); }
  const DirectCase& kind() const { return GetParam(); }
  // What the client gets from the VIP.
  PacketBuilder answer(uint16_t client_port) const {
    PacketBuilder packet;
    if (kind().family == 4) {
      packet.ipv4(kind().vip(), kind().client());
    } else {
      packet.ipv6(kind().vip(), kind().client());
    }
    if (kind().protocol == Protocol::kTcp) {
      packet.tcp(kDirectPort, client_port);
    } else {
      packet.udp(kDirectPort, client_port);
    }
    return packet.payload(Bytes(300, 'a'));
  }
  PacketBuilder error(uint16_t client_port, const ErrorKind& error, size_t l4 = 200) const {
    PacketBuilder packet;
    packet.eth(kClientMac, kGatewayMac0);
    if (kind().family == 4) {
      packet.ipv4("198.51.100.9", kind().vip());
    } else {
      packet.ipv6("2001:db8:9::9", kind().vip());
    }
    return packet.icmp(error.type, error.code, error.rest)
        .payload(quoted(answer(client_port).build(), l4));
  }
  FakeGateway gateway_{direct_spec()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, DirectIcmpErrors, testing::ValuesIn(direct_cases()),
                         [](const auto& test) { return test.param.name(); });

TEST_P(DirectIcmpErrors, GoToTheFlowsRealUnchanged) {
  const auto check = [&](const Outcome& out, const Bytes& sent) {
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    if (is_tunnel(kind().mode)) {
      const Tunneled tunnel = open_tunnel(out.frame);
      EXPECT_EQ(tunnel.inner, ip_packet(sent));
      EXPECT_TRUE(checksums_ok(out.frame)) << describe(out.frame);
    } else {
      EXPECT_EQ(ip_packet(out.frame), ip_packet(sent));
      const MacAddress real = mac(kRealMac);
      EXPECT_TRUE(std::ranges::equal(std::span(out.frame).first(6), real.bytes));
    }
  };
  std::map<uint16_t, RealId> reals;
  for (uint16_t port = 1; port <= 30; ++port) {
    reals[port] = gateway_.send(to_vip(kind(), port)).verdict.real;
  }
  // New flows would go elsewhere.
  auto& service = gateway_.spec().services[kind().index];
  service.reals.push_back(service.reals[0]);
  service.reals.back().id = RealId(240, 1);
  for (size_t i = 0; i < 3; ++i) service.reals[i].state = RealState::kDraining;
  gateway_.publish();
  for (const ErrorKind& each : error_kinds(kind().family)) {
    for (uint16_t port = 1; port <= 30; ++port) {
      const Bytes sent = error(port, each, port % 2 == 0 ? 8 : 201).ttl(1).build();
      const auto out = gateway_.send(sent);
      check(out, sent);
      EXPECT_EQ(out.verdict.real, reals[port]);
    }
  }
  EXPECT_EQ(gateway_.count(Event::kIcmpErrorsToReals), 150u);
  EXPECT_EQ(gateway_.flows(), 30u) << "an error begins no flow";
}

TEST_P(DirectIcmpErrors, WithoutAnEntryGoWhereTheFlowsNextPacketWillGo) {
  for (uint16_t port = 1; port <= 30; ++port) {
    const auto out = gateway_.send(error(port, error_kinds(kind().family)[0]));
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    EXPECT_EQ(out.verdict.real, gateway_.send(to_vip(kind(), port)).verdict.real);
  }
}

TEST_P(DirectIcmpErrors, AreDroppedWhereThereIsNoReal) {
  gateway_.spec().services[kind().index].reals.clear();
  gateway_.publish();
  const auto out = gateway_.send(error(1, error_kinds(kind().family)[0]));
  EXPECT_TRUE(out.is_drop(DropReason::kIcmpErrorNoFlow)) << to_string(out);
}

TEST_P(DirectIcmpErrors, ThatAreUsedUpOrTooLongAreDroppedAndNobodyIsTold) {
  gateway_.send(to_vip(kind(), 1));
  const auto old = gateway_.send(error(1, error_kinds(kind().family)[0]).ttl(0));
  EXPECT_TRUE(old.is_drop(DropReason::kTtlExpired)) << to_string(old);
  if (!is_tunnel(kind().mode)) return;
  const auto big = gateway_.send(
      PacketBuilder(error(1, error_kinds(kind().family)[0])).dont_fragment().payload([&] {
        Bytes quote = quoted(answer(1).build(), 200);
        quote.resize(1460);
        return quote;
      }()));
  EXPECT_TRUE(big.is_drop(DropReason::kTooBig)) << to_string(big);
}

TEST(DirectIcmpErrorsInGue, CarryTheHopsOfTheirFlow) {
  const DirectCase kind = [] {
    for (const DirectCase& each : direct_cases()) {
      if (each.mode == Mode::kGue && each.gue_variant == 0 && each.real_family == 4) return each;
    }
    throw std::logic_error("no such case");
  }();
  SnapshotSpec spec = direct_spec();
  spec.services[kind.index].tunnel.gue_hops = 2;
  FakeGateway gateway(spec);
  for (uint16_t port = 1; port <= 20; ++port) {
    const auto question = gateway.send(to_vip(kind, port));
    PacketBuilder answer;
    answer.ipv4(kind.vip(), kind.client()).tcp(kDirectPort, port);
    PacketBuilder error;
    error.eth(kClientMac, kGatewayMac0).ipv4("198.51.100.9", kind.vip());
    error.icmp(3, 1, 0).payload(quoted(answer.build(), 8));
    const auto out = gateway.send(error);
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    EXPECT_EQ(open_tunnel(out.frame).hops, open_tunnel(question.frame).hops);
    EXPECT_EQ(open_tunnel(out.frame).destination, open_tunnel(question.frame).destination);
  }
}

}  // namespace
}  // namespace vipgate::test::pipeline_icmp_errors_direct_test
