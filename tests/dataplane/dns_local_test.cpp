// Reverse names of private addresses, for clients whose questions are forwarded (RFC 6303).
#include <gtest/gtest.h>

#include "tests/support/dns_fixture.h"
#include "tests/support/dns_rows.h"

namespace vipgate::dns_local_test {
namespace {

using namespace test;

constexpr unsigned kPtr = 12, kDs = 43, kAny = 255;

class DnsLocalTest : public ::testing::Test {
 protected:
  DnsLocalTest() {
    DnsTableBuilder builder(DnsHashSecret{});
    EXPECT_TRUE(builder
                    .set_zones({{wire_name("z"), test_soa(), 60},
                                {wire_name("5.9.10.in-addr.arpa"), test_soa(), 60}})
                    .ok());
    EXPECT_TRUE(
        builder.add({wire_name("1.5.9.10.in-addr.arpa"), DnsType::kPtr, 60, wire_name("redis.z")})
            .ok());
    for (const auto& [name, target] : {std::pair{"me.z", "x.localhost"},
                                       {"never.z", "a.b.invalid"},
                                       {"back.z", "4.3.2.10.in-addr.arpa"},
                                       {"zone.z", "10.in-addr.arpa"},
                                       {"far.z", "8.8.8.8.in-addr.arpa"},
                                       {"near.z", "me.z"}}) {
      EXPECT_TRUE(builder.add({wire_name(name), DnsType::kCname, 60, wire_name(target)}).ok());
    }
    table_ = builder.build().value();
    DnsForwarding& forwarding = policy_.forwarding;
    forwarding.is_on = true;
    forwarding.has_local_zones = true;
    const std::vector<IpPrefix> clients{parse_ip_prefix("192.0.2.0/24").value()};
    forwarding.clients = PrefixSet(clients);
    forwarding.zones = {{wire_name("7.1.168.192.in-addr.arpa"), {DnsResolver{}}},
                        {wire_name("20.172.in-addr.arpa"), {DnsResolver{}}},
                        {std::string(1, '\0'), {DnsResolver{}}}};
  }

  DnsVerdict verdict(std::string_view name, unsigned type = kPtr) {
    return respond(*table_, dns_query(name, type), 0, 40000, 2048, policy_).verdict;
  }
  ParsedMessage ask(std::string_view name, unsigned type = kPtr) {
    const std::string query = dns_query(name, type);
    const Response reply = respond(*table_, query, 0, 40000, 2048, policy_);
    EXPECT_EQ(respond_over_tcp(*table_, query, 40000, policy_).octets, reply.octets)
        << "the same over TCP";
    const auto parsed = parse_dns(reply.octets);
    EXPECT_TRUE(parsed) << name;
    return parsed.value_or(ParsedMessage{});
  }
  // Of the SOA that RFC 6303 3 asks for.
  static void expect_soa(const ParsedRecord& record, std::string_view zone) {
    EXPECT_EQ(record.owner, zone);
    EXPECT_EQ(record.type, kTypeSoa);
    EXPECT_EQ(record.ttl, 10800u);
    EXPECT_TRUE(record.rdata.ends_with(wire_name("nobody.invalid") + be32(1) + be32(3600) +
                                       be32(1200) + be32(604800) + be32(10800)));
  }

