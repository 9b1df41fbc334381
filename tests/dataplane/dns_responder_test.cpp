#include "dataplane/fastpath/dns_responder.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "dataplane/fastpath/dns_reply.h"
#include "tests/support/dns_fixture.h"

namespace vipgate::dns_responder_test {
namespace {

using namespace test;

TEST(DnsResponder, EachVerdictTellsWhatBecameOfTheQuery) {
  const auto table = make_test_table();
  const std::string question = dns_question(wire_name("leader.mesos"), 1);
  const std::vector<std::pair<std::string, DnsVerdict>> queries = {
      {dns_query("leader.mesos", 1), DnsVerdict::kAnswer},
      {dns_query("leader.mesos", 28), DnsVerdict::kNodata},
      {dns_query("nope.mesos", 1), DnsVerdict::kNxdomain},
      {dns_query("forty.mesos", 1), DnsVerdict::kTruncated},
      {dns_query("example.test", 1), DnsVerdict::kRefused},
      {dns_header(0, 3), DnsVerdict::kFormerr},
      {dns_header(0x2800, 1) + question, DnsVerdict::kNotimp},
      {dns_header(0, 1, 0, 0, 1) + question + dns_opt(512, 0x10000), DnsVerdict::kBadvers},
      {dns_header(0x8000, 1) + question, DnsVerdict::kDropResponse},
      {"short", DnsVerdict::kDropShort},
  };
  for (const auto& [query, verdict] : queries) {
    EXPECT_EQ(respond(*table, query).verdict, verdict) << ::testing::PrintToString(query);
  }
  EXPECT_EQ(respond(*table, queries[0].first, 0, 7).verdict, DnsVerdict::kDropSourcePort);
}

TEST(DnsResponder, ANameWithoutRecordsInAZoneThatIsIncompleteIsAServerFailure) {
  const auto table = make_test_table(true);
  for (const char* name : {"nope.mesos", "x.leader.mesos", "nope.l4lb.test",
                           "ent.mesos",          // an empty non-terminal
                           "dangling.mesos"}) {  // an alias of such a name
    for (const bool has_opt : {false, true}) {
      const std::string query = has_opt ? dns_header(0x0100, 1, 0, 0, 1) +
                                              dns_question(wire_name(name), 1) + dns_opt(1232)
                                        : dns_query(name, 1);
      const Response response = respond(*table, query);
      EXPECT_EQ(response.verdict, DnsVerdict::kServfail) << name;
      const auto reply = parse_dns(response.octets);
      ASSERT_TRUE(reply) << name;
      EXPECT_EQ(reply->flags & 0xf, 2u) << name;
      EXPECT_FALSE(reply->aa()) << name;
      EXPECT_EQ(reply->opt.has_value(), has_opt) << name;
      EXPECT_TRUE(reply->answers.empty() && reply->authorities.empty()) << name;
    }
  }
}

TEST(DnsResponder, AnIncompleteZoneAnswersForWhatItHasAsAnyOther) {
  const auto incomplete = make_test_table(true);
  const auto complete = make_test_table();
  const std::vector<std::pair<const char*, unsigned>> questions = {{"leader.mesos", 1},
                                                                   {"leader.mesos", 28},
                                                                   {"mesos", 6},
                                                                   {"mesos", 2},
                                                                   {"mesos", 1},
                                                                   {"forty.mesos", 1},
                                                                   {"_web._tcp.mesos", 33},
                                                                   {"cn2.mesos", 1},
                                                                   {"cn2.mesos", 28},
                                                                   {"apex.mesos", 6},
                                                                   {"out.mesos", 1}};
  for (const auto& [name, type] : questions) {
    const Response response = respond(*incomplete, dns_query(name, type));
    EXPECT_NE(response.verdict, DnsVerdict::kServfail) << name << " " << type;
    EXPECT_EQ(response.octets, respond(*complete, dns_query(name, type)).octets) << name;
  }
  EXPECT_EQ(respond(*incomplete, dns_query("nope.11.in-addr.arpa", 1)).verdict,
            DnsVerdict::kNxdomain)
      << "a zone that is complete";
}

TEST(DnsResponder, AnswersOverUdpMayBeAsLongAsThePolicyAndTheClientSay) {
  const auto table = make_test_table();
  const auto size_of = [&](uint16_t udp_size, unsigned requestor, const char* name) {
    DnsPolicy policy;
    policy.udp_size = udp_size;
    const std::string query =
        dns_header(0x0100, 1, 0, 0, 1) + dns_question(wire_name(name), 1) + dns_opt(requestor);
    const auto reply = parse_dns(respond(*table, query, 0, 40000, 4000, policy).octets);
    EXPECT_TRUE(reply && reply->opt && reply->opt->dns_class == udp_size)
        << "the OPT record says the size";
    EXPECT_EQ(reply->tc(), reply->answers.empty());
    return reply->answers.size();
  };
  EXPECT_EQ(size_of(1232, 4096, "many.mesos"), 0u);
  EXPECT_EQ(size_of(4096, 4096, "many.mesos"), 120u);
  EXPECT_EQ(size_of(4096, 1232, "many.mesos"), 0u);
  EXPECT_EQ(size_of(512, 4096, "forty.mesos"), 0u);
  EXPECT_EQ(size_of(700, 4096, "forty.mesos"), 40u);
  EXPECT_EQ(size_of(512, 100, "app5.mesos"), 3u);
}

TEST(DnsResponder, RotationPutsEveryRecordFirstInTurnAndKeepsTheOthersInOrder) {
  const auto table = make_test_table();
  std::vector<std::string> seen;
  for (uint32_t i = 0; i < 3; ++i) {
    const auto reply =
        parse_dns(respond(*table, dns_query("app5.mesos", 1), rotation_to(i, 3)).octets);
    ASSERT_TRUE(reply);
    std::string last_octets;
    for (const ParsedRecord& record : reply->answers) last_octets += record.rdata.back();
    seen.push_back(last_octets);
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"\1\2\3", "\2\3\1", "\3\1\2"}));
}

