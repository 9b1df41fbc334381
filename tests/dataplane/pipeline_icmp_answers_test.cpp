// ICMP errors of the gateway's own making: time exceeded, fragmentation needed, packet too big.
#include <gtest/gtest.h>

#include "tests/support/test_net.h"

namespace vipgate::test::pipeline_icmp_answers_test {
namespace {

class IcmpAnswers : public testing::TestWithParam<ServiceCase> {
 protected:
  ~IcmpAnswers() override { gateway_.check_counters(); }
  const ServiceCase& kind() const { return GetParam(); }
  bool is_v4() const { return kind().family == 4; }
  std::string own(int port) const {
    if (is_v4()) return port == 0 ? "10.9.0.1" : "10.1.0.254";
    return port == 0 ? "fd09::1" : "fd01::fe";
  }
  // The error that `packet` gets, which came in by `port`.
  Bytes wanted(const Bytes& packet, int port, uint8_t type, uint8_t code, uint32_t rest,
               const std::string& source) const {
    const size_t l2 = port == 0 ? 14 : 18;
    const size_t most = is_v4() ? 576 - 28 : 1280 - 48;
    const auto quoted = static_cast<ptrdiff_t>(std::min(packet.size() - l2, most));
    const auto start = packet.begin() + static_cast<ptrdiff_t>(l2);
    PacketBuilder error;
    if (port == 0) {
      error.eth(kGatewayMac0, kClientMac);
    } else {
      error.eth(kGatewayMac1, kRealMac).vlan(kRealVlan);
    }
    const Tuple tuple = tuple_of(packet);
    if (is_v4()) {
      error.ipv4(ip(source).v4(), tuple.source.v4()).dont_fragment();
    } else {
      error.ipv6(ip(source).v6(), tuple.source.v6());
    }
    return error.icmp(type, code, rest).payload(Bytes(start, start + quoted)).build();
  }
  Bytes time_exceeded(const Bytes& packet, int port, const std::string& source) const {
    return wanted(packet, port, is_v4() ? 11 : 3, 0, 0, source);
  }
  Bytes too_big(const Bytes& packet, int port, uint16_t mtu) const {
    return is_v4() ? wanted(packet, port, 3, 4, mtu, own(port))
                   : wanted(packet, port, 2, 0, mtu, own(port));
  }
  Bytes question(size_t size, uint8_t ttl = 64) const {
    return to_vip(kind(), 40'000).dont_fragment().ttl(ttl).payload(Bytes(size, 'q')).build();
  }
  Bytes answer(const Outcome& forwarded, size_t size, uint8_t ttl = 64) const {
    return answer_to(forwarded, kind().protocol)
        .dont_fragment()
        .ttl(ttl)
        .payload(Bytes(size, 'a'))
        .build();
  }
  FakeGateway gateway_{net_spec()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, IcmpAnswers, testing::ValuesIn(kServiceCases),
                         [](const auto& test) { return test.param.name(); });

TEST_P(IcmpAnswers, SenderOfAPacketWhoseTtlIsUsedUpIsTold) {
  for (const size_t size : {size_t{0}, size_t{30}, size_t{1400}}) {
    for (const uint8_t ttl : {uint8_t{0}, uint8_t{1}}) {
      const Bytes packet = question(size, ttl);
      const auto out = gateway_.send(packet);
      ASSERT_TRUE(out.is_reply(ReplyKind::kTimeExceeded)) << to_string(out);
      EXPECT_EQ(out.port, 0u);
      EXPECT_EQ(out.frame, time_exceeded(packet, 0, own(0))) << describe(out.frame);
    }
  }
  EXPECT_EQ(gateway_.flows(), 0u);
  const auto out = gateway_.send(question(8, 2));
  ASSERT_TRUE(out.is_forward()) << to_string(out);
  for (const uint8_t ttl : {uint8_t{0}, uint8_t{1}}) {
    const Bytes packet = answer(out, 100, ttl);
    const auto back = gateway_.send(packet, 1);
    ASSERT_TRUE(back.is_reply(ReplyKind::kTimeExceeded)) << to_string(back);
    EXPECT_EQ(back.port, 1u);
    EXPECT_EQ(back.frame, time_exceeded(packet, 1, own(1))) << describe(back.frame);
  }
}

TEST_P(IcmpAnswers, PortWithoutAnAddressOfTheFamilySpeaksInTheVipsName) {
  for (PortEntry& port : gateway_.spec().ports) port.address4 = {}, port.address6 = {};
  gateway_.publish();
  const Bytes packet = question(8, 1);
  EXPECT_EQ(gateway_.send(packet).frame, time_exceeded(packet, 0, kind().vip()));
  const Bytes back = answer(gateway_.send(question(8)), 8, 1);
  EXPECT_EQ(gateway_.send(back, 1).frame, time_exceeded(back, 1, kind().vip()));
}

TEST_P(IcmpAnswers, NobodyIsToldAboutAFrameToAGroupOrFromAnAddressOfOurs) {
  for (PortEntry& port : gateway_.spec().ports) port.check_mac = false;
  gateway_.publish();
  const auto group = gateway_.send(to_vip(kind(), 1).eth(kClientMac, "ff:ff:ff:ff:ff:ff").ttl(1));
  EXPECT_TRUE(group.is_drop(DropReason::kTtlExpired)) << to_string(group);
  PacketBuilder forged = to_vip(kind(), 1).ttl(1);
  if (is_v4()) {
    forged.ipv4("11.0.0.2", kind().vip());
  } else {
    forged.ipv6("fd11::2", kind().vip());
  }
  const auto out = gateway_.send(forged);
  EXPECT_TRUE(out.is_drop(DropReason::kTtlExpired)) << to_string(out);
}

TEST_P(IcmpAnswers, TimeExceededIsRateLimited) {
  uint32_t told = 0;
  for (uint32_t i = 0; i < kTimeExceededPerSecond; ++i) {
    const auto out = gateway_.send(question(8, 1));
    told += out.is_reply(ReplyKind::kTimeExceeded);
    if (!out.is_reply(ReplyKind::kTimeExceeded)) {
      ASSERT_TRUE(out.is_drop(DropReason::kRateLimited)) << to_string(out);
    }
  }
  EXPECT_EQ(told, kTimeExceededPerSecond / 10);
  gateway_.jump_seconds(0.01);
  EXPECT_TRUE(gateway_.send(question(8, 1)).is_reply(ReplyKind::kTimeExceeded));
}

TEST_P(IcmpAnswers, SenderOfAPacketBeyondTheMtuOfTheWayOutIsToldTheMtu) {
  gateway_.spec().ports[1].mtu = 1300;
  gateway_.spec().ports[0].mtu = 1290;
  gateway_.publish();
  const size_t headers = (is_v4() ? 20u : 40u) + (kind().protocol == Protocol::kTcp ? 20u : 8u);
  const auto out = gateway_.send(question(1300 - headers));
  ASSERT_TRUE(out.is_forward()) << to_string(out);
  const Bytes big = question(1301 - headers);
  const auto told = gateway_.send(big);
  ASSERT_TRUE(told.is_reply(ReplyKind::kPacketTooBig)) << to_string(told);
  EXPECT_EQ(told.port, 0u);
  EXPECT_EQ(told.frame, too_big(big, 0, 1300)) << describe(told.frame);

  EXPECT_TRUE(gateway_.send(answer(out, 1290 - headers), 1).is_forward());
  const Bytes back = answer(out, 1291 - headers);
  const auto real_told = gateway_.send(back, 1);
  ASSERT_TRUE(real_told.is_reply(ReplyKind::kPacketTooBig)) << to_string(real_told);
  EXPECT_EQ(real_told.port, 1u);
  EXPECT_EQ(real_told.frame, too_big(back, 1, 1290)) << describe(real_told.frame);
}

TEST_P(IcmpAnswers, Ipv4PacketThatMayBeFragmentedIsDroppedWhenTooBig) {
  gateway_.spec().ports[1].mtu = 1300;
  gateway_.publish();
  const auto out = gateway_.send(to_vip(kind(), 1).payload(Bytes(1300, 'q')));
  if (is_v4()) {
    EXPECT_TRUE(out.is_drop(DropReason::kTooBig)) << to_string(out);
  } else {
    EXPECT_TRUE(out.is_reply(ReplyKind::kPacketTooBig)) << to_string(out);
  }
}

TEST_P(IcmpAnswers, PacketTooBigNamesNoMtuBelowTheLeastOfIpv6) {
  gateway_.spec().ports[1].mtu = 1000;
  gateway_.publish();
  const Bytes big = question(1300);
  EXPECT_EQ(gateway_.send(big).frame, too_big(big, 0, is_v4() ? 1000 : 1280));
}

TEST_P(IcmpAnswers, PacketTooBigIsRateLimited) {
  gateway_.spec().ports[1].mtu = 1280;
  gateway_.publish();
  uint32_t told = 0;
  for (uint32_t i = 0; i < kTooBigPerSecond; ++i) {
    told += gateway_.send(question(1300)).is_reply(ReplyKind::kPacketTooBig);
  }
  EXPECT_EQ(told, kTooBigPerSecond / 10);
  EXPECT_EQ(gateway_.count(DropReason::kRateLimited), kTooBigPerSecond - told);
}

TEST_P(IcmpAnswers, PacketWithoutRoomForTheErrorIsDropped) {
  for (const bool is_big : {false, true}) {
    gateway_.spec().ports[1].mtu = is_big ? 1280 : 1500;
    gateway_.publish();
    FakeMbuf mbuf(question(1300, is_big ? 64 : 1), is_v4() ? 27 : 47);
    const auto out = gateway_.send_mbufs({mbuf.get()}).front();
    EXPECT_TRUE(out.is_drop(is_big ? DropReason::kTooBig : DropReason::kTtlExpired))
        << to_string(out);
  }
}

}  // namespace
}  // namespace vipgate::test::pipeline_icmp_answers_test
