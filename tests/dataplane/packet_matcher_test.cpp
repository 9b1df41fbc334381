#include "dataplane/fastpath/packet_matcher.h"

#include <gtest/gtest.h>

#include "dataplane/frame_text.h"
#include "tests/support/fragments.h"
#include "tests/support/test_net.h"

namespace vipgate::test::packet_matcher_test {
namespace {

FrameFields fields_of(const Bytes& frame) { return read_fields(frame.data(), frame.size()); }

class PacketMatcherTest : public ::testing::Test {
 protected:
  bool matches(uint32_t port = 0, uint32_t worker = 0) const {
    return PacketMatcher(filter_).matches(fields_of(frame_), port, worker);
  }
  PacketFilter filter_;
  Bytes frame_ = PacketBuilder()
                     .eth(kClientMac, kGatewayMac0)
                     .ipv4("192.0.2.7", "11.0.0.1")
                     .tcp(4000, 80)
                     .build();
};

TEST_F(PacketMatcherTest, AnEmptyFilterMatchesEveryFrame) {
  EXPECT_TRUE(matches());
  frame_.resize(3);
  EXPECT_TRUE(matches());
}

TEST_F(PacketMatcherTest, APrefixCountsItsBitsAlone) {
  filter_.source = *parse_ip_prefix("192.0.2.4/30");
  EXPECT_TRUE(matches());
  filter_.source = *parse_ip_prefix("192.0.2.4/31");
  EXPECT_FALSE(matches());
  filter_.source = *parse_ip_prefix("0.0.0.0/0");
  EXPECT_TRUE(matches());
  filter_.source = *parse_ip_prefix("::/0");
  EXPECT_FALSE(matches()) << "the other family";
}

TEST_F(PacketMatcherTest, AnAnswerMatchesAsItsQuestionDoes) {
  filter_.source = *parse_ip_prefix("11.0.0.1");
  filter_.source_port = 80;
  filter_.destination = *parse_ip_prefix("192.0.2.7");
  EXPECT_TRUE(matches());
  filter_.source_port = 4000;
  EXPECT_FALSE(matches()) << "address and port are of one end";
}

TEST_F(PacketMatcherTest, SctpHasPorts) {
  frame_ = PacketBuilder()
               .eth(kClientMac, kGatewayMac0)
               .ipv6("2001:db8::1", "fd11::1")
               .sctp(4000, 2905)
               .init(1)
               .build();
  filter_.protocol = kProtocolSctp;
  filter_.destination_port = 2905;
  EXPECT_TRUE(matches());
  filter_.destination_port = 80;
  EXPECT_FALSE(matches());
  EXPECT_EQ(frame_text(frame_), "sctp [2001:db8::1]:4000 > [fd11::1]:2905");
}

TEST_F(PacketMatcherTest, PortProtocolInterfaceAndWorkerMustAgree) {
  filter_.protocol = kProtocolTcp;
  filter_.destination_port = 80;
  filter_.port = 1;
  filter_.worker = 2;
  EXPECT_TRUE(matches(1, 2));
  EXPECT_FALSE(matches(0, 2));
  EXPECT_FALSE(matches(1, 0));
  filter_.protocol = kProtocolUdp;
  EXPECT_FALSE(matches(1, 2));
}

TEST(FrameFields, PortsAreFoundBehindTagsAndExtensionHeadersAndOnlyInFirstFragments) {
  const Bytes tagged = PacketBuilder()
                           .eth(kClientMac, kGatewayMac0)
                           .vlan(20)
                           .ipv6("2001:db8::1", "fd11::1")
                           .udp(5, 53)
                           .payload(Bytes(100, 'x'))
                           .build();
  EXPECT_EQ(frame_text(tagged), "udp [2001:db8::1]:5 > [fd11::1]:53");
  const auto fragments = fragmented(tagged, 48, 5);
  EXPECT_EQ(frame_text(fragments[0]), "udp [2001:db8::1]:5 > [fd11::1]:53");
  EXPECT_EQ(frame_text(fragments[1]), "udp 2001:db8::1 > fd11::1");
}

TEST(FrameFields, AFrameThatEndsAnywhereIsReadNoFurther) {
  const Bytes whole = PacketBuilder()
                          .eth(kClientMac, kGatewayMac0)
                          .ipv6("2001:db8::1", "fd11::1")
                          .tcp(5, 53)
                          .build();
  for (size_t length = 0; length <= whole.size(); ++length) {
    // Memory of its own, so that a sanitizer sees what is beyond.
    const Bytes part(whole.begin(), whole.begin() + static_cast<long>(length));
    const FrameFields fields = fields_of(part);
    EXPECT_EQ(fields.has_ports, length >= 14 + 40 + 4) << length;
    EXPECT_EQ(fields.source.is_v6(), length >= 14 + 40) << length;
  }
}

}  // namespace
}  // namespace vipgate::test::packet_matcher_test
