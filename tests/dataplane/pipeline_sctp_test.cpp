// SCTP through the packet path: how associations begin, live and end, and what becomes of
// checksums.
#include <gtest/gtest.h>

#include "tests/support/direct_net.h"
#include "tests/support/fragments.h"
#include "tests/support/icmp_errors.h"
#include "tests/support/test_net.h"

namespace vipgate::test::pipeline_sctp_test {
namespace {

constexpr uint8_t kSack = 3, kShutdown = 7, kCookieEcho = 10;
constexpr uint16_t kClientPort = 40'000;

// The services of net_spec() that are TCP, as SCTP.
SnapshotSpec sctp_spec() {
  SnapshotSpec spec = net_spec();
  for (ServiceSpec& service : spec.services) {
    if (service.protocol == Protocol::kTcp) service.protocol = Protocol::kSctp;
  }
  return spec;
}

class SctpFlow : public testing::TestWithParam<ServiceCase> {
 protected:
  PacketBuilder client_packet() const {
    return to_vip(GetParam(), kClientPort)
        .sctp(kClientPort, GetParam().port(), 77)
        .payload(Bytes{});
  }
  Outcome client(uint8_t type, Bytes body = {}) {
    PacketBuilder packet = client_packet();
    if (type == SctpChunk::kInit) {
      packet.init(9);
    } else {
      packet.chunk(type, std::move(body));
    }
    Outcome out = gateway_.send(packet);
    if (out.is_forward()) last_ = out;
    return out;
  }
  PacketBuilder real_packet(uint8_t type, Bytes body = {}) {
    const Tuple tuple = tuple_of(last_.frame);
    return answer_to(last_, Protocol::kUdp)
        .sctp(tuple.destination_port, tuple.source_port, 78)
        .payload(Bytes{})
        .chunk(type, std::move(body));
  }
  Outcome real(uint8_t type, Bytes body = {}) {
    return gateway_.send(real_packet(type, std::move(body)), 1);
  }
  void establish() {
    ASSERT_TRUE(client(SctpChunk::kInit).is_forward());
    ASSERT_TRUE(real(SctpChunk::kInitAck, Bytes(40)).is_forward());
    ASSERT_TRUE(client(kCookieEcho, Bytes(20)).is_forward());
    ASSERT_TRUE(real(SctpChunk::kCookieAck).is_forward());
  }
  bool lives() const { return gateway_.flows() != 0; }

