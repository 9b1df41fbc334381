// Names that are answered without standing in the table: below wildcards and aliases; and the name
// servers of a zone, and what ANY gives.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "dataplane/fastpath/dns_related.h"
#include "tests/support/dns_fixture.h"

namespace vipgate::dns_names_test {
namespace {

using namespace test;

constexpr unsigned kTypeA = 1, kTypeNs = 2, kTypeCname = 5, kTypeSoa = 6, kTypeTxt = 16,
                   kTypeAaaa = 28, kTypeSrv = 33, kTypeAny = 255;

class DnsNames : public ::testing::Test {
 protected:
  DnsNames() { set_zones(false); }
  void set_zones(bool is_incomplete) {
    const Status status = builder_.set_zones(
        {{wire_name("wild"), test_soa(), 60, is_incomplete},
         {wire_name("child.wild"), test_soa(), 60},
         {wire_name("dir"), test_soa(), 60},
         {wire_name("l4lb.dir"), test_soa(), 60, is_incomplete},
         {wire_name("dclb.dir"), test_soa(), 60, false, wire_name("l4lb.dir")},
         {wire_name("global"), test_soa(), 60, false, wire_name("dir")},
         {wire_name("key.dcos.directory"), test_soa(), 60, false, wire_name("DIR")}});
    ASSERT_TRUE(status.ok()) << status.error();
  }
  void add(const std::string& name, DnsType type, const std::string& rdata) {
    const Status status = builder_.add({wire_name(name), type, 60, rdata});
    ASSERT_TRUE(status.ok()) << status.error();
  }
  void add_a(const std::string& name, unsigned long address) {
    add(name, DnsType::kA, ipv4(address));
  }

  ParsedMessage ask(const std::string& query, bool over_tcp = false) {
    const auto table = builder_.build();
    EXPECT_TRUE(table.ok());
    const Response response = over_tcp ? respond_over_tcp(**table, query) : respond(**table, query);
    const auto reply = parse_dns(response.octets);
    EXPECT_TRUE(reply) << "the reply is one well-formed message";
    return reply.value_or(ParsedMessage{});
  }
  // "RCODE an OWNER TYPE last-octet … au OWNER TYPE …"
  std::string text(const ParsedMessage& reply) {
    std::string all = std::to_string(reply.rcode());
    for (const ParsedRecord& r : reply.answers) {
      all += " " + r.owner + "/" + std::to_string(r.type);
      if (r.type == kTypeA) all += "=" + std::to_string(static_cast<uint8_t>(r.rdata.back()));
    }
    for (const ParsedRecord& r : reply.authorities) {
      all += " au " + r.owner + "/" + std::to_string(r.type);
    }
    for (const ParsedRecord& r : reply.additionals) {
      all += " ad " + r.owner + "/" + std::to_string(r.type);
    }
    EXPECT_TRUE(reply.aa() || reply.rcode() == 2 || reply.rcode() == 5);
    return all;
  }
  std::string answer(const std::string& name, unsigned type = kTypeA) {
    return text(ask(dns_query(name, type)));
  }

