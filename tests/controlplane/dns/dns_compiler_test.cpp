#include "controlplane/dns/dns_compiler.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/support/address_text.h"

namespace vipgate::dns_compiler_test {
namespace {

using Lines = std::vector<std::string>;

using test::ip;

DnsOptions options() {
  DnsOptions options;
  options.zones = {{"mesos", false, {}, {}},
                   {"l4lb.thisdcos.directory", true, {"dclb.thisdcos.directory"}, {}},
                   {"second.zone", true, {}, {}}};
  return options;
}

struct Name {
  std::string name;
  IpAddress vip;
  uint16_t port = 0;  // 0: no SRV record
  Protocol protocol = Protocol::kTcp;
};

// A whole table at once.
Result<std::shared_ptr<const DnsTable>> compile_dns(const std::vector<Name>& services,
                                                    const DnsOptions& options, uint32_t serial = 1,
                                                    const DnsTable* previous = nullptr) {
  DnsTableBuilder builder{DnsHashSecret{}};
  auto zones = dns_zones(options, serial);
  if (!zones) return Error{zones.error()};
  if (auto status = builder.set_zones(std::move(*zones)); !status) return Error{status.error()};
  auto records = static_records(options);
  if (!records) return Error{records.error()};
  for (const Name& service : services) {
    for (DnsRecord& record :
         service_records(service.name, service.vip, service.port, service.protocol, options)) {
      records->push_back(std::move(record));
    }
  }
  for (const DnsRecord& record : *records) {
    if (auto status = builder.add(record); !status) return Error{status.error()};
  }
  return builder.build(previous);
}

std::shared_ptr<const DnsTable> compile(const std::vector<Name>& services, uint32_t serial = 1,
                                        const DnsTable* previous = nullptr) {
  auto table = compile_dns(services, options(), serial, previous);
  EXPECT_TRUE(table.ok()) << table.error();
  return *table;
}

const DnsEntry* find(const DnsTable& table, const std::string& text) {
  const std::string wire = *dns_name_from_text(text);
  DnsFoldedName name{};
  std::copy(wire.begin(), wire.end(), name.octets.begin());
  return table.find(table.hash(name, wire.size()), name, wire.size());
}

// Through an alias.
const DnsEntry* resolve(const DnsTable& table, const std::string& text) {
  const std::string wire = *dns_name_from_text(text);
  DnsFoldedName name{};
  std::copy(wire.begin(), wire.end(), name.octets.begin());
  return table.resolve(name, wire.size()).entry;
}

TEST(DnsCompiler, ServicesAreNamedBelowTheFirstZoneThatHoldsServices) {
  const auto table = compile({{"redis.marathon", ip("11.202.66.36")}});
  EXPECT_EQ(dns_record_lines(*table),
            (Lines{"redis.marathon.l4lb.thisdcos.directory.\tA\t11.202.66.36"}));
  EXPECT_EQ(find(*table, "redis.marathon.second.zone"), nullptr);
  EXPECT_EQ(find(*table, "redis.marathon.mesos"), nullptr);
}

TEST(DnsCompiler, LinesAreLowerCaseCanonicalSortedBytewiseAndEachOnce) {
  const auto table = compile({{"Zeta", ip("10.0.0.9")},
                              {"alpha", ip("fd01:0c::0:1")},
                              {"alpha", ip("10.0.0.1")},
                              {"alpha", ip("10.0.0.1")},
                              {"alpha", ip("10.0.0.10")},
                              {"alpha-2", ip("10.0.0.2")}});
  EXPECT_EQ(dns_record_lines(*table), (Lines{"alpha-2.l4lb.thisdcos.directory.\tA\t10.0.0.2",
                                             "alpha.l4lb.thisdcos.directory.\tA\t10.0.0.1",
                                             "alpha.l4lb.thisdcos.directory.\tA\t10.0.0.10",
                                             "alpha.l4lb.thisdcos.directory.\tAAAA\tfd01:c::1",
                                             "zeta.l4lb.thisdcos.directory.\tA\t10.0.0.9"}));
}

TEST(DnsCompiler, AliasZonesAnswerWithTheSameAddresses) {
  const auto table = compile({{"redis.marathon", ip("11.202.66.36")}});
  const DnsEntry* alias = resolve(*table, "redis.marathon.dclb.thisdcos.directory");
  ASSERT_NE(alias, nullptr);
  DnsBody body{};
  ASSERT_TRUE(alias->find(DnsType::kA, body));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(body.octets) + 12, 4), "\x0b\xca\x42\x24");
}

