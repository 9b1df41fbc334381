// SRV answers with their targets' addresses, PTR, and aliases, read back by the tests' own parser.
#include "dataplane/fastpath/dns_related.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/support/dns_fixture.h"

namespace vipgate::dns_related_test {
namespace {

using namespace test;

constexpr unsigned kA = 1, kCname = 5, kSoa = 6, kPtr = 12, kTxt = 16, kAaaa = 28, kSrv = 33;
constexpr unsigned kAny = 255, kNxdomain = 3;

std::string edns_query(std::string_view name, unsigned type, unsigned size = 1232) {
  return dns_header(0x0100, 1, 0, 0, 1) + dns_question(wire_name(name), type) + dns_opt(size);
}

ParsedMessage ask(const DnsTable& table, const std::string& query, uint32_t rotation = 0) {
  const auto reply = parse_dns(respond(table, query, rotation).octets);
  EXPECT_TRUE(reply) << "the reply is one well-formed message";
  return reply.value_or(ParsedMessage{});
}

// Of an SRV record: no pointer may stand in it (RFC 2782).
std::string target_of(const ParsedRecord& record) {
  std::string text;
  size_t at = 6;
  while (at < record.rdata.size() && record.rdata[at] != 0) {
    const auto length = static_cast<size_t>(record.rdata[at]);
    if (length > 63) return "compressed";
    text += (text.empty() ? "" : ".") + record.rdata.substr(at + 1, length);
    at += length + 1;
  }
  return at + 1 == record.rdata.size() ? text : "broken";
}

std::vector<std::string> owners_and_types(const std::vector<ParsedRecord>& records) {
  std::vector<std::string> all;
  for (const ParsedRecord& r : records) all.push_back(r.owner + " " + std::to_string(r.type));
  return all;
}

using Lines = std::vector<std::string>;

TEST(DnsSrv, TheAddressesOfTheTargetsAreAdditional) {
  const auto table = make_test_table();
  const ParsedMessage reply = ask(*table, edns_query("_web._tcp.mesos", kSrv));
  ASSERT_EQ(reply.answers.size(), 3u);
  Lines targets;
  for (const ParsedRecord& record : reply.answers) targets.push_back(target_of(record));
  EXPECT_EQ(targets, (Lines{"web1.mesos", "web22.mesos", "www.example.test"}));
  EXPECT_EQ(owners_and_types(reply.additionals),
            (Lines{"web1.mesos 1", "web22.mesos 1", "web22.mesos 28"}));
  EXPECT_TRUE(reply.opt);
  EXPECT_TRUE(reply.aa());
  EXPECT_TRUE(reply.authorities.empty());
}

TEST(DnsSrv, RotationPutsEveryRecordFirstInTurnWhateverTheirLengths) {
  const auto table = make_test_table();
  for (const char* name : {"_web._tcp.mesos", "_web2._tcp.mesos"}) {
    std::set<std::string> first;
    std::set<std::multiset<std::string>> sets;
    for (uint32_t i = 0; i < 3; ++i) {
      const ParsedMessage reply = ask(*table, dns_query(name, kSrv), rotation_to(i, 3));
      ASSERT_EQ(reply.answers.size(), 3u);
      first.insert(target_of(reply.answers[0]));
      std::multiset<std::string> all;
      for (const ParsedRecord& record : reply.answers) all.insert(target_of(record));
      sets.insert(all);
      EXPECT_EQ(reply.additionals.size(), 3u);
    }
    EXPECT_EQ(first.size(), 3u) << name;
    EXPECT_EQ(sets.size(), 1u) << name;
  }
}

TEST(DnsSrv, OneTargetOfManyRecordsIsAddedOnce) {
  const auto table = make_test_table();
  const ParsedMessage reply = ask(*table, edns_query("_same._tcp.mesos", kSrv));
  EXPECT_EQ(reply.answers.size(), 3u);
  EXPECT_EQ(owners_and_types(reply.additionals), (Lines{"web1.mesos 1"}));
}

TEST(DnsSrv, OnlyTheFirstTargetsAreLookedUpAndOthersComeFirstInTurn) {
  const auto table = make_test_table();
  std::set<std::string> seen;
  for (uint32_t i = 0; i < 12; ++i) {
    const ParsedMessage reply =
        ask(*table, edns_query("_many._tcp.mesos", kSrv), rotation_to(i, 12));
    EXPECT_EQ(reply.answers.size(), 12u);
    EXPECT_EQ(reply.additionals.size(), static_cast<size_t>(kDnsMaxTargets));
    for (const std::string& line : owners_and_types(reply.additionals)) seen.insert(line);
  }
  EXPECT_EQ(seen.size(), 12u);
}

// RFC 2181 9: what may be left out is left out, without TC, by whole RRsets.
TEST(DnsSrv, AdditionalRecordsAreLeftOutBeforeAnythingIsTruncated) {
  const auto table = make_test_table();
  const size_t required = ask(*table, edns_query("_fat._tcp.mesos", kSrv)).answers.size();
  ASSERT_EQ(required, 12u);
  bool was_truncated = false, was_partly_left_out = false, was_whole = false;
  for (unsigned size = 512; size <= 1232; ++size) {
    const std::string query = edns_query("_fat._tcp.mesos", kSrv, size);
    const Response response = respond(*table, query, size);
    ASSERT_LE(response.octets.size(), size);
    const auto reply = parse_dns(response.octets);
    ASSERT_TRUE(reply);
    ASSERT_TRUE(reply->opt);
    if (reply->tc()) {
      EXPECT_EQ(response.verdict, DnsVerdict::kTruncated);
      EXPECT_TRUE(reply->answers.empty() && reply->additionals.empty());
      EXPECT_FALSE(was_whole) << "a larger limit never truncates what a smaller one did not";
      was_truncated = true;
      continue;
    }
    was_whole = true;
    EXPECT_EQ(reply->answers.size(), required);
    std::map<std::string, size_t> by_owner;
    for (const ParsedRecord& record : reply->additionals) ++by_owner[record.owner];
    for (const auto& [owner, count] : by_owner) EXPECT_EQ(count, 2u) << owner << ": not whole";
    was_partly_left_out |= by_owner.size() < static_cast<size_t>(kDnsMaxTargets);
  }
  EXPECT_TRUE(was_truncated && was_partly_left_out && was_whole);
}

TEST(DnsSrv, WithoutEdnsTheLimitIs512) {
  const auto table = make_test_table();
  const ParsedMessage cut = ask(*table, dns_query("_fat._tcp.mesos", kSrv));
  EXPECT_TRUE(cut.tc());
  EXPECT_TRUE(cut.answers.empty());
  const ParsedMessage small = ask(*table, dns_query("_web._tcp.mesos", kSrv));
  EXPECT_FALSE(small.tc());
  EXPECT_EQ(small.additionals.size(), 3u);
}

TEST(DnsSrv, OtherTypesOfAnSrvNameAndTheNamesBetweenAreNodata) {
  const auto table = make_test_table();
  for (const auto& [name, type] : std::vector<std::pair<std::string, unsigned>>{
           {"_web._tcp.mesos", kA}, {"_tcp.mesos", kSrv}, {"web1.mesos", kSrv}}) {
    const ParsedMessage reply = ask(*table, dns_query(name, type));
    EXPECT_EQ(reply.rcode(), 0u) << name;
    EXPECT_TRUE(reply.answers.empty()) << name;
    EXPECT_EQ(reply.authorities.size(), 1u) << name;
  }
}

TEST(DnsSrv, TheQuestionsCaseIsKeptInTheOwner) {
  const auto table = make_test_table();
  const ParsedMessage reply = ask(*table, dns_query("_WEB._TcP.mesos", kSrv));
  ASSERT_EQ(reply.answers.size(), 3u);
  EXPECT_EQ(reply.answers[0].owner, "_WEB._TcP.mesos");
}

TEST(DnsPtr, AnAddressHasItsNameAndItsNeighbourHasNone) {
  const auto table = make_test_table();
  const ParsedMessage reply = ask(*table, dns_query("1.0.0.11.IN-ADDR.arpa", kPtr));
  ASSERT_EQ(reply.answers.size(), 1u);
  EXPECT_EQ(reply.answers[0].rdata, wire_name("redis.marathon.l4lb.test"));
  EXPECT_EQ(ask(*table, dns_query("2.0.0.11.in-addr.arpa", kPtr)).rcode(), kNxdomain);
  EXPECT_EQ(ask(*table, dns_query("0.0.11.in-addr.arpa", kPtr)).rcode(), 0u) << "non-terminal";
  EXPECT_EQ(respond(*table, dns_query("1.0.0.12.in-addr.arpa", kPtr)).verdict,
            DnsVerdict::kRefused);
}

struct AliasRow {
  const char* name;
  std::string query;
  unsigned rcode;
  Lines answers;
  std::string soa_of;  // the authority's owner; empty: none
};

TEST(DnsAlias, EachChainEndsAsItsLastNameSays) {
  const auto table = make_test_table();
  const std::vector<AliasRow> rows = {
      {"A", dns_query("cn.mesos", kA), 0, {"cn.mesos 5", "leader.mesos 1"}, ""},
      {"mixed case", dns_query("Cn.MeSoS", kA), 0, {"Cn.MeSoS 5", "leader.mesos 1"}, ""},
      {"CNAME", dns_query("cn.mesos", kCname), 0, {"cn.mesos 5"}, ""},
      {"ANY", dns_query("cn.mesos", kAny), 0, {"cn.mesos 5"}, ""},
      {"target NODATA", dns_query("cn.mesos", kAaaa), 0, {"cn.mesos 5"}, "mesos"},
      {"target NXDOMAIN",
       dns_query("dangling.mesos", kA),
       kNxdomain,
       {"dangling.mesos 5"},
       "mesos"},
      {"target outside our zones", dns_query("out.mesos", kA), 0, {"out.mesos 5"}, ""},
      {"into another zone",
       dns_query("other.mesos", kA),
       0,
       {"other.mesos 5", "redis.marathon.l4lb.test 1"},
       ""},
      {"NODATA in another zone",
       dns_query("other.mesos", kAaaa),
       0,
       {"other.mesos 5"},
       "l4lb.test"},
      {"two steps",
       dns_query("cn2.mesos", kA),
       0,
       {"cn2.mesos 5", "cn.mesos 5", "leader.mesos 1"},
       ""},
      {"SOA of an apex", dns_query("apex.mesos", kSoa), 0, {"apex.mesos 5", "l4lb.test 6"}, ""},
      {"several addresses",
       dns_query("five.mesos", kA),
       0,
       {"five.mesos 5", "app5.mesos 1", "app5.mesos 1", "app5.mesos 1"},
       ""},
      {"SRV",
       dns_query("srv.mesos", kSrv),
       0,
       {"srv.mesos 5", "_same._tcp.mesos 33", "_same._tcp.mesos 33", "_same._tcp.mesos 33"},
       ""},
  };
  for (const AliasRow& row : rows) {
    SCOPED_TRACE(row.name);
    const ParsedMessage reply = ask(*table, row.query);
    EXPECT_EQ(reply.rcode(), row.rcode);
    EXPECT_TRUE(reply.aa());
    EXPECT_FALSE(reply.tc());
    EXPECT_EQ(owners_and_types(reply.answers), row.answers);
    ASSERT_EQ(reply.authorities.size(), row.soa_of.empty() ? 0u : 1u);
    if (!row.soa_of.empty()) {
      EXPECT_EQ(reply.authorities[0].owner, row.soa_of);
    }
    const bool is_srv = std::string_view(row.name) == "SRV";
    EXPECT_EQ(owners_and_types(reply.additionals), is_srv ? Lines{"web1.mesos 1"} : Lines{});
  }
}

TEST(DnsAlias, ALoopIsToldOnce) {
  const auto table = make_test_table();
  for (const unsigned type : {kA, kCname, kSoa}) {
    EXPECT_EQ(owners_and_types(ask(*table, dns_query("LoOp.mesos", type)).answers),
              Lines{"LoOp.mesos 5"});
  }
  EXPECT_EQ(owners_and_types(ask(*table, dns_query("to-round1.mesos", kA)).answers),
            (Lines{"to-round1.mesos 5", "round1.mesos 5", "round2.mesos 5", "round3.mesos 5"}));
}

TEST(DnsAlias, ALongChainEndsAtTheBound) {
  const auto table = make_test_table();
  const ParsedMessage longest = ask(*table, edns_query("c1.mesos", kA));
  EXPECT_EQ(longest.answers.size(), static_cast<size_t>(kDnsMaxTargets) + 1) << "8 steps, then A";
  EXPECT_EQ(longest.answers.back().type, kA);
  const ParsedMessage beyond = ask(*table, edns_query("c0.mesos", kA));
  EXPECT_EQ(beyond.answers.size(), static_cast<size_t>(kDnsMaxTargets));
  EXPECT_EQ(beyond.answers.back().type, kCname);
}

TEST(DnsAlias, WhatIsRequiredAndDoesNotFitTruncates) {
  const auto table = make_test_table();
  const ParsedMessage cut = ask(*table, dns_query("forty-cn.mesos", kA));
  EXPECT_TRUE(cut.tc());
  EXPECT_TRUE(cut.answers.empty() && cut.authorities.empty());
  EXPECT_EQ(ask(*table, edns_query("forty-cn.mesos", kA)).answers.size(), 41u);
}

// Against a resolver that is as simple as can be, over tables of names that refer to each other.
class Model {
 public:
  using Rrsets = std::map<unsigned, std::vector<std::string>>;