  DnsTableBuilder builder_{DnsHashSecret{}};
};

// RFC 4592 2.2.1: the zone of its example, as far as we have the types.
TEST_F(DnsNames, TheExampleOfRfc4592HasItsAnswers) {
  add("*.wild", DnsType::kTxt, "\x01w");
  add("*.wild", DnsType::kSrv, be16(0) + be16(1) + be16(80) + wire_name("host1.wild"));
  add("sub.*.wild", DnsType::kTxt, "\x01s");
  add_a("host1.wild", 1);
  add("_ssh._tcp.host1.wild", DnsType::kSrv, be16(0) + be16(1) + be16(22) + wire_name("a.wild"));
  add("_ssh._tcp.host2.wild", DnsType::kSrv, be16(0) + be16(1) + be16(22) + wire_name("a.wild"));
  EXPECT_EQ(answer("host3.wild", kTypeTxt), "0 host3.wild/16");
  EXPECT_EQ(answer("host3.wild", kTypeSrv), "0 host3.wild/33 ad host1.wild/1");
  EXPECT_EQ(answer("host3.wild", kTypeA), "0 au wild/6") << "no such type at the wildcard";
  EXPECT_EQ(answer("foo.bar.wild", kTypeTxt), "0 foo.bar.wild/16") << "bar.wild does not exist";
  EXPECT_EQ(answer("host1.wild", kTypeTxt), "0 au wild/6") << "the name exists";
  EXPECT_EQ(answer("sub.*.wild", kTypeTxt), "0 sub.*.wild/16");
  EXPECT_EQ(answer("sub.*.wild", kTypeA), "0 au wild/6");
  EXPECT_EQ(answer("_telnet._tcp.host1.wild", kTypeSrv), "3 au wild/6") << "_tcp.host1 exists";
  EXPECT_EQ(answer("host2.wild", kTypeTxt), "0 au wild/6") << "an empty non-terminal";
  EXPECT_EQ(answer("x.host2.wild", kTypeTxt), "3 au wild/6") << "it has no wildcard below it";
  EXPECT_EQ(answer("ghost.*.wild", kTypeTxt), "3 au wild/6") << "*.*.wild is not there";
  EXPECT_EQ(answer("*.wild", kTypeTxt), "0 *.wild/16") << "as any other name";
  EXPECT_EQ(answer("x.child.wild", kTypeTxt), "3 au child.wild/6") << "another zone";
  EXPECT_EQ(answer("child.wild", kTypeTxt), "0 au child.wild/6");
  EXPECT_EQ(answer("wild", kTypeTxt), "0 au wild/6");
  EXPECT_EQ(answer("HoSt3.wIlD", kTypeTxt), "0 HoSt3.wIlD/16") << "under the name asked";
}

TEST_F(DnsNames, AWildcardWithoutRecordsOfItsOwnGivesNoData) {
  add("x.*.wild", DnsType::kTxt, "\x01x");
  EXPECT_EQ(answer("host.wild", kTypeTxt), "0 au wild/6");
}

TEST_F(DnsNames, WildcardsComeAndGo) {
  EXPECT_EQ(answer("any.wild"), "3 au wild/6");
  add_a("*.wild", 7);
  EXPECT_EQ(answer("any.wild"), "0 any.wild/1=7");
  builder_.remove({wire_name("*.wild"), DnsType::kA, 60, ipv4(7)});
  EXPECT_EQ(answer("any.wild"), "3 au wild/6");
  add_a("*.wild", 8);
  set_zones(false);
  EXPECT_EQ(answer("any.wild"), "0 any.wild/1=8");
}

TEST_F(DnsNames, AliasRecordsOfAWildcardAndThoseThatLeadToOneAreFollowed) {
  add("*.wild", DnsType::kCname, wire_name("www.dir"));
  add_a("*.dir", 9);
  EXPECT_EQ(answer("a.wild"), "0 a.wild/5 www.dir/1=9");
  EXPECT_EQ(answer("a.wild", kTypeAaaa), "0 a.wild/5 au dir/6");
  EXPECT_EQ(answer("a.wild", kTypeCname), "0 a.wild/5");
}

TEST_F(DnsNames, BelowAWildcardInAnIncompleteZoneNothingIsKnown) {
  set_zones(true);
  add_a("*.wild", 1);
  EXPECT_EQ(answer("any.wild"), "2");
  add_a("any.wild", 2);
  EXPECT_EQ(answer("any.wild"), "0 any.wild/1=2");
}

TEST_F(DnsNames, AnAliasAnswersUnderTheNameAskedForAllThatIsBelowItsZone) {
  add_a("dir", 1);
  add_a("task.dir", 2);
  add_a("redis.marathon.l4lb.dir", 3);
  add("_redis._tcp.marathon.l4lb.dir", DnsType::kSrv,
      be16(0) + be16(1) + be16(80) + wire_name("redis.marathon.l4lb.dir"));
  EXPECT_EQ(answer("ReDis.marathon.DCLB.dir"), "0 ReDis.marathon.DCLB.dir/1=3");
  EXPECT_EQ(answer("redis.marathon.dclb.dir", kTypeAaaa), "0 au dclb.dir/6");
  EXPECT_EQ(answer("marathon.dclb.dir"), "0 au dclb.dir/6") << "an empty non-terminal there, too";
  EXPECT_EQ(answer("x.dclb.dir"), "3 au dclb.dir/6");
  EXPECT_EQ(answer("dclb.dir", kTypeSoa), "0 dclb.dir/6");
  EXPECT_EQ(answer("_redis._tcp.marathon.dclb.dir", kTypeSrv),
            "0 _redis._tcp.marathon.dclb.dir/33 ad redis.marathon.l4lb.dir/1");
  EXPECT_EQ(answer("global"), "0 global/1=1");
  EXPECT_EQ(answer("task.global"), "0 task.global/1=2");
  EXPECT_EQ(answer("redis.marathon.l4lb.global"), "0 redis.marathon.l4lb.global/1=3")
      << "zones below the zone, too";
  EXPECT_EQ(answer("redis.marathon.dclb.global"), "0 redis.marathon.dclb.global/1=3")
      << "an alias below an alias";
  EXPECT_EQ(answer("redis.marathon.l4lb.key.dcos.directory"),
            "0 redis.marathon.l4lb.key.dcos.directory/1=3");
  EXPECT_EQ(answer("nope.global"), "3 au global/6");
  EXPECT_EQ(answer("xglobal"), "5");
}

TEST_F(DnsNames, WhatAnAliasHasBelowItInAZoneOfItsOwnIsDeniedByThatZonesSoa) {
  add_a("redis.marathon.l4lb.dir", 3);
  add("www.dir", DnsType::kCname, wire_name("nope.l4lb.global"));
  EXPECT_EQ(answer("l4lb.global", kTypeSoa), "0 l4lb.global/6");
  EXPECT_EQ(answer("nope.l4lb.global"), "3 au l4lb.global/6");
  EXPECT_EQ(answer("l4lb.global", kTypeAaaa), "0 au l4lb.global/6");
  EXPECT_EQ(answer("marathon.l4lb.key.dcos.directory"), "0 au l4lb.key.dcos.directory/6");
  EXPECT_EQ(answer("nope.dclb.global"), "3 au dclb.global/6") << "an alias below an alias";
  EXPECT_EQ(answer("www.global"), "3 www.global/5 au l4lb.global/6");
}

TEST_F(DnsNames, AnAliasHasTheWildcardsOfItsZone) {
  add_a("*.l4lb.dir", 4);
  EXPECT_EQ(answer("any.dclb.global"), "0 any.dclb.global/1=4");
  EXPECT_EQ(answer("any.dclb.dir", kTypeAaaa), "0 au dclb.dir/6");
}

TEST_F(DnsNames, AnAliasOfAnIncompleteZoneIsIncomplete) {
  set_zones(true);
  add_a("a.l4lb.dir", 4);
  EXPECT_EQ(answer("a.dclb.dir"), "0 a.dclb.dir/1=4");
  EXPECT_EQ(answer("b.dclb.dir"), "2");
  EXPECT_EQ(answer("b.global"), "3 au global/6") << "dir is complete";
}

TEST_F(DnsNames, ANameThatWouldBecomeTooLongUnderItsOwnZoneDoesNotExist) {
  const std::string label(63, 'x');
  const std::string name = label + "." + label + "." + label + "." + std::string(51, 'y');
  EXPECT_EQ(answer(name + ".global").substr(0, 2), "3 ");
  const Status status = builder_.set_zones(
      {{wire_name("longer.than.alias"), test_soa(), 60},
       {wire_name("al"), test_soa(), 60, false, wire_name("longer.than.alias")}});
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(answer(name + ".al").substr(0, 2), "3 ");
}

TEST_F(DnsNames, AliasesInACircleEnd) {
  ASSERT_TRUE(builder_
                  .set_zones({{wire_name("a"), test_soa(), 60, false, wire_name("b")},
                              {wire_name("b"), test_soa(), 60, false, wire_name("a")}})
                  .ok());
  EXPECT_EQ(answer("x.a"), "3 au a/6");
}

TEST_F(DnsNames, AnAliasHasNoRecordsOfItsOwnAndNeedsAZone) {
  EXPECT_FALSE(builder_.add({wire_name("x.dclb.dir"), DnsType::kA, 60, "abcd"}).ok());
  EXPECT_FALSE(
      builder_.set_zones({{wire_name("a"), test_soa(), 60, false, wire_name("nowhere")}}).ok());
}

TEST_F(DnsNames, NameServersAreAnsweredAtTheApexWithTheirAddresses) {
  add("wild", DnsType::kNs, wire_name("ns1.dir"));
  add("wild", DnsType::kNs, wire_name("ns.elsewhere.example"));
  add_a("ns1.dir", 53);
  add("ns1.dir", DnsType::kAaaa, std::string(16, '\x35'));
  const std::string both = answer("wild", kTypeNs);
  EXPECT_EQ(both, "0 wild/2 wild/2 ad ns1.dir/1 ad ns1.dir/28");
  EXPECT_EQ(answer("wild", kTypeA), "0 au wild/6") << "NODATA has the SOA alone";
}

TEST_F(DnsNames, AnyIsOneRrsetOverUdpAndAllOverTcp) {
  add("a.wild", DnsType::kTxt, "\x01t");
  add("a.wild", DnsType::kAaaa, std::string(16, '\x11'));
  add_a("a.wild", 1);
  add_a("a.wild", 2);
  add("b.wild", DnsType::kTxt, "\x01t");
  add("b.wild", DnsType::kSrv, be16(0) + be16(1) + be16(80) + wire_name("a.wild"));
  add("c.wild", DnsType::kTxt, "\x01t");
  add("wild", DnsType::kNs, wire_name("ns1.dir"));
  EXPECT_EQ(answer("a.wild", kTypeAny), "0 a.wild/1=1 a.wild/1=2");
  EXPECT_EQ(answer("b.wild", kTypeAny), "0 b.wild/33") << "rather SRV than TXT";
  EXPECT_EQ(answer("c.wild", kTypeAny), "0 c.wild/16");
  EXPECT_EQ(answer("wild", kTypeAny), "0 wild/6");
  EXPECT_EQ(answer("child.wild", kTypeAny), "0 child.wild/6");
  EXPECT_EQ(answer("nope.wild", kTypeAny), "3 au wild/6");
  const auto over_tcp = [&](const char* name) {
    return text(ask(dns_query(name, kTypeAny), true));
  };
  EXPECT_EQ(over_tcp("a.wild"), "0 a.wild/1=1 a.wild/1=2 a.wild/16 a.wild/28");
  EXPECT_EQ(over_tcp("wild"), "0 wild/6 wild/2");
  EXPECT_EQ(over_tcp("b.wild"), "0 b.wild/16 b.wild/33");
  EXPECT_EQ(over_tcp("nope.wild"), "3 au wild/6");
  add("x.ent.wild", DnsType::kTxt, "\x01t");
  EXPECT_EQ(answer("ent.wild", kTypeAny), "0 au wild/6");
  EXPECT_EQ(over_tcp("ent.wild"), "0 au wild/6");
}

TEST_F(DnsNames, AnyOverTcpLeavesOutWhatNoMessageHolds) {
  for (unsigned long i = 0; i < 4000; ++i) add_a("big.wild", i);
  for (unsigned i = 0; i < 200; ++i) {
    add("big.wild", DnsType::kTxt, '\xff' + std::string(254, 't') + static_cast<char>(i));
  }
  const ParsedMessage reply = ask(dns_query("big.wild", kTypeAny), true);
  EXPECT_EQ(reply.answers.size(), 4000u);
  EXPECT_FALSE(reply.tc());
}

// What RFC 4592 3.3.1 and 1034 4.3.2 say, by the text of the names.
TEST_F(DnsNames, RandomNamesBelowWildcardsAreAnsweredAsTheRfcSays) {
  std::mt19937 random(11);
  const auto any_name = [&] {
    std::string name = "wild";
    for (unsigned depth = static_cast<unsigned>(random() % 4); depth != 0; --depth) {
      static constexpr const char* kLabels[] = {"a", "b", "*", "c"};
      name = std::string(kLabels[random() % 4]) + "." + name;
    }
    return name;
  };
  for (int round = 0; round < 60; ++round) {
    std::map<std::string, std::set<unsigned>> types;  // by name, those above it, too
    DnsTableBuilder builder(DnsHashSecret{});
    ASSERT_TRUE(builder.set_zones({{wire_name("wild"), test_soa(), 60}}).ok());
    types["wild"];
    for (unsigned i = 0; i < 2 + random() % 6; ++i) {
      const std::string name = any_name();
      const bool is_a = random() % 2 == 0;
      types[name].insert(is_a ? kTypeA : kTypeTxt);
      for (std::string at = name; at != "wild"; at.erase(0, at.find('.') + 1)) types[at];
      ASSERT_TRUE(builder
                      .add({wire_name(name), is_a ? DnsType::kA : DnsType::kTxt, 60,
                            is_a ? ipv4(1) : std::string("\x01t")})
                      .ok());
    }
    const auto table = *builder.build();
    for (int i = 0; i < 100; ++i) {
      const std::string name = any_name();
      std::string source = name;
      if (!types.contains(name)) {
        std::string encloser = name;
        while (!types.contains(encloser)) encloser.erase(0, encloser.find('.') + 1);
        source = "*." + encloser;
      }
      const auto known = types.find(source);
      const std::string expected = known == types.end()             ? "3 au wild/6"
                                   : known->second.contains(kTypeA) ? "0 " + name + "/1=1"
                                                                    : "0 au wild/6";
      const auto reply = parse_dns(respond(*table, dns_query(name, kTypeA)).octets);
      ASSERT_TRUE(reply);
      ASSERT_EQ(text(*reply), expected) << name << " in round " << round;
    }
  }
}

}  // namespace
}  // namespace vipgate::dns_names_test
