// Questions that came by TCP, as resolvers get them, and what becomes of their answers.
#include "controlplane/dns_tcp/dns_question.h"

#include <gtest/gtest.h>

#include "tests/support/dns_message.h"

namespace vipgate::dns_question_test {
namespace {

using test::be16;
using test::be32;
using test::dns_header;
using test::dns_opt;
using test::dns_question;
using test::wire_name;

constexpr uint16_t kId = 0x4321;

std::string text_of(const std::vector<uint8_t>& octets) { return {octets.begin(), octets.end()}; }
std::span<const uint8_t> octets_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
std::string record(std::string_view owner, unsigned type, std::string_view data) {
  return std::string(owner) + be16(type) + be16(1) + be32(60) +
         be16(static_cast<unsigned>(data.size())) + std::string(data);
}

// What the responder leaves of a question for a name of ours: two aliases, the last of which is
// another's.
DnsForwardedQuery alias_query() {
  const std::string question = dns_question(wire_name("A.test"), 1);
  const std::string reply =
      dns_header(0x8580, 1, 2, 0, 1) + question + record("\xc0\x0c", 5, wire_name("b.test")) +
      record("\xc0" + std::string(1, static_cast<char>(12 + question.size() + 12)), 5,
             wire_name("www.Example.org")) +
      dns_opt(1232);
  DnsStreamAnswer parts;
  parts.length = reply.size();
  parts.is_for_others = true;
  parts.question_end = static_cast<uint16_t>(12 + question.size());
  parts.has_opt = true;
  return {octets_of(reply), parts};
}

// The resolver's answer to it.
std::string answer(unsigned flags, unsigned answers, unsigned authorities,
                   std::string_view records) {
  return dns_header(flags, 1, answers, authorities, 1, kId) +
         dns_question(wire_name("www.Example.org"), 1) + std::string(records) + dns_opt(1232);
}

test::ParsedMessage reply_to(const std::string& said) {
  const auto reply = alias_query().reply(octets_of(said), kId);
  EXPECT_TRUE(reply.has_value());
  if (!reply) return {};
  const auto message = test::parse_dns(text_of(*reply));
  EXPECT_TRUE(message.has_value());
  return message.value_or(test::ParsedMessage{});
}

TEST(DnsForwardedQuery, NameThatAnAliasLeadsToIsWhatIsAskedFor) {
  const DnsForwardedQuery query = alias_query();
  EXPECT_EQ(query.name(), wire_name("www.example.org"));
  const auto message = test::parse_dns(text_of(query.question(kId)).substr(2));
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->question, dns_question(wire_name("www.Example.org"), 1));
  EXPECT_EQ(message->id, kId);
}

TEST(DnsForwardedQuery, AnswerStandsBehindTheAliasesWithItsPointersMoved) {
  const test::ParsedMessage message = reply_to(answer(
      0x81a0, 2, 0, record("\xc0\x0c", 5, "\3cdn\xc0\x10") + record("\xc0\x2d", 1, "\1\2\3\4")));
  EXPECT_EQ(message.flags, 0x8580u) << "AA, as the name is ours, and no AD";
  EXPECT_EQ(message.question, dns_question(wire_name("A.test"), 1));
  ASSERT_EQ(message.answers.size(), 4u);
  EXPECT_EQ(message.answers[0].owner, "A.test");
  EXPECT_EQ(message.answers[1].owner, "b.test");
  EXPECT_EQ(message.answers[2].owner, "www.Example.org");
  EXPECT_EQ(message.answers[3].owner, "cdn.Example.org");
  EXPECT_EQ(message.answers[3].rdata, "\1\2\3\4");
  EXPECT_TRUE(message.opt.has_value());
}

TEST(DnsForwardedQuery, CodeAndAuthorityAreThoseOfTheLastName) {
  const std::string soa =
      record("\xc0\x10", 6, wire_name("ns.a") + wire_name("root.a") + std::string(20, '\1'));
  const test::ParsedMessage message = reply_to(answer(0x8183, 0, 1, soa));
  EXPECT_EQ(message.rcode(), 3u);
  EXPECT_EQ(message.answers.size(), 2u);
  ASSERT_EQ(message.authorities.size(), 1u);
  EXPECT_EQ(message.authorities[0].owner, "Example.org");
}

TEST(DnsForwardedQuery, AnswerWhosePointersLeadNowhereIsNone) {
  EXPECT_FALSE(alias_query()
                   .reply(octets_of(answer(0x8180, 1, 0, record("\xc0\x1e", 1, "\1\2\3\4"))), kId)
                   .has_value())
      << "into the type of the question";
}

TEST(DnsForwardedQuery, FailureHasNoRecords) {
  const auto message = test::parse_dns(text_of(alias_query().failure(DnsRcode::kServFail)));
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->rcode(), 2u);
  EXPECT_EQ(message->question, dns_question(wire_name("A.test"), 1));
  EXPECT_TRUE(message->answers.empty());
}

}  // namespace
}  // namespace vipgate::dns_question_test