  std::shared_ptr<const DnsTable> table_;
  DnsPolicy policy_;
};

TEST_F(DnsLocalTest, NameOfAPrivateAddressDoesNotExistAndIsNotForwarded) {
  const ParsedMessage reply = ask("4.3.2.10.IN-addr.arpa");
  EXPECT_EQ(reply.rcode(), kNxdomain);
  EXPECT_EQ(reply.flags & 0x8580, 0x8580u) << "QR, AA, RD, RA";
  ASSERT_EQ(reply.authorities.size(), 1u);
  expect_soa(reply.authorities[0], "10.IN-addr.arpa");
  EXPECT_EQ(verdict("1.2.31.172.in-addr.arpa"), DnsVerdict::kNxdomain);
  EXPECT_EQ(verdict("1.0.0.0.d.f.ip6.arpa"), DnsVerdict::kNxdomain);
  EXPECT_EQ(verdict("8.8.8.8.in-addr.arpa"), DnsVerdict::kForward);
  EXPECT_EQ(verdict("1.2.32.172.in-addr.arpa"), DnsVerdict::kForward);
}

TEST_F(DnsLocalTest, ZoneItselfHasItsSoaAndNsRecordsAndNoOther) {
  for (const unsigned type : {kTypeSoa, kAny}) {
    const ParsedMessage soa = ask("168.192.in-addr.arpa", type);
    ASSERT_EQ(soa.answers.size(), 1u) << type;
    expect_soa(soa.answers[0], "168.192.in-addr.arpa");
    EXPECT_TRUE(soa.authorities.empty());
  }
  const ParsedMessage ns = ask("10.in-addr.arpa", kTypeNs);
  ASSERT_EQ(ns.answers.size(), 1u);
  EXPECT_EQ(ns.answers[0].type, kTypeNs);
  EXPECT_EQ(ns.answers[0].owner, "10.in-addr.arpa");
  EXPECT_EQ(ns.answers[0].rdata, "\xc0\x0c") << "the zone's own name";
  const ParsedMessage nodata = ask("10.in-addr.arpa");
  EXPECT_EQ(nodata.rcode(), 0u);
  EXPECT_TRUE(nodata.answers.empty());
  ASSERT_EQ(nodata.authorities.size(), 1u);
  expect_soa(nodata.authorities[0], "10.in-addr.arpa");
}

TEST_F(DnsLocalTest, DsRecordsOfTheZoneAreThoseOfItsParentWhichIsForwarded) {
  EXPECT_EQ(verdict("10.in-addr.arpa", kDs), DnsVerdict::kForward);
  EXPECT_EQ(verdict("1.10.in-addr.arpa", kDs), DnsVerdict::kNxdomain);
}

TEST_F(DnsLocalTest, ZoneOfOurOwnWinsAndTheNamesAboveItExist) {
  EXPECT_EQ(ask("1.5.9.10.in-addr.arpa").answers.at(0).rdata, wire_name("redis.z"));
  const ParsedMessage own = ask("2.5.9.10.in-addr.arpa");
  EXPECT_EQ(own.rcode(), kNxdomain);
  EXPECT_EQ(own.authorities.at(0).owner, "5.9.10.in-addr.arpa") << "our SOA";
  EXPECT_EQ(verdict("9.10.in-addr.arpa"), DnsVerdict::kNodata) << "RFC 8020";
  EXPECT_EQ(verdict("8.10.in-addr.arpa"), DnsVerdict::kNxdomain);
  EXPECT_EQ(verdict("15.9.10.in-addr.arpa"), DnsVerdict::kNxdomain);
}

TEST_F(DnsLocalTest, ZoneWithResolversOfItsOwnWinsAndTheNamesAboveItExist) {
  EXPECT_EQ(verdict("3.7.1.168.192.in-addr.arpa"), DnsVerdict::kForward);
  EXPECT_EQ(verdict("7.1.168.192.in-addr.arpa"), DnsVerdict::kForward);
  EXPECT_EQ(verdict("1.168.192.in-addr.arpa"), DnsVerdict::kNodata);
  EXPECT_EQ(verdict("2.168.192.in-addr.arpa"), DnsVerdict::kNxdomain);
  EXPECT_EQ(verdict("20.172.in-addr.arpa", kTypeSoa), DnsVerdict::kForward);
  EXPECT_EQ(verdict("1.20.172.in-addr.arpa"), DnsVerdict::kForward);
  policy_.forwarding.zones.insert(policy_.forwarding.zones.begin() + 2,
                                  {wire_name("in-addr.arpa"), {DnsResolver{}}});
  EXPECT_EQ(verdict("8.10.in-addr.arpa"), DnsVerdict::kForward) << "a wider one does, too";
}

TEST_F(DnsLocalTest, WithoutTheOptionAllAreForwarded) {
  policy_.forwarding.has_local_zones = false;
  EXPECT_EQ(verdict("4.3.2.10.in-addr.arpa"), DnsVerdict::kForward);
}

TEST_F(DnsLocalTest, ClientsWhoseQuestionsAreNotForwardedAreRefused) {
  policy_.forwarding.clients = {};
  EXPECT_EQ(verdict("4.3.2.10.in-addr.arpa"), DnsVerdict::kRefused);
}

TEST_F(DnsLocalTest, AliasOfANameThatIsAnsweredHereHasItsAnswer) {
  const ParsedMessage me = ask("Me.z", kTypeA);
  EXPECT_EQ(me.flags & 0x8580, 0x8580u) << "QR, AA, RD, RA";
  ASSERT_EQ(me.answers.size(), 2u);
  EXPECT_EQ(me.answers[0].owner, "Me.z");
  EXPECT_EQ(me.answers[0].rdata, wire_name("x.localhost"));
  EXPECT_EQ(me.answers[1].owner, "x.localhost");
  EXPECT_EQ(me.answers[1].rdata, ipv4(0x7f000001));
  ASSERT_EQ(ask("near.z", kTypeA).answers.size(), 3u);
  EXPECT_EQ(ask("near.z", kTypeA).answers[2].owner, "x.localhost");
  const ParsedMessage nodata = ask("me.z", kTypeTxt);
  EXPECT_EQ(nodata.rcode(), 0u);
  EXPECT_EQ(nodata.answers.size(), 1u);
  ASSERT_EQ(nodata.authorities.size(), 1u);
  expect_soa(nodata.authorities[0], "localhost");
  const ParsedMessage never = ask("never.z", kTypeA);
  EXPECT_EQ(never.rcode(), kNxdomain);
  EXPECT_EQ(never.answers.size(), 1u);
  expect_soa(never.authorities.at(0), "invalid");
  const ParsedMessage back = ask("back.z");
  EXPECT_EQ(back.rcode(), kNxdomain) << "that of the last name (RFC 6604)";
  EXPECT_EQ(back.answers.size(), 1u);
  expect_soa(back.authorities.at(0), "10.in-addr.arpa");
  const ParsedMessage ns = ask("zone.z", kTypeNs);
  ASSERT_EQ(ns.answers.size(), 2u);
  EXPECT_EQ(ns.answers[1].owner, "10.in-addr.arpa");
}

TEST_F(DnsLocalTest, AliasOfANameThatIsNotAnsweredHereIsAllThatIsTold) {
  EXPECT_EQ(ask("far.z").rcode(), 0u);
  EXPECT_EQ(ask("far.z").answers.size(), 1u);
  policy_.forwarding.clients = {};
  for (const char* name : {"me.z", "never.z", "back.z"}) {
    const ParsedMessage reply = ask(name);
    EXPECT_EQ(reply.rcode(), 0u) << name;
    EXPECT_EQ(reply.answers.size(), 1u) << name;
    EXPECT_TRUE(reply.authorities.empty()) << name;
  }
}

TEST_F(DnsLocalTest, AliasWhoseAnswerDoesNotFitIsTruncated) {
  policy_.max_amplification = 2;
  const ParsedMessage reply =
      parse_dns(respond(*table_, dns_query("back.z", kPtr), 0, 40000, 2048, policy_).octets)
          .value();
  EXPECT_TRUE(reply.tc());
  EXPECT_TRUE(reply.answers.empty());
}

TEST_F(DnsLocalTest, AnswerThatDoesNotFitIsTruncated) {
  policy_.max_amplification = 2;
  const ParsedMessage reply =
      parse_dns(
          respond(*table_, dns_query("1.10.in-addr.arpa", kPtr), 0, 40000, 2048, policy_).octets)
          .value();
  EXPECT_TRUE(reply.tc());
  EXPECT_TRUE(reply.authorities.empty());
}

}  // namespace
}  // namespace vipgate::dns_local_test
