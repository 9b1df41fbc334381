#include "controlplane/network/path_mtus.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/controlplane/loop/tunnel_quotes.h"
#include "tests/support/address_text.h"

namespace vipgate::path_mtus_test {
namespace {

using test::Bytes;

using test::ip;

TEST(TunnelQuote, TellsSourceRealAndWhatIsWithinOfEveryKindOfTunnel) {
  for (const TunnelCase& kind : tunnel_quote_cases()) {
    SCOPED_TRACE(kind.name);
    const auto quote = read_tunnel_quote(tunnel_error(kind.packet(), 1400));
    ASSERT_TRUE(quote);
    EXPECT_EQ(quote->source, ip(kind.source));
    EXPECT_EQ(quote->real, ip(kind.real));
    EXPECT_EQ(quote->protocol, kind.protocol);
    EXPECT_EQ(quote->port, kind.protocol == kProtocolUdp ? 6080 : 0);
    EXPECT_EQ(quote->vip, ip(kind.vip));
  }
}

TEST(TunnelQuote, MayBeCutOffAnywhere) {
  for (const TunnelCase& kind : tunnel_quote_cases()) {
    SCOPED_TRACE(kind.name);
    const TunnelError whole = tunnel_error(kind.packet(), 1400);
    for (uint16_t length = 0; length <= whole.length; ++length) {
      TunnelError cut = whole;
      cut.length = length;
      std::fill(cut.quote.begin() + length, cut.quote.end(), uint8_t{0xff});
      const auto quote = read_tunnel_quote(cut);
      if (quote && quote->vip) {
        EXPECT_EQ(*quote->vip, ip(kind.vip)) << length;
      }
    }
    TunnelError least = whole;
    least.length = (ip(kind.real).is_v4() ? 20 : 40) + 8;
    const auto quote = read_tunnel_quote(least);
    ASSERT_TRUE(quote);
    EXPECT_FALSE(quote->vip);
  }
}

TEST(TunnelQuote, OtherBytesAreNoTunnels) {
  EXPECT_FALSE(read_tunnel_quote(TunnelError{}));
  for (const TunnelCase& kind : tunnel_quote_cases()) {
    const TunnelError whole = tunnel_error(kind.packet(), 1400);
    for (int value = 0; value < 256; ++value) {
      for (size_t at = 0; at < whole.length; ++at) {
        TunnelError changed = whole;
        changed.quote[at] = static_cast<uint8_t>(value);
        (void)read_tunnel_quote(changed);  // whatever it says, it reads nothing beyond
      }
    }
    TunnelError other = whole;
    other.quote[ip(kind.real).is_v4() ? 9 : 6] = kProtocolTcp;
    EXPECT_FALSE(read_tunnel_quote(other)) << kind.name;
  }
}

class CouldHaveSent : public testing::Test {
 protected:
  CouldHaveSent() {
    service_.config.mode = Mode::kIpip;
    service_.config.tunnel.source_ipv4 = *parse_ip_prefix("172.16.0.0/16");
    service_.reals[{ip("10.1.0.1"), 80}];
  }
  bool could(const TunnelQuote& quote) const { return could_have_sent(key_, service_, quote); }