// A look-up asks for A and for AAAA, so that a count of the questions has always the same parity.
TEST(DnsResponder, EveryRecordComesFirstEquallyOftenHoweverManyQuestionsAreBetween) {
  for (const uint32_t count : {2u, 3u, 4u, 5u, 10u}) {
    for (uint32_t between = 1; between <= 12; ++between) {
      std::vector<uint32_t> first(count);
      DnsBody body{};
      body.count = static_cast<decltype(body.count)>(count);
      body.record_length = 16;
      uint32_t rotation = 0;
      for (uint32_t i = 0; i < 100 * count; ++i) {
        ++first[split_of(body, rotation) / 16];
        rotation += between * kDnsRotationStep;
      }
      for (const uint32_t times : first) EXPECT_NEAR(times, 100, 10) << count << " " << between;
    }
  }
}

TEST(DnsResponder, TheLargestRotationNumberIsHarmless) {
  const auto table = make_test_table();
  const auto reply = parse_dns(respond(*table, dns_query("app5.mesos", 1), 0xffffffff).octets);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->answers.size(), 3u);
}

TEST(DnsResponder, AnAnswerThatExceedsTheBufferIsTruncatedInsteadOfWrittenBeyondIt) {
  const auto table = make_test_table();
  const std::string query = dns_query("leader.mesos", 1);
  EXPECT_EQ(respond(*table, query, 0, 40000, 15).verdict, DnsVerdict::kTruncated);
  EXPECT_EQ(respond(*table, query, 0, 40000, 16).verdict, DnsVerdict::kAnswer);
}

TEST(DnsResponder, StagedBurstsGiveTheSameRepliesAsLoneQueries) {
  const auto table = make_test_table();
  const std::vector<std::string> names = {"leader.mesos", "nope.mesos",  "app5.mesos",
                                          "ent.mesos",    "forty.mesos", "example.test"};
  std::array<std::array<uint8_t, 2048>, 32> buffers{};
  std::array<DnsParsed, 32> parsed;
  const DnsPolicy policy;
  const DnsContext context{*table, policy};
  std::vector<std::string> queries;
  for (uint32_t i = 0; i < 32; ++i) {
    queries.push_back(dns_header(0x0100, 1, 0, 0, 1) +
                      dns_question(wire_name(names[i % names.size()]), i % 2 == 0 ? 1 : 28) +
                      dns_opt(1232));
    std::memcpy(buffers[i].data(), queries[i].data(), queries[i].size());
    dns_parse(context,
              {buffers[i].data(), static_cast<uint16_t>(queries[i].size()), 2048, Be16(5353)},
              parsed[i]);
  }
  for (DnsParsed& each : parsed) dns_prefetch(context, each);
  for (uint32_t i = 0; i < 32; ++i) {
    const DnsReply reply = dns_answer(context, parsed[i], i);
    const Response lone = respond(*table, queries[i], i);
    EXPECT_EQ(reply.verdict, lone.verdict);
    EXPECT_EQ(std::string(reinterpret_cast<char*>(buffers[i].data()), reply.length), lone.octets);
  }
}

TEST(DnsResponder, ATableWithoutZonesRefusesEverything) {
  auto table = DnsTableBuilder(DnsHashSecret{}).build(nullptr);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(respond(**table, dns_query("leader.mesos", 1)).verdict, DnsVerdict::kRefused);
}

TEST(DnsResponder, NamesOfEveryLengthAndCaseAreFound) {
  DnsTableBuilder builder(DnsHashSecret{});
  ASSERT_TRUE(builder.set_zones({{wire_name("z"), test_soa(), 60}}).ok());
  std::vector<std::string> names;
  std::string name = wire_name("z");
  // Grows by turns of a one-octet label and a longer one, up to 255 octets.
  for (size_t label = 1; name.size() + label + 1 <= kDnsMaxName; label = label % 9 + 1) {
    name = static_cast<char>(label) + std::string(label, 'q') + name;
    names.push_back(name);
    ASSERT_TRUE(builder.add({name, DnsType::kA, 60, ipv4(1)}).ok());
  }
  auto table = builder.build(nullptr);
  ASSERT_TRUE(table.ok());
  for (std::string wire : names) {
    std::mt19937 random(static_cast<unsigned>(wire.size()));
    for (char& c : wire) {
      if (c == 'q' && random() % 2 == 0) c = 'Q';
    }
    const std::string query = dns_header(0, 1) + dns_question(wire, 1);
    const Response response = respond(**table, query);
    EXPECT_EQ(response.verdict, DnsVerdict::kAnswer) << wire.size();
    EXPECT_EQ(response.octets.substr(12, wire.size()), wire) << "the case is kept";
  }
}

}  // namespace
}  // namespace vipgate::dns_responder_test
