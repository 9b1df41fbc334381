// A `fullnat` real is told of its client, over TCP: by TOA, or by PROXY protocol version 2, with
// all that follows from a longer stream.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/icmp_errors.h"
#include "tests/support/packet_bytes.h"
#include "tests/support/test_net.h"

namespace vipgate::test::pipeline_client_address_test {
namespace {

constexpr uint32_t kFirst = 0xffff'fff0;  // the client's first byte: its numbers wrap soon
constexpr uint16_t kClientPort = 41'000;
constexpr uint32_t kRealFirst = 7'000;

// A TCP segment of a frame.
struct Segment {
  TcpHeader header;
  Bytes options, data;
  uint32_t sequence() const { return header.sequence.host(); }
  uint32_t acknowledgment() const { return header.acknowledgment.host(); }
};

Segment segment_of(const Bytes& frame) {
  const size_t l3 = frame[12] == 0x81 && frame[13] == 0 ? 18 : 14;
  const bool is_v4 = frame[l3] >> 4 == 4;
  const size_t l4 = l3 + (is_v4 ? static_cast<size_t>(frame[l3] & 15) * 4 : sizeof(Ipv6Header));
  const size_t end = l3 + (is_v4 ? frame[l3 + 2] * 256u + frame[l3 + 3]
                                 : sizeof(Ipv6Header) + frame[l3 + 4] * 256u + frame[l3 + 5]);
  EXPECT_EQ(end, frame.size());
  Segment segment{load<TcpHeader>(frame.data() + l4), {}, {}};
  const size_t data = l4 + static_cast<size_t>(segment.header.header_length());
  segment.options.assign(frame.begin() + static_cast<ptrdiff_t>(l4 + sizeof(TcpHeader)),
                         frame.begin() + static_cast<ptrdiff_t>(data));
  segment.data.assign(frame.begin() + static_cast<ptrdiff_t>(data),
                      frame.begin() + static_cast<ptrdiff_t>(end));
  return segment;
}

Bytes operator+(Bytes a, std::string_view b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class ClientAddressTest : public testing::TestWithParam<int> {
 protected:
  ~ClientAddressTest() override { gateway_.check_counters(); }
  ServiceCase kind() const { return kServiceCases[GetParam() == 4 ? 0 : 2]; }
  void tell_by(ClientAddress how) {
    gateway_.spec().services[kind().index()].client_address = how;
    gateway_.publish();
  }
  // What the client sends, `at` bytes after its first one.
  PacketBuilder segment(uint32_t at, std::string_view flags, std::string_view data = "") const {
    PacketBuilder packet = to_vip(kind(), kClientPort);
    return packet.flags(flags).sequence(kFirst + at).acknowledgment(kRealFirst).payload(data);
  }
  Outcome send(const PacketBuilder& packet) {
    Outcome out = gateway_.send(packet);
    EXPECT_TRUE(out.is_forward()) << to_string(out);
    EXPECT_TRUE(checksums_ok(out.frame)) << describe(out.frame);
    return out;
  }
  // The real's answer, which has got what comes before `next`.
  PacketBuilder answer(uint32_t next, std::string_view flags = "A") const {
    PacketBuilder packet = answer_to(syn_, Protocol::kTcp, flags);
    return packet.acknowledgment(next).payload("");
  }
  Segment send_back(const PacketBuilder& packet) {
    back_ = gateway_.send(packet, 1);
    EXPECT_TRUE(back_.is_forward()) << to_string(back_);
    EXPECT_TRUE(checksums_ok(back_.frame)) << describe(back_.frame);
    return segment_of(back_.frame);
  }
  // The client's SYN and the real's answer to it.
  void open() {
    syn_ = send(segment(static_cast<uint32_t>(-1), "S"));
    EXPECT_EQ(send_back(answer(kFirst, "SA")).acknowledgment(), kFirst);
  }
  Bytes proxy_header() const {
    Bytes bytes{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21};
    put8(bytes, GetParam() == 4 ? 0x11 : 0x21);
    put16(bytes, GetParam() == 4 ? 12 : 36);
    put(bytes, ip(kind().client()));
    put(bytes, ip(kind().vip()));
    put16(bytes, kClientPort);
    put16(bytes, kind().port());
    return bytes;
  }
  uint32_t added() const { return static_cast<uint32_t>(proxy_header().size()); }
  Bytes toa() const {
    Bytes bytes{254, static_cast<uint8_t>(GetParam() == 4 ? 8 : 20)};
    put16(bytes, kClientPort);
    put(bytes, ip(kind().client()));
    return bytes;
  }

  FakeGateway gateway_{net_spec()};
  Outcome syn_, back_;
};
INSTANTIATE_TEST_SUITE_P(Pipeline, ClientAddressTest, testing::Values(4, 6),
                         [](const auto& test) { return "Ipv" + std::to_string(test.param); });

TEST_P(ClientAddressTest, StaysHiddenUnlessItIsToBeTold) {
  open();
  const Outcome out = send(segment(0, "A", "hello"));
  EXPECT_EQ(segment_of(out.frame).data, Bytes() + "hello");
  EXPECT_EQ(segment_of(out.frame).options, Bytes());
}

TEST_P(ClientAddressTest, ToaStandsInAllThatBeginsWithTheFirstByteUntilThatIsAcknowledged) {
  tell_by(ClientAddress::kToa);
  open();
  EXPECT_EQ(segment_of(syn_.frame).options, Bytes());
  for (const std::string_view data : {"", "hello", "hello"}) {
    const Segment told = segment_of(send(segment(0, "A", data)).frame);
    EXPECT_EQ(told.options, toa());
    EXPECT_EQ(told.data, Bytes() + data);
    EXPECT_EQ(told.sequence(), kFirst);
  }
  EXPECT_EQ(segment_of(send(segment(5, "A", "more")).frame).options, Bytes());
  EXPECT_EQ(segment_of(send(segment(0, "A", "hello")).frame).options, toa()) << "sent again";
  EXPECT_EQ(send_back(answer(kFirst + 5)).acknowledgment(), kFirst + 5);
  EXPECT_EQ(segment_of(send(segment(0, "A", "hello")).frame).options, Bytes());
  EXPECT_EQ(segment_of(send(segment(9, "FA")).frame).options, Bytes());
}

TEST_P(ClientAddressTest, ToaComesBeforeOtherOptionsAndIsLeftOutWhereThereIsNoRoom) {
  tell_by(ClientAddress::kToa);
  open();
  const Bytes timestamps{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
  Bytes both = toa();
  put(both, timestamps);
  EXPECT_EQ(segment_of(send(segment(0, "A").tcp_options(timestamps)).frame).options, both);
  const Bytes many(36, 1);
  EXPECT_EQ(segment_of(send(segment(0, "A").tcp_options(many)).frame).options, many);
  const size_t headers = (GetParam() == 4 ? 20 : 40) + sizeof(TcpHeader);
  gateway_.spec().ports[1].mtu = static_cast<uint16_t>(headers + 100);
  gateway_.publish();
  EXPECT_EQ(segment_of(send(segment(0, "A", std::string(100, 'x'))).frame).options, Bytes());
  EXPECT_EQ(segment_of(send(segment(0, "A", std::string(80, 'x'))).frame).options, toa());
}

TEST_P(ClientAddressTest, ProxyHeaderComesBeforeTheFirstByteAndAllAfterItIsShifted) {
  tell_by(ClientAddress::kProxyV2);
  open();
  const Segment third = segment_of(send(segment(0, "A")).frame);
  EXPECT_EQ(third.data, proxy_header());
  EXPECT_EQ(third.sequence(), kFirst);
  const Segment first = segment_of(send(segment(0, "A", "hello")).frame);
  EXPECT_EQ(first.data, proxy_header() + "hello") << "not yet acknowledged";
  EXPECT_EQ(first.sequence(), kFirst);
  const Segment second = segment_of(send(segment(5, "A", "more")).frame);
  EXPECT_EQ(second.data, Bytes() + "more");
  EXPECT_EQ(second.sequence(), kFirst + 5 + added());
  EXPECT_EQ(segment_of(send(segment(static_cast<uint32_t>(-1), "A")).frame).sequence(), kFirst - 1);

  EXPECT_EQ(send_back(answer(kFirst)).acknowledgment(), kFirst);
  EXPECT_EQ(send_back(answer(kFirst + 3)).acknowledgment(), kFirst) << "half a header";
  EXPECT_EQ(segment_of(send(segment(0, "A", "hello")).frame).data, proxy_header() + "hello");
  EXPECT_EQ(send_back(answer(kFirst + added())).acknowledgment(), kFirst);
  const Segment again = segment_of(send(segment(0, "A", "hello")).frame);
  EXPECT_EQ(again.data, Bytes() + "hello") << "the real has the header";
  EXPECT_EQ(again.sequence(), kFirst + added());
  EXPECT_EQ(send_back(answer(kFirst + added() + 9)).acknowledgment(), kFirst + 9);
  EXPECT_EQ(segment_of(send(segment(9, "FA")).frame).sequence(), kFirst + 9 + added());
  EXPECT_EQ(send_back(answer(kFirst + added() + 10, "FA")).acknowledgment(), kFirst + 10);
}

TEST_P(ClientAddressTest, BlocksThatTheRealHasAreTheClientsAtAnyPlaceOfTheHeader) {
  tell_by(ClientAddress::kProxyV2);
  open();
  send(segment(0, "A"));
  for (const size_t nops : {0u, 1u, 2u, 3u}) {
    Bytes options(nops, 1);
    put8(options, 5);
    put8(options, 18);
    Bytes expected = options;
    for (const uint32_t edge : {100u, 200u, 300u, 400u}) {
      put32(options, kFirst + added() + edge);
      put32(expected, kFirst + edge);
    }
    const Segment back = send_back(answer(kFirst + added()).tcp_options(options));
    ASSERT_GE(back.options.size(), expected.size());
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), back.options.begin())) << nops;
  }
  // Malformed ones stay as they are.
  const Bytes cut{5, 18, 1, 1};
  EXPECT_EQ(send_back(answer(kFirst + added()).tcp_options(cut)).options, cut);
}

TEST_P(ClientAddressTest, ClientLeavesRoomForTheHeader) {
  tell_by(ClientAddress::kProxyV2);
  syn_ = send(segment(static_cast<uint32_t>(-1), "S"));
  Bytes mss{2, 4};
  put16(mss, 1400);
  Bytes expected{2, 4};
  put16(expected, 1400 - added());
  EXPECT_EQ(send_back(answer(kFirst, "SA").tcp_options(mss)).options, expected);
  // One that did not is told.
  const size_t headers = (GetParam() == 4 ? 20 : 40) + sizeof(TcpHeader);
  gateway_.spec().ports[1].mtu = static_cast<uint16_t>(headers + 600);
  gateway_.publish();
  const Outcome out =
      gateway_.send(segment(0, "A", std::string(600 - added() + 1, 'x')).dont_fragment());
  EXPECT_FALSE(out.is_forward()) << to_string(out);
  EXPECT_TRUE(checksums_ok(out.frame));
  EXPECT_TRUE(send(segment(0, "A", std::string(600 - added(), 'x'))).is_forward());
}

TEST_P(ClientAddressTest, DataOfASynIsLeftToBeSentAgain) {
  tell_by(ClientAddress::kProxyV2);
  syn_ = send(segment(static_cast<uint32_t>(-1), "S", "early data"));
  EXPECT_EQ(segment_of(syn_.frame).data, Bytes());
  EXPECT_EQ(send_back(answer(kFirst, "SA")).acknowledgment(), kFirst);
  EXPECT_EQ(segment_of(send(segment(0, "A", "early data")).frame).data,
            proxy_header() + "early data");
}

TEST_P(ClientAddressTest, ResetsHitTheRealsWindow) {
  tell_by(ClientAddress::kProxyV2);
  open();
  EXPECT_EQ(segment_of(send(segment(0, "R")).frame).sequence(), kFirst) << "no header was sent";
  open();
  send(segment(0, "A"));
  const Segment reset = segment_of(send(segment(0, "R")).frame);
  EXPECT_EQ(reset.sequence(), kFirst + added());
  EXPECT_EQ(reset.data, Bytes());
}

TEST_P(ClientAddressTest, NextConnectionOfTheSamePortHasAHeaderOfItsOwn) {
  tell_by(ClientAddress::kProxyV2);
  open();
  send(segment(0, "A", "hello"));
  send_back(answer(kFirst + added() + 5));
  send(segment(5, "RA"));
  constexpr uint32_t kOther = 77'000;
  send(segment(0, "S").sequence(kOther - 1));
  EXPECT_EQ(send_back(answer(kOther, "SA")).acknowledgment(), kOther);
  const Segment told = segment_of(send(segment(0, "A", "again").sequence(kOther)).frame);
  EXPECT_EQ(told.data, proxy_header() + "again");
  EXPECT_EQ(told.sequence(), kOther);
}

TEST_P(ClientAddressTest, ConnectionsGoOnAsTheyBeganWhenTheServiceChanges) {
  open();
  tell_by(ClientAddress::kProxyV2);
  EXPECT_EQ(segment_of(send(segment(0, "A", "hello")).frame).data, Bytes() + "hello");
  EXPECT_EQ(send_back(answer(kFirst + 5)).acknowledgment(), kFirst + 5);
}

TEST_P(ClientAddressTest, ErrorsQuoteWhatTheClientSent) {
  tell_by(ClientAddress::kProxyV2);
  open();
  send(segment(0, "A", "hello"));
  const Outcome out = send(segment(5, "A", "more"));
  for (const size_t kept : {8u, 16u, 20u}) {
    const ErrorKind error = error_kinds(GetParam())[0];
    PacketBuilder packet;
    packet.eth(kRealMac, kGatewayMac1).vlan(kRealVlan);
    if (GetParam() == 4) {
      packet.ipv4("10.77.0.9", "10.8.0.1");
    } else {
      packet.ipv6("fd77::9", "fd08::1");
    }
    packet.icmp(error.type, error.code, error.rest).payload(quoted(out.frame, kept));
    const Outcome told = gateway_.send(packet, 1);
    ASSERT_EQ(told.queue, Outcome::Queue::kTransmit) << to_string(told);
    EXPECT_TRUE(checksums_ok(told.frame));
    const size_t header = GetParam() == 4 ? 20 : 40;
    const size_t l4 = told.frame.size() - kept;
    ASSERT_GT(l4, 2 * header);
    const auto& tcp = *reinterpret_cast<const TcpHeader*>(told.frame.data() + l4);
    EXPECT_EQ(tcp.sequence.host(), kFirst + 5) << kept;
    EXPECT_EQ(tcp.destination_port.host(), kind().port());
  }
}

TEST_P(ClientAddressTest, FragmentsOfSuchConnectionsAreDroppedAsNothingCanBePutIntoThem) {
  tell_by(ClientAddress::kProxyV2);
  open();
  const auto out = gateway_.send(segment(0, "A", std::string(44, 'x')).fragment(0, true));
  EXPECT_TRUE(out.is_drop(DropReason::kFragment)) << to_string(out);
}

}  // namespace
}  // namespace vipgate::test::pipeline_client_address_test