  ServiceKey key_{.vip = ip("11.0.0.1"), .port = 80, .protocol = Protocol::kTcp};
  ModelService service_;
  const TunnelQuote right_{.source = ip("172.16.3.4"),
                           .real = ip("10.1.0.1"),
                           .protocol = kProtocolIpv4,
                           .vip = ip("11.0.0.1")};
};

TEST_F(CouldHaveSent, APacketFromItsSourceToItsRealWithItsVipWithin) {
  EXPECT_TRUE(could(right_));
  TunnelQuote cut = right_;
  cut.vip = std::nullopt;
  EXPECT_TRUE(could(cut));
}

TEST_F(CouldHaveSent, NoneThatDiffersInAnyOfThese) {
  const auto with = [&](auto TunnelQuote::*field, auto value) {
    TunnelQuote other = right_;
    other.*field = value;
    return could(other);
  };
  EXPECT_FALSE(with(&TunnelQuote::source, ip("172.17.0.1")));
  EXPECT_FALSE(with(&TunnelQuote::source, ip("fd00::1")));
  EXPECT_FALSE(with(&TunnelQuote::real, ip("10.1.0.2")));
  EXPECT_FALSE(with(&TunnelQuote::protocol, kProtocolIpv6));
  EXPECT_FALSE(with(&TunnelQuote::protocol, kProtocolGre));
  EXPECT_FALSE(with(&TunnelQuote::vip, ip("11.0.0.2")));
  service_.config.mode = Mode::kL2dsr;
  EXPECT_FALSE(could(right_));
  service_.config.mode = Mode::kGue;
  TunnelQuote gue = right_;
  gue.protocol = kProtocolUdp;
  gue.port = 6081;
  EXPECT_FALSE(could(gue));
  gue.port = 6080;
  EXPECT_TRUE(could(gue));
}

TEST_F(CouldHaveSent, OneOfAPrefixOfVips) {
  key_.extent.prefix_length = 24;
  key_.vip = ip("11.0.0.0");
  EXPECT_TRUE(could(right_));
  key_.vip = ip("11.0.1.0");
  EXPECT_FALSE(could(right_));
}

TEST(PathMtus, AreLoweredAndNeverRaisedByAnError) {
  PathMtus mtus;
  const IpAddress real = ip("10.1.0.1");
  EXPECT_EQ(mtus.of(real), UINT16_MAX);
  EXPECT_TRUE(mtus.lower(real, 1400, 0));
  EXPECT_FALSE(mtus.lower(real, 1400, 1));
  EXPECT_FALSE(mtus.lower(real, 1450, 1));
  EXPECT_EQ(mtus.of(real), 1400);
  EXPECT_TRUE(mtus.lower(real, 1300, 2));
  EXPECT_EQ(mtus.of(real), 1300);
  EXPECT_EQ(mtus.of(ip("10.1.0.2")), UINT16_MAX);
}

TEST(PathMtus, GoNoLowerThanWhatEveryLinkCarries) {
  PathMtus mtus;
  for (const uint16_t mtu : {uint16_t{0}, uint16_t{68}, uint16_t{575}}) {
    (void)mtus.lower(ip("10.1.0.1"), mtu, 0);
    (void)mtus.lower(ip("fd01::1"), mtu, 0);
    EXPECT_EQ(mtus.of(ip("10.1.0.1")), 1280);
    EXPECT_EQ(mtus.of(ip("fd01::1")), 1280);
  }
}

TEST(PathMtus, EndTenMinutesAfterTheLastErrorThatSaysSo) {
  PathMtus mtus;
  EXPECT_EQ(mtus.next_deadline_s(), kNever);
  (void)mtus.lower(ip("10.1.0.1"), 1400, 100);
  (void)mtus.lower(ip("10.1.0.2"), 1400, 200);
  (void)mtus.lower(ip("10.1.0.1"), 1450, 250);
  EXPECT_EQ(mtus.next_deadline_s(), 700);
  EXPECT_TRUE(mtus.expire(699).empty());
  EXPECT_EQ(mtus.expire(700), std::set<IpAddress>{ip("10.1.0.1")});
  EXPECT_EQ(mtus.of(ip("10.1.0.1")), UINT16_MAX);
  EXPECT_EQ(mtus.next_deadline_s(), 800);
  (void)mtus.lower(ip("10.1.0.2"), 1400, 300);
  EXPECT_TRUE(mtus.expire(800).empty());
  EXPECT_EQ(mtus.expire(900).size(), 1u);
  EXPECT_EQ(mtus.next_deadline_s(), kNever);
}

}  // namespace
}  // namespace vipgate::path_mtus_test
