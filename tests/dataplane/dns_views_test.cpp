// What the responder answers to clients that have a view of their own.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/dns_fixture.h"

namespace vipgate::dns_views_test {
namespace {

using namespace test;

constexpr unsigned kA = 1, kCname = 5, kSoa = 6, kTxt = 16, kAaaa = 28, kSrv = 33, kAny = 255;

struct Given {
  std::string name;
  unsigned type;
  std::string rdata;
};

std::shared_ptr<const DnsTable> table_of(const std::vector<Given>& records,
                                         bool is_incomplete = false) {
  DnsTableBuilder builder(DnsHashSecret{});
  EXPECT_TRUE(builder
                  .set_zones({{wire_name("z"), test_soa(), 60, is_incomplete},
                              {wire_name("alias"), test_soa(), 60, is_incomplete, wire_name("z")}})
                  .ok());
  for (const Given& record : records) {
    EXPECT_TRUE(builder.add({wire_name(record.name), DnsType(record.type), 60, record.rdata}).ok());
  }
  return builder.build().value();
}

std::string target(unsigned port, std::string_view name) {
  return be16(0) + be16(1) + be16(port) + wire_name(name);
}

// The table of all, and the view of 10.0.0.0/8 and fd00::/8.
class DnsViewsTest : public ::testing::Test {
 protected:
  DnsViewsTest() { set_view(false); }
  void set_view(bool is_incomplete) {
    main_ = table_of({{"www.z", kA, ipv4(1)},
                      {"www.z", kTxt, std::string("\3all")},
                      {"to-www.z", kCname, wire_name("www.z")},
                      {"_s._tcp.z", kSrv, target(80, "www.z")},
                      {"_new._tcp.z", kSrv, target(80, "new.deep.z")},
                      {"to-new.z", kCname, wire_name("new.deep.z")},
                      {"other.z", kA, ipv4(2)},
                      {"*.wild.z", kA, ipv4(3)},
                      {"*.wild.z", kTxt, std::string("\4wild")},
                      {"to-one.z", kCname, wire_name("one.wild.z")},
                      {"_one._tcp.z", kSrv, target(82, "z.one.wild.z")}},
                     is_incomplete);
    const std::vector<PrefixValue> clients = {{parse_ip_prefix("10.0.0.0/8").value(), 0},
                                              {parse_ip_prefix("fd00::/8").value(), 0}};
    views_ = {PrefixValues<Ipv4Address>(clients),
              PrefixValues<Ipv6Address>(clients),
              {table_of({{"www.z", kA, ipv4(0x0a000001)},
                         {"www.z", kA, ipv4(0x0a000002)},
                         {"new.deep.z", kA, ipv4(0x0a000003)},
                         {"other.z", kCname, wire_name("to-www.z")},
                         {"_mine._tcp.z", kSrv, target(81, "new.deep.z")},
                         {"one.wild.z", kA, ipv4(0x0a000004)},
                         {"deep.x.y.wild.z", kA, ipv4(0x0a000005)}},
                        false)}};
  }

  ParsedMessage ask(std::string_view name, unsigned type, std::string_view client = "10.1.2.3",
                    bool is_stream = false) {
    const IpAddress address = parse_ip_address(client).value();
    const std::string query = dns_query(name, type);
    std::vector<uint8_t> message(4096);
    std::memcpy(message.data(), query.data(), query.size());
    const DnsReply reply = dns_respond({*main_, policy_, 0, &views_},
                                       {.message = message.data(),
                                        .length = static_cast<uint16_t>(query.size()),
                                        .capacity = 4096,
                                        .source_port = Be16(40000),
                                        .client = address.bytes().data(),
                                        .client_length = static_cast<uint8_t>(address.bits() / 8),
                                        .is_stream = is_stream},
                                       0);
    const std::string octets(reinterpret_cast<const char*>(message.data()), reply.length);
    EXPECT_EQ(reply.sum % 0xffff, sum_of(octets) % 0xffff);
    const auto parsed = parse_dns(octets);
    EXPECT_TRUE(parsed) << name;
    return parsed.value_or(ParsedMessage{});
  }
  static std::set<std::string> data(const std::vector<ParsedRecord>& records) {
    std::set<std::string> all;
    for (const ParsedRecord& record : records) all.insert(record.rdata);
    return all;
  }
  using Data = std::set<std::string>;