TEST(DnsCompiler, EveryZoneHasAnApexAndNamesBetweenExist) {
  const auto table = compile({{"redis.marathon", ip("11.202.66.36")}});
  for (const char* apex : {"mesos", "l4lb.thisdcos.directory", "second.zone"}) {
    ASSERT_NE(find(*table, apex), nullptr) << apex;
    EXPECT_TRUE(find(*table, apex)->is_apex) << apex;
  }
  const DnsEntry* between = find(*table, "marathon.l4lb.thisdcos.directory");
  ASSERT_NE(between, nullptr);
  EXPECT_EQ(between->rrset_count, 0);
}

TEST(DnsCompiler, TheSoaHasTheGenerationAsSerialAndTheLesserTtlInNegativeAnswers) {
  DnsOptions with_long_ttl = options();
  with_long_ttl.ttl_s = 300;
  with_long_ttl.soa.minimum_s = 7;
  const auto table = *compile_dns({}, with_long_ttl, 0x01020304);
  const DnsZone& zone = table->zones()[0];
  const std::string serial("\1\2\3\4", 4);
  EXPECT_NE(zone.soa_answer_octets.find(serial), std::string::npos);
  EXPECT_EQ(zone.soa_answer_octets.substr(6, 4), std::string("\0\0\x01\x2c", 4));
  EXPECT_EQ(zone.soa_negative_octets.substr(6, 4), std::string("\0\0\0\7", 4));
}

TEST(DnsCompiler, UnchangedNamesAreSharedWithThePreviousTable) {
  std::vector<Name> services;
  for (int i = 0; i < 4000; ++i) services.push_back({"s" + std::to_string(i), ip("10.0.0.1")});
  const auto first = compile(services, 1);
  services[17].vip = ip("10.0.0.2");
  const auto second = compile(services, 2, first.get());
  // The name and its alias.
  EXPECT_GE(second->shared_shards(*first) + 2, first->shard_count());
  EXPECT_LT(second->shared_shards(*first), first->shard_count());
}

TEST(DnsCompiler, WithoutAServiceZoneThereAreNoServiceNames) {
  DnsOptions without = options();
  without.zones.resize(1);
  const std::vector<Name> services = {{"redis", ip("10.0.0.1")}};
  const auto table = compile_dns(services, without);
  ASSERT_TRUE(table.ok());
  EXPECT_TRUE(dns_record_lines(**table).empty());
  EXPECT_FALSE(dns_service_fqdn("redis", without).ok());
}

TEST(DnsCompiler, TheFqdnIsLowerCaseWithoutTheFinalDot) {
  EXPECT_EQ(*dns_service_fqdn("Redis.marathon", options()),
            "redis.marathon.l4lb.thisdcos.directory");
}

TEST(DnsCompiler, MistakesAreNamed) {
  EXPECT_FALSE(dns_service_fqdn("a..b", options()).ok());

  DnsOptions twice = options();
  twice.zones.push_back({"Mesos.", false, {}, {}});
  const auto zone = compile_dns({}, twice);
  ASSERT_FALSE(zone.ok());
  EXPECT_NE(zone.error().find("twice"), std::string::npos) << zone.error();

  DnsOptions bad_soa = options();
  bad_soa.soa.rname = "";
  const auto soa = compile_dns({}, bad_soa);
  ASSERT_FALSE(soa.ok());
  EXPECT_NE(soa.error().find("dns.soa.rname"), std::string::npos) << soa.error();
}

std::vector<std::string> lines_of(const std::vector<Name>& services, const DnsOptions& with) {
  const auto table = compile_dns(services, with);
  EXPECT_TRUE(table.ok()) << table.error();
  return dns_record_lines(**table);
}

TEST(DnsCompiler, APortHasAnSrvRecordUnderTheFirstLabelAndTheProtocol) {
  EXPECT_EQ(lines_of({{"redis.marathon", ip("11.202.66.36"), 6379, Protocol::kTcp},
                      {"redis.marathon", ip("11.202.66.36"), 53, Protocol::kUdp},
                      {"solo", ip("fd01:c::1"), 80, Protocol::kTcp}},
                     options()),
            (Lines{"_redis._tcp.marathon.l4lb.thisdcos.directory.\tSRV\t"
                   "redis.marathon.l4lb.thisdcos.directory.:6379",
                   "_redis._udp.marathon.l4lb.thisdcos.directory.\tSRV\t"
                   "redis.marathon.l4lb.thisdcos.directory.:53",
                   "_solo._tcp.l4lb.thisdcos.directory.\tSRV\t"
                   "solo.l4lb.thisdcos.directory.:80",
                   "redis.marathon.l4lb.thisdcos.directory.\tA\t11.202.66.36",
                   "solo.l4lb.thisdcos.directory.\tAAAA\tfd01:c::1"}));
}