  explicit Model(uint32_t seed) : random_(seed) {
    for (int i = 0; i < 14; ++i) {
      names_.push_back("n" + std::string(below(9), 'x') + std::to_string(i) +
                       (below(3) == 0 ? ".b.test" : ".a.test"));
    }
    for (const std::string& name : names_) {
      if (below(6) == 0) continue;  // does not exist
      if (below(4) == 0) {
        add(name, kCname, wire_name(any_name()));
        continue;
      }
      for (unsigned n = below(5); n != 0; --n) {
        add(name, kSrv, be16(0) + be16(1) + be16(below(9)) + wire_name(any_name()));
      }
      for (unsigned n = below(3); n != 0; --n) add(name, kA, be32(below(100000)));
      for (unsigned n = below(3); n != 0; --n) {
        add(name, kAaaa, be32(below(100000)) + std::string(12, 'y'));
      }
      for (unsigned n = below(4); n != 0; --n) {
        const std::string text(below(5), 't');
        add(name, kTxt, static_cast<char>(text.size()) + text);
      }
    }
  }

  std::string any_name() { return below(9) == 0 ? "else.where" : names_[below(14)]; }
  unsigned any_type() {
    static constexpr unsigned kTypes[] = {kA, kAaaa, kSrv, kTxt, kCname};
    return kTypes[below(5)];
  }
  std::shared_ptr<const DnsTable> table() const {
    DnsTableBuilder builder(DnsHashSecret{});
    EXPECT_TRUE(builder
                    .set_zones({{wire_name("a.test"), test_soa(), 60, false},
                                {wire_name("b.test"), test_soa(), 60, false}})
                    .ok());
    for (const auto& [name, rrsets] : names_with_data_) {
      for (const auto& [type, all] : rrsets) {
        for (const std::string& rdata : all) {
          const auto number = static_cast<uint16_t>(type);
          EXPECT_TRUE(builder.add({wire_name(name), DnsType{number}, 60, rdata}).ok());
        }
      }
    }
    return *builder.build();
  }