  std::shared_ptr<const DnsTable> main_;
  DnsViews views_;
  DnsPolicy policy_;
};

const std::set<std::string> kOwn = {ipv4(0x0a000001), ipv4(0x0a000002)};

TEST_F(DnsViewsTest, RecordsOfTheViewStandInThePlaceOfThoseOfTheirNameAndType) {
  for (const bool is_stream : {false, true}) {
    EXPECT_EQ(data(ask("www.z", kA, "10.1.2.3", is_stream).answers), kOwn);
    EXPECT_EQ(data(ask("WWW.z", kA, "fd00::1", is_stream).answers), kOwn);
    EXPECT_EQ(data(ask("www.z", kA, "192.0.2.1", is_stream).answers), Data{ipv4(1)});
    EXPECT_EQ(data(ask("www.z", kA, "2001:db8::1", is_stream).answers), Data{ipv4(1)});
    EXPECT_EQ(ask("www.z", kTxt, "10.1.2.3", is_stream).answers.size(), 1u) << "of all";
  }
}

TEST_F(DnsViewsTest, AliasesOfAZoneHaveItsView) {
  EXPECT_EQ(data(ask("www.alias", kA).answers), kOwn);
  EXPECT_EQ(data(ask("www.alias", kA, "192.0.2.1").answers), Data{ipv4(1)});
}

TEST_F(DnsViewsTest, WhatNeitherHasIsDeniedAsEverywhere) {
  const ParsedMessage nodata = ask("www.z", kAaaa);
  EXPECT_EQ(nodata.rcode(), 0u);
  EXPECT_EQ(nodata.authorities.size(), 1u);
  EXPECT_EQ(ask("no.z", kA).rcode(), 3u);
  EXPECT_EQ(ask("elsewhere", kA).rcode(), 5u);
  EXPECT_EQ(ask("z", kSoa).answers.size(), 1u);
}

TEST_F(DnsViewsTest, NameThatOnlyTheViewHasExistsForItsClients) {
  EXPECT_EQ(data(ask("new.deep.z", kA).answers), Data{ipv4(0x0a000003)});
  EXPECT_EQ(ask("new.deep.z", kAaaa).rcode(), 0u) << "NODATA";
  EXPECT_EQ(ask("deep.z", kA).rcode(), 0u) << "an empty non-terminal (RFC 4592 2.2.2)";
  EXPECT_EQ(ask("new.deep.z", kA, "192.0.2.1").rcode(), 3u);
  EXPECT_EQ(ask("new.deep.z", kAaaa).authorities.at(0).owner, "z");
}

TEST_F(DnsViewsTest, NameOfTheViewIsCertainThoughTheZoneIsIncomplete) {
  set_view(true);
  EXPECT_EQ(data(ask("new.deep.z", kA).answers), Data{ipv4(0x0a000003)});
  EXPECT_EQ(ask("new.deep.z", kAaaa).rcode(), 0u);
  EXPECT_EQ(ask("no.z", kA).rcode(), 2u);
}

TEST_F(DnsViewsTest, ChainsOfCnameRecordsEndInTheView) {
  const ParsedMessage to_www = ask("to-www.z", kA);
  ASSERT_EQ(to_www.answers.size(), 3u);
  EXPECT_EQ(to_www.answers[0].type, kCname);
  EXPECT_EQ(data({to_www.answers.begin() + 1, to_www.answers.end()}), kOwn);
  EXPECT_EQ(ask("to-www.z", kTxt).answers.size(), 2u) << "and in the table for other types";
  EXPECT_EQ(data(ask("to-new.z", kA).answers), (Data{wire_name("new.deep.z"), ipv4(0x0a000003)}));
  EXPECT_EQ(ask("to-new.z", kAaaa).rcode(), 0u);
  EXPECT_EQ(ask("to-new.z", kA, "192.0.2.1").rcode(), 3u);
}

TEST_F(DnsViewsTest, CnameOfTheViewStandsInThePlaceOfAllOfItsName) {
  const ParsedMessage chain = ask("other.z", kA);
  ASSERT_EQ(chain.answers.size(), 4u) << "other -> to-www -> www with two addresses";
  EXPECT_EQ(chain.answers[1].owner, "to-www.z");
  EXPECT_EQ(ask("other.z", kA, "192.0.2.1").answers.size(), 1u);
}

TEST_F(DnsViewsTest, AddressesOfTargetsAreThoseOfTheView) {
  EXPECT_EQ(data(ask("_s._tcp.z", kSrv).additionals), kOwn);
  EXPECT_EQ(data(ask("_s._tcp.z", kSrv, "192.0.2.1").additionals), Data{ipv4(1)});
  EXPECT_EQ(data(ask("_mine._tcp.z", kSrv).additionals), Data{ipv4(0x0a000003)});
  EXPECT_EQ(data(ask("_new._tcp.z", kSrv).additionals), Data{ipv4(0x0a000003)});
  EXPECT_TRUE(ask("_new._tcp.z", kSrv, "192.0.2.1").additionals.empty());
}

TEST_F(DnsViewsTest, WildcardsCoverWhatTheViewDoesNotName) {
  EXPECT_EQ(data(ask("two.wild.z", kA).answers), Data{ipv4(3)});
  EXPECT_EQ(data(ask("one.wild.z", kA).answers), Data{ipv4(0x0a000004)});
}

TEST_F(DnsViewsTest, NoWildcardOfTheTableCoversWhatTheViewNames) {
  const auto expect_denied = [&](std::string_view name, unsigned type, unsigned rcode) {
    const ParsedMessage reply = ask(name, type);
    EXPECT_EQ(reply.rcode(), rcode) << name;
    EXPECT_TRUE(reply.answers.empty()) << name;
    EXPECT_EQ(reply.authorities.size(), 1u) << name;
    EXPECT_EQ(ask(name, type, "192.0.2.1").answers.size(), 1u) << name << " for all others";
  };
  for (const std::string zone : {"z", "alias"}) {
    expect_denied("one.wild." + zone, kTxt, 0);
    expect_denied("x.y.wild." + zone, kTxt, 0);  // an empty non-terminal of the view
    expect_denied("y.wild." + zone, kA, 0);
    expect_denied("z.one.wild." + zone, kTxt, 3);
    expect_denied("no.y.wild." + zone, kTxt, 3);
    EXPECT_EQ(ask("two.wild." + zone, kTxt).answers.size(), 1u);
  }
  EXPECT_EQ(ask("to-one.z", kTxt).answers.size(), 1u) << "the alias alone, and the SOA";
  EXPECT_EQ(ask("to-one.z", kTxt, "192.0.2.1").answers.size(), 2u);
  EXPECT_TRUE(ask("_one._tcp.z", kSrv).additionals.empty());
  EXPECT_EQ(ask("_one._tcp.z", kSrv, "192.0.2.1").additionals.size(), 1u);
}

TEST_F(DnsViewsTest, AnyIsAnsweredWithWhatTheViewHas) {
  EXPECT_EQ(data(ask("www.z", kAny).answers), kOwn);
  EXPECT_EQ(ask("z", kAny).answers.at(0).type, kSoa);
}

TEST_F(DnsViewsTest, AnyOverTcpIsAnsweredWithAllThatTheClientGetsTypeByType) {
  const auto any = [&](std::string_view name, std::string_view client = "10.1.2.3") {
    return data(ask(name, kAny, client, true).answers);
  };
  const std::string text("\3all"), wild("\4wild");
  Data both = kOwn;
  both.insert(text);
  EXPECT_EQ(any("www.z"), both);
  EXPECT_EQ(any("www.alias"), both);
  EXPECT_EQ(any("www.z", "192.0.2.1"), (Data{ipv4(1), text}));
  EXPECT_EQ(any("new.deep.z"), Data{ipv4(0x0a000003)}) << "which only the view has";
  EXPECT_EQ(any("one.wild.z"), Data{ipv4(0x0a000004)}) << "no wildcard covers it";
  EXPECT_EQ(any("two.wild.z"), (Data{ipv4(3), wild})) << "which the view has not";
  EXPECT_EQ(any("other.z"), Data{wire_name("to-www.z")}) << "a CNAME stands alone";
}

TEST_F(DnsViewsTest, AnyOfAZoneItselfHasItsSoaAndWhatTheViewHas) {
  main_ = table_of({{"z", kA, ipv4(1)}, {"z", kTxt, std::string("\3all")}});
  views_.tables = {table_of({{"z", kA, ipv4(0x0a000001)}})};
  EXPECT_EQ(data(ask("z", kAny).answers), Data{ipv4(0x0a000001)});
  const ParsedMessage reply = ask("z", kAny, "10.1.2.3", true);
  ASSERT_EQ(reply.answers.size(), 3u);
  EXPECT_EQ(reply.answers[0].type, kSoa);
  EXPECT_EQ(data({reply.answers.begin() + 1, reply.answers.end()}),
            (Data{ipv4(0x0a000001), std::string("\3all")}));
}

TEST_F(DnsViewsTest, NamesThatASearchListHasLengthenedLeadToWhatTheViewHas) {
  const PrefixValue all{parse_ip_prefix("0.0.0.0/0").value(), 0};
  policy_.search.clients4 = PrefixValues<Ipv4Address>({&all, 1});
  policy_.search.lists = {{wire_name("corp")}};
  EXPECT_EQ(data(ask("new.deep.z.corp", kA).answers),
            (Data{wire_name("new.deep.z"), ipv4(0x0a000003)}));
  EXPECT_EQ(ask("new.deep.z.corp", kA, "192.0.2.1").rcode(), 5u) << "others do not have it";
  EXPECT_EQ(data(ask("www.z.corp", kA).answers),
            (Data{wire_name("www.z"), ipv4(0x0a000001), ipv4(0x0a000002)}));
  EXPECT_EQ(ask("other.z.corp", kA).answers.size(), 5u) << "the view's alias, and its chain";
  EXPECT_EQ(ask("other.z.corp", kA, "192.0.2.1").answers.size(), 2u);
}

TEST_F(DnsViewsTest, QuestionOfUnknownClientIsAnsweredAsToAll) {
  const std::string query = dns_query("www.z", kA);
  std::vector<uint8_t> message(512);
  std::memcpy(message.data(), query.data(), query.size());
  const DnsReply reply =
      dns_respond({*main_, policy_, 0, &views_},
                  {message.data(), static_cast<uint16_t>(query.size()), 512, Be16(40000)}, 0);
  const auto parsed =
      parse_dns({reinterpret_cast<const char*>(message.data()), size_t{reply.length}});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(data(parsed->answers), Data{ipv4(1)});
}

}  // namespace
}  // namespace vipgate::dns_views_test
