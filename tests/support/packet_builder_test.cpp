#include "tests/support/packet_builder.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace vipgate::test {
namespace {

constexpr const char* kMac1 = "02:00:00:00:00:01";
constexpr const char* kMac2 = "02:00:00:00:00:02";

PacketBuilder tcp_v4() {
  return PacketBuilder().ipv4("192.0.2.1", "11.0.0.1").tcp(40000, 80).payload("hello");
}

TEST(PacketBuilder, Ipv4HeaderIsByteForByteTheWellKnownExample) {
  // The header of Wikipedia's "IPv4 header checksum": 0xb861.
  const Bytes packet = PacketBuilder()
                           .ipv4("192.168.0.1", "192.168.0.199")
                           .dont_fragment()
                           .protocol(17)
                           .payload(Bytes(0x73 - 20))
                           .build();
  const Bytes header(packet.begin() + 14, packet.begin() + 34);
  EXPECT_EQ(header, (Bytes{0x45, 0,    0,    0x73, 0, 0, 0x40, 0,    0x40, 0x11,
                           0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0,    0xc7}));
}

TEST(PacketBuilder, TcpPacketHasEthernetVlanIpAndTcpInOrder) {
  const Bytes packet = PacketBuilder()
                           .eth(kMac1, kMac2)
                           .vlan(10, 3)
                           .ipv4("192.0.2.1", "11.0.0.1")
                           .tcp(40000, 80)
                           .flags("SA")
                           .payload("hello")
                           .build();
  ASSERT_EQ(packet.size(), 14u + 4 + 20 + 20 + 5);
  EXPECT_EQ(Bytes(packet.begin(), packet.begin() + 18),
            (Bytes{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0x60, 10, 8, 0}));
  EXPECT_EQ(packet[18 + 20 + 13], 0x12);
  EXPECT_TRUE(checksums_ok(packet));
}

TEST(PacketBuilder, EveryKindOfPacketHasRightChecksums) {
  const PacketBuilder v4 = PacketBuilder().ipv4("192.0.2.1", "11.0.0.1");
  const PacketBuilder v6 = PacketBuilder().ipv6("2001:db8::1", "fd00::1");
  for (PacketBuilder network : {v4, v6}) {
    for (const char* text : {"", "odd", "even"}) {
      network.payload(text);
      EXPECT_TRUE(checksums_ok(PacketBuilder(network).tcp(1, 2).build()));
      EXPECT_TRUE(
          checksums_ok(PacketBuilder(network).tcp(1, 2).tcp_options({2, 4, 5, 180}).build()));
      EXPECT_TRUE(checksums_ok(PacketBuilder(network).udp(1, 2).build()));
      EXPECT_TRUE(checksums_ok(PacketBuilder(network).icmp_echo(7, 1).build()));
      EXPECT_TRUE(checksums_ok(PacketBuilder(network).icmp_echo_reply(7, 1).build()));
      EXPECT_TRUE(checksums_ok(PacketBuilder(network).fragment(0, true).udp(1, 2).build()));
      EXPECT_TRUE(checksums_ok(PacketBuilder(network).fragment(16, false).udp(1, 2).build()));
    }
  }
  EXPECT_TRUE(checksums_ok(tcp_v4().ip_options(8).build()));
  EXPECT_TRUE(checksums_ok(
      PacketBuilder(v6).ipv6_extension(0).ipv6_extension(60).tcp(1, 2).payload("x").build()));
}

TEST(ChecksumsOk, AnyFlippedBitThatAChecksumCoversIsFound) {
  const Bytes good = tcp_v4().build();
  for (size_t bit = 14 * 8; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<uint8_t>(bad[bit / 8] ^ 1u << bit % 8);
    EXPECT_FALSE(checksums_ok(bad)) << "bit " << bit;
  }
}

TEST(ChecksumsOk, DeliberatelyBadChecksumsAreFound) {
  EXPECT_FALSE(checksums_ok(tcp_v4().bad_ip_checksum().build()));
  EXPECT_FALSE(checksums_ok(tcp_v4().bad_l4_checksum().build()));
  EXPECT_FALSE(
      checksums_ok(PacketBuilder().ipv6("fd00::1", "fd00::2").udp(1, 2).bad_l4_checksum().build()));
}

TEST(ChecksumsOk, AbsentUdpChecksumIsRightOverIpv4Only) {
  EXPECT_TRUE(
      checksums_ok(PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).no_udp_checksum().build()));
  EXPECT_FALSE(
      checksums_ok(PacketBuilder().ipv6("fd00::1", "fd00::2").udp(1, 2).no_udp_checksum().build()));
}

