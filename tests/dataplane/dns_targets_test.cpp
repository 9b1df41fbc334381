// The addresses of the names that SRV records lead to: how many, and where.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <vector>

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

// As a burst of more questions than are sought at once.
class Burst {
 public:
  explicit Burst(const DnsTable& table) : context_(test_context(table, policy_)) {}

  void add(const std::string& query) {
    const size_t i = queries_.size();
    queries_.push_back(query);
    std::memcpy(buffers_.at(i).data(), query.data(), query.size());
    dns_parse(context_,
              {.message = buffers_[i].data(),
               .length = static_cast<uint16_t>(query.size()),
               .capacity = kRoom,
               .source_port = Be16(40000),
               .client = kTestClient,
               .client_length = sizeof kTestClient},
              parsed_[i]);
  }
  std::span<DnsParsed> parsed() { return std::span(parsed_).first(queries_.size()); }
  const DnsContext& context() const { return context_; }
  const std::vector<std::string>& queries() const { return queries_; }
  std::string answer(size_t i) {
    const DnsReply reply = dns_answer(context_, parsed_[i], 0);
    return {reinterpret_cast<const char*>(buffers_[i].data()), reply.length};
  }

 private:
  static constexpr uint16_t kRoom = 2048;
  static constexpr size_t kMost = 96;
  const DnsPolicy policy_;
  const DnsContext context_;
  std::vector<std::string> queries_;
  std::vector<std::array<uint8_t, kRoom>> buffers_{kMost};
  std::vector<DnsParsed> parsed_{kMost};
};

TEST(DnsTargets, FetchedAheadTheyMakeTheSameReplies) {
  DnsTableBuilder builder(DnsHashSecret{});
  ASSERT_TRUE(builder.set_zones({{wire_name("z"), test_soa(), 60}}).ok());
  const auto service = [&](const std::string& name, const std::string& target) {
    const std::string data = be16(0) + be16(1) + be16(80) + wire_name(target);
    ASSERT_TRUE(builder.add({wire_name(name), DnsType::kSrv, 60, data}).ok());
  };
  const std::string longest = std::string(59, 'l') + ".z";
  const std::string too_long = std::string(60, 'm') + ".z";
  for (const std::string& name : {std::string("app.z"), std::string("*.wild.z"), longest, too_long})
    ASSERT_TRUE(builder.add({wire_name(name), DnsType::kA, 60, ipv4(7)}).ok());
  const std::vector<std::pair<std::string, std::string>> services = {
      {"_plain.z", "app.z"},   {"_case.z", "aPP.Z"},      {"_longest.z", longest},
      {"_long.z", too_long},   {"_absent.z", "none.z"},   {"_covered.z", "any.wild.z"},
      {"_outside.z", "app.y"}, {"_itself.z", "_itself.z"}};
  for (const auto& [name, target] : services) service(name, target);
  service("_two.z", "app.z");
  service("_two.z", longest);
  ASSERT_TRUE(builder.add({wire_name("z"), DnsType::kNs, 60, wire_name("app.z")}).ok());
  const auto table = builder.build().value();

  Burst burst(*table);
  for (int round = 0; round < 7; ++round) {
    for (const auto& [name, target] : services) burst.add(dns_query(name, kTypeSrv));
    burst.add(dns_query("_two.z", kTypeSrv));
    burst.add(dns_query("_none.z", kTypeSrv));
    burst.add(dns_query("app.z", kTypeSrv));
    burst.add(dns_query("app.z", 1));
    burst.add(dns_query("z", 2));
  }
  dns_prefetch_all(burst.context(), burst.parsed());
  dns_prefetch_targets(*table, burst.parsed());
  for (size_t i = 0; i < burst.queries().size(); ++i) {
    const std::string lone = respond(*table, burst.queries()[i]).octets;
    EXPECT_EQ(burst.answer(i), lone) << i;
    const size_t kind = i % 13;
    EXPECT_EQ(burst.parsed()[i].target != nullptr, kind < 3 || kind == 7 || kind == 12)
        << "which of them are sought: " << kind;
  }
}

TEST(DnsTargets, OfATableOfManyNamesTheyAreFetchedAhead) {
  for (const unsigned names : {unsigned{kDnsManyNames} / 2, unsigned{kDnsManyNames}}) {
    const auto table = table_of(1, names);
    Burst burst(*table);
    burst.add(dns_query("_s.z", kTypeSrv));
    dns_prefetch_all(burst.context(), burst.parsed());
    EXPECT_EQ(burst.parsed()[0].target != nullptr, names == kDnsManyNames);
    EXPECT_EQ(parse_dns(burst.answer(0)).value().additionals.size(), 2u);
  }
}

}  // namespace
}  // namespace vipgate::dns_targets_test
