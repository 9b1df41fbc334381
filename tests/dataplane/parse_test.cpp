#include "dataplane/fastpath/parse.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/fake_mbuf.h"

namespace vipgate::parse_test {
namespace {

using test::Bytes;
using test::FakeMbuf;
using test::PacketBuilder;

constexpr const char* kOurs = "02:00:00:00:00:02";
const PortEntry kPort{.mac = parse_mac_address(kOurs).value()};

struct Parsed {
  std::optional<DropReason> reason;
  Packet packet{};
};

Parsed parse_frame(const Bytes& frame, const PortEntry& port = kPort) {
  FakeMbuf mbuf = FakeMbuf::exact(frame);
  Parsed result;
  result.packet.mbuf = mbuf.get();
  const DropReason reason = parse(result.packet, port);
  if (reason != kNoDrop) result.reason = reason;
  return result;
}

PacketBuilder v4() { return PacketBuilder().ipv4("192.0.2.1", "11.0.0.1"); }
PacketBuilder v6() { return PacketBuilder().ipv6("2001:db8::1", "fd11::1"); }

TEST(Parse, TcpOverIpv4GivesPortsOffsetsAndFlags) {
  const auto parsed = parse_frame(v4().tcp(40'000, 80).flags("SP").payload("hello").build());
  ASSERT_FALSE(parsed.reason);
  EXPECT_EQ(parsed.packet.step, Step::kLookup4);
  EXPECT_EQ(parsed.packet.source_port, Be16(40'000));
  EXPECT_EQ(parsed.packet.destination_port, Be16(80));
  EXPECT_EQ(parsed.packet.protocol, kProtocolTcp);
  EXPECT_EQ(parsed.packet.tcp_flags, TcpHeader::kSyn | TcpHeader::kPsh);
  EXPECT_EQ(parsed.packet.l2_length, 14);
  EXPECT_EQ(parsed.packet.l4_offset, 20);
  EXPECT_EQ(parsed.packet.l3_length, 45);
  EXPECT_EQ(parsed.packet.tci, Be16{});
}

TEST(Parse, IpOptionsMoveTheTransportHeader) {
  const auto parsed = parse_frame(v4().ip_options(40).udp(1, 2).build());
  ASSERT_FALSE(parsed.reason);
  EXPECT_EQ(parsed.packet.l4_offset, 60);
  EXPECT_EQ(parsed.packet.destination_port, Be16(2));
}

TEST(Parse, ExtensionHeadersMoveTheTransportHeader) {
  const auto parsed = parse_frame(v6().ipv6_extension(0)
                                      .ipv6_extension(60, Bytes(14))
                                      .ipv6_extension(43, {4, 0, 0, 0, 0, 0})
                                      .udp(1, 2)
                                      .build());
  ASSERT_FALSE(parsed.reason);
  EXPECT_EQ(parsed.packet.step, Step::kLookup6);
  EXPECT_EQ(parsed.packet.l4_offset, 40 + 8 + 16 + 8);
  EXPECT_EQ(parsed.packet.protocol, kProtocolUdp);
  EXPECT_EQ(parsed.packet.destination_port, Be16(2));
}

TEST(Parse, FragmentsAreMarkedAndOnlyTheFirstHasPorts) {
  for (const auto& network : {v4(), v6()}) {
    const bool is_v6 =
        parse_frame(PacketBuilder(network).udp(1, 2).build()).packet.step == Step::kLookup6;
    const Step step = is_v6 ? Step::kFragment6 : Step::kFragment4;
    const auto first =
        parse_frame(PacketBuilder(network).fragment(0, true).tcp(1, 2).payload("four").build());
    ASSERT_FALSE(first.reason);
    EXPECT_EQ(first.packet.step, step);
    EXPECT_EQ(first.packet.fragment, Packet::kFirst);
    EXPECT_EQ(first.packet.destination_port, Be16(2));
    const auto later =
        parse_frame(PacketBuilder(network).fragment(64, false).tcp(1, 2).payload("x").build());
    ASSERT_FALSE(later.reason);
    EXPECT_EQ(later.packet.step, step);
    EXPECT_EQ(later.packet.fragment, Packet::kLater);
    FakeMbuf mbuf(PacketBuilder(network).fragment(64, false).tcp(1, 2).payload("x").build());
    Packet packet{};
    packet.mbuf = mbuf.get();
    ASSERT_EQ(parse(packet, kPort), kNoDrop);
    EXPECT_EQ(packet.fragment_offset(), 64);
    EXPECT_EQ(packet.fragment_bytes(), 1);
    const auto whole = parse_frame(PacketBuilder(network).fragment(0, false).tcp(1, 2).build());
    ASSERT_FALSE(whole.reason);
    EXPECT_EQ(whole.packet.fragment, 0) << "of one fragment (RFC 6946)";
    const auto other = parse_frame(
        PacketBuilder(network).fragment(0, true).icmp_echo(1, 2).payload(Bytes(8)).build());
    ASSERT_FALSE(other.reason);
    EXPECT_EQ(other.packet.step, is_v6 ? Step::kOther6 : Step::kOther4);
  }
}

TEST(Parse, TagIsKeptWithItsPriority) {
  for (const auto& packet : {v4().vlan(20, 5).udp(1, 2), v6().vlan(20, 5).tcp(1, 2)}) {
    const auto parsed = parse_frame(packet.build());
    ASSERT_FALSE(parsed.reason);
    EXPECT_EQ(parsed.packet.tci, Be16(5 << 13 | 20));
    EXPECT_EQ(parsed.packet.l2_length, 18);
    EXPECT_EQ(parsed.packet.destination_port, Be16(2));
  }
}

TEST(Parse, EthernetPaddingIsNotPartOfThePacket) {
  const auto parsed = parse_frame(v4().udp(1, 2).payload("x").pad_to(60).build());
  ASSERT_FALSE(parsed.reason);
  EXPECT_EQ(parsed.packet.l3_length, 29);
}

TEST(Parse, ExpectedStepFollowsTheProtocol) {
  EXPECT_EQ(parse_frame(v6().tcp(1, 2).build()).packet.step, Step::kLookup6);
  EXPECT_EQ(parse_frame(v4().icmp_echo(1, 1).build()).packet.step, Step::kIcmp4);
  EXPECT_EQ(parse_frame(v6().icmp_echo(1, 1).build()).packet.step, Step::kIcmp6);
  EXPECT_EQ(parse_frame(v4().protocol(89).build()).packet.step, Step::kOther4);
  EXPECT_EQ(parse_frame(v6().protocol(89).build()).packet.step, Step::kOther6);
  EXPECT_EQ(
      parse_frame(PacketBuilder().arp_request("02:00:00:00:00:09", "10.0.0.1", "10.0.0.2").build())
          .packet.step,
      Step::kArp);
}

struct DropCase {
  const char* sentence;
  Bytes frame;
  DropReason reason;
};

// Offset of the IP header in untagged frames.
constexpr size_t kL3 = 14;

std::vector<DropCase> drop_cases() {
  const auto with = [](const PacketBuilder& packet) { return packet.build(); };
  std::vector<DropCase> cases = {
      {"empty frame", {}, DropReason::kTruncated},
      {"13 bytes", Bytes(13), DropReason::kTruncated},
      {"tag cut short", with(v4().vlan(20).udp(1, 2).truncate(17)), DropReason::kTruncated},
      {"IPv4 header cut short", with(v4().udp(1, 2).truncate(kL3 + 19)), DropReason::kTruncated},
      {"IPv6 header cut short", with(v6().udp(1, 2).truncate(kL3 + 39)), DropReason::kTruncated},
      {"IPv4 longer than the frame", with(v4().udp(1, 2).ip_length(29)), DropReason::kTruncated},
      {"IPv6 longer than the frame", with(v6().udp(1, 2).ip_length(9)), DropReason::kTruncated},
      {"IPv6 of 65535 bytes in a short frame", with(v6().udp(1, 2).ip_length(65'535)),
       DropReason::kTruncated},
      {"ARP cut short",
       with(PacketBuilder().arp_request("02:00:00:00:00:09", "10.0.0.1", "10.0.0.2").truncate(41)),
       DropReason::kTruncated},
      {"another's MAC", with(v4().eth("02:00:00:00:00:01", "02:00:00:00:00:03").udp(1, 2)),
       DropReason::kNotOurMac},
      {"unicast IPv4 in a broadcast frame",
       with(v4().eth("02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff").udp(1, 2)), DropReason::kNotOurMac},
      {"unicast IPv6 in a multicast frame",
       with(v6().eth("02:00:00:00:00:01", "33:33:00:00:00:01").udp(1, 2)), DropReason::kNotOurMac},
      {"unknown ether type", with(v4().ether_type(0x88cc).udp(1, 2)),
       DropReason::kUnknownEtherType},
      {"two tags", with(v4().vlan(10).vlan(20).udp(1, 2)), DropReason::kUnknownEtherType},
      {"version 6 in an IPv4 frame", with(v4().udp(1, 2).set_byte(kL3, 0x65)),
       DropReason::kBadIpHeader},
      {"header length of 16", with(v4().udp(1, 2).set_byte(kL3, 0x44)), DropReason::kBadIpHeader},
      {"total length below the header", with(v4().udp(1, 2).ip_length(19)),
       DropReason::kBadIpHeader},
      {"total length below a header with options", with(v4().ip_options(8).udp(1, 2).ip_length(27)),
       DropReason::kBadIpHeader},
      {"version 4 in an IPv6 frame", with(v6().udp(1, 2).set_byte(kL3, 0x40)),
       DropReason::kBadIpHeader},
      {"fragment that is not a multiple of eight bytes",
       with(v4().fragment(0, true).udp(1, 2).payload("x")), DropReason::kBadFragment},
      {"later fragment without data", with(v4().fragment(64, false).udp(1, 2)),
       DropReason::kBadFragment},
      {"fragment beyond the longest packet",
       with(v4().fragment(65'528, false).udp(1, 2).payload(Bytes(8))), DropReason::kBadFragment},
      {"first fragment without a whole TCP header (RFC 1858)",
       with(v4().fragment(0, true).tcp(1, 2).ip_length(36)), DropReason::kBadL4Header},
      {"fragment over IPv6 that is not a multiple of eight bytes",
       with(v6().fragment(64, true).udp(1, 2).payload("x")), DropReason::kBadFragment},
      {"fragment header cut short", with(v6().fragment(0, true).udp(1, 2).ip_length(7)),
       DropReason::kBadIpHeader},
      {"two fragment headers", with(v6().ipv6_extension(44, Bytes(6)).fragment(0, true).udp(1, 2)),
       DropReason::kBadFragment},
      {"first fragment of UDP without a checksum over IPv6",
       with(v6().fragment(0, true).udp(1, 2).no_udp_checksum()), DropReason::kBadUdpChecksum},
      {"loose source route", with(v4().ip_options({131, 7, 4, 1, 2, 3, 4}).udp(1, 2)),
       DropReason::kSourceRoute},
      {"strict source route behind other options",
       with(v4().ip_options({1, 148, 4, 0, 0, 137, 7, 4, 1, 2, 3, 4}).tcp(1, 2)),
       DropReason::kSourceRoute},
      {"option without a length", with(v4().ip_options({1, 1, 1, 7}).udp(1, 2)),
       DropReason::kBadIpHeader},
      {"option of one byte with a length", with(v4().ip_options({7, 1, 0, 0}).udp(1, 2)),
       DropReason::kBadIpHeader},
      {"option beyond the header", with(v4().ip_options({7, 5, 4, 0}).udp(1, 2)),
       DropReason::kBadIpHeader},
      {"routing header of type 0", with(v6().ipv6_extension(43, {0, 0, 0, 0, 0, 0}).udp(1, 2)),
       DropReason::kSourceRoute},
      {"routing header with a segment left",
       with(v6().ipv6_extension(60).ipv6_extension(43, {4, 1, 0, 0, 0, 0}).udp(1, 2)),
       DropReason::kSourceRoute},
      {"hop by hop after another", with(v6().ipv6_extension(60).ipv6_extension(0).udp(1, 2)),
       DropReason::kBadIpHeader},
      {"extension header cut short", with(v6().ipv6_extension(60).udp(1, 2).ip_length(7)),
       DropReason::kBadIpHeader},
      {"extension header longer than the packet",
       with(v6().ipv6_extension(60).udp(1, 2).set_byte(kL3 + 41, 2)), DropReason::kBadIpHeader},
      {"nine extension headers", with([&] {
         PacketBuilder packet = v6();
         for (int i = 0; i < 9; ++i) packet.ipv6_extension(60);
         return packet.udp(1, 2);
       }()),
       DropReason::kIpv6ExtensionHeader},
      {"TCP cut short behind an extension header",
       with(v6().ipv6_extension(60).tcp(1, 2).ip_length(27)), DropReason::kBadL4Header},
      {"TCP of 19 bytes", with(v4().tcp(1, 2).ip_length(39)), DropReason::kBadL4Header},
      {"TCP header length of 16", with(v4().tcp(1, 2).set_byte(kL3 + 20 + 12, 0x40)),
       DropReason::kBadL4Header},
      {"TCP header beyond the packet", with(v4().tcp(1, 2).set_byte(kL3 + 20 + 12, 0x60)),
       DropReason::kBadL4Header},
      {"UDP of 7 bytes", with(v4().udp(1, 2).ip_length(27)), DropReason::kBadL4Header},
      {"UDP length below its header", with(v4().udp(1, 2).set_byte(kL3 + 20 + 5, 7)),
       DropReason::kBadL4Header},
      {"UDP length beyond the packet", with(v4().udp(1, 2).set_byte(kL3 + 20 + 5, 9)),
       DropReason::kBadL4Header},
      {"TCP over IPv6 of 19 bytes", with(v6().tcp(1, 2).ip_length(19)), DropReason::kBadL4Header},
      {"ICMP of 7 bytes", with(v4().icmp_echo(1, 1).ip_length(27)), DropReason::kBadL4Header},
      {"ICMPv6 of 7 bytes", with(v6().icmp_echo(1, 1).ip_length(7)), DropReason::kBadL4Header},
  };
  for (const char* source : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.1.1.1",
                             "240.0.0.1", "255.255.255.255"}) {
    cases.push_back({source, with(PacketBuilder().ipv4(source, "11.0.0.1").udp(1, 2)),
                     DropReason::kMartianSource});
  }
  for (const char* source : {"::", "::1", "ff02::1"}) {
    cases.push_back({source, with(PacketBuilder().ipv6(source, "fd11::1").udp(1, 2)),
                     DropReason::kMartianSource});
  }
  for (const char* source : {"::1", "ff02::1"}) {
    cases.push_back({source, with(PacketBuilder().ipv6(source, "fd11::1").icmp_echo(1, 2)),
                     DropReason::kMartianSource});
  }
  return cases;
}

TEST(Parse, EveryBadPacketIsDroppedForItsReason) {
  for (const auto& [sentence, frame, reason] : drop_cases()) {
    const auto parsed = parse_frame(frame);
    ASSERT_TRUE(parsed.reason) << sentence;
    EXPECT_EQ(to_string(*parsed.reason), to_string(reason)) << sentence;
  }
}

TEST(Parse, WhatLooksOddButIsLegalIsAccepted) {
  const std::vector<std::pair<const char*, PacketBuilder>> cases = {
      {"don't fragment", v4().dont_fragment().udp(1, 2)},
      {"TCP with 40 bytes of options", v4().tcp(1, 2).tcp_options(Bytes(40, 1))},
      {"UDP shorter than its IP packet", v4().udp(1, 2).payload("xyz").set_byte(14 + 20 + 5, 9)},
      {"UDP without a payload", v6().udp(1, 2)},
      {"duplicate address detection, from ::",
       PacketBuilder().ipv6("::", "ff02::1:ff00:1").icmp(135, 0, 0).payload(Bytes(16))},
      {"source 223.255.255.255", PacketBuilder().ipv4("223.255.255.255", "11.0.0.1").udp(1, 2)},
      {"source ::2", PacketBuilder().ipv6("::2", "fd11::1").udp(1, 2)},
      {"record route", v4().ip_options({7, 7, 4, 0, 0, 0, 0}).udp(1, 2)},
      {"a source route behind the end of options", v4().ip_options({0, 131, 7, 4}).udp(1, 2)},
      {"eight extension headers",
       [] {
         PacketBuilder packet = v6().ipv6_extension(0);
         for (int i = 0; i < 7; ++i) packet.ipv6_extension(60);
         return packet.tcp(1, 2);
       }()},
      {"routing header that has been used up",
       v6().ipv6_extension(43, {4, 0, 0, 0, 0, 0}).udp(1, 2)},
      {"report of a listener that has no address yet (RFC 3810 5.2.13)",
       PacketBuilder().ipv6("::", "ff02::16").ipv6_extension(0).icmp(143, 0, 0)},
      {"a tag of priority only", v4().vlan(0, 3).udp(1, 2)},
  };
  for (const auto& [sentence, packet] : cases) {
    const auto parsed = parse_frame(packet.build());
    EXPECT_FALSE(parsed.reason) << sentence << ": " << to_string(*parsed.reason);
  }
}

TEST(Parse, PortWithAVlanTakesNoOtherTag) {
  PortEntry port = kPort;
  port.vlan = 20;
  EXPECT_FALSE(parse_frame(v4().vlan(20, 7).udp(1, 2).build(), port).reason);
  EXPECT_EQ(parse_frame(v4().vlan(21).udp(1, 2).build(), port).reason, DropReason::kWrongVlan);
  EXPECT_EQ(parse_frame(v4().udp(1, 2).build(), port).reason, DropReason::kWrongVlan);
}

TEST(Parse, MacAddressIsNotComparedWhereThePortSaysSo) {
  PortEntry port = kPort;
  port.check_mac = false;
  const auto packet = v4().eth("02:00:00:00:00:01", "02:00:00:00:00:03").udp(1, 2);
  EXPECT_FALSE(parse_frame(packet.build(), port).reason);
}

TEST(Parse, PacketInSeveralSegmentsIsRefused) {
  const Bytes frame = v4().udp(1, 2).build();
  FakeMbuf mbuf = FakeMbuf::exact(frame);
  mbuf->nb_segs = 2;
  Packet packet{};
  packet.mbuf = mbuf.get();
  EXPECT_EQ(parse(packet, kPort), DropReason::kMultiSegment);
}

// What the later passes rely on; the buffer is sized exactly, so a sanitizer sees an over-read.
void check_promises(const Bytes& frame) {
  FakeMbuf mbuf = FakeMbuf::exact(frame);
  Packet packet{};
  packet.mbuf = mbuf.get();
  if (parse(packet, kPort) != kNoDrop) return;
  ASSERT_LE(packet.l2_length + packet.l3_length, static_cast<int>(frame.size()));
  switch (packet.step) {
    case Step::kLookup4:
    case Step::kLookup6:
      ASSERT_GE(packet.l4_length(), packet.protocol == kProtocolTcp ? 20 : 8);
      break;
    case Step::kFragment4:
    case Step::kFragment6:
      ASSERT_NE(packet.fragment, 0);
      ASSERT_GE(packet.l4_length(), packet.is_later_fragment() ? 1 : 8);
      ASSERT_LE(packet.fragment_offset() + packet.fragment_bytes(), 65'535);
      break;
    case Step::kIcmp4:
    case Step::kIcmp6:
      ASSERT_GE(packet.l4_length(), 8);
      break;
    case Step::kArp:
      ASSERT_EQ(packet.l3_length, 28);
      break;
    case Step::kOther4:
      ASSERT_GE(packet.l3_length, 20);
      break;
    case Step::kOther6:
      ASSERT_GE(packet.l3_length, 40);
      break;
    default:
      FAIL() << "step " << static_cast<int>(packet.step);
  }
}

std::vector<Bytes> valid_frames() {
  return {v4().tcp(1, 2).flags("S").tcp_options({2, 4, 5, 180}).payload("hello").build(),
          v4().ip_options(40).udp(1, 2).payload("hello").build(),
          v4().vlan(20).icmp_echo(1, 1).payload("ping").build(),
          v6().tcp(1, 2).payload("hello").build(),
          v6().vlan(20).udp(1, 2).payload("hello").build(),
          v6().ipv6_extension(0).udp(1, 2).build(),
          v6().ipv6_extension(60).fragment(0, true).udp(1, 2).payload(Bytes(8)).build(),
          v6().fragment(64, false).udp(1, 2).payload(Bytes(9)).build(),
          v4().ip_options({1, 148, 4, 0, 0, 7, 7, 4})
              .fragment(8, true)
              .udp(1, 2)
              .payload(Bytes(8))
              .build(),
          PacketBuilder().arp_request("02:00:00:00:00:09", "10.0.0.1", "10.0.0.2").build(),
          PacketBuilder().neighbor_solicitation("02:00:00:00:00:09", "fd11::9", "fd11::1").build()};
}

TEST(Parse, AnyTruncationOfAValidPacketIsJudgedWithoutReadingBeyondIt) {
  for (const Bytes& frame : valid_frames()) {
    for (size_t length = 0; length <= frame.size(); ++length) {
      check_promises(Bytes(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(length)));
    }
  }
}

TEST(Parse, RandomBytesAndMangledPacketsAreJudgedWithoutReadingBeyondThem) {
  std::mt19937 random(7);
  const auto below = [&](size_t n) {
    return std::uniform_int_distribution<size_t>(0, n - 1)(random);
  };
  const auto frames = valid_frames();
  for (int round = 0; round < 100'000; ++round) {
    Bytes frame = frames[below(frames.size())];
    for (size_t i = below(6); i > 0; --i) {
      frame[below(frame.size())] = static_cast<uint8_t>(random());
    }
    frame.resize(below(frame.size() + 1));
    check_promises(frame);
  }
}

}  // namespace
}  // namespace vipgate::parse_test