TEST(ChecksumsOk, PaddingIsNotPartOfThePacketAndAMissingByteIsFound) {
  const Bytes padded = PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).pad_to(60).build();
  EXPECT_EQ(padded.size(), 60u);
  EXPECT_TRUE(checksums_ok(padded));
  for (size_t length = 0; length < tcp_v4().build().size(); ++length) {
    EXPECT_FALSE(checksums_ok(tcp_v4().truncate(length).build())) << length;
  }
}

TEST(Describe, TellsWhoSpeaksToWhomAndWhat) {
  EXPECT_EQ(describe(tcp_v4().eth(kMac1, kMac2).vlan(10).flags("PA").sequence(7).build()),
            "02:00:00:00:00:01 > 02:00:00:00:00:02 vlan 10 192.0.2.1 > 11.0.0.1 ttl 64 "
            "TCP 40000 > 80 PA seq 7 ack 0 len 5");
  EXPECT_EQ(describe(PacketBuilder().ipv6("fd00::1", "fd00::2").udp(53, 9).payload("ab").build()),
            "02:00:00:00:00:01 > 02:00:00:00:00:02 fd00::1 > fd00::2 ttl 64 UDP 53 > 9 len 2");
  EXPECT_EQ(describe(PacketBuilder().arp_request(kMac1, "10.0.0.1", "10.0.0.2").build()),
            "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff ARP who has 10.0.0.2 tell 10.0.0.1 at "
            "02:00:00:00:00:01");
  EXPECT_EQ(describe(PacketBuilder().arp_reply(kMac2, "10.0.0.2", kMac1, "10.0.0.1").build()),
            "02:00:00:00:00:02 > 02:00:00:00:00:01 ARP 10.0.0.2 at 02:00:00:00:00:02 tells "
            "10.0.0.1");
}

TEST(Describe, NeverReadsPastTheEndOfACutPacket) {
  const Bytes whole =
      PacketBuilder().ipv6("fd00::1", "fd00::2").fragment(0, true).tcp(1, 2).build();
  for (size_t length = 0; length < whole.size(); ++length) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_FALSE(describe(cut).empty());
  }
}

TEST(PacketBuilder, NeighborSolicitationGoesToTheSolicitedNodeGroup) {
  const Bytes packet =
      PacketBuilder().neighbor_solicitation(kMac1, "fd00::1", "fd00::aa:bbcc").build();
  EXPECT_EQ(describe(packet),
            "02:00:00:00:00:01 > 33:33:ff:aa:bb:cc fd00::1 > ff02::1:ffaa:bbcc ttl 255 "
            "ICMPv6 type 135 code 0 rest 0 len 24");
  EXPECT_TRUE(checksums_ok(packet));
}

TEST(PacketBuilder, TextThatIsNoAddressThrows) {
  EXPECT_THROW(PacketBuilder().ipv4("192.0.2.1", "redis"), std::invalid_argument);
  EXPECT_THROW(PacketBuilder().ipv4("192.0.2.1", "fd00::1"), std::invalid_argument);
  EXPECT_THROW(PacketBuilder().flags("X"), std::invalid_argument);
}

}  // namespace
}  // namespace vipgate::test
