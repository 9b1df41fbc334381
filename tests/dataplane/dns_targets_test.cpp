// The addresses of the names that SRV records lead to: how many, and where.
#include <gtest/gtest.h>

#include <set>

#include "dataplane/fastpath/dns_related.h"
#include "tests/support/dns_fixture.h"
#include "tests/support/dns_rows.h"

namespace vipgate::dns_targets_test {
namespace {

using namespace test;

// `_s.z` with `records` SRV records that lead to `targets` names in turn, with an A record each and
// an AAAA record for every other.
std::shared_ptr<const DnsTable> table_of(unsigned records, unsigned targets) {
  DnsTableBuilder builder(DnsHashSecret{});
  EXPECT_TRUE(builder.set_zones({{wire_name("z"), test_soa(), 60}}).ok());
  const auto name = [](unsigned i) { return wire_name("t" + std::to_string(i) + ".z"); };
  for (unsigned i = 0; i < records; ++i) {
    const std::string data = be16(0) + be16(1) + be16(i) + name(i % targets);
    EXPECT_TRUE(builder.add({wire_name("_s.z"), DnsType::kSrv, 60, data}).ok());
  }
  for (unsigned i = 0; i < targets; ++i) {
    EXPECT_TRUE(builder.add({name(i), DnsType::kA, 60, ipv4(i)}).ok());
    if (i % 2 != 0) continue;
    EXPECT_TRUE(builder.add({name(i), DnsType::kAaaa, 60, be32(i) + std::string(12, 'a')}).ok());
  }
  return builder.build().value();
}

ParsedMessage ask_over_tcp(const DnsTable& table, std::string_view name) {
  const Response reply = respond_over_tcp(table, dns_query(name, kTypeSrv));
  const auto parsed = parse_dns(reply.octets);
  EXPECT_TRUE(parsed) << "one well-formed message";
  return parsed.value_or(ParsedMessage{});
}

// Fails if one of them is there twice.
std::set<std::string> distinct(const std::vector<ParsedRecord>& records) {
  std::set<std::string> all;
  for (const ParsedRecord& record : records) {
    EXPECT_TRUE(all.insert(record.owner + " " + std::to_string(record.type)).second);
  }
  return all;
}

TEST(DnsTargets, EveryDistinctTargetHasItsAddressesOverTcp) {
  for (const auto& [records, targets] : {std::pair<unsigned, unsigned>{8, 8},
                                         {9, 9},
                                         {16, 16},
                                         {17, 17},
                                         {100, 3},
                                         {300, 150},
                                         {400, 400}}) {
    const auto table = table_of(records, targets);
    const ParsedMessage reply = ask_over_tcp(*table, "_s.z");
    EXPECT_EQ(reply.answers.size(), records);
    EXPECT_EQ(distinct(reply.additionals).size(), targets + (targets + 1) / 2) << records;
    EXPECT_FALSE(reply.tc());
  }
}

TEST(DnsTargets, OverUdpTheFirstEightHaveThem) {
  const auto table = make_test_table();
  const std::string query = dns_header(0x0100, 1, 0, 0, 1) +
                            dns_question(wire_name("_many._tcp.mesos"), kTypeSrv) + dns_opt(1232);
  EXPECT_EQ(parse_dns(respond(*table, query).octets).value().additionals.size(),
            static_cast<size_t>(kDnsMaxTargets));
  EXPECT_EQ(ask_over_tcp(*table, "_many._tcp.mesos").additionals.size(), 12u);
}

TEST(DnsTargets, WhatTheLargestMessageHasNoRoomForIsLeftOutWithoutTc) {
  const auto table = table_of(2400, 2400);
  const ParsedMessage reply = ask_over_tcp(*table, "_s.z");
  EXPECT_EQ(reply.answers.size(), 2400u);
  EXPECT_FALSE(reply.tc());
  EXPECT_GT(distinct(reply.additionals).size(), 0u);
}

}  // namespace
}  // namespace vipgate::dns_targets_test
