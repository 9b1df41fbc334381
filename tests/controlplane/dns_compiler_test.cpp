#include "controlplane/dns_compiler.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vipgate {
namespace {

using Lines = std::vector<std::string>;

IpAddress ip(const std::string& text) { return *parse_ip_address(text); }

DnsOptions options() {
  DnsOptions options;
  options.zones = {{"mesos", false, {}},
                   {"l4lb.thisdcos.directory", true, {"dclb.thisdcos.directory"}},
                   {"second.zone", true, {}}};
  return options;
}

std::shared_ptr<const DnsTable> compile(const std::vector<DnsServiceName>& services,
                                        uint32_t serial = 1, const DnsTable* previous = nullptr) {
  auto table = compile_dns(services, options(), serial, DnsHashSecret{}, previous);
  EXPECT_TRUE(table.ok()) << table.error();
  return *table;
}

const DnsEntry* find(const DnsTable& table, const std::string& text) {
  const std::string wire = *dns_name_from_text(text);
  DnsFoldedName name{};
  std::copy(wire.begin(), wire.end(), name.octets.begin());
  return table.find(table.hash(name, wire.size()), name, wire.size());
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
  const DnsEntry* alias = find(*table, "redis.marathon.dclb.thisdcos.directory");
  ASSERT_NE(alias, nullptr);
  DnsBody body{};
  ASSERT_TRUE(alias->find(DnsType::kA, body));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(body.octets) + 12, 4), "\x0b\xca\x42\x24");
}

TEST(DnsCompiler, EveryZoneHasAnApexAndNamesBetweenExist) {
  const auto table = compile({{"redis.marathon", ip("11.202.66.36")}});
  for (const char* apex :
       {"mesos", "l4lb.thisdcos.directory", "dclb.thisdcos.directory", "second.zone"}) {
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
  const auto table = *compile_dns({}, with_long_ttl, 0x01020304, DnsHashSecret{}, nullptr);
  const DnsZone& zone = table->zones()[0];
  const std::string serial("\1\2\3\4", 4);
  EXPECT_NE(zone.soa_answer_octets.find(serial), std::string::npos);
  EXPECT_EQ(zone.soa_answer_octets.substr(6, 4), std::string("\0\0\x01\x2c", 4));
  EXPECT_EQ(zone.soa_negative_octets.substr(6, 4), std::string("\0\0\0\7", 4));
}

TEST(DnsCompiler, UnchangedNamesAreSharedWithThePreviousTable) {
  std::vector<DnsServiceName> services;
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
  const std::vector<DnsServiceName> services = {{"redis", ip("10.0.0.1")}};
  const auto table = compile_dns(services, without, 1, DnsHashSecret{}, nullptr);
  ASSERT_TRUE(table.ok());
  EXPECT_TRUE(dns_record_lines(**table).empty());
  EXPECT_FALSE(dns_service_fqdn("redis", without).ok());
}

TEST(DnsCompiler, TheFqdnIsLowerCaseWithoutTheFinalDot) {
  EXPECT_EQ(*dns_service_fqdn("Redis.marathon", options()),
            "redis.marathon.l4lb.thisdcos.directory");
}

TEST(DnsCompiler, MistakesAreNamed) {
  const std::vector<DnsServiceName> bad_name = {{"a..b", ip("10.0.0.1")}};
  const auto service = compile_dns(bad_name, options(), 1, DnsHashSecret{}, nullptr);
  ASSERT_FALSE(service.ok());
  EXPECT_NE(service.error().find("service 'a..b'"), std::string::npos) << service.error();

  DnsOptions twice = options();
  twice.zones.push_back({"Mesos.", false, {}});
  const auto zone = compile_dns({}, twice, 1, DnsHashSecret{}, nullptr);
  ASSERT_FALSE(zone.ok());
  EXPECT_NE(zone.error().find("twice"), std::string::npos) << zone.error();

  DnsOptions bad_soa = options();
  bad_soa.soa.rname = "";
  const auto soa = compile_dns({}, bad_soa, 1, DnsHashSecret{}, nullptr);
  ASSERT_FALSE(soa.ok());
  EXPECT_NE(soa.error().find("dns.soa.rname"), std::string::npos) << soa.error();
}

}  // namespace
}  // namespace vipgate
