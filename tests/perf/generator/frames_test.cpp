#include "perf/generator/frames.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "common/dns_wire.h"
#include "perf/generator/frame_sizes.h"

namespace vipgate::frames_test {
namespace {

using namespace generator;  // NOLINT(google-build-using-namespace)
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr MacAddress kGateway{{2, 0, 0, 0, 0, 0xe1}};

IpAddress ip(const char* text) { return parse_ip_address(text).value(); }

// What holds of both families: the parameter.
class FramesTest : public ::testing::TestWithParam<int> {
 protected:
  bool is_v4() const { return GetParam() == 4; }
  std::optional<ReceivedFrame> read(size_t bytes) const {
    return read_frame({buffer_.data(), bytes});
  }

  const Endpoint vip_{ip(is_v4() ? "11.1.1.1" : "fd01:c::1"), 514};
  const Endpoint client_{ip(is_v4() ? "10.200.1.2" : "2001:db8:1::12"), 2077};
  const size_t smallest_ = smallest_frame(GetParam());
  FrameMaker maker_{kGateway, vip_};
  std::array<uint8_t, 1600> buffer_{};
};

INSTANTIATE_TEST_SUITE_P(OfFamily, FramesTest, ::testing::Values(4, 6),
                         ::testing::PrintToStringParamName());

TEST_P(FramesTest, AMarkIsReadBackOfEverySizeAndTheChecksumsAreRight) {
  buffer_.fill(0xee);  // what was in the buffer before
  for (const size_t size :
       {smallest_, smallest_ + 1, size_t{128}, size_t{594}, size_t{1517}, size_t{kLargestFrame}}) {
    const Mark mark{9, 70'000, 4'000'000'000, 0x0123456789abcdef};
    const size_t bytes = maker_.marked(buffer_.data(), client_, mark, size);
    EXPECT_EQ(bytes, size - kCheckSequence);
    const auto frame = read(bytes);
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(frame->source, client_);
    EXPECT_EQ(frame->destination, vip_);
    EXPECT_TRUE(checksums_are_right(*frame)) << size;
    const auto read = read_mark(*frame);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->trial, mark.trial);
    EXPECT_EQ(read->flow, mark.flow);
    EXPECT_EQ(read->sequence, mark.sequence);
    EXPECT_EQ(read->ticks, mark.ticks);
  }
}

TEST_P(FramesTest, AnAnswerGoesBackWithTheSameMarkAndRightChecksums) {
  const size_t bytes = maker_.marked(buffer_.data(), client_, {1, 2, 3, 4}, 128);
  make_answer(buffer_.data());
  const auto frame = read(bytes);
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(frame->source, vip_);
  EXPECT_EQ(frame->destination, client_);
  EXPECT_TRUE(checksums_are_right(*frame));
  EXPECT_EQ(read_mark(*frame)->sequence, 3u);
  const auto* ethernet = reinterpret_cast<const EthernetHeader*>(buffer_.data());
  EXPECT_EQ(ethernet->source, kGateway);
}

TEST_P(FramesTest, ASynHasItsNumberAndTrialAndNoPayload) {
  const size_t bytes = maker_.syn(buffer_.data(), client_, 77, 3);
  EXPECT_EQ(bytes, is_v4() ? 60u : 74u) << "Ethernet takes no less than 60";
  const auto frame = read(bytes);
  ASSERT_TRUE(frame.has_value());
  EXPECT_TRUE(checksums_are_right(*frame));
  EXPECT_EQ(frame->tcp().flags, TcpHeader::kSyn);
  EXPECT_EQ(frame->tcp().sequence.host(), 77u);
  EXPECT_EQ(frame->tcp().acknowledgment.host(), 3u);
  EXPECT_TRUE(frame->payload.empty()) << "the padding is none";
}

TEST_P(FramesTest, AQuestionIsAsDnsHasIt) {
  const auto question = parse_dns_question("a.bc SRV");
  ASSERT_TRUE(question.ok());
  EXPECT_THAT(*question, ElementsAre(1, 'a', 2, 'b', 'c', 0, 0, 33, 0, 1));
  const size_t bytes = maker_.question(buffer_.data(), client_, 0xabcd, *question);
  const auto frame = read(bytes);
  ASSERT_TRUE(frame.has_value());
  EXPECT_TRUE(checksums_are_right(*frame));
  ASSERT_EQ(frame->payload.size(), sizeof(DnsHeader) + question->size());
  const auto* header = reinterpret_cast<const DnsHeader*>(frame->payload.data());
  EXPECT_EQ(header->id.host(), 0xabcd);
  EXPECT_EQ(header->question_count.host(), 1);
}

TEST_P(FramesTest, WhatIsNoWholeTcpOrUdpPacketIsNotRead) {
  const size_t bytes = maker_.marked(buffer_.data(), client_, {}, smallest_);
  for (size_t length = 0; length < bytes; ++length) {
    EXPECT_FALSE(read(length).has_value()) << length;
  }
  uint8_t* ip_header = buffer_.data() + sizeof(EthernetHeader);
  uint8_t& protocol = is_v4() ? reinterpret_cast<Ipv4Header*>(ip_header)->protocol
                              : reinterpret_cast<Ipv6Header*>(ip_header)->next_header;
  protocol = is_v4() ? kProtocolIcmp : kProtocolIpv6Fragment;
  EXPECT_FALSE(read(bytes).has_value());
  protocol = kProtocolUdp;
  ASSERT_TRUE(read(bytes).has_value());
  *ip_header = 0x55;
  EXPECT_FALSE(read(bytes).has_value()) << "of no version that there is";
}

TEST_P(FramesTest, AChangedOctetMakesAChecksumWrong) {
  const size_t bytes = maker_.marked(buffer_.data(), client_, {1, 2, 3, 4}, 100);
  const size_t ip_at = sizeof(EthernetHeader);
  for (size_t at = ip_at + 1; at < bytes; ++at) {
    // Class, flow label and hop limit of IPv6 are in no checksum.
    if (!is_v4() && (at < ip_at + 4 || at == ip_at + 7)) continue;
    buffer_[at] ^= 0x10;
    const auto frame = read(bytes);
    EXPECT_TRUE(!frame || !checksums_are_right(*frame)) << at;
    buffer_[at] ^= 0x10;
  }
}

TEST(FrameFamilies, AFragmentOfIpv4IsNotRead) {
  std::array<uint8_t, 1600> buffer{};
  const FrameMaker maker(kGateway, {ip("11.1.1.1"), 514});
  const size_t bytes = maker.marked(buffer.data(), {ip("10.200.1.2"), 5}, {}, 64);
  reinterpret_cast<Ipv4Header*>(buffer.data() + sizeof(EthernetHeader))->fragment =
      Be16(uint16_t{1});
  EXPECT_FALSE(read_frame({buffer.data(), bytes}).has_value());
}

TEST(FlowClients, EachFlowHasAnEndOfItsOwn) {
  for (const auto& [first, next] :
       {std::pair{"10.200.0.255", "10.200.1.0"}, std::pair{"2001:db8::ff", "2001:db8::100"}}) {
    EXPECT_EQ(client_of_flow(ip(first), 0), (Endpoint{ip(first), kFirstPort}));
    EXPECT_EQ(client_of_flow(ip(first), kPortsOfClient - 1),
              (Endpoint{ip(first), kFirstPort + 255}));
    EXPECT_EQ(client_of_flow(ip(first), kPortsOfClient), (Endpoint{ip(next), kFirstPort}));
  }
}

TEST(FrameSizes, AreNumbersInTurnOrTheMix) {
  EXPECT_THAT(*parse_frame_sizes("64", 4), ElementsAre(64));
  EXPECT_THAT(*parse_frame_sizes("1518,84", 6), ElementsAre(1518, 84));
  for (const int family : {4, 6}) {
    EXPECT_THAT(*parse_frame_sizes("", family), ElementsAre(smallest_frame(family)));
    const auto mix = *parse_frame_sizes("imix", family);
    EXPECT_EQ(std::ranges::count(mix, smallest_frame(family)), 7);
    EXPECT_EQ(std::ranges::count(mix, 594), 4);
    EXPECT_EQ(std::ranges::count(mix, 1518), 1);
  }
}

TEST(FrameSizes, OthersAreNamed) {
  for (const char* text : {"63", "1519", "64,", "64,x", "-64", "64 ", "IMIX"}) {
    const auto sizes = parse_frame_sizes(text, 4);
    ASSERT_FALSE(sizes.ok()) << text;
    EXPECT_THAT(sizes.error(), HasSubstr("give imix, or numbers from 64 to 1518")) << text;
  }
  EXPECT_THAT(parse_frame_sizes("83", 6).error(), HasSubstr("from 84 to 1518"));
}

}  // namespace
}  // namespace vipgate::frames_test