TEST(DnsCompiler, AnAliasCostsNoRecords) {
  EXPECT_EQ(
      service_records("redis.marathon", ip("11.0.0.1"), 6379, Protocol::kTcp, options()).size(),
      2u);
}

TEST(DnsCompiler, AnSrvNameThatIsTooLongIsLeftOutAlone) {
  const std::string label(63, 'a');
  EXPECT_EQ(service_records(label + ".m", ip("11.0.0.1"), 80, Protocol::kTcp, options()).size(), 1u)
      << "the address";
  EXPECT_TRUE(service_records("a..b", ip("11.0.0.1"), 80, Protocol::kTcp, options()).empty());
}

TEST(DnsCompiler, VipAddressesHavePtrRecordsInZonesThatHoldNothingElse) {
  DnsOptions with_ptr = options();
  with_ptr.ptr_ranges = {{ip("11.0.0.0"), ip("11.255.255.255")}};
  EXPECT_EQ(lines_of({{"redis.marathon", ip("11.202.66.36")}, {"out", ip("10.0.0.1")}}, with_ptr),
            (Lines{"36.66.202.11.in-addr.arpa.\tPTR\tredis.marathon.l4lb.thisdcos.directory.",
                   "out.l4lb.thisdcos.directory.\tA\t10.0.0.1",
                   "redis.marathon.l4lb.thisdcos.directory.\tA\t11.202.66.36"}));
  const auto zones = *dns_zones(with_ptr, 1);
  EXPECT_EQ(zones.back().name, *dns_name_from_text("11.in-addr.arpa"));
  EXPECT_EQ(zones.size(), 5u);
}

TEST(DnsCompiler, AReverseZoneOfTheConfigurationHoldsThePtrRecordsInstead) {
  DnsOptions with_ptr = options();
  with_ptr.zones.push_back({"10.in-addr.arpa", false, {}, {}});
  with_ptr.ptr_ranges = {{ip("10.0.0.1"), ip("10.0.3.200")}};
  EXPECT_EQ(dns_zones(with_ptr, 1)->size(), 5u) << "none of its own";
  EXPECT_EQ(lines_of({{"a", ip("10.0.0.1")}}, with_ptr).size(), 2u);
}

TEST(DnsCompiler, StaticRecordsAreInTheirZone) {
  DnsOptions with_records = options();
  with_records.zones[1].records = {{"www", "A", -1, "10.0.0.7", {}},
                                   {"@", "TXT", 9, "hello", {}},
                                   {"abs.l4lb.thisdcos.directory.", "A", -1, "10.0.0.8", {}}};
  const auto table = compile_dns({}, with_records);
  ASSERT_TRUE(table.ok()) << table.error();
  EXPECT_EQ(dns_record_lines(**table), (Lines{"abs.l4lb.thisdcos.directory.\tA\t10.0.0.8",
                                              "www.l4lb.thisdcos.directory.\tA\t10.0.0.7"}));
  EXPECT_EQ(find(**table, "www.dclb.thisdcos.directory"), nullptr) << "an alias has none itself";
  EXPECT_NE(resolve(**table, "www.dclb.thisdcos.directory"), nullptr);
  DnsBody body{};
  EXPECT_TRUE(resolve(**table, "dclb.thisdcos.directory")->find(DnsType::kTxt, body));
}

TEST(DnsCompiler, WhatIsNearestToARecordSaysHowLongItLives) {
  DnsOptions o = options();
  o.ttl_s = 1;
  o.ttl = {{DnsType::kSrv, 2}, {DnsType::kTxt, 3}, {DnsType::kNs, 4}, {DnsType::kSoa, 5}};
  o.zones[0].ttl_s = 10;
  o.zones[0].ttl = {{DnsType::kTxt, 11}, {DnsType::kSoa, 12}};
  const std::vector<DnsRecordConfig> records = {
      {"a", "A", -1, "10.0.0.1", {}}, {"t", "TXT", -1, "text", {}}, {"own", "TXT", 99, "text", {}}};
  o.zones[0].records = o.zones[2].records = records;
  const auto table = compile_dns({{"s", ip("11.0.0.1"), 80}}, o);
  ASSERT_TRUE(table.ok()) << table.error();
  std::map<std::string, uint32_t> ttls;
  (*table)->for_each_record([&](const DnsTable::Record& record) {
    ttls[dns_name_to_text(record.name) + std::to_string(static_cast<int>(record.type))] =
        record.ttl_s;
  });
  EXPECT_EQ(ttls["a.mesos.1"], 10u);
  EXPECT_EQ(ttls["t.mesos.16"], 11u);
  EXPECT_EQ(ttls["own.mesos.16"], 99u);
  EXPECT_EQ(ttls["mesos.2"], 10u);
  EXPECT_EQ(ttls["a.second.zone.1"], 1u);
  EXPECT_EQ(ttls["t.second.zone.16"], 3u);
  EXPECT_EQ(ttls["own.second.zone.16"], 99u);
  EXPECT_EQ(ttls["second.zone.2"], 4u);
  EXPECT_EQ(ttls["s.l4lb.thisdcos.directory.1"], 1u);
  EXPECT_EQ(ttls["_s._tcp.l4lb.thisdcos.directory.33"], 2u);
  std::map<std::string, uint32_t> soas;
  const auto zones = *dns_zones(o, 1);
  for (const DnsZoneSpec& zone : zones) soas[dns_name_to_text(zone.name)] = zone.ttl_s;
  EXPECT_EQ(soas["mesos."], 12u);
  EXPECT_EQ(soas["second.zone."], 5u);
}