  struct Expected {
    unsigned rcode = 0;
    std::multiset<std::string> answers;
    std::set<std::string> additionals;  // of the targets of all SRV records
    std::string soa_of;
  };
  Expected resolve(std::string name, unsigned type) const {
    Expected expected;
    std::set<std::string> seen;
    for (int step = 0; step <= kDnsMaxTargets; ++step) {
      const bool is_ours = name.ends_with(".test");
      const auto found = names_with_data_.find(name);
      if (found == names_with_data_.end()) {
        if (is_ours) expected.soa_of = name.substr(name.size() - 6);
        if (is_ours) expected.rcode = kNxdomain;
        return expected;
      }
      const Rrsets& rrsets = found->second;
      if (rrsets.count(type) != 0) {
        for (const std::string& rdata : rrsets.at(type)) {
          expected.answers.insert(line(name, type, rdata));
          if (type == kSrv) add_target(rdata.substr(6), expected);
        }
        return expected;
      }
      if (rrsets.count(kCname) == 0) {
        expected.soa_of = name.substr(name.size() - 6);
        return expected;
      }
      if (step == kDnsMaxTargets) return expected;
      const std::string& target = rrsets.at(kCname)[0];
      expected.answers.insert(line(name, kCname, target));
      seen.insert(name);
      name = text_of(target);
      if (seen.count(name) != 0) return expected;
    }
    return expected;
  }

