// What parse() finds in SCTP packets, and how they are answered that nobody takes.
#include "dataplane/fastpath/sctp.h"

#include <gtest/gtest.h>

#include "dataplane/fastpath/parse.h"
#include "tests/support/fake_mbuf.h"
#include "tests/support/test_net.h"

namespace vipgate::test::sctp_test {
namespace {

constexpr uint8_t kSyn = TcpHeader::kSyn, kAck = TcpHeader::kAck, kFin = TcpHeader::kFin,
                  kRst = TcpHeader::kRst;
constexpr uint8_t kSack = 3, kHeartbeat = 4, kShutdown = 7, kCookieEcho = 10;

PacketBuilder from_client(int family) {
  PacketBuilder packet;
  packet.eth(kClientMac, kGatewayMac0);
  return family == 4 ? packet.ipv4("192.0.2.1", "11.0.0.1") : packet.ipv6("2001:db8::1", "fd11::1");
}
PacketBuilder sctp(int family = 4) { return from_client(family).sctp(40'000, 2905, 0x01020304); }

DropReason parse_frame(const Bytes& frame, Packet& packet) {
  FakeMbuf mbuf = FakeMbuf::exact(frame);
  packet.mbuf = mbuf.get();
  return parse(packet, {.mac = mac(kGatewayMac0)});
}

uint8_t flags_of(const PacketBuilder& builder) {
  Packet packet{};
  EXPECT_EQ(parse_frame(builder.build(), packet), kNoDrop) << describe(builder.build());
  return packet.tcp_flags;
}

TEST(Sctp, PortsAreFoundOverEitherFamily) {
  for (const int family : {4, 6}) {
    Packet packet{};
    ASSERT_EQ(parse_frame(sctp(family).chunk(SctpChunk::kData, Bytes(20)).build(), packet),
              kNoDrop);
    EXPECT_EQ(packet.step, family == 4 ? Step::kLookup4 : Step::kLookup6);
    EXPECT_EQ(packet.source_port, Be16(40'000));
    EXPECT_EQ(packet.destination_port, Be16(2905));
    EXPECT_EQ(packet.protocol, kProtocolSctp);
  }
}

TEST(Sctp, ChunksAreTakenForWhatTcpWouldSay) {
  EXPECT_EQ(flags_of(sctp().init(7)), kSyn);
  EXPECT_EQ(flags_of(sctp().chunk(SctpChunk::kInitAck, Bytes(16))), kSyn | kAck);
  EXPECT_EQ(flags_of(sctp().chunk(kCookieEcho, Bytes(30))), kAck);
  EXPECT_EQ(flags_of(sctp().chunk(SctpChunk::kData, Bytes(13))), kAck);
  EXPECT_EQ(flags_of(sctp().chunk(kShutdown, Bytes(4))), kAck);
  EXPECT_EQ(flags_of(sctp().chunk(SctpChunk::kShutdownAck)), kFin | kAck);
  EXPECT_EQ(flags_of(sctp().chunk(SctpChunk::kShutdownComplete)), kFin | kAck);
  EXPECT_EQ(flags_of(sctp().chunk(SctpChunk::kAbort)), kRst);
}

TEST(Sctp, ControlChunksAreFoundBehindOthersButNotBehindData) {
  EXPECT_EQ(flags_of(sctp().chunk(kSack, Bytes(12)).chunk(SctpChunk::kShutdownAck)), kFin | kAck);
  EXPECT_EQ(flags_of(sctp().chunk(SctpChunk::kError, Bytes(5)).chunk(SctpChunk::kAbort)), kRst);
  EXPECT_EQ(flags_of(sctp()
                         .chunk(kSack, Bytes(12))
                         .chunk(SctpChunk::kData, Bytes(5))
                         .chunk(SctpChunk::kAbort)),
            kAck);
  EXPECT_EQ(flags_of(sctp().chunk(kHeartbeat, Bytes(4)).init(7)), kAck) << "INIT stands alone";
  auto many = sctp();
  for (int i = 0; i < 40; ++i) many.chunk(kHeartbeat);
  EXPECT_EQ(flags_of(many.chunk(SctpChunk::kAbort)), kAck) << "so many are not looked at";
}

TEST(Sctp, APacketWithoutAWholeFirstChunkIsMalformed) {
  const auto reason_of = [](const PacketBuilder& builder) {
    Packet packet{};
    return parse_frame(builder.build(), packet);
  };
  EXPECT_EQ(reason_of(sctp()), DropReason::kBadL4Header) << "no chunk";
  EXPECT_EQ(reason_of(sctp().payload(Bytes(3))), DropReason::kBadL4Header);
  EXPECT_EQ(reason_of(sctp().payload(Bytes{0, 0, 0, 3})), DropReason::kBadL4Header);
  EXPECT_EQ(reason_of(sctp().payload(Bytes{0, 0, 0, 5})), DropReason::kBadL4Header);
  EXPECT_EQ(reason_of(sctp().payload(Bytes{0, 0, 0, 4})), kNoDrop);
  EXPECT_EQ(reason_of(sctp().payload(Bytes{0, 0, 1, 0}).fragment(0, true)), kNoDrop)
      << "the rest follows";
}

TEST(Sctp, LaterChunksOfAnyLengthAreReadWithinThePacket) {
  for (unsigned length = 0; length < 300; ++length) {
    for (size_t rest = 0; rest < 12; ++rest) {
      Bytes bytes{
          9, 0, 0, 4, 9, 0, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)};
      bytes.insert(bytes.end(), rest, 6);
      Packet packet{};
      EXPECT_EQ(parse_frame(sctp().payload(bytes).build(), packet), kNoDrop);
    }
  }
}

// RFC 9260 8.4, rule by rule.
class SctpAnswers : public testing::TestWithParam<int> {
 protected:
  // To the port of a service without reals.
  Outcome send(PacketBuilder& packet) { return gateway_.send(packet); }
  PacketBuilder question() const { return from_client(GetParam()).sctp(40'000, 99, 0x01020304); }
  static SnapshotSpec spec() {
    SnapshotSpec spec = net_spec();
    for (ServiceSpec& service : spec.services) {
      if (service.port == 99 && service.protocol == Protocol::kTcp) {
        service.protocol = Protocol::kSctp;
      }
    }
    return spec;
  }
  void expect_answer(PacketBuilder packet, uint8_t type, uint8_t flags, uint32_t tag) {
    const Outcome out = send(packet);
    ASSERT_TRUE(out.is_reply(type == SctpChunk::kAbort ? ReplyKind::kSctpAbort
                                                       : ReplyKind::kSctpShutdownComplete))
        << to_string(out);
    EXPECT_TRUE(checksums_ok(out.frame));
    const Bytes expected =
        from_client(GetParam()).sctp(99, 40'000, tag).chunk(type, {}, flags).build();
    EXPECT_EQ(tuple_of(out.frame).source_port, 99);
    EXPECT_EQ(tuple_of(out.frame).destination_port, 40'000);
    EXPECT_EQ(Bytes(out.frame.end() - 16, out.frame.end()),
              Bytes(expected.end() - 16, expected.end()));
  }
  void expect_none(PacketBuilder packet, DropReason reason = DropReason::kNoReal) {
    const Outcome out = send(packet);
    EXPECT_TRUE(out.is_drop(reason)) << to_string(out);
  }
  FakeGateway gateway_{spec()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, SctpAnswers, testing::Values(4, 6),
                         [](const auto& test) { return "V" + std::to_string(test.param); });

TEST_P(SctpAnswers, AnInitGetsAnAbortWithItsInitiateTag) {
  expect_answer(question().init(0xa0b0c0d0), SctpChunk::kAbort, 0, 0xa0b0c0d0);
}

TEST_P(SctpAnswers, AnInitWithoutATagIsDiscarded) {
  expect_none(question().init(0));
  expect_none(question().chunk(SctpChunk::kInit, Bytes(8, 1)));
}

TEST_P(SctpAnswers, AnythingElseGetsAnAbortWithItsOwnTagReflected) {
  for (const uint8_t type : {uint8_t{SctpChunk::kData}, kSack, kHeartbeat, kCookieEcho}) {
    expect_answer(question().chunk(type, Bytes(16)), SctpChunk::kAbort, 1, 0x01020304);
  }
  const Bytes other_cause{0, 2, 0, 4};
  expect_answer(question().chunk(SctpChunk::kError, other_cause), SctpChunk::kAbort, 1, 0x01020304);
}

TEST_P(SctpAnswers, AShutdownAckGetsAShutdownComplete) {
  expect_answer(question().chunk(SctpChunk::kShutdownAck), SctpChunk::kShutdownComplete, 1,
                0x01020304);
}

TEST_P(SctpAnswers, WhatEndsAnAssociationIsNeverAnswered) {
  expect_none(question().chunk(SctpChunk::kAbort), DropReason::kNoFlow);
  expect_none(question().chunk(SctpChunk::kError, Bytes(4)).chunk(SctpChunk::kAbort),
              DropReason::kNoFlow);
  expect_none(question().chunk(SctpChunk::kShutdownComplete));
  expect_none(question().chunk(SctpChunk::kCookieAck));
  expect_none(question().chunk(SctpChunk::kError, {0, 3, 0, 8, 0, 0, 0, 0}));
}

TEST_P(SctpAnswers, AFragmentIsNotAnswered) {
  expect_none(question().chunk(SctpChunk::kData, Bytes(16)).fragment(0, true));
}

}  // namespace
}  // namespace vipgate::test::sctp_test
