#include "perf/generator/frames.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <vector>

#include "common/dns_wire.h"
#include "perf/generator/frame_sizes.h"

namespace vipgate::frames_test {
namespace {

using namespace generator;  // NOLINT(google-build-using-namespace)
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr MacAddress kGateway{{2, 0, 0, 0, 0, 0xe1}};

Ipv4Address ip(const char* text) { return parse_ip_address(text).value().v4(); }
Endpoint vip() { return {ip("11.1.1.1"), 514}; }

class FramesTest : public ::testing::Test {
 protected:
  FrameMaker maker_{kGateway, vip()};
  std::array<uint8_t, 1600> buffer_{};
};

TEST_F(FramesTest, AMarkIsReadBackOfEverySizeAndTheChecksumsAreRight) {
  buffer_.fill(0xee);  // what was in the buffer before
  for (const size_t size : {64, 65, 128, 594, 1517, 1518}) {
    const Mark mark{9, 70'000, 4'000'000'000, 0x0123456789abcdef};
    const Endpoint client{ip("10.200.1.2"), 2077};
    const size_t bytes = maker_.marked(buffer_.data(), client, mark, size);
    EXPECT_EQ(bytes, size - kCheckSequence);
    const auto frame = read_frame({buffer_.data(), bytes});
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(frame->source, client);
    EXPECT_EQ(frame->destination, vip());
    EXPECT_TRUE(checksums_are_right(*frame)) << size;
    const auto read = read_mark(*frame);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->trial, mark.trial);
    EXPECT_EQ(read->flow, mark.flow);
    EXPECT_EQ(read->sequence, mark.sequence);
    EXPECT_EQ(read->ticks, mark.ticks);
  }
}

TEST_F(FramesTest, AnAnswerGoesBackWithTheSameMarkAndRightChecksums) {
  const Endpoint client{ip("10.200.1.2"), 2077};
  const size_t bytes = maker_.marked(buffer_.data(), client, {1, 2, 3, 4}, 128);
  make_answer(buffer_.data());
  const auto frame = read_frame({buffer_.data(), bytes});
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(frame->source, vip());
  EXPECT_EQ(frame->destination, client);
  EXPECT_TRUE(checksums_are_right(*frame));
  EXPECT_EQ(read_mark(*frame)->sequence, 3u);
  const auto* ethernet = reinterpret_cast<const EthernetHeader*>(buffer_.data());
  EXPECT_EQ(ethernet->source, kGateway);
}

TEST_F(FramesTest, ASynHasItsNumberAndTrialAndFillsTheSmallestFrame) {
  const size_t bytes = maker_.syn(buffer_.data(), {ip("10.200.1.2"), 5}, 77, 3);
  EXPECT_EQ(bytes, 60u);
  const auto frame = read_frame({buffer_.data(), bytes});
  ASSERT_TRUE(frame.has_value());
  EXPECT_TRUE(checksums_are_right(*frame));
  EXPECT_EQ(frame->tcp().flags, TcpHeader::kSyn);
  EXPECT_EQ(frame->tcp().sequence.host(), 77u);
  EXPECT_EQ(frame->tcp().acknowledgment.host(), 3u);
  EXPECT_TRUE(frame->payload.empty()) << "the padding is none";
}

TEST_F(FramesTest, AQuestionIsAsDnsHasIt) {
  const auto question = parse_dns_question("a.bc SRV");
  ASSERT_TRUE(question.ok());
  EXPECT_THAT(*question, ElementsAre(1, 'a', 2, 'b', 'c', 0, 0, 33, 0, 1));
  const size_t bytes = maker_.question(buffer_.data(), {ip("10.200.1.2"), 5}, 0xabcd, *question);
  const auto frame = read_frame({buffer_.data(), bytes});
  ASSERT_TRUE(frame.has_value());
  EXPECT_TRUE(checksums_are_right(*frame));
  ASSERT_EQ(frame->payload.size(), sizeof(DnsHeader) + question->size());
  const auto* header = reinterpret_cast<const DnsHeader*>(frame->payload.data());
  EXPECT_EQ(header->id.host(), 0xabcd);
  EXPECT_EQ(header->question_count.host(), 1);
}

TEST_F(FramesTest, WhatIsNoWholeTcpOrUdpPacketIsNotRead) {
  const size_t bytes = maker_.marked(buffer_.data(), {ip("10.200.1.2"), 5}, {}, 64);
  for (size_t length = 0; length < bytes; ++length) {
    EXPECT_FALSE(read_frame({buffer_.data(), length}).has_value()) << length;
  }
  auto* header = reinterpret_cast<Ipv4Header*>(buffer_.data() + sizeof(EthernetHeader));
  header->protocol = kProtocolIcmp;
  EXPECT_FALSE(read_frame({buffer_.data(), bytes}).has_value());
  header->protocol = kProtocolUdp;
  header->fragment = Be16(uint16_t{1});
  EXPECT_FALSE(read_frame({buffer_.data(), bytes}).has_value());
}

TEST_F(FramesTest, AChangedOctetMakesAChecksumWrong) {
  const size_t bytes = maker_.marked(buffer_.data(), {ip("10.200.1.2"), 5}, {1, 2, 3, 4}, 80);
  for (size_t at = sizeof(EthernetHeader) + 1; at < bytes; ++at) {
    buffer_[at] ^= 0x10;
    const auto frame = read_frame({buffer_.data(), bytes});
    EXPECT_TRUE(!frame || !checksums_are_right(*frame)) << at;
    buffer_[at] ^= 0x10;
  }
}

TEST(FlowClients, EachFlowHasAnEndOfItsOwn) {
  const Ipv4Address first = ip("10.200.0.255");
  EXPECT_EQ(client_of_flow(first, 0), (Endpoint{first, kFirstPort}));
  EXPECT_EQ(client_of_flow(first, kPortsOfClient - 1), (Endpoint{first, kFirstPort + 255}));
  EXPECT_EQ(client_of_flow(first, kPortsOfClient), (Endpoint{ip("10.200.1.0"), kFirstPort}));
}

TEST(FrameSizes, AreNumbersInTurnOrTheMix) {
  EXPECT_THAT(*parse_frame_sizes("64"), ElementsAre(64));
  EXPECT_THAT(*parse_frame_sizes("1518,64"), ElementsAre(1518, 64));
  const auto mix = *parse_frame_sizes("imix");
  EXPECT_EQ(std::ranges::count(mix, 64), 7);
  EXPECT_EQ(std::ranges::count(mix, 594), 4);
  EXPECT_EQ(std::ranges::count(mix, 1518), 1);
}

TEST(FrameSizes, OthersAreNamed) {
  for (const char* text : {"", "63", "1519", "64,", "64,x", "-64", "64 ", "IMIX"}) {
    const auto sizes = parse_frame_sizes(text);
    ASSERT_FALSE(sizes.ok()) << text;
    EXPECT_THAT(sizes.error(), HasSubstr("give imix, or numbers from 64 to 1518")) << text;
  }
}

}  // namespace
}  // namespace vipgate::frames_test