  static std::string line(const std::string& name, unsigned type, const std::string& rdata) {
    return name + " " + std::to_string(type) + " " + rdata;
  }
  static std::string text_of(const std::string& wire) {
    std::string text;
    for (size_t at = 0; wire[at] != 0; at += static_cast<size_t>(wire[at]) + 1) {
      text += (at == 0 ? "" : ".") + wire.substr(at + 1, static_cast<size_t>(wire[at]));
    }
    return text;
  }

 private:
  unsigned below(unsigned end) { return static_cast<unsigned>(random_() % end); }
  void add(const std::string& name, unsigned type, const std::string& rdata) {
    auto& all = names_with_data_[name][type];
    if (std::find(all.begin(), all.end(), rdata) == all.end()) all.push_back(rdata);
  }
  void add_target(const std::string& wire, Expected& expected) const {
    const std::string name = text_of(wire);
    const auto found = names_with_data_.find(name);
    if (found == names_with_data_.end()) return;
    for (const unsigned type : {kA, kAaaa}) {
      if (found->second.count(type) == 0) continue;
      for (const std::string& rdata : found->second.at(type)) {
        expected.additionals.insert(line(name, type, rdata));
      }
    }
  }

  std::mt19937 random_;
  std::vector<std::string> names_;
  std::map<std::string, Rrsets> names_with_data_;
};

TEST(DnsRelated, RandomTablesAreAnsweredAsASimpleResolverWould) {
  int positive = 0, with_additionals = 0, aliases = 0;
  for (uint32_t seed = 0; seed < 300 && !HasFailure(); ++seed) {
    Model model(seed);
    const auto table = model.table();
    for (uint32_t i = 0; i < 60; ++i) {
      const std::string name = model.any_name();
      const unsigned type = model.any_type();
      if (!name.ends_with(".test")) continue;
      SCOPED_TRACE(name + " type " + std::to_string(type) + " seed " + std::to_string(seed));
      const ParsedMessage reply = ask(*table, edns_query(name, type), i);
      const Model::Expected expected = model.resolve(name, type);
      EXPECT_EQ(reply.rcode(), expected.rcode);
      std::multiset<std::string> answers;
      for (const ParsedRecord& r : reply.answers) {
        answers.insert(Model::line(r.owner, r.type, r.rdata));
        aliases += r.type == kCname && type != kCname;
      }
      EXPECT_EQ(answers, expected.answers);
      std::set<std::string> additionals;
      for (const ParsedRecord& r : reply.additionals) {
        EXPECT_TRUE(additionals.insert(Model::line(r.owner, r.type, r.rdata)).second) << "twice";
      }
      EXPECT_EQ(additionals, expected.additionals);
      ASSERT_EQ(reply.authorities.size(), expected.soa_of.empty() ? 0u : 1u);
      if (!expected.soa_of.empty()) {
        EXPECT_EQ(reply.authorities[0].owner, expected.soa_of);
      }
      positive += !answers.empty();
      with_additionals += !additionals.empty();
    }
  }
  EXPECT_GT(positive, 1000);
  EXPECT_GT(with_additionals, 100);
  EXPECT_GT(aliases, 100);
}

}  // namespace
}  // namespace vipgate::dns_related_test