std::vector<std::string> name_servers_of(const DnsTable& table, const std::string& zone) {
  std::vector<std::string> names;
  table.for_each_record([&](const DnsTable::Record& record) {
    if (record.type == DnsType::kNs && record.name == *dns_name_from_text(zone)) {
      names.push_back(dns_name_to_text(record.rdata));
    }
  });
  return names;
}

TEST(DnsCompiler, EveryZoneHasTheMnameAsItsNameServerWithTheAddressesOfTheResponder) {
  DnsOptions with_listen = options();
  with_listen.listen = {ip("10.9.0.53"), ip("fd09::53")};
  with_listen.ptr_ranges = {{ip("11.0.0.0"), ip("11.255.255.255")}};
  const auto table = compile_dns({}, with_listen);
  ASSERT_TRUE(table.ok()) << table.error();
  for (const char* zone : {"mesos", "l4lb.thisdcos.directory", "second.zone", "11.in-addr.arpa"}) {
    EXPECT_EQ(name_servers_of(**table, zone), Lines{"ns1.mesos."}) << zone;
  }
  EXPECT_EQ(dns_record_lines(**table),
            (Lines{"ns1.mesos.\tA\t10.9.0.53", "ns1.mesos.\tAAAA\tfd09::53"}));
}

TEST(DnsCompiler, NameServersMayBeNamedAndHaveStaticAddresses) {
  DnsOptions named = options();
  named.listen = {ip("10.9.0.53")};
  named.name_servers = {"a.mesos.", "b.mesos.", "c.example.com.", "d.dclb.thisdcos.directory."};
  named.zones[0].records = {{"b", "A", -1, "10.0.0.7", {}}};
  const auto table = compile_dns({}, named);
  ASSERT_TRUE(table.ok()) << table.error();
  EXPECT_EQ(name_servers_of(**table, "second.zone"),
            (Lines{"a.mesos.", "b.mesos.", "c.example.com.", "d.dclb.thisdcos.directory."}));
  EXPECT_EQ(dns_record_lines(**table),
            (Lines{"a.mesos.\tA\t10.9.0.53", "b.mesos.\tA\t10.0.0.7", "ns1.mesos.\tA\t10.9.0.53"}))
      << "the static address alone; none of a name outside, or in an alias";
  named.zones[0].records = {{"a", "CNAME", -1, "b.mesos", {}}};
  EXPECT_FALSE(static_records(named).ok()) << "a name server is no alias (RFC 2181 10.3)";
}

TEST(DnsCompiler, WildcardsStandInTheirZone) {
  DnsOptions with_records = options();
  with_records.zones[0].records = {{"*.sub", "A", -1, "10.0.0.7", {}}};
  const auto table = compile_dns({}, with_records);
  ASSERT_TRUE(table.ok()) << table.error();
  EXPECT_EQ(dns_record_lines(**table), (Lines{"*.sub.mesos.\tA\t10.0.0.7"}));
  EXPECT_EQ(resolve(**table, "any.sub.mesos"), find(**table, "*.sub.mesos"));
  EXPECT_EQ(resolve(**table, "any.mesos"), nullptr);
}

TEST(DnsCompiler, AMistakeInAStaticRecordNamesZoneAndRecord) {
  DnsOptions with_records = options();
  with_records.zones[0].records = {{"www", "A", -1, "10.0.0", {}}};
  const auto bad = static_records(with_records);
  ASSERT_FALSE(bad.ok());
  EXPECT_NE(bad.error().find("zone 'mesos', record 'www' A: data:"), std::string::npos)
      << bad.error();
  with_records.zones[0].records = {{"www", "CNAME", -1, "a.b", {}},
                                   {"www", "A", -1, "10.0.0.1", {}}};
  EXPECT_FALSE(static_records(with_records).ok()) << "a CNAME record stands alone";
}

}  // namespace
}  // namespace vipgate::dns_compiler_test
