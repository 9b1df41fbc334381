#include "controlplane/rest/mesos_dns_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/dns_record.h"
#include "common/dns_table_builder.h"

namespace vipgate::mesos_dns_text_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string wire_of_text(std::string_view name) { return dns_name_from_text(name).value(); }

// The zones mesos, which `x` is another name of, and l4lb.
class MesosDnsText : public ::testing::Test {
 protected:
  void address(std::string_view name, std::string_view value) {
    records_.push_back(*dns_address_record(name, *parse_ip_address(value), 5));
  }
  void srv(std::string_view name, uint16_t port, std::string_view target) {
    records_.push_back(*dns_srv_record(name, 0, 1, port, target, 5));
  }
  void cname(std::string_view name, std::string_view target) {
    records_.push_back({wire_of_text(name), DnsType::kCname, 5, wire_of_text(target)});
  }
  std::shared_ptr<const DnsTable> table(bool is_incomplete = false) const {
    std::vector<DnsZoneSpec> zones;
    for (const char* name : {"mesos", "l4lb", "x"}) {
      DnsZoneSpec& zone = zones.emplace_back();
      zone.name = wire_of_text(name);
      zone.soa.mname = wire_of_text("ns1.mesos");
      zone.soa.rname = wire_of_text("root.ns1.mesos");
      zone.soa.serial = 77;
    }
    zones[0].is_incomplete = is_incomplete;
    zones[2].alias_of = wire_of_text("mesos");
    DnsTableBuilder builder(DnsHashSecret{});
    EXPECT_TRUE(builder.set_zones(zones).ok());
    for (const DnsRecord& record : records_) EXPECT_TRUE(builder.add(record).ok());
    return builder.build().value();
  }

  std::vector<DnsRecord> records_;
};

constexpr char kNoHost[] = "[\n {\n  \"host\": \"\",\n  \"ip\": \"\"\n }\n]\n";

TEST_F(MesosDnsText, AHostHasItsAddressesThoseOfIpv4First) {
  address("web.mesos", "fd00::1");
  address("web.mesos", "10.0.0.1");
  EXPECT_EQ(mesos_dns_hosts_text(*table(), "WEB.*.Mesos"),
            "[\n {\n  \"host\": \"web.mesos.\",\n  \"ip\": \"10.0.0.1\"\n },\n"
            " {\n  \"host\": \"web.mesos.\",\n  \"ip\": \"fd00::1\"\n }\n]\n");
}

TEST_F(MesosDnsText, AHostIsFoundByItsAliasByAnotherZonesNameAndByAWildcard) {
  address("web.mesos", "10.0.0.1");
  address("*.any.mesos", "10.0.0.2");
  cname("alias.l4lb", "Web.Mesos");
  const auto found = [&](std::string_view name) { return *mesos_dns_hosts_text(*table(), name); };
  EXPECT_THAT(found("alias.l4lb"), HasSubstr("\"host\": \"alias.l4lb.\",\n  \"ip\": \"10.0.0.1\""));
  EXPECT_THAT(found("web.x."), HasSubstr("\"host\": \"web.x.\",\n  \"ip\": \"10.0.0.1\""));
  EXPECT_THAT(found("a.b.any.mesos"), HasSubstr("10.0.0.2"));
}

TEST_F(MesosDnsText, AliasesThatLeadToEachOtherLeadNowhere) {
  cname("a.l4lb", "b.l4lb");
  cname("b.l4lb", "a.l4lb");
  EXPECT_EQ(mesos_dns_hosts_text(*table(), "a.l4lb"), kNoHost);
}

TEST_F(MesosDnsText, ANameThatIsNoneIsNotFound) {
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".*"), std::string("a..b"),
        std::string(64, 'a'), std::string(300, '.'), std::string("a\0.mesos", 8), std::string("\\"),
        std::string("\xff\xfe.mesos")}) {
    EXPECT_EQ(mesos_dns_hosts_text(*table(), name), kNoHost) << name;
  }
}

