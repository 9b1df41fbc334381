#include "dataplane/fastpath/parse_plain.h"

#include <gtest/gtest.h>

#include <random>
#include <tuple>
#include <vector>

#include "dataplane/fastpath/parse.h"
#include "tests/support/fake_mbuf.h"

namespace vipgate::parse_plain_test {
namespace {

using test::Bytes;
using test::FakeMbuf;
using test::PacketBuilder;

const PortEntry kPort{.mac = parse_mac_address("02:00:00:00:00:02").value()};

PacketBuilder v4() { return PacketBuilder().ipv4("192.0.2.1", "11.0.0.1"); }
PacketBuilder v6(const char* source = "2001:db8::1") {
  return PacketBuilder().ipv6(source, "fd11::1");
}

auto all_of(const Packet& packet) {
  return std::tuple(packet.l3, packet.source_port, packet.destination_port, packet.tci,
                    packet.ipv6_fragment_at, packet.l4_offset, packet.l2_length, packet.fragment,
                    packet.l3_length, packet.protocol, packet.tcp_flags, packet.step);
}

// Whether the frame is a plain one; if so, parse() must have found the same. The buffer is sized
// exactly, so a sanitizer sees an over-read.
bool is_plain(const Bytes& frame, const PortEntry& port = kPort, uint16_t segments = 1) {
  FakeMbuf mbuf = FakeMbuf::exact(frame);
  mbuf->nb_segs = segments;
  Packet plain{}, parsed{};
  plain.mbuf = mbuf.get();
  parsed.mbuf = mbuf.get();
  const bool is_v4 = parse_plain(plain, PlainFrame<Ipv4Header>(port));
  if (!is_v4 && !parse_plain(plain, PlainFrame<Ipv6Header>(port))) return false;
  EXPECT_EQ(parse(parsed, port), kNoDrop);
  EXPECT_EQ(all_of(plain), all_of(parsed));
  return true;
}

TEST(ParsePlain, UsualTcpAndUdpPacketsArePlain) {
  EXPECT_TRUE(is_plain(v4().tcp(1, 2).flags("S").tcp_options({2, 4, 5, 180}).build()));
  EXPECT_TRUE(is_plain(v4().tcp(40'000, 80).flags("A").payload("hello").pad_to(60).build()));
  EXPECT_TRUE(is_plain(v4().udp(1, 2).payload("hello").pad_to(60).build()));
  EXPECT_TRUE(is_plain(v6().tcp(1, 2).flags("S").tcp_options({2, 4, 5, 180}).build()));
  EXPECT_TRUE(is_plain(v6().tcp(40'000, 80).flags("A").payload("hello").build()));
  EXPECT_TRUE(is_plain(v6().udp(1, 2).payload("hello, hello").build()));
}

TEST(ParsePlain, WhatNeedsALookIsNotPlain) {
  const auto tcp = [] { return v4().tcp(1, 2); };
  EXPECT_FALSE(is_plain(tcp().vlan(20).build()));
  EXPECT_FALSE(is_plain(tcp().ip_options(4).build()));
  EXPECT_FALSE(is_plain(tcp().eth("02:00:00:00:00:01", "02:00:00:00:00:03").build()));
  EXPECT_FALSE(is_plain(tcp().eth("03:00:00:00:00:01", "02:00:00:00:00:02").build()));
  EXPECT_FALSE(is_plain(v4().fragment(0, true).udp(1, 2).payload(Bytes(64)).build()));
  EXPECT_FALSE(is_plain(v4().fragment(64, false).udp(1, 2).payload(Bytes(64)).build()));
  EXPECT_FALSE(is_plain(v4().icmp_echo(1, 1).payload(Bytes(64)).build()));
  EXPECT_FALSE(is_plain(PacketBuilder().ipv4("127.0.0.1", "11.0.0.1").tcp(1, 2).build()));
  EXPECT_FALSE(is_plain(PacketBuilder().ipv4("224.0.0.1", "11.0.0.1").tcp(1, 2).build()));
  EXPECT_FALSE(is_plain(PacketBuilder().ipv4("0.1.2.3", "11.0.0.1").tcp(1, 2).build()));
  EXPECT_FALSE(is_plain(v6().vlan(20).tcp(1, 2).build()));
  EXPECT_FALSE(is_plain(v6().ipv6_extension(60).tcp(1, 2).build()));
  EXPECT_FALSE(is_plain(v6().fragment(0, true).udp(1, 2).payload(Bytes(64)).build()));
  EXPECT_FALSE(is_plain(v6().udp(1, 2).no_udp_checksum().payload(Bytes(64)).build()));
  EXPECT_FALSE(is_plain(v6().icmp_echo(1, 1).payload(Bytes(64)).build()));
  for (const char* source : {"::", "::1", "ff02::1"}) {
    EXPECT_FALSE(is_plain(v6(source).tcp(1, 2).build())) << source;
  }
  EXPECT_FALSE(is_plain(tcp().build(), kPort, 2)) << "several segments";
}

TEST(ParsePlain, NothingIsPlainOnAPortWithATagOrThatComparesNoAddress) {
  PortEntry tagged = kPort, promiscuous = kPort;
  tagged.vlan = 20;
  promiscuous.check_mac = false;
  for (const Bytes& frame : {v4().tcp(1, 2).build(), v6().tcp(1, 2).build()}) {
    EXPECT_TRUE(is_plain(frame));
    EXPECT_FALSE(is_plain(frame, tagged));
    EXPECT_FALSE(is_plain(frame, promiscuous));
  }
}

TEST(ParsePlain, WhateverIsPlainIsParsedAlikeByParse) {
  std::mt19937 random(11);
  const auto below = [&](size_t n) {
    return std::uniform_int_distribution<size_t>(0, n - 1)(random);
  };
  const std::vector<Bytes> frames = {
      v4().tcp(1, 2).flags("S").tcp_options({2, 4, 5, 180}).payload("hello").build(),
      v4().tcp(1, 2).flags("A").pad_to(60).build(), v4().udp(1, 2).payload(Bytes(30)).build(),
      v6().tcp(1, 2).flags("S").tcp_options({2, 4, 5, 180}).build(),
      v6().udp(1, 2).payload(Bytes(30)).build()};
  size_t plain = 0;
  for (int round = 0; round < 100'000; ++round) {
    Bytes frame = frames[below(frames.size())];
    for (size_t i = below(4); i > 0; --i) {
      frame[below(frame.size())] = static_cast<uint8_t>(random());
    }
    if (below(4) == 0) frame.resize(below(frame.size() + 1));
    plain += is_plain(frame);
  }
  EXPECT_GT(plain, 20'000u);
}

}  // namespace
}  // namespace vipgate::parse_plain_test
