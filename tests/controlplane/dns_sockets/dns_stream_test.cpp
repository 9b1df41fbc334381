#include "controlplane/dns_sockets/dns_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace vipgate::dns_stream_test {
namespace {

std::vector<uint8_t> framed(const std::string& message) {
  std::vector<uint8_t> octets = {static_cast<uint8_t>(message.size() >> 8),
                                 static_cast<uint8_t>(message.size())};
  octets.insert(octets.end(), message.begin(), message.end());
  return octets;
}

std::vector<uint8_t> operator+(std::vector<uint8_t> a, const std::vector<uint8_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// The answer is the question twice; to "?" there is none.
DnsStreamAnswer twice(std::span<uint8_t> message, size_t length, const IpAddress&) {
  DnsStreamAnswer answer;
  if (length == 1 && message[0] == '?') return answer;
  if (length > 0 && message[0] == '>') {
    answer.is_for_others = true;
    return answer;
  }
  std::copy_n(message.begin(), length, message.begin() + static_cast<ptrdiff_t>(length));
  answer.length = 2 * length;
  return answer;
}

class DnsStreamTest : public testing::Test {
 protected:
  AnswerDns answer_ = twice;
  std::vector<uint8_t> scratch_ = std::vector<uint8_t>(1 << 17);
  std::vector<std::string> forwarded_;
  ForwardDns forward_ = [this](std::span<const uint8_t> query, const DnsStreamAnswer&) {
    forwarded_.emplace_back(query.begin(), query.end());
  };
  DnsStream stream_{answer_, forward_, {}, scratch_};
  std::vector<uint8_t> out_;
};

TEST_F(DnsStreamTest, AnswersPipelinedQueriesInOrderHoweverTheyAreSplit) {
  const auto expected = framed("oneone") + framed("threethree") + framed(std::string(600, 'x'));
  const auto in = framed("one") + framed("three") + framed(std::string(300, 'x'));
  for (size_t split = 0; split <= in.size(); ++split) {
    DnsStream stream(answer_, forward_, {}, scratch_);
    std::vector<uint8_t> out;
    stream.take(std::span(in).first(split));
    ASSERT_TRUE(stream.answer(out));
    stream.take(std::span(in).subspan(split));
    ASSERT_TRUE(stream.answer(out));
    ASSERT_EQ(out, expected) << split;
    ASSERT_EQ(stream.queries(), 3u);
  }
}

TEST_F(DnsStreamTest, RepliesOfOthersComeAsTheyComeAndHoldUpNobody) {
  stream_.take(framed(">a") + framed("one") + framed(">b") + framed("two"));
  EXPECT_TRUE(stream_.answer(out_));
  EXPECT_EQ(out_, framed("oneone") + framed("twotwo"));
  EXPECT_EQ(forwarded_, (std::vector<std::string>{">a", ">b"}));
  EXPECT_EQ(stream_.forwarded(), 2u);
  const std::string second = "B", first = "A";
  stream_.take_reply(std::span(reinterpret_cast<const uint8_t*>(second.data()), 1));
  out_.clear();
  EXPECT_TRUE(stream_.answer(out_));
  EXPECT_EQ(out_, framed("B"));
  stream_.take_reply(std::span(reinterpret_cast<const uint8_t*>(first.data()), 1));
  stream_.take(framed("x"));
  out_.clear();
  EXPECT_TRUE(stream_.answer(out_));
  EXPECT_EQ(out_, framed("A") + framed("xx"));
  EXPECT_EQ(stream_.forwarded(), 0u);
  EXPECT_EQ(stream_.queries(), 5u);
}

TEST_F(DnsStreamTest, NoMoreIsTakenInThanMayWaitForOthers) {
  for (size_t i = 0; i < DnsStream::kMostForwarded + 3; ++i) stream_.take(framed(">"));
  stream_.take(framed("last"));
  EXPECT_TRUE(stream_.answer(out_));
  EXPECT_EQ(forwarded_.size(), DnsStream::kMostForwarded);
  EXPECT_TRUE(out_.empty());
  for (int i = 0; i < 3; ++i) stream_.take_reply({});
  EXPECT_TRUE(stream_.answer(out_));
  EXPECT_EQ(forwarded_.size(), DnsStream::kMostForwarded + 3);
  EXPECT_EQ(out_, framed("") + framed("") + framed("")) << "the last one waits";
  stream_.take_reply({});
  out_.clear();
  EXPECT_TRUE(stream_.answer(out_));
  EXPECT_EQ(out_, framed("") + framed("lastlast"));
}

TEST_F(DnsStreamTest, EndsAtWhatIsNoQueryAndAnswersWhatCameBefore) {
  stream_.take(framed("one") + framed("?") + framed("three"));
  EXPECT_FALSE(stream_.answer(out_));
  EXPECT_EQ(out_, framed("oneone"));
}

TEST_F(DnsStreamTest, AnswersNoMoreThanWhatMayWaitToBeSent) {
  const std::string longest(30'000, 'x');
  for (int i = 0; i < 10; ++i) stream_.take(framed(longest));
  size_t replies = 0;
  while (replies < 10) {
    out_.clear();
    ASSERT_TRUE(stream_.answer(out_));
    ASSERT_LT(out_.size(), DnsStream::kEnough + 2 * longest.size() + 2);
    ASSERT_EQ(out_.size() % (2 * longest.size() + 2), 0u);
    ASSERT_FALSE(out_.empty());
    replies += out_.size() / (2 * longest.size() + 2);
  }
  out_.clear();
  EXPECT_TRUE(stream_.answer(out_));
  EXPECT_TRUE(out_.empty());
}

TEST_F(DnsStreamTest, WaitsForTheRestOfTheLongestMessage) {
  answer_ = [](std::span<uint8_t>, size_t length, const IpAddress&) {
    DnsStreamAnswer answer;
    answer.length = length;
    return answer;
  };
  const auto longest = framed(std::string(65'535, 'x'));
  stream_.take(std::span(longest).first(longest.size() - 1));
  EXPECT_TRUE(stream_.answer(out_));
  EXPECT_TRUE(out_.empty());
  stream_.take(std::span(longest).last(1));
  EXPECT_TRUE(stream_.answer(out_));
  EXPECT_EQ(out_, longest);
}

}  // namespace
}  // namespace vipgate::dns_stream_test
