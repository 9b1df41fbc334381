#include "controlplane/dns/dns_static_record.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vipgate::dns_static_record_test {
namespace {

using namespace std::string_literals;

std::string wire(const std::string& text) { return *dns_name_from_text(text); }

Result<DnsRecord> record(const std::string& name, const std::string& type, const std::string& data,
                         int32_t ttl_s = -1) {
  return dns_static_record({name, type, ttl_s, data, {}}, "mesos", 5);
}

TEST(DnsStaticRecord, NamesAreRelativeToTheZoneUnlessTheyEndWithADot) {
  EXPECT_EQ(record("A.b", "A", "10.0.0.1")->owner, wire("a.b.mesos"));
  EXPECT_EQ(record("a.mesos.", "A", "10.0.0.1")->owner, wire("a.mesos"));
  EXPECT_EQ(record("@", "A", "10.0.0.1")->owner, wire("mesos"));
  EXPECT_EQ(record("a.mesos", "A", "10.0.0.1")->owner, wire("a.mesos.mesos"));
}

TEST(DnsStaticRecord, EachTypeHasItsData) {
  EXPECT_EQ(*record("a", "A", "10.0.0.1"),
            (DnsRecord{wire("a.mesos"), DnsType::kA, 5, "\x0a\0\0\1"s}));
  EXPECT_EQ(record("a", "AAAA", "::1")->rdata, std::string(15, '\0') + "\1");
  EXPECT_EQ(*record("a", "CNAME", "Www.Example.com"),
            (DnsRecord{wire("a.mesos"), DnsType::kCname, 5, wire("www.example.com")}));
  EXPECT_EQ(record("a", "PTR", "b.mesos.")->rdata, wire("b.mesos"));
  EXPECT_EQ(record("_a._tcp", "SRV", "1 2  6379 b.mesos.")->rdata,
            "\0\1\0\2\x18\xeb"s + wire("b.mesos"));
  EXPECT_EQ(record("a", "A", "10.0.0.1", 0)->ttl_s, 0u);
  EXPECT_EQ(record("a", "A", "10.0.0.1", 300)->ttl_s, 300u);
}

TEST(DnsStaticRecord, TextIsOneStringOrStringsInQuotes) {
  EXPECT_EQ(record("a", "TXT", "v=spf1 -all")->rdata, "\x0bv=spf1 -all");
  EXPECT_EQ(record("a", "TXT", R"("a b" "c\"\\")")->rdata, "\3a b\3c\"\\");
  EXPECT_EQ(record("a", "TXT", "")->rdata, "\0"s);
  EXPECT_EQ(record("a", "TXT", std::string(300, 'x'))->rdata,
            "\xff" + std::string(255, 'x') + "\x2d" + std::string(45, 'x'));
}

TEST(DnsStaticRecord, MistakesSayWhichFieldAndWhatWouldBeRight) {
  struct Row {
    const char *name, *type, *data, *says;
  };
  const std::string long_string = "\"" + std::string(256, 'x') + "\"";
  for (const Row& row :
       std::vector<Row>{{"a", "MX", "10 b", "type: 'MX' is none of A, AAAA"},
                        {"a", "a", "10.0.0.1", "type: 'a'"},
                        {"a", "A", "::1", "data: '::1' is not an IPv4 address"},
                        {"a", "AAAA", "10.0.0.1", "is not an IPv6 address"},
                        {"a", "A", "10.0.0", "data: '10.0.0'"},
                        {"a..b", "A", "10.0.0.1", "name: 'a..b.mesos'"},
                        {"a.other.", "A", "10.0.0.1", "does not lie in the zone 'mesos'"},
                        {"a", "CNAME", "b..c", "data: 'b..c'"},
                        {"a", "CNAME", "", "data: ''"},
                        {"a", "SRV", "1 2 b.mesos.", "PRIORITY WEIGHT PORT TARGET"},
                        {"a", "SRV", "1 2 65536 b.mesos.", "PRIORITY WEIGHT PORT TARGET"},
                        {"a", "SRV", "1 2 3 b..c", "data: 'b..c'"},
                        {"a", "SRV", "1 2 3 b c", "PRIORITY WEIGHT PORT TARGET"},
                        {"a", "TXT", "\"a", "lacks the closing quote"},
                        {"a", "TXT", "\"a\" b", "outside the quotes"},
                        {"a", "TXT", long_string.c_str(), "at most 255"}}) {
    const auto result = record(row.name, row.type, row.data);
    ASSERT_FALSE(result.ok()) << row.name << " " << row.type << " " << row.data;
    EXPECT_NE(result.error().find(row.says), std::string::npos) << result.error();
  }
}

}  // namespace
}  // namespace vipgate::dns_static_record_test