  FakeGateway gateway_{sctp_spec()};
  Outcome last_;
};
INSTANTIATE_TEST_SUITE_P(Pipeline, SctpFlow,
                         testing::Values(kServiceCases[0], kServiceCases[2], kServiceCases[4],
                                         kServiceCases[6]),
                         [](const auto& test) { return test.param.name(); });

TEST_P(SctpFlow, IsTranslatedBothWaysWithRightChecksums) {
  establish();
  const Outcome there = client(SctpChunk::kData, Bytes(1001, 3));
  ASSERT_TRUE(there.is_forward()) << to_string(there);
  EXPECT_TRUE(checksums_ok(there.frame)) << describe(there.frame);
  EXPECT_EQ(tuple_of(there.frame).destination_port, GetParam().real_port());
  const Outcome back = real(SctpChunk::kData, Bytes(333, 4));
  ASSERT_TRUE(back.is_forward());
  EXPECT_TRUE(checksums_ok(back.frame)) << describe(back.frame);
  EXPECT_EQ(tuple_of(back.frame),
            (Tuple{ip(GetParam().vip()), ip(GetParam().client()), GetParam().port(), kClientPort}));
  gateway_.check_counters();
}

TEST_P(SctpFlow, AWrongChecksumStaysWrong) {
  establish();
  const Outcome there =
      gateway_.send(client_packet().chunk(SctpChunk::kData, Bytes(50)).bad_l4_checksum());
  ASSERT_TRUE(there.is_forward());
  EXPECT_FALSE(checksums_ok(there.frame));
  const Outcome back = gateway_.send(real_packet(SctpChunk::kData, Bytes(50)).bad_l4_checksum(), 1);
  ASSERT_TRUE(back.is_forward());
  EXPECT_FALSE(checksums_ok(back.frame));
}

TEST_P(SctpFlow, AChecksumThatIsNoneStaysNone) {
  establish();
  const Outcome out =
      gateway_.send(client_packet().chunk(SctpChunk::kData, Bytes(50)).no_sctp_checksum());
  ASSERT_TRUE(out.is_forward());
  const size_t at = out.frame.size() - 54 - 2 - 4;
  EXPECT_EQ(Bytes(out.frame.begin() + static_cast<ptrdiff_t>(at),
                  out.frame.begin() + static_cast<ptrdiff_t>(at) + 4),
            Bytes(4, 0))
      << describe(out.frame);
}

TEST_P(SctpFlow, IsEstablishedByTheHandshake) {
  establish();
  gateway_.pass_seconds(3000, 500);
  EXPECT_TRUE(lives());
  gateway_.pass_seconds(700, 500);
  EXPECT_FALSE(lives());
}

TEST_P(SctpFlow, ThatTheRealNeverAnsweredStaysEmbryonicWhateverTheClientSends) {
  client(SctpChunk::kInit);
  client(kCookieEcho, Bytes(20));
  client(SctpChunk::kData, Bytes(20));
  gateway_.pass_seconds(9);
  EXPECT_TRUE(lives());
  gateway_.pass_seconds(32);
  EXPECT_FALSE(lives());
}

TEST_P(SctpFlow, EndsSoonAfterTheShutdownIsComplete) {
  for (const bool by_client : {true, false}) {
    establish();
    if (by_client) {
      client(kShutdown, Bytes(4));
      real(SctpChunk::kShutdownAck);
      gateway_.pass_seconds(60, 500);
      EXPECT_TRUE(lives()) << "its last chunk may have been lost";
      client(SctpChunk::kShutdownComplete);
    } else {
      real(kShutdown, Bytes(4));
      client(SctpChunk::kShutdownAck);
      EXPECT_TRUE(real(SctpChunk::kShutdownComplete).is_forward());
    }
    EXPECT_TRUE(lives());
    gateway_.pass_seconds(45);
    EXPECT_FALSE(lives());
  }
  const uint32_t index = last_.verdict.real.index();
  EXPECT_EQ(gateway_.memory().signals()[index].resets.value(), 0u);
  EXPECT_EQ(gateway_.memory().signals()[index].opened.value(),
            gateway_.memory().signals()[index].answered.value());
}

TEST_P(SctpFlow, AnAbortOfEitherSideEndsIt) {
  for (const bool by_client : {true, false}) {
    establish();
    const Outcome out = by_client ? client(SctpChunk::kAbort) : real(SctpChunk::kAbort);
    EXPECT_TRUE(out.is_forward());
    gateway_.pass_seconds(45);
    EXPECT_FALSE(lives());
  }
  EXPECT_TRUE(client(SctpChunk::kAbort).is_drop(DropReason::kNoFlow));
  EXPECT_FALSE(lives());
}

TEST_P(SctpFlow, FragmentsWhosePortsWouldChangeAreDropped) {
  establish();
  const uint64_t created = gateway_.count(Event::kFlowsCreated);
  const Bytes whole = client_packet().chunk(SctpChunk::kData, Bytes(400)).build();
  for (const Bytes& fragment : fragmented(whole, 200, 7)) {
    EXPECT_TRUE(gateway_.send(fragment).is_drop(DropReason::kSctpFragment));
  }
  const Bytes answer = real_packet(SctpChunk::kData, Bytes(400)).build();
  for (const Bytes& fragment : fragmented(answer, 200, 8)) {
    EXPECT_TRUE(gateway_.send(fragment, 1).is_drop(DropReason::kSctpFragment));
  }
  EXPECT_EQ(gateway_.count(Event::kFlowsCreated), created);
  gateway_.check_counters();
}

TEST_P(SctpFlow, FragmentsWhosePortsStayAreForwarded) {
  if (GetParam().mode != Mode::kNat) GTEST_SKIP() << "fullnat has ports of its own";
  for (ServiceSpec& service : gateway_.spec().services) {
    for (RealSpec& real : service.reals) real.port = service.port;
  }
  gateway_.publish();
  establish();
  const Bytes whole = client_packet().chunk(SctpChunk::kData, Bytes(400)).build();
  for (const Bytes& fragment : fragmented(whole, 200, 7)) {
    const Outcome out = gateway_.send(fragment);
    EXPECT_TRUE(out.is_forward()) << to_string(out);
    EXPECT_TRUE(checksums_ok(out.frame));
  }
}

TEST_P(SctpFlow, AnErrorAboutItHasThePortsThatItsReceiverKnows) {
  establish();
  const Outcome out = client(SctpChunk::kData, Bytes(40));
  Bytes quote = ip_packet(out.frame);
  const Bytes as_sent = quote;
  const bool is_v4 = GetParam().family == 4;
  PacketBuilder error;
  error.eth(kRealMac, kGatewayMac1).vlan(kRealVlan);
  const Tuple tuple = tuple_of(out.frame);
  if (is_v4) {
    error.ipv4("10.1.0.77", to_string(tuple.source)).icmp(3, 3, 0);
  } else {
    error.ipv6("fd01::77", to_string(tuple.source)).icmp(1, 4, 0);
  }
  const Outcome told = gateway_.send(error.payload(quote), 1);
  ASSERT_TRUE(told.is_forward()) << to_string(told);
  EXPECT_TRUE(checksums_ok(told.frame));
  // The quote: ports of the client's own packet, tag and all else as the real's side had it.
  const size_t header = is_v4 ? 20 : 40;
  const size_t l4 = 14 + header + 8 + header;
  EXPECT_EQ(told.frame[l4] * 256 + told.frame[l4 + 1], kClientPort);
  EXPECT_EQ(told.frame[l4 + 2] * 256 + told.frame[l4 + 3], GetParam().port());
  EXPECT_EQ(Bytes(told.frame.begin() + static_cast<ptrdiff_t>(l4) + 4, told.frame.end()),
            Bytes(as_sent.begin() + static_cast<ptrdiff_t>(header) + 4, as_sent.end()));
}

// Of direct_spec(), each mode over each pair of families.
class SctpDirect : public testing::TestWithParam<DirectCase> {
 protected:
  static SnapshotSpec spec() {
    SnapshotSpec spec = direct_spec();
    for (ServiceSpec& service : spec.services) {
      if (service.protocol == Protocol::kTcp) service.protocol = Protocol::kSctp;
    }
    return spec;
  }
  Outcome client(uint8_t type, Bytes body = {}) {
    PacketBuilder packet = to_vip(GetParam(), kClientPort);
    packet.sctp(kClientPort, kDirectPort, 77).payload(Bytes{});
    if (type == SctpChunk::kInit) {
      packet.init(9);
    } else {
      packet.chunk(type, std::move(body));
    }
    sent_ = packet.build();
    return gateway_.send(sent_);
  }
  Bytes sent_;
  FakeGateway gateway_{spec()};
};
std::vector<DirectCase> sctp_direct_cases() {
  std::vector<DirectCase> cases;
  for (const DirectCase& kind : direct_cases()) {
    if (kind.protocol == Protocol::kTcp) cases.push_back(kind);
  }
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Pipeline, SctpDirect, testing::ValuesIn(sctp_direct_cases()),
                         [](const auto& test) { return test.param.name(); });

TEST_P(SctpDirect, ThePacketTravelsAsItIsAndEndsWithTheClientsLastChunk) {
  for (const uint8_t type : {uint8_t{SctpChunk::kInit}, kCookieEcho, kSack}) {
    const Outcome out = client(type, Bytes(40));
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    const Bytes packet = ip_packet(sent_);
    ASSERT_GE(out.frame.size(), packet.size());
    EXPECT_EQ(Bytes(out.frame.end() - static_cast<ptrdiff_t>(packet.size()), out.frame.end()),
              packet);
    EXPECT_TRUE(checksums_ok(out.frame));
  }
  gateway_.pass_seconds(100, 500);
  EXPECT_EQ(gateway_.flows(), 1u) << "established";
  client(SctpChunk::kShutdownAck);
  gateway_.pass_seconds(45);
  EXPECT_EQ(gateway_.flows(), 0u);
  EXPECT_EQ(gateway_.count(Event::kFlowsCreated), 1u);
}

}  // namespace
}  // namespace vipgate::test::pipeline_sctp_test
