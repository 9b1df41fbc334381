#include "controlplane/rest/dns_reports.h"

#include <gmock/gmock.h>

#include "common/dns_record.h"
#include "common/dns_table_builder.h"

namespace vipgate::dns_reports_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string wire(const char* name) { return dns_name_from_text(name).value(); }

std::shared_ptr<const DnsTable> table_of(const std::vector<std::string>& names) {
  DnsTableBuilder builder(DnsHashSecret{});
  DnsZoneSpec zone;
  zone.name = wire("z");
  zone.soa.mname = wire("ns.z");
  zone.soa.rname = wire("root.z");
  EXPECT_TRUE(builder.set_zones({zone}).ok());
  for (const std::string& name : names) {
    const auto record = dns_address_record(name, *parse_ip_address("10.0.0.1"), 5);
    EXPECT_TRUE(builder.add(*record).ok());
  }
  return builder.build().value();
}

TEST(DnsReports, RecordsAreToldInTheOrderOfTheirNamesUpToTheLimit) {
  const auto table = table_of({"d.z", "a.z", "c.z", "b.z"});
  EXPECT_EQ(dns_records_text(*table, {"", "", 2}),
            "{\"total\":4,\"records\":[\n"
            "{\"name\":\"a.z.\",\"type\":\"A\",\"ttl_s\":5,\"data\":\"10.0.0.1\"},\n"
            "{\"name\":\"b.z.\",\"type\":\"A\",\"ttl_s\":5,\"data\":\"10.0.0.1\"}\n]}\n");
  EXPECT_EQ(dns_records_text(*table, {"", "", 0}), "{\"total\":4,\"records\":[\n]}\n");
}

TEST(DnsReports, RecordsAreThoseOfTheNameOrBelowTheZone) {
  const auto table = table_of({"b.z", "a.b.z", "ab.z"});
  EXPECT_THAT(dns_records_text(*table, {wire("b.z"), "", 9}), HasSubstr("\"total\":1,"));
  const std::string below = dns_records_text(*table, {"", wire("b.z"), 9});
  EXPECT_THAT(below, HasSubstr("\"total\":2,"));
  EXPECT_THAT(below, Not(HasSubstr("\"ab.z.\"")));
  EXPECT_THAT(dns_records_text(*table, {wire("b.z"), wire("other"), 9}), HasSubstr("\"total\":0,"));
}

TEST(DnsReports, AZoneThatIsNotServedIsToldWithThoseThatAre) {
  const auto table = table_of({"a.b.z"});
  for (const char* served : {"z", "b.z", "a.b.z", "."}) {
    EXPECT_EQ(dns_zone_problem(*table, wire(served)), "") << served;
  }
  EXPECT_EQ(dns_zone_problem(*table, wire("nope")),
            "zone: 'nope.' is not served; those that are: z.");
  EXPECT_EQ(dns_zone_problem(*table, wire("xz")), "zone: 'xz.' is not served; those that are: z.");
  const auto none = DnsTableBuilder(DnsHashSecret{}).build().value();
  EXPECT_EQ(dns_zone_problem(*none, wire("z")), "zone: 'z.' is not served; no zone is");
}

TEST(DnsReports, AnAliasIsToldWithTheZoneWhoseRecordsAreListed) {
  DnsTableBuilder builder(DnsHashSecret{});
  DnsZoneSpec zone;
  zone.name = wire("z");
  zone.soa.mname = wire("ns.z");
  zone.soa.rname = wire("root.z");
  DnsZoneSpec alias = zone;
  alias.name = wire("copy");
  alias.alias_of = zone.name;
  ASSERT_TRUE(builder.set_zones({zone, alias}).ok());
  EXPECT_EQ(dns_zone_problem(*builder.build().value(), wire("web.copy")),
            "zone: 'web.copy.' is in an alias of 'z.', whose records are listed");
}

TEST(DnsReports, TheResponderIsAskedForTheClientAndItsMessageIsTold) {
  IpAddress asked_by;
  const AnswerDns answer = [&](std::span<uint8_t> message, size_t length, const IpAddress& client) {
    asked_by = client;
    EXPECT_EQ(message.size(), 65535u);
    EXPECT_EQ(length, 12u + 5 + 4);
    EXPECT_EQ(message[length - 3], 33) << "the type";
    message[2] |= 0x84;
    return DnsStreamAnswer{.length = length};
  };
  const auto text =
      dns_query_text(answer, wire("a.z"), DnsType::kSrv, *parse_ip_address("10.0.0.7"));
  ASSERT_TRUE(text.ok()) << text.error();
  EXPECT_EQ(asked_by, *parse_ip_address("10.0.0.7"));
  EXPECT_EQ(*text,
            "{\"name\":\"a.z.\",\"type\":\"SRV\",\"client\":\"10.0.0.7\",\"forwarded\":false,"
            "\"rcode\":\"NOERROR\",\"flags\":[\"aa\",\"rd\"],\"answer\":[],\"authority\":[],"
            "\"additional\":[],\"message\":\"000085000001000000000000"
            "0161017a0000210001\"}\n");
}

TEST(DnsReports, AQuestionForOthersSaysSoAndNoAnswerIsAnError) {
  DnsStreamAnswer outcome{.is_for_others = true};
  const AnswerDns answer = [&](std::span<uint8_t>, size_t, const IpAddress&) { return outcome; };
  const auto forwarded = dns_query_text(answer, wire("x"), DnsType::kA, IpAddress());
  ASSERT_TRUE(forwarded.ok());
  EXPECT_THAT(*forwarded, HasSubstr("\"forwarded\":true}"));
  outcome = {};
  EXPECT_FALSE(dns_query_text(answer, wire("x"), DnsType::kA, IpAddress()).ok());
}

}  // namespace
}  // namespace vipgate::dns_reports_test
