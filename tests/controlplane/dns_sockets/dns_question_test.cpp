// Questions that came by TCP, as resolvers get them, and what becomes of their answers.
#include "controlplane/dns_sockets/dns_question.h"

#include <gtest/gtest.h>

#include <map>

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
constexpr DnsTtlLimits kLimits{.max_s = 3600, .negative_s = 300};
constexpr uint64_t kSecond = DnsKnownAnswer::kSecondNs;
constexpr uint64_t kStart = 1000 * kSecond;

std::string text_of(const std::vector<uint8_t>& octets) { return {octets.begin(), octets.end()}; }
std::span<const uint8_t> octets_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
std::string record(std::string_view owner, unsigned type, std::string_view data,
                   unsigned long ttl_s = 60) {
  return std::string(owner) + be16(type) + be16(1) + be32(ttl_s) +
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

// A client's question for the same name, with an OPT record.
DnsForwardedQuery plain_query(std::string_view name, bool is_dnssec_ok = false) {
  const std::string query = dns_header(0x0100, 1, 0, 0, 1, 7) + dns_question(wire_name(name), 1);
  DnsStreamAnswer parts;
  parts.is_for_others = true;
  parts.question_end = static_cast<uint16_t>(query.size());
  parts.has_opt = true;
  parts.is_dnssec_ok = is_dnssec_ok;
  return {octets_of(query), parts};
}

std::optional<DnsKnownAnswer> read(const std::string& said) {
  return alias_query().read(octets_of(said), kId, kLimits, kStart);
}

test::ParsedMessage parsed(const std::vector<uint8_t>& reply) {
  const auto message = test::parse_dns(text_of(reply));
  EXPECT_TRUE(message.has_value());
  return message.value_or(test::ParsedMessage{});
}

test::ParsedMessage reply_to(const std::string& said) {
  const auto known = read(said);
  EXPECT_TRUE(known.has_value());
  if (!known) return {};
  return parsed(alias_query().reply(*known, kStart));
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

TEST(DnsForwardedQuery, EachRecordOfAnAnswerThatIsKeptComesFirstAtTimes) {
  const auto known = read(
      answer(0x8180, 2, 0, record("\xc0\x0c", 1, "\1\2\3\4") + record("\xc0\x0c", 1, "\1\2\3\5")));
  ASSERT_TRUE(known.has_value());
  for (const DnsForwardedQuery& query : {plain_query("www.example.org"), alias_query()}) {
    std::map<std::string, unsigned> first;
    for (uint64_t i = 0; i < 100; ++i) {
      const test::ParsedMessage message = parsed(query.reply(*known, kStart + i * 1234));
      ASSERT_GE(message.answers.size(), 2u);
      const auto* last = &message.answers.back();
      EXPECT_NE(last[-1].rdata, last->rdata);
      ++first[last[-1].rdata];
    }
    EXPECT_EQ(first.size(), 2u);
    for (const auto& [data, count] : first) EXPECT_GT(count, 20u);
  }
}

TEST(DnsForwardedQuery, OwnerThatStandsInFullIsFolded) {
  const auto known =
      read(answer(0x8180, 1, 0, record(wire_name("www.Example.org"), 1, "\1\2\3\4")));
  ASSERT_TRUE(known.has_value());
  const test::ParsedMessage message = parsed(plain_query("WWW.example.org").reply(*known, kStart));
  ASSERT_EQ(message.answers.size(), 1u);
  EXPECT_EQ(message.answers[0].owner, "www.example.org");
}

TEST(DnsForwardedQuery, NameAboveAZoneOfOursIsThereWhateverAResolverSays) {
  const std::string soa =
      record("\xc0\x10", 6, wire_name("ns.a") + wire_name("root.a") + std::string(20, '\1'));
  const auto denial = read(answer(0x8183, 0, 1, soa));
  const auto alias = read(answer(0x8183, 1, 1, record("\xc0\x0c", 5, wire_name("a.b")) + soa));
  ASSERT_TRUE(denial.has_value() && alias.has_value());
  const std::string query =
      dns_header(0x0100, 1, 0, 0, 0, 7) + dns_question(wire_name("www.example.org"), 1);
  DnsStreamAnswer parts;
  parts.is_for_others = true;
  parts.question_end = static_cast<uint16_t>(query.size());
  EXPECT_EQ(parsed(DnsForwardedQuery(octets_of(query), parts).reply(*denial, kStart)).rcode(), 3u);
  parts.is_above_zone = true;
  const DnsForwardedQuery above(octets_of(query), parts);
  const test::ParsedMessage message = parsed(above.reply(*denial, kStart));
  EXPECT_EQ(message.rcode(), 0u);
  EXPECT_EQ(message.authorities.size(), 1u);
  EXPECT_EQ(parsed(above.reply(*alias, kStart)).rcode(), 3u) << "of another name";
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
  EXPECT_FALSE(read(answer(0x8180, 1, 0, record("\xc0\x1e", 1, "\1\2\3\4"))).has_value())
      << "into the type of the question";
}

TEST(DnsForwardedQuery, AnswersOfTheSameKeyAreThoseForNameTypeAndFlags) {
  EXPECT_EQ(plain_query("WWW.example.org").key(), alias_query().key());
  EXPECT_NE(plain_query("WWW.example.org", true).key(), alias_query().key());
  EXPECT_NE(plain_query("ww.example.org").key(), alias_query().key());
}

TEST(DnsForwardedQuery, WhatIsKeptIsToldToEachClientUnderItsOwnHeader) {
  const auto known = read(answer(0x81a0, 1, 0, record("\xc0\x0c", 1, "\1\2\3\4")));
  ASSERT_TRUE(known.has_value());
  const auto message = parsed(plain_query("wWw.exAmple.org", true).reply(*known, kStart));
  EXPECT_EQ(message.id, 7u);
  EXPECT_EQ(message.flags, 0x81a0u) << "AD, as it has DO";
  EXPECT_EQ(message.question, dns_question(wire_name("wWw.exAmple.org"), 1));
  ASSERT_EQ(message.answers.size(), 1u);
  EXPECT_EQ(message.answers[0].owner, "wWw.exAmple.org");
  EXPECT_EQ(message.answers[0].rdata, "\1\2\3\4");
  EXPECT_TRUE(message.opt.has_value());
  EXPECT_EQ(parsed(plain_query("www.example.org").reply(*known, kStart)).flags, 0x8180u);
}

TEST(DnsForwardedQuery, TtlsCountDownAndAreThirtySecondsOnceTheyAreOver) {
  const std::string two =
      record("\xc0\x0c", 1, "\1\2\3\4", 10'000) + record("\xc0\x0c", 1, "\1\2\3\5", 100);
  const auto known = read(answer(0x8180, 2, 0, two));
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(known->ttl_s, 100u);
  for (const auto& query : {plain_query("www.example.org"), alias_query()}) {
    const auto ttls = [&](uint64_t age_s) {
      const auto message = parsed(query.reply(*known, kStart + age_s * kSecond));
      const size_t last = message.answers.size() - 1;
      return std::pair(message.answers.at(last - 1).ttl, message.answers.at(last).ttl);
    };
    EXPECT_EQ(ttls(0), std::pair(3600ul, 100ul)) << "longer ones are cut";
    EXPECT_EQ(ttls(99), std::pair(3501ul, 1ul));
    EXPECT_EQ(ttls(100), std::pair(30ul, 30ul));
  }
  const auto stale = parsed(plain_query("www.example.org").reply(*known, kStart + 100 * kSecond));
  ASSERT_TRUE(stale.opt.has_value());
  EXPECT_EQ(stale.opt->rdata, test::dns_option(15, be16(3))) << "RFC 8914 4.4";
}

TEST(DnsForwardedQuery, NegativeAnswerLastsAsLongAsTheSoaAndTheLimitSay) {
  const auto soa = [](unsigned minimum_s) {
    return record("\xc0\x10", 6,
                  wire_name("ns.a") + wire_name("root.a") + std::string(16, '\1') + be32(minimum_s),
                  1000);
  };
  EXPECT_EQ(read(answer(0x8183, 0, 1, soa(20)))->ttl_s, 20u);
  EXPECT_EQ(read(answer(0x8180, 0, 1, soa(20)))->ttl_s, 20u);
  EXPECT_EQ(read(answer(0x8183, 0, 1, soa(5000)))->ttl_s, 300u);
  EXPECT_EQ(read(answer(0x8183, 0, 0, ""))->ttl_s, 0u) << "RFC 2308 5";
}

TEST(DnsForwardedQuery, WhatIsNoAnswerIsNotRead) {
  const std::string address = record("\xc0\x0c", 1, "\1\2\3\4");
  EXPECT_TRUE(read(answer(0x8180, 1, 0, address)).has_value());
  EXPECT_FALSE(read(answer(0x8182, 0, 0, "")).has_value()) << "SERVFAIL";
  EXPECT_FALSE(read(answer(0x8380, 1, 0, address)).has_value()) << "TC";
  EXPECT_FALSE(read(answer(0x8180, 2, 0, address)).has_value()) << "a record is missing";
  EXPECT_FALSE(read(answer(0x0100, 1, 0, address)).has_value()) << "a query";
  EXPECT_FALSE(read(answer(0x8180, 1, 0, record(wire_name("b.test"), 1, "\1\2\3\4"))).has_value())
      << "of another name";
}

// Clients that show a cookie discard replies without one (RFC 7873 5.3).
TEST(DnsForwardedQuery, EachReplyHasTheOptionsThatTheClientIsToBeTold) {
  const std::string query =
      dns_header(0x0100, 1, 0, 0, 1, 7) + dns_question(wire_name("www.Example.org"), 1);
  const std::string cookie = test::dns_option(10, std::string(24, 'c'));
  DnsStreamAnswer parts;
  parts.is_for_others = true;
  parts.question_end = static_cast<uint16_t>(query.size());
  parts.has_opt = true;
  parts.options = {cookie.begin(), cookie.end()};
  const DnsForwardedQuery asked(octets_of(query), parts);
  const auto known = asked.read(octets_of(answer(0x8180, 1, 0, record("\xc0\x0c", 1, "\1\2\3\4"))),
                                kId, kLimits, kStart);
  ASSERT_TRUE(known.has_value());
  const test::ParsedMessage fresh = parsed(asked.reply(*known, kStart));
  ASSERT_TRUE(fresh.opt.has_value());
  EXPECT_EQ(fresh.opt->rdata, cookie);
  const auto is_cookie_and_error = [&](const test::ParsedMessage& reply) {
    return reply.opt && reply.opt->rdata.size() == cookie.size() + 6 &&
           reply.opt->rdata.substr(0, cookie.size()) == cookie &&
           reply.opt->rdata.substr(cookie.size(), 4) == be16(15) + be16(2);
  };
  EXPECT_TRUE(is_cookie_and_error(parsed(asked.reply(*known, kStart + 61 * kSecond)))) << "stale";
  EXPECT_TRUE(is_cookie_and_error(
      parsed(asked.failure(DnsRcode::kServFail, DnsExtendedError::kNoReachableAuthority))));
}

// Clients that wait for one answer have room for more or less of it.
TEST(DnsForwardedQuery,
     AnswerThatFitsBehindAnotherClientsQueryAloneIsKeptAndThisOneIsToldAFailure) {
  std::string records;
  for (const size_t length : {16000, 16000, 16000, 16000, 1410}) {
    records += record("\xc0\x0c", 99, std::string(length, 'x'));
  }
  const auto known = read(answer(0x8180, 5, 0, records));
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(parsed(alias_query().reply(*known, kStart)).rcode(), 2u);
  const std::vector<uint8_t> reply = plain_query("www.Example.org").reply(*known, kStart);
  EXPECT_EQ(reply.size(), 65514u);
  EXPECT_EQ(parsed(reply).answers.size(), 5u);
}

TEST(DnsForwardedQuery, FailureHasNoRecords) {
  const auto message = parsed(alias_query().failure(DnsRcode::kServFail));
  EXPECT_EQ(message.rcode(), 2u);
  EXPECT_EQ(message.question, dns_question(wire_name("A.test"), 1));
  EXPECT_TRUE(message.answers.empty());
  const auto told =
      parsed(alias_query().failure(DnsRcode::kServFail, DnsExtendedError::kNoReachableAuthority));
  ASSERT_TRUE(told.opt.has_value());
  EXPECT_EQ(told.opt->rdata, test::dns_option(15, be16(22)));
}

}  // namespace
}  // namespace vipgate::dns_question_test
