// Names that a client's search list has lengthened.
#include "dataplane/fastpath/dns_searched.h"

#include <gtest/gtest.h>

#include "tests/support/dns_fixture.h"
#include "tests/support/dns_rows.h"

namespace vipgate::dns_searched_test {
namespace {

using namespace test;

constexpr unsigned kAny = 255;

// Clients of 192.0.2.0/24 search mesos and corp.example, which is not ours.
class DnsSearchedTest : public ::testing::Test {
 protected:
  DnsSearchedTest() {
    search({"192.0.2.0/24"}, {"mesos", "marathon.mesos", "corp.example", "example"});
    DnsForwarding& forwarding = policy_.forwarding;
    forwarding.is_on = true;
    const std::vector<IpPrefix> all{parse_ip_prefix("0.0.0.0/0").value()};
    forwarding.clients = PrefixSet(all);
    forwarding.zones = {{std::string(1, '\0'), {DnsResolver{}}}};
  }

  void search(const std::vector<std::string>& clients, const std::vector<std::string>& suffixes) {
    std::vector<PrefixValue> prefixes;
    for (const std::string& client : clients) {
      prefixes.emplace_back(parse_ip_prefix(client).value(), 0);
    }
    policy_.search.clients4 = PrefixValues<Ipv4Address>(prefixes);
    policy_.search.clients6 = PrefixValues<Ipv6Address>(prefixes);
    policy_.search.lists = {{}};
    for (const std::string& suffix : suffixes) {
      policy_.search.lists[0].push_back(wire_name(suffix));
    }
  }

  Response respond_to(std::string_view name, unsigned type = kTypeA) {
    return respond(*table_, dns_query(name, type), 0, 40000, 2048, policy_);
  }
  DnsVerdict verdict(std::string_view name, unsigned type = kTypeA) {
    return respond_to(name, type).verdict;
  }
  // What answers a name that is not forwarded, which is the same over TCP if `is_whole`.
  ParsedMessage ask(std::string_view name, unsigned type = kTypeA, bool is_whole = true) {
    const Response reply = respond_to(name, type);
    EXPECT_FALSE(reply.octets.empty()) << name;
    if (is_whole) {
      EXPECT_EQ(respond_over_tcp(*table_, dns_query(name, type), 40000, policy_).octets,
                reply.octets);
    }
    return parse_dns(reply.octets).value_or(ParsedMessage{});
  }
  // An alias of `name`, and `count` records of `type` behind it.
  void expect_alias(const ParsedMessage& reply, std::string_view asked, std::string_view name,
                    unsigned type, size_t count) {
    EXPECT_EQ(reply.rcode(), 0u) << asked;
    EXPECT_FALSE(reply.tc());
    ASSERT_EQ(reply.answers.size(), 1 + count) << asked;
    EXPECT_EQ(reply.answers[0].owner, asked);
    EXPECT_EQ(reply.answers[0].type, kTypeCname);
    EXPECT_EQ(reply.answers[0].ttl, kDnsSearchedTtlSeconds);
    EXPECT_EQ(reply.answers[0].rdata, wire_name(name));
    for (size_t i = 1; i <= count; ++i) {
      EXPECT_EQ(reply.answers[i].owner, name);
      EXPECT_EQ(reply.answers[i].type, type);
    }
  }