TEST_F(MesosDnsText, AServiceHasAnAddressOfEachFamilyOfItsTargetsAndPortsAsText) {
  srv("_web._tcp.mesos", 31000, "both.mesos");
  srv("_web._tcp.mesos", 0, "one.mesos");
  srv("_web._tcp.mesos", 80, "none.mesos");
  address("both.mesos", "10.0.0.1");
  address("both.mesos", "10.0.0.2");
  address("both.mesos", "fd00::1");
  address("one.mesos", "10.0.0.3");
  const std::string text = *mesos_dns_services_text(*table(), "_Web._tcp.mesos");
  EXPECT_THAT(text,
              HasSubstr(" {\n  \"service\": \"_Web._tcp.mesos\",\n  \"host\": \"both.mesos.\","
                        "\n  \"ip\": \"10.0.0.1\",\n  \"port\": \"31000\"\n }"));
  EXPECT_THAT(text, HasSubstr("\"ip\": \"fd00::1\",\n  \"port\": \"31000\""));
  EXPECT_THAT(text,
              HasSubstr("\"host\": \"one.mesos.\",\n  \"ip\": \"10.0.0.3\",\n  \"port\": \"0\""));
  EXPECT_THAT(text, Not(HasSubstr("10.0.0.2")));
  EXPECT_THAT(text, Not(HasSubstr("none.mesos")));
  EXPECT_EQ(
      mesos_dns_services_text(*table(), "both.mesos"),
      "[\n {\n  \"service\": \"\",\n  \"host\": \"\",\n  \"ip\": \"\",\n  \"port\": \"\"\n }\n]\n");
}

TEST_F(MesosDnsText, AxfrHasTheRecordsOfTheDomainByName) {
  address("b.mesos", "10.0.0.2");
  address("b.mesos", "10.0.0.1");
  address("a.mesos", "fd00::1");
  address("a.l4lb", "10.0.0.9");
  srv("_a._tcp.mesos", 80, "a.mesos");
  EXPECT_EQ(mesos_dns_axfr_text(*table(), {"mesos", 60, 30}), R"({
 "TTL": 60,
 "Serial": 77,
 "RefreshSeconds": 30,
 "Mname": "ns1.mesos.",
 "Rname": "root.ns1.mesos.",
 "Domain": "mesos",
 "Records": {
  "As": {
   "b.mesos.": [
    "10.0.0.1",
    "10.0.0.2"
   ]
  },
  "AAAAs": {
   "a.mesos.": [
    "fd00::1"
   ]
  },
  "SRVs": {
   "_a._tcp.mesos.": [
    "a.mesos.:80"
   ]
  }
 }
}
)");
}

TEST_F(MesosDnsText, RecordsOfAllZonesAreToldWithoutTheFinalDot) {
  address("a.mesos", "10.0.0.1");
  address("b.l4lb", "fd00::1");
  srv("_a._tcp.mesos", 80, "a.mesos");
  EXPECT_EQ(dcos_records_text(*table()),
            "[{\"name\":\"a.mesos\",\"host\":\"10.0.0.1\",\"rtype\":\"A\"},\n"
            "{\"name\":\"b.l4lb\",\"host\":\"fd00::1\",\"rtype\":\"AAAA\"},\n"
            "{\"name\":\"_a._tcp.mesos\",\"host\":\"a.mesos:80\",\"rtype\":\"SRV\"}]\n");
  records_.clear();
  EXPECT_EQ(dcos_records_text(*table()), "[]\n");
}

TEST_F(MesosDnsText, WhatAClusterHasNotToldYetIsNotSaidToBeMissing) {
  address("web.mesos", "10.0.0.1");
  address("web.l4lb", "10.0.0.2");
  const auto known = table(true);
  EXPECT_THAT(mesos_dns_hosts_text(*known, "web.mesos").value_or(""), HasSubstr("10.0.0.1"));
  EXPECT_EQ(mesos_dns_hosts_text(*known, "absent.mesos"), std::nullopt);
  EXPECT_EQ(mesos_dns_services_text(*known, "absent.mesos"), std::nullopt);
  EXPECT_EQ(mesos_dns_axfr_text(*known, {"mesos", 5, 30}), std::nullopt);
  EXPECT_EQ(dcos_records_text(*known), std::nullopt);
  EXPECT_EQ(mesos_dns_hosts_text(*known, "absent.l4lb"), kNoHost);
  EXPECT_TRUE(mesos_dns_axfr_text(*known, {"l4lb", 5, 30}).has_value());
}

}  // namespace
}  // namespace vipgate::mesos_dns_text_test
