// ICMP errors of routers about packets of our tunnels, which were too big for a link on the way.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/direct_net.h"
#include "tests/support/icmp_errors.h"

namespace vipgate::test::pipeline_tunnel_mtu_test {
namespace {

class TunnelMtu : public testing::TestWithParam<DirectCase> {
 protected:
  ~TunnelMtu() override { gateway_.check_counters(); }
  const DirectCase& kind() const { return GetParam(); }

  // A packet of the client's in its tunnel, as it left.
  Bytes tunneled(size_t payload = 1380) {
    auto packet = to_vip(kind(), 1000).payload(Bytes(payload, 'a'));
    const Outcome out = gateway_.send(packet);
    EXPECT_TRUE(out.is_forward()) << to_string(out);
    return out.frame;
  }
  // A router's error about it, to where it came from.
  PacketBuilder error(const Bytes& frame, uint32_t mtu, size_t behind_ip = 200) const {
    const std::string source = to_string(open_tunnel(frame).source);
    PacketBuilder packet;
    packet.eth(kRealMac, kGatewayMac1).vlan(kRealVlan);
    if (kind().real_family == 4) {
      packet.ipv4("10.1.0.254", source).icmp(3, 4, mtu);
    } else {
      packet.ipv6("fd01::fe", source).icmp(2, 0, mtu);
    }
    return packet.payload(quoted(frame, behind_ip));
  }
  uint64_t noted() const { return gateway_.count(Event::kTunnelMtuErrors); }

  FakeGateway gateway_{direct_spec()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, TunnelMtu, testing::ValuesIn(tunnel_cases()),
                         [](const auto& test) { return test.param.name(); });

TEST_P(TunnelMtu, AnErrorAboutAPacketOfOursIsNotedAsItCame) {
  const Bytes frame = tunneled();
  for (const size_t there : {size_t{8}, size_t{500}}) {
    gateway_.send(error(frame, 1300, there), 1);
    const auto errors = gateway_.take_tunnel_errors();
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_EQ(errors[0].mtu, 1300);
    const Bytes quote = quoted(frame, there);
    ASSERT_EQ(errors[0].length, std::min(quote.size(), TunnelError::kMostQuoted));
    EXPECT_TRUE(
        std::equal(quote.begin(), quote.begin() + errors[0].length, errors[0].quote.begin()));
  }
  EXPECT_EQ(noted(), 2u);
}

TEST_P(TunnelMtu, WhatCannotBeTrueIsNotNoted) {
  const Bytes frame = tunneled();
  const auto length = static_cast<uint32_t>(ip_packet(frame).size());
  gateway_.send(error(frame, length), 1);
  EXPECT_EQ(noted(), 0u) << "it would have fitted";
  gateway_.send(error(frame, 1300).bad_l4_checksum(), 1);
  EXPECT_EQ(noted(), 0u) << "checksum";
  gateway_.send(error(frame, 1300, 7), 1);
  EXPECT_EQ(noted(), 0u) << "cut off";
  const bool is_v4 = kind().real_family == 4;
  gateway_.send(error(frame, 1300).icmp(is_v4 ? 3 : 1, 1, 1300), 1);
  EXPECT_EQ(noted(), 0u) << "another error";
  gateway_.send(error(frame, length - 1), 1);
  EXPECT_EQ(noted(), 1u);
}

TEST_P(TunnelMtu, AFloodOfErrorsIsCutOff) {
  const Bytes frame = tunneled();
  for (int i = 0; i < 100; ++i) gateway_.send(error(frame, 1300), 1);
  EXPECT_EQ(noted(), TunnelErrorRing::kSize);
  EXPECT_EQ(gateway_.take_tunnel_errors().size(), TunnelErrorRing::kSize);
  gateway_.send(error(frame, 1300), 1);
  EXPECT_EQ(gateway_.take_tunnel_errors().size(), 1u);
}

// As the control plane publishes it.
TEST_P(TunnelMtu, TheNextPacketThatIsTooLongForTheWayIsAnswered) {
  const auto overhead = ip_packet(tunneled()).size() - open_tunnel(tunneled()).inner.size();
  for (ServiceSpec& service : gateway_.spec().services) {
    for (RealSpec& real : service.reals) real.path_mtu = 1400;
  }
  gateway_.publish();
  auto packet = to_vip(kind(), 1000).payload(Bytes(1380, 'a'));
  if (kind().family == 4) packet.dont_fragment();
  const Outcome out = gateway_.send(packet);
  ASSERT_TRUE(out.is_reply(ReplyKind::kPacketTooBig)) << to_string(out);
  const Bytes answer = ip_packet(out.frame);
  const size_t at = kind().family == 4 ? 20 + 6 : 40 + 6;
  EXPECT_EQ(answer[at] << 8 | answer[at + 1], 1400 - static_cast<int>(overhead));
  EXPECT_TRUE(gateway_.send(to_vip(kind(), 1000).payload(Bytes(1200, 'a'))).is_forward());
}

// A sender of IPv6 never makes less of it, whoever says so.
TEST_P(TunnelMtu, PacketsOf1280BytesOfIpv6AlwaysGoIntoTheTunnel) {
  if (kind().family == 4) return;
  for (ServiceSpec& service : gateway_.spec().services) {
    for (RealSpec& real : service.reals) real.path_mtu = 576;
  }
  gateway_.publish();
  const size_t l4 = kind().protocol == Protocol::kTcp ? 20 : 8;
  const auto of_length = [&](size_t length) {
    return gateway_.send(to_vip(kind(), 1000).payload(Bytes(length - 40 - l4, 'a')));
  };
  EXPECT_TRUE(of_length(1280).is_forward());
  EXPECT_TRUE(of_length(1281).is_reply(ReplyKind::kPacketTooBig));
}

}  // namespace
}  // namespace vipgate::test::pipeline_tunnel_mtu_test