  std::shared_ptr<const DnsTable> table_ = make_test_table();
  DnsPolicy policy_;
};

TEST_F(DnsSearchedTest, NameOfOursWithASuffixIsAnsweredAsAnAliasOfIt) {
  expect_alias(ask("leader.mesos.corp.example"), "leader.mesos.corp.example", "leader.mesos",
               kTypeA, 1);
  expect_alias(ask("app5.mesos.corp.example"), "app5.mesos.corp.example", "app5.mesos", kTypeA, 3);
  expect_alias(ask("_web._tcp.mesos.corp.example", kTypeSrv), "_web._tcp.mesos.corp.example",
               "_web._tcp.mesos", kTypeSrv, 3);
  expect_alias(ask("redis.marathon.l4lb.test.example"), "redis.marathon.l4lb.test.example",
               "redis.marathon.l4lb.test", kTypeA, 1);
}

TEST_F(DnsSearchedTest, TargetsOfSrvRecordsHaveTheirAddresses) {
  const ParsedMessage reply = ask("_web._tcp.mesos.corp.example", kTypeSrv);
  ASSERT_EQ(reply.additionals.size(), 3u) << "web1 (A), web22 (A, AAAA)";
  for (const ParsedRecord& record : reply.additionals) {
    EXPECT_TRUE(record.owner == "web1.mesos" || record.owner == "web22.mesos") << record.owner;
  }
}

TEST_F(DnsSearchedTest, LettersAreThoseOfTheQuestion) {
  expect_alias(ask("LeaDer.mEsos.CoRp.Example"), "LeaDer.mEsos.CoRp.Example", "LeaDer.mEsos",
               kTypeA, 1);
}

TEST_F(DnsSearchedTest, SuffixWithinAZoneOfOursSparesItsClientNamesThatDoNotExist) {
  expect_alias(ask("leader.mesos.mesos"), "leader.mesos.mesos", "leader.mesos", kTypeA, 1);
  expect_alias(ask("x.marathon.mesos.marathon.mesos"), "x.marathon.mesos.marathon.mesos",
               "x.marathon.mesos", kTypeA, 1);
  EXPECT_EQ(ask("nobody.mesos.mesos").rcode(), kNxdomain);
}

TEST_F(DnsSearchedTest, NameThatExistsItselfWins) {
  search({"192.0.2.0/24"}, {"marathon.mesos"});
  EXPECT_EQ(ask("x.marathon.mesos").answers.size(), 1u);
  EXPECT_EQ(ask("marathon.mesos").rcode(), 0u) << "an empty non-terminal";
  search({"192.0.2.0/24"}, {"wild.mesos"});
  const ParsedMessage wild = ask("leader.mesos.wild.mesos");
  ASSERT_EQ(wild.answers.size(), 1u) << "a wildcard covers it";
  EXPECT_EQ(wild.answers[0].owner, "leader.mesos.wild.mesos");
}

TEST_F(DnsSearchedTest, NamesThatAreNobodysHereGoTheirUsualWay) {
  for (const char* name :
       {"www.corp.example", "nobody.mesos.corp.example", "corp.example", "mesos.corp.example",
        "marathon.mesos.corp.example", "leader.mesos.example.org", "leader.mesosxcorp.example",
        "leader.mesos.corp.example.corp.example", "out.corp.example"}) {
    EXPECT_EQ(verdict(name), DnsVerdict::kForward) << name;
  }
  EXPECT_EQ(verdict("nobody.mesos"), DnsVerdict::kNxdomain);
}

// Or a cache that has been told of one type that the name is not there denies the others, too.
TEST_F(DnsSearchedTest, NameIsAnAliasWhateverTypeIsAskedForAndWhicheverItHas) {
  for (const unsigned type : {kTypeTxt, kTypeNs, kTypeSoa, kTypeSrv, 43u}) {
    const ParsedMessage reply = ask("leader.mesos.corp.example", type);
    expect_alias(reply, "leader.mesos.corp.example", "leader.mesos", type, 0);
    ASSERT_EQ(reply.authorities.size(), 1u) << type;
    EXPECT_EQ(reply.authorities[0].type, kTypeSoa);
  }
  expect_alias(ask("text.mesos.corp.example", kTypeTxt), "text.mesos.corp.example", "text.mesos",
               kTypeTxt, 1);
  expect_alias(ask("text.mesos.corp.example"), "text.mesos.corp.example", "text.mesos", kTypeA, 0);
  expect_alias(ask("_web._tcp.mesos.corp.example"), "_web._tcp.mesos.corp.example",
               "_web._tcp.mesos", kTypeA, 0);
  EXPECT_EQ(ask("cn.mesos.corp.example", kTypeTxt).answers.size(), 2u);
  // The alias itself.
  for (const unsigned type : {kTypeCname, kAny}) {
    for (const char* name : {"leader.mesos", "cn.mesos", "text.mesos"}) {
      const ParsedMessage reply = ask(std::string(name) + ".corp.example", type);
      expect_alias(reply, std::string(name) + ".corp.example", name, type, 0);
      EXPECT_TRUE(reply.authorities.empty());
    }
  }
  for (const unsigned type : {kTypeA, kTypeNs, kTypeSoa, kTypeCname, kAny}) {
    EXPECT_EQ(verdict("mesos.corp.example", type), DnsVerdict::kForward)
        << "a zone's own records are nobody's to search for";
    EXPECT_EQ(verdict("dangling.mesos.corp.example", type), DnsVerdict::kForward) << type;
  }
  EXPECT_EQ(verdict("leader.mesos.corp.example", 41), DnsVerdict::kRefused) << "no data";
  const ParsedMessage v6 = ask("leader.mesos.corp.example", kTypeAaaa);
  expect_alias(v6, "leader.mesos.corp.example", "leader.mesos", kTypeAaaa, 0);
  ASSERT_EQ(v6.authorities.size(), 1u);
  EXPECT_EQ(v6.authorities[0].owner, "mesos");
  EXPECT_EQ(v6.authorities[0].type, kTypeSoa);
  expect_alias(ask("leaf.below.ent.mesos.corp.example", kTypeAaaa),
               "leaf.below.ent.mesos.corp.example", "leaf.below.ent.mesos", kTypeAaaa, 1);
  expect_alias(ask("leaf.below.ent.mesos.corp.example"), "leaf.below.ent.mesos.corp.example",
               "leaf.below.ent.mesos", kTypeA, 0);
}

TEST_F(DnsSearchedTest, AliasesAreFollowedAndThoseThatLeadToNothingAreNotToldOf) {
  const ParsedMessage chain = ask("cn2.mesos.corp.example");
  ASSERT_EQ(chain.answers.size(), 4u);
  EXPECT_EQ(chain.answers[1].owner, "cn2.mesos");
  EXPECT_EQ(chain.answers[3].owner, "leader.mesos");
  EXPECT_EQ(ask("out.mesos.corp.example").answers.size(), 2u) << "others may have its end";
  for (const char* name : {"dangling.mesos", "loop.mesos", "to-round1.mesos"}) {
    EXPECT_EQ(verdict(std::string(name) + ".corp.example"), DnsVerdict::kForward) << name;
  }
}

TEST_F(DnsSearchedTest, OnlyClientsWithAListAreAnsweredSo) {
  search({"198.51.100.0/24", "2001:db8::/32"}, {"corp.example"});
  EXPECT_EQ(verdict("leader.mesos.corp.example"), DnsVerdict::kForward);
  search({"192.0.2.1/32"}, {"corp.example"});
  EXPECT_EQ(verdict("leader.mesos.corp.example"), DnsVerdict::kAnswer);
  policy_.search = {};
  EXPECT_EQ(verdict("leader.mesos.corp.example"), DnsVerdict::kForward);
  policy_.forwarding = {};
  EXPECT_EQ(verdict("leader.mesos.corp.example"), DnsVerdict::kRefused);
}

TEST_F(DnsSearchedTest, ClientWhoseQuestionsAreNotForwardedIsAnsweredTheSame) {
  policy_.forwarding = {};
  expect_alias(ask("leader.mesos.corp.example"), "leader.mesos.corp.example", "leader.mesos",
               kTypeA, 1);
  EXPECT_EQ(verdict("nobody.mesos.corp.example"), DnsVerdict::kRefused);
}

TEST_F(DnsSearchedTest, NameThatMayYetBecomeKnownIsNotGuessedAt) {
  table_ = make_test_table(true);
  EXPECT_EQ(verdict("leader.mesos.mesos"), DnsVerdict::kServfail) << "it may exist itself";
  EXPECT_EQ(verdict("leader.mesos.corp.example"), DnsVerdict::kAnswer);
  EXPECT_EQ(verdict("nobody.mesos.corp.example"), DnsVerdict::kForward);
}

TEST_F(DnsSearchedTest, AnswerThatDoesNotFitIsTruncatedAndWholeOverTcp) {
  const ParsedMessage cut = ask("forty.mesos.corp.example", kTypeA, false);
  EXPECT_TRUE(cut.tc());
  EXPECT_TRUE(cut.answers.empty());
  const auto whole = parse_dns(
      respond_over_tcp(*table_, dns_query("forty.mesos.corp.example", kTypeA), 40000, policy_)
          .octets);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->answers.size(), 41u);
}

TEST_F(DnsSearchedTest, LongestNamesAreAnswered) {
  // 255 octets with the suffix.
  std::string name = "leader.mesos";
  std::string suffix;
  while (wire_name(suffix).size() + wire_name(name).size() - 1 + 2 <= 255) {
    suffix += suffix.empty() ? "s" : ".s";
  }
  if (wire_name(name + "." + suffix).size() < 255) suffix = "s" + suffix;
  ASSERT_EQ(wire_name(name + "." + suffix).size(), 255u);
  search({"192.0.2.0/24"}, {suffix});
  expect_alias(ask(name + "." + suffix), name + "." + suffix, name, kTypeA, 1);
}

TEST_F(DnsSearchedTest, RatesAreThoseOfTheNameThatAnswers) {
  const auto answering = [&](std::string_view name) {
    const std::string query = dns_query(name, kTypeA);
    std::vector<uint8_t> message(query.begin(), query.end());
    message.resize(512);
    DnsParsed parsed;
    const DnsContext context = test_context(*table_, policy_);
    dns_parse(context,
              {.message = message.data(),
               .length = static_cast<uint16_t>(query.size()),
               .capacity = 512,
               .source_port = Be16(40000),
               .client = kTestClient,
               .client_length = sizeof kTestClient},
              parsed);
    return dns_answering_name(context, parsed);
  };
  EXPECT_EQ(answering("leader.mesos.corp.example"), answering("leader.mesos"));
  EXPECT_EQ(answering("a.wild.mesos.corp.example"), answering("*.wild.mesos"))
      << "names that anyone may make up have none each";
  EXPECT_EQ(answering("www.corp.example"), 0u);
  EXPECT_NE(answering("leader.mesos"), 0u);
}

}  // namespace
}  // namespace vipgate::dns_searched_test
