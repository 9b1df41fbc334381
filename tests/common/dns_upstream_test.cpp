// The question as resolvers get it, and what of their answers is believed.
#include "common/dns_upstream.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/dns_message.h"

namespace vipgate::dns_upstream_test {
namespace {

using test::be16;
using test::be32;
using test::dns_header;
using test::dns_opt;
using test::dns_question;
using test::wire_name;

constexpr unsigned kId = 0x1234;
constexpr unsigned kAnswerFlags = 0x8180;
const DnsTtlLimits kLimits{.max_s = 3600, .negative_s = 300};

struct Asked {
  explicit Asked(std::string_view text, unsigned asked_type = 1)
      : name(wire_name(text)), type(asked_type) {}
  std::string name;
  unsigned type;
  DnsUpstreamQuestion question() const {
    return {.id = kId,
            .name = reinterpret_cast<const uint8_t*>(name.data()),
            .name_length = static_cast<uint16_t>(name.size()),
            .type = static_cast<uint16_t>(type)};
  }
  std::string wire() const { return dns_question(name, type); }
};

const std::string kOwner = "\xc0\x0c";

std::string record(std::string_view owner, unsigned type, unsigned long ttl,
                   std::string_view data) {
  return std::string(owner) + be16(type) + be16(1) + be32(ttl) +
         be16(static_cast<unsigned>(data.size())) + std::string(data);
}
std::string soa(unsigned long ttl, unsigned long minimum) {
  return record(std::string("\0", 1), 6, ttl,
                wire_name("ns.a") + wire_name("root.a") + be32(1) + be32(2) + be32(3) + be32(4) +
                    be32(minimum));
}

const uint8_t* octets(const std::string& text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// From a buffer of its very length, so that a sanitizer sees each octet that is read beyond.
DnsUpstreamAnswer read(const Asked& asked, const std::string& message) {
  const std::vector<uint8_t> exact(message.begin(), message.end());
  EXPECT_TRUE(dns_answers_question(exact.data(), exact.size(), asked.question()));
  DnsUpstreamAnswer answer;
  dns_read_upstream(exact.data(), exact.size(), asked.question(), kLimits, answer);
  return answer;
}

TEST(DnsUpstream, QuestionIsAWellFormedQueryWithRecursionAndOurSize) {
  const Asked asked("Www.eXample", 28);
  DnsUpstreamQuestion question = asked.question();
  question.is_dnssec_ok = true;
  question.is_checking_disabled = true;
  std::array<uint8_t, kDnsQuestionRoom> room;
  const uint16_t length = dns_write_question(question, room.data());
  const std::string text(room.begin(), room.begin() + length);
  const auto message = test::DnsMessageParser(text).parse();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->id, kId);
  EXPECT_EQ(message->flags, 0x0130u) << "RD, AD, CD";
  EXPECT_EQ(message->question, asked.wire());
  ASSERT_TRUE(message->opt);
  EXPECT_EQ(message->opt->dns_class, 1232u);
  EXPECT_EQ(message->opt->ttl, 0x8000u) << "DO";
  EXPECT_TRUE(message->opt->rdata.empty());
}

TEST(DnsUpstream, QuestionWithoutEdnsEndsWithItsType) {
  const Asked asked("Www.eXample", 28);
  DnsUpstreamQuestion question = asked.question();
  question.has_edns = false;
  std::array<uint8_t, kDnsQuestionRoom> room;
  const uint16_t length = dns_write_question(question, room.data());
  EXPECT_EQ(std::string(room.begin(), room.begin() + length),
            dns_header(0x0120, 1, 0, 0, 0, kId) + asked.wire());
}

TEST(DnsUpstream, AnswerIsOnlyThatToTheVeryQuestion) {
  const Asked asked("wWw.example");
  const std::string good = dns_header(kAnswerFlags, 1, 0, 0, 0, kId) + asked.wire();
  const auto answers = [&](const std::string& message) {
    return dns_answers_question(octets(message), message.size(), asked.question());
  };
  EXPECT_TRUE(answers(good));
  EXPECT_FALSE(answers(dns_header(kAnswerFlags, 1, 0, 0, 0, kId + 1) + asked.wire())) << "id";
  EXPECT_FALSE(answers(dns_header(0x0180, 1, 0, 0, 0, kId) + asked.wire())) << "a query";
  EXPECT_FALSE(answers(dns_header(0xa180, 1, 0, 0, 0, kId) + asked.wire())) << "opcode";
  EXPECT_FALSE(answers(dns_header(kAnswerFlags, 0, 0, 0, 0, kId) + asked.wire()));
  EXPECT_FALSE(answers(dns_header(kAnswerFlags, 1, 0, 0, 0, kId) + Asked("www.example").wire()))
      << "another case of a letter";
  EXPECT_FALSE(
      answers(dns_header(kAnswerFlags, 1, 0, 0, 0, kId) + Asked("wWw.example", 28).wire()));
  EXPECT_FALSE(answers(dns_header(kAnswerFlags, 1, 0, 0, 0, kId) + dns_question(asked.name, 1, 3)));
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(answers(good.substr(0, length))) << length;
  }
}

TEST(DnsUpstream, PositiveAnswerLastsAsLongAsItsShortestTtlWithinTheLimit) {
  const Asked asked("www.example");
  const std::string message = dns_header(kAnswerFlags, 1, 2, 0, 1, kId) + asked.wire() +
                              record(kOwner, 1, 90000, "\1\2\3\4") +
                              record(kOwner, 1, 120, "\1\2\3\5") + dns_opt(4096);
  const auto answer = read(asked, message);
  EXPECT_EQ(answer.kind, DnsUpstreamAnswer::Kind::kAnswer);
  EXPECT_FALSE(answer.is_negative);
  EXPECT_EQ(answer.ttl_s, 120u);
  EXPECT_EQ(answer.answers, 2);
  EXPECT_EQ(answer.additionals, 0) << "the OPT record is left out";
  EXPECT_EQ(answer.body_offset, 12 + asked.wire().size());
  EXPECT_EQ(answer.body_length, 32) << "up to the OPT record";
  ASSERT_EQ(answer.ttl_count, 2);
  EXPECT_EQ(answer.ttls[0].offset, 6);
  EXPECT_EQ(answer.ttls[0].seconds, kLimits.max_s);
  EXPECT_EQ(answer.ttls[1].offset, 22);
}

TEST(DnsUpstream, TtlWithItsTopBitSetIsZero) {
  const Asked asked("www.example");
  const auto answer = read(asked, dns_header(kAnswerFlags, 1, 1, 0, 0, kId) + asked.wire() +
                                      record(kOwner, 1, 0x80000001, "\1\2\3\4"));
  EXPECT_EQ(answer.kind, DnsUpstreamAnswer::Kind::kAnswer);
  EXPECT_EQ(answer.ttl_s, 0u);
}

TEST(DnsUpstream, NegativeAnswerLastsAsLongAsTheSoaSays) {
  const Asked asked("www.example", 28);
  const struct {
    unsigned flags;
    unsigned long ttl, minimum;
    uint32_t lasts;
  } cases[] = {{0x8183, 200, 100, 100},
               {0x8183, 50, 100, 50},
               {0x8180, 200, 100, 100},
               {0x8183, 900, 800, 300},
               {0x8183, 200, 0xffffffff, 0}};
  for (const auto& c : cases) {
    const auto answer =
        read(asked, dns_header(c.flags, 1, 0, 1, 0, kId) + asked.wire() + soa(c.ttl, c.minimum));
    EXPECT_EQ(answer.kind, DnsUpstreamAnswer::Kind::kAnswer);
    EXPECT_TRUE(answer.is_negative);
    EXPECT_EQ(answer.ttl_s, c.lasts) << c.ttl << " " << c.minimum;
    EXPECT_EQ(answer.authorities, 1);
  }
}

TEST(DnsUpstream, NegativeAnswerWithoutSoaIsNotKept) {
  const Asked asked("www.example");
  for (const unsigned flags : {0x8183u, 0x8180u}) {
    const auto answer = read(asked, dns_header(flags, 1, 0, 0, 0, kId) + asked.wire());
    EXPECT_EQ(answer.kind, DnsUpstreamAnswer::Kind::kAnswer);
    EXPECT_TRUE(answer.is_negative);
    EXPECT_EQ(answer.ttl_s, 0u);
  }
}

TEST(DnsUpstream, AliasWithoutTheTypeIsNoData) {
  const Asked asked("www.example", 28);
  const auto answer =
      read(asked, dns_header(kAnswerFlags, 1, 1, 1, 0, kId) + asked.wire() +
                      record(kOwner, 5, 40, wire_name("other.example")) + soa(200, 100));
  EXPECT_TRUE(answer.is_negative);
  EXPECT_EQ(answer.ttl_s, 40u);
}

TEST(DnsUpstream, OtherCodesAreRefusals) {
  const Asked asked("www.example");
  for (const unsigned code : {1u, 2u, 4u, 5u, 9u}) {
    EXPECT_EQ(read(asked, dns_header(0x8180 | code, 1, 0, 0, 0, kId) + asked.wire()).kind,
              DnsUpstreamAnswer::Kind::kRefusal);
  }
  // BADVERS has its bits in the OPT record.
  EXPECT_EQ(read(asked, dns_header(kAnswerFlags, 1, 0, 0, 1, kId) + asked.wire() +
                            dns_opt(1232, 1ul << 24))
                .kind,
            DnsUpstreamAnswer::Kind::kRefusal);
}

// Where the name's own records stand among those that it leads to is the resolver's matter.
TEST(DnsUpstream, AnswerOfOtherNamesAloneIsARefusal) {
  using Kind = DnsUpstreamAnswer::Kind;
  const Asked asked("a.wWw.example");
  const auto kind = [&](const std::vector<std::string>& records, unsigned flags = kAnswerFlags) {
    std::string message =
        dns_header(flags, 1, static_cast<unsigned>(records.size()), 1, 0, kId) + asked.wire();
    for (const std::string& text : records) message += text;
    return read(asked, message + soa(60, 60)).kind;
  };
  const auto address = [](std::string_view owner) { return record(owner, 1, 60, "\1\2\3\4"); };
  const std::string above = "\xc0\x0e";  // www.example
  const std::string alias = record(kOwner, 5, 60, wire_name("other.test"));
  EXPECT_EQ(kind({}), Kind::kAnswer);
  EXPECT_EQ(kind({address(wire_name("A.www.EXAMPLE"))}), Kind::kAnswer) << "in full, other letters";
  EXPECT_EQ(kind({address("\1A" + above)}), Kind::kAnswer);
  EXPECT_EQ(kind({address(wire_name("other.test")), alias}), Kind::kAnswer);
  EXPECT_EQ(
      kind({record(above, 39, 60, wire_name("other.test")), address(wire_name("a.other.test"))}),
      Kind::kAnswer)
      << "a DNAME above it";
  for (const std::string& other :
       {wire_name("other.test"), wire_name("b.www.example"), wire_name("xa.www.example"),
        wire_name("a.a.www.example"), wire_name(""), above, std::string("\xc0\x12")}) {
    EXPECT_EQ(kind({address(other)}), Kind::kRefusal) << other;
    EXPECT_EQ(kind({address(other), address(other)}, 0x8183), Kind::kRefusal) << other;
  }
  EXPECT_EQ(kind({record(wire_name("w.example"), 39, 60, wire_name("other.test"))}), Kind::kRefusal)
      << "a DNAME beside it";
  EXPECT_EQ(kind({record(wire_name("x.a.www.example"), 39, 60, wire_name("other.test"))}),
            Kind::kRefusal)
      << "below it";
}

TEST(DnsUpstream, TruncatedAnswerHasNoBody) {
  const Asked asked("www.example");
  const auto answer = read(asked, dns_header(kAnswerFlags | 0x0200, 1, 1, 0, 0, kId) +
                                      asked.wire() + record(kOwner, 1, 60, "\1\2\3\4"));
  EXPECT_EQ(answer.kind, DnsUpstreamAnswer::Kind::kTruncated);
  EXPECT_EQ(answer.body_length, 0);
  EXPECT_EQ(answer.ttl_s, 0u);
}

TEST(DnsUpstream, WhatIsNotWellFormedIsNotBelieved) {
  const Asked asked("www.example");
  const std::string head = dns_header(kAnswerFlags, 1, 1, 0, 0, kId) + asked.wire();
  const std::string two = dns_header(kAnswerFlags, 1, 0, 0, 2, kId) + asked.wire();
  const std::string good = record(kOwner, 1, 60, "\1\2\3\4");
  const std::string wrong[] = {
      head,                                            // a record is missing
      head + good.substr(0, good.size() - 1),          // its data are cut
      head + record("\xc0\x1d", 1, 60, "\1\2\3\4"),    // a pointer to itself
      head + record("\xc0\x40", 1, 60, "\1\2\3\4"),    // and ahead
      head + record("\xc0\x04", 1, 60, "\1\2\3\4"),    // into the header
      head + record("\xc0\x0d", 1, 60, "\1\2\3\4"),    // into a label
      head + record(kOwner, 5, 60, "\3www\xc0\x0d"),   // the same in what an alias stands for
      head + record(kOwner, 5, 60, "\3www\xc0\x0cx"),  // something behind that name
      head + record(kOwner, 5, 60, "\3ww"),            // a name that goes on behind the record
      head + record(kOwner, 15, 60, "\1"),             // no room for the name
      head + record(kOwner, 2, 60, ""),
      head + record("\x40zz", 1, 60, "\1\2\3\4"),  // a reserved type of label
      two + dns_opt(1232) + good.substr(0, 12),    // a broken record behind the OPT record
      two + dns_opt(1232) + dns_opt(1232),         // two of them
      dns_header(kAnswerFlags, 1, 1, 0, 0, kId) + asked.wire() + dns_opt(1232),  // not its section
      dns_header(kAnswerFlags, 1, 0xffff, 0xffff, 0xffff, kId) + asked.wire() + good,
  };
  for (const std::string& message : wrong) {
    EXPECT_EQ(read(asked, message).kind, DnsUpstreamAnswer::Kind::kMalformed) << &message - wrong;
  }
}

TEST(DnsUpstream, RecordOfAnotherClassOrWithoutTheFormOfItsTypeIsNotBelieved) {
  using Kind = DnsUpstreamAnswer::Kind;
  const Asked asked("www.example", 255);
  const auto kind = [&](const std::string& text) {
    return read(asked, dns_header(kAnswerFlags, 1, 1, 0, 0, kId) + asked.wire() + text).kind;
  };
  const std::string srv("\0\1\0\2\0\x50", 6);
  const std::pair<unsigned, std::string> good[] = {{1, "\1\2\3\4"},
                                                   {28, std::string(16, 'x')},
                                                   {33, srv + wire_name("a.b")},
                                                   {33, srv + "\1a\xc0\x0c"},
                                                   {16, "\3abc"},
                                                   {16, std::string("\0\1a", 3)},
                                                   {39, wire_name("a.b")},
                                                   {99, ""},
                                                   {99, "\1\2\3"}};
  for (const auto& [type, data] : good) {
    EXPECT_EQ(kind(record(kOwner, type, 60, data)), Kind::kAnswer) << type << " " << data;
    std::string chaos = record(kOwner, type, 60, data);
    chaos[kOwner.size() + 3] = 3;
    EXPECT_EQ(kind(chaos), Kind::kMalformed) << type << " " << data;
  }
  const std::pair<unsigned, std::string> wrong[] = {{1, ""},
                                                    {1, "\1\2"},
                                                    {1, "\1\2\3\4\5"},
                                                    {28, "\1\2\3\4"},
                                                    {28, std::string(17, 'x')},
                                                    {33, ""},
                                                    {33, srv},
                                                    {33, srv.substr(0, 5)},
                                                    {33, srv + "\1a"},
                                                    {33, srv + wire_name("a.b") + "x"},
                                                    {33, srv + "\xc0\x0d"},
                                                    {16, ""},
                                                    {16, "\4abc"},
                                                    {16, "\3abc\1"},
                                                    {39, wire_name("a.b") + "x"}};
  for (const auto& [type, data] : wrong) {
    EXPECT_EQ(kind(record(kOwner, type, 60, data)), Kind::kMalformed) << type << " " << data;
  }
}

// However many records it has, and whatever they are.
TEST(DnsUpstream, AnswerThatIsLongerThanWeTakeCountsAsTruncated) {
  const Asked asked("www.example");
  for (const unsigned count : {76u, 110u, 111u, 500u}) {
    std::string message = dns_header(kAnswerFlags, 1, count, 0, 0, kId) + asked.wire();
    for (unsigned i = 0; i < count; ++i) message += record(kOwner, 1, 60, "\1\2\3\4");
    const auto answer = read(asked, message);
    EXPECT_EQ(answer.kind, DnsUpstreamAnswer::Kind::kTruncated) << count;
    EXPECT_TRUE(answer.is_truncated);
    EXPECT_EQ(answer.answers, 0);
    EXPECT_EQ(answer.ttl_count, 0);
    EXPECT_EQ(answer.body_length, 0);
    EXPECT_EQ(answer.ttl_s, 0u);
  }
  const std::string refusal = dns_header(0x8185, 1, 0, 0, 0, kId) + asked.wire();
  EXPECT_EQ(read(asked, refusal + std::string(1300, 'x')).kind, DnsUpstreamAnswer::Kind::kRefusal);
}

TEST(DnsUpstream, RecordsOfTheQuestionThatNothingLeadsToMayStandInAnyOrder) {
  const auto turn_length = [](unsigned type, const std::vector<std::string>& answers,
                              const std::string& behind = {}) {
    const Asked asked("www.example", type);
    std::string message = dns_header(kAnswerFlags, 1, static_cast<unsigned>(answers.size()),
                                     behind.empty() ? 0 : 1, 0, kId) +
                          asked.wire();
    for (const std::string& text : answers) message += text;
    const auto answer = read(asked, message + behind);
    EXPECT_EQ(answer.kind, DnsUpstreamAnswer::Kind::kAnswer);
    return answer.turn_length;
  };
  const auto pointing_to = [](size_t at) { return std::string(1, '\xc0') + static_cast<char>(at); };
  const size_t first = 12 + Asked("www.example").wire().size();
  const std::string a = record(kOwner, 1, 60, "\1\2\3\4"), b = record(kOwner, 1, 60, "\1\2\3\5");
  EXPECT_EQ(turn_length(1, {a, b}), 16);
  EXPECT_EQ(turn_length(1, {a, b, a}, soa(60, 60)), 16);
  EXPECT_EQ(turn_length(1, {a, record(kOwner, 1, 60, pointing_to(first) + "\1\2")}), 16)
      << "an address";
  const std::string six = record(kOwner, 28, 60, std::string(16, 'x'));
  EXPECT_EQ(turn_length(28, {six, six}), 28);
  EXPECT_EQ(turn_length(1, {a}), 0) << "one";
  EXPECT_EQ(turn_length(1, {a, record(wire_name("www.example"), 1, 60, "\1\2\3\5")}), 0);
  EXPECT_EQ(turn_length(1, {record(kOwner, 5, 60, "\1a\xc0\x0c"), a}), 0) << "an alias";
  EXPECT_EQ(turn_length(255, {a, b}), 0) << "ANY";
  EXPECT_EQ(turn_length(1, {a, b}, record(pointing_to(first), 2, 60, wire_name("ns.a"))), 0);
  EXPECT_EQ(turn_length(16, {record(kOwner, 16, 60, "\3abc"), record(kOwner, 16, 60, "\3abd")}),
            16);
  EXPECT_EQ(turn_length(16, {record(kOwner, 16, 60, "\2ab"), record(kOwner, 16, 60, "\2ac")}), 0)
      << "odd";
  EXPECT_EQ(
      turn_length(2, {record(kOwner, 2, 60, "\1a\xc0\x0c"), record(kOwner, 2, 60, "\1b\xc0\x0c")}),
      16);
  EXPECT_EQ(turn_length(2, {record(kOwner, 2, 60, "\1a\xc0\x0c"),
                            record(kOwner, 2, 60, "\1b" + pointing_to(first + 12))}),
            0)
      << "a name that ends in that of another one";
}

TEST(DnsUpstream, OwnCaseIsInNoNameThatStandsInFull) {
  const auto folded = [](const Asked& asked, const std::string& records, unsigned count) {
    const std::string message =
        dns_header(kAnswerFlags, 1, count, 0, 0, kId) + asked.wire() + records;
    const auto answer = read(asked, message);
    EXPECT_EQ(answer.kind, DnsUpstreamAnswer::Kind::kAnswer);
    std::string body = message.substr(answer.body_offset, answer.body_length);
    dns_fold_own_names(octets(message), asked.name.size(), answer,
                       reinterpret_cast<uint8_t*>(body.data()));
    return body;
  };
  const Asked asked("wWw.eXample");
  const auto both = [](std::string_view own, std::string_view above) {
    return record(own, 1, 60, "ABCD") + record(kOwner, 16, 60, "\1A") +
           record("\3WWW\xc0\x10", 15, 60, "AB" + std::string(own)) +
           record(kOwner, 5, 60, wire_name("Other.eXample")) + record(above, 2, 60, above);
  };
  const std::string expected = [&] {
    std::string text = both(wire_name("www.example"), wire_name("example"));
    text.replace(text.find("\3WWW"), 4, "\3www");
    return text;
  }();
  EXPECT_EQ(folded(asked, both(asked.name, wire_name("eXample")), 5), expected);
  // What might be read as a pointer stays.
  Asked odd("Wx.Example");
  odd.name[2] = '\xc0';
  const std::string own = record(odd.name, 1, 60, "ABCD");
  EXPECT_EQ(folded(odd, own, 1), own);
}

TEST(DnsUpstream, OptRecordStandsAnywhereAndWhatIsBehindItIsLeftOut) {
  const Asked asked("www.example");
  const std::string good = record(kOwner, 1, 60, "\1\2\3\4");
  for (unsigned before = 0; before < 3; ++before) {
    std::string message = dns_header(kAnswerFlags, 1, 1, 0, 3, kId) + asked.wire() + good;
    for (unsigned i = 0; i < 3; ++i) {
      message += i == before ? dns_opt(1232) : record(kOwner, 28, 50 - i, std::string(16, 'x'));
    }
    const auto answer = read(asked, message);
    EXPECT_EQ(answer.kind, DnsUpstreamAnswer::Kind::kAnswer);
    EXPECT_EQ(answer.answers, 1);
    EXPECT_EQ(answer.additionals, before);
    EXPECT_EQ(answer.body_length, good.size() + before * 28);
    EXPECT_EQ(answer.ttl_count, 1 + before);
    EXPECT_EQ(answer.ttl_s, before == 0 ? 60 : 51 - before);
  }
}

TEST(DnsUpstream, RefusalMayLeaveTheQuestionOutAndAnAnswerMayNot) {
  const auto refuses = [](const std::string& message) {
    return dns_refuses_without_question(octets(message), message.size(), kId);
  };
  for (const unsigned code : {1u, 2u, 4u, 5u}) {
    const std::string message = dns_header(0x8180 | code, 0, 0, 0, 0, kId);
    EXPECT_TRUE(refuses(message)) << code;
    DnsUpstreamAnswer answer;
    dns_read_upstream(octets(message), message.size(), Asked("www.example").question(), kLimits,
                      answer);
    EXPECT_EQ(answer.kind, DnsUpstreamAnswer::Kind::kRefusal);
    for (size_t length = 0; length < message.size(); ++length) {
      EXPECT_FALSE(refuses(message.substr(0, length))) << length;
    }
  }
  EXPECT_FALSE(refuses(dns_header(0x8185, 0, 0, 0, 0, kId + 1))) << "id";
  EXPECT_FALSE(refuses(dns_header(0x0105, 0, 0, 0, 0, kId))) << "a query";
  EXPECT_FALSE(refuses(dns_header(0xa185, 0, 0, 0, 0, kId))) << "opcode";
  EXPECT_FALSE(refuses(dns_header(0x8185, 1, 0, 0, 0, kId))) << "a question, which counts";
  EXPECT_FALSE(refuses(dns_header(0x8180, 0, 0, 0, 0, kId))) << "NOERROR";
  EXPECT_FALSE(refuses(dns_header(0x8183, 0, 0, 0, 0, kId))) << "NXDOMAIN";
}

// A TTL counts down: what was a name with it is another, or none, a second later.
TEST(DnsUpstream, NameThatRunsThroughATtlIsNotBelieved) {
  const Asked asked("www.example");
  const std::string head = dns_header(kAnswerFlags, 1, 2, 0, 0, kId) + asked.wire();
  const size_t first = head.size();
  // Owner's pointer, type and class, then the TTL: its last octet is a label of five.
  const std::string address = record(kOwner, 1, 5, std::string("\1\2\3\0", 4));
  const auto pointing_to = [](size_t at) { return std::string(1, '\xc0') + static_cast<char>(at); };
  const auto kind = [&](size_t at) {
    return read(asked, head + address + record(pointing_to(at), 1, 60, "\1\2\3\4")).kind;
  };
  EXPECT_EQ(kind(first + 9), DnsUpstreamAnswer::Kind::kMalformed) << "the TTL's last octet";
  EXPECT_EQ(kind(first), DnsUpstreamAnswer::Kind::kAnswer) << "the owner itself";
}

TEST(DnsUpstream, EachPrefixOfAnAnswerIsMalformedAndReadsNothingBeyond) {
  const Asked asked("www.example");
  const std::string message = dns_header(kAnswerFlags, 1, 1, 1, 1, kId) + asked.wire() +
                              record(kOwner, 1, 60, "\1\2\3\4") + soa(60, 60) + dns_opt(1232);
  for (size_t length = 12 + asked.wire().size(); length < message.size(); ++length) {
    EXPECT_EQ(read(asked, message.substr(0, length)).kind, DnsUpstreamAnswer::Kind::kMalformed)
        << length;
  }
  EXPECT_EQ(read(asked, message).kind, DnsUpstreamAnswer::Kind::kAnswer);
}

TEST(DnsUpstream, CaseOfLettersAloneIsMixed) {
  const std::string name = wire_name("aZ09-_@[`{.Mesos");
  std::string mixed = name;
  dns_mix_case(reinterpret_cast<uint8_t*>(mixed.data()), mixed.size(), 0b0110101);
  EXPECT_EQ(mixed, wire_name("Az09-_@[`{.MeSOs"));
  dns_mix_case(reinterpret_cast<uint8_t*>(mixed.data()), mixed.size(), 0);
  EXPECT_EQ(mixed, wire_name("az09-_@[`{.mesos"));
}

}  // namespace
}  // namespace vipgate::dns_upstream_test
