#include "common/dns_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

#include "common/dns_table_builder.h"

namespace vipgate::dns_table_test {
namespace {

using namespace std::string_literals;

std::string wire(const std::string& text) { return *dns_name_from_text(text); }

DnsSoa soa(uint32_t serial = 1) {
  return {wire("ns1.mesos"), wire("root.mesos"), serial, 60, 600, 86400, 5};
}

void must(const Status& status) { ASSERT_TRUE(status.ok()) << status.error(); }

DnsFoldedName folded(const std::string& name) {
  DnsFoldedName padded{};
  const std::string text = dns_fold(name);
  std::copy(text.begin(), text.end(), padded.octets.begin());
  return padded;
}

const DnsEntry* find(const DnsTable& table, const std::string& text) {
  const std::string name = wire(text);
  const DnsFoldedName padded = folded(name);
  return table.find(table.hash(padded, name.size()), padded, name.size());
}

std::string zone_of(const DnsTable& table, const std::string& name) {
  const DnsZone* zone = table.zone_of(folded(name), name.size());
  return zone == nullptr ? "none" : dns_name_to_text(zone->name);
}

std::string address(uint32_t value) {
  DnsWriter writer;
  writer.u32(value);
  return writer.octets();
}

std::shared_ptr<const DnsTable> numbered(uint32_t count, uint32_t first, const DnsTable* previous,
                                         const DnsHashSecret& secret = {}, uint32_t serial = 1) {
  DnsTableBuilder builder(secret);
  must(builder.set_zones({{wire("mesos"), soa(serial), 60}}));
  for (uint32_t i = 0; i < count; ++i) {
    must(builder.add(
        {wire("n" + std::to_string(i) + ".mesos"), DnsType::kA, 60, address(i == 0 ? first : i)}));
  }
  return *builder.build(previous);
}

TEST(DnsTable, FindsExactlyTheNamesThatWereAddedAndThoseAboveThem) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({{wire("Mesos"), soa(), 60}}));
  std::mt19937 random(3);
  std::map<std::string, std::set<std::string>> model;
  for (int i = 0; i < 20000; ++i) {
    std::string name = "mesos";
    for (unsigned depth = static_cast<unsigned>(random() % 4); depth != 0; --depth) {
      model[name];
      name = "l" + std::to_string(random() % 40) + "." + name;
    }
    const std::string rdata = address(static_cast<uint32_t>(random() % 3));
    model[name].insert(rdata);
    must(builder.add({wire(name), DnsType::kA, 60, rdata}));
  }
  const auto table = *builder.build(nullptr);
  ASSERT_EQ(table->size(), model.size());
  for (const auto& [name, addresses] : model) {
    const DnsEntry* entry = find(*table, name);
    ASSERT_NE(entry, nullptr) << name;
    EXPECT_EQ(entry->is_apex, name == "mesos");
    DnsBody body{};
    ASSERT_EQ(entry->find(DnsType::kA, body), !addresses.empty()) << name;
    EXPECT_EQ(body.count, addresses.size());
    EXPECT_EQ(body.length, addresses.size() * 16);
    ASSERT_EQ(find(*table, "x" + name), nullptr);
    ASSERT_EQ(find(*table, "x." + name), nullptr);
  }
}

TEST(DnsTable, RecordsComeOutAsTheyWentIn) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({{wire("mesos"), soa(), 60}, {wire("alias"), soa(), 60}}));
  must(builder.add({wire("A.mesos"), DnsType::kA, 30, "abcd"}));
  must(builder.add({wire("a.mesos"), DnsType::kA, 20, "abcd"}));
  must(builder.add({wire("a.mesos"), DnsType::kA, 40, "efgh"}));
  must(builder.add({wire("a.alias"), DnsType::kAaaa, 50, std::string(16, 'x')}));
  const auto table = *builder.build(nullptr);
  std::multiset<std::string> seen;
  table->for_each_record([&](const DnsTable::Record& record) {
    seen.insert(dns_name_to_text(record.name) + " " + dns_name_to_text(record.zone.name) + " " +
                std::to_string(static_cast<int>(record.type)) + " " + std::to_string(record.ttl_s) +
                " " + std::string(record.rdata));
  });
  // Repeats count once; an RRset has one TTL, the least.
  EXPECT_EQ(seen,
            (std::multiset<std::string>{"a.mesos. mesos. 1 20 abcd", "a.mesos. mesos. 1 20 efgh",
                                        "a.alias. alias. 28 50 " + std::string(16, 'x')}));
}

TEST(DnsTable, BodySumsAreThoseOfTheOctets) {
  const auto table = numbered(50, 0x01020304, nullptr);
  for (int i = 0; i < 50; ++i) {
    DnsBody body{};
    ASSERT_TRUE(find(*table, "n" + std::to_string(i) + ".mesos")->find(DnsType::kA, body));
    EXPECT_EQ(body.sum, dns_octet_sum({reinterpret_cast<const char*>(body.octets), body.length}));
  }
}

TEST(DnsTable, TheLongestZoneThatMatchesOnALabelBoundaryOwnsAName) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones(
      {{wire("b.c"), soa(), 60}, {wire("x.y.a.b.c"), soa(), 60}, {wire("a.b.c"), soa(), 60}}));
  must(builder.add({wire("q.a.b.c"), DnsType::kA, 60, "abcd"}));
  const auto table = *builder.build(nullptr);
  EXPECT_EQ(zone_of(*table, wire("q.a.b.c")), "a.b.c.");
  EXPECT_EQ(zone_of(*table, wire("A.B.C")), "a.b.c.");
  EXPECT_EQ(zone_of(*table, wire("xa.b.c")), "b.c.");
  EXPECT_EQ(zone_of(*table, wire("c")), "none");
  // One label that holds the octets of b.c.
  EXPECT_EQ(zone_of(*table, "\6zz\1b\1c\0"s), "none");
  EXPECT_EQ(table->zones()[find(*table, "q.a.b.c")->zone].name, wire("a.b.c"));
  // The apex of a zone makes the names between it and the outer zone exist.
  ASSERT_NE(find(*table, "y.a.b.c"), nullptr);
  EXPECT_EQ(find(*table, "y.a.b.c")->rrset_count, 0);
}

TEST(DnsTable, AChangeRebuildsItsShardAndSharesTheOthers) {
  const auto before = numbered(20000, 1, nullptr);
  ASSERT_GE(before->shard_count(), 16u);
  const auto same = numbered(20000, 1, before.get());
  EXPECT_EQ(same->shared_shards(*before), before->shard_count());
  const auto changed = numbered(20000, 2, before.get());
  EXPECT_EQ(changed->shared_shards(*before), before->shard_count() - 1);
  const auto grown = numbered(20001, 1, before.get());
  EXPECT_EQ(grown->shared_shards(*before), before->shard_count() - 1);
  EXPECT_NE(find(*grown, "n20000.mesos"), nullptr);
}

TEST(DnsTable, ANewSerialRebuildsNoShard) {
  const auto before = numbered(5000, 1, nullptr);
  const auto after = numbered(5000, 1, before.get(), {}, 2);
  EXPECT_EQ(after->shared_shards(*before), before->shard_count());
  EXPECT_NE(after->zones()[0].soa_answer_octets, before->zones()[0].soa_answer_octets);
}

TEST(DnsTable, NothingIsSharedWithATableOfAnotherSecretOrOtherZones) {
  const auto before = numbered(5000, 1, nullptr);
  DnsHashSecret secret;
  secret.bytes[0] = 1;
  EXPECT_EQ(numbered(5000, 1, before.get(), secret)->shared_shards(*before), 0u);
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({{wire("longer.zone"), soa(), 60}, {wire("mesos"), soa(), 60}}));
  for (uint32_t i = 0; i < 5000; ++i) {
    must(builder.add(
        {wire("n" + std::to_string(i) + ".mesos"), DnsType::kA, 60, address(i == 0 ? 1 : i)}));
  }
  EXPECT_EQ((*builder.build(before.get()))->shared_shards(*before), 0u);
}

TEST(DnsTable, TablesOutliveThoseWhoseShardsTheyShare) {
  auto table = numbered(5000, 1, nullptr);
  for (uint32_t i = 2; i < 6; ++i) table = numbered(5000, i, table.get());
  DnsBody body{};
  ASSERT_TRUE(find(*table, "n0.mesos")->find(DnsType::kA, body));
  EXPECT_EQ(body.octets[15], 5);
  EXPECT_NE(find(*table, "n4999.mesos"), nullptr);
}

TEST(DnsTable, ANameTakesAtMost150Octets) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({{wire("l4lb.thisdcos.directory"), soa(), 60}}));
  for (int i = 0; i < 50000; ++i) {
    must(builder.add({wire("app-" + std::to_string(i) + ".marathon.l4lb.thisdcos.directory"),
                      DnsType::kA, 60, "abcd"}));
  }
  const auto table = *builder.build(nullptr);
  EXPECT_LE(table->memory_bytes() / table->size(), 150u);
}

TEST(DnsTableBuilder, RefusesWhatCannotBeServed) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({{wire("mesos"), soa(), 60}}));
  EXPECT_FALSE(builder.set_zones({{wire("mesos"), soa(), 60}, {wire("MESOS"), soa(), 60}}).ok());
  EXPECT_FALSE(builder.set_zones({{"mesos", soa(), 60}}).ok()) << "not a wire name";
  EXPECT_FALSE(builder.add({wire("a.other"), DnsType::kA, 60, "abcd"}).ok());
  EXPECT_FALSE(builder.add({"a.mesos", DnsType::kA, 60, "abcd"}).ok()) << "not a wire name";
  // What the responder reads of them is never in doubt.
  for (const auto& [type, rdata] :
       std::vector<std::pair<DnsType, std::string>>{{DnsType::kA, "abc"},
                                                    {DnsType::kAaaa, "abcd"},
                                                    {DnsType::kCname, "mesos"},
                                                    {DnsType::kPtr, ""},
                                                    {DnsType::kPtr, "\1a"},
                                                    {DnsType::kSrv, "abcdef"},
                                                    {DnsType::kSrv, "abcdef\3ab\0"s},
                                                    {DnsType::kSrv, "abcdef\xc0\x0c"},
                                                    {DnsType::kSrv, "abcdef\1a\0x"s},
                                                    {DnsType::kTxt, ""},
                                                    {DnsType::kTxt, "\5abcd"},
                                                    {DnsType::kSoa, "abcd"},
                                                    {DnsType::kOpt, "abcd"},
                                                    {DnsType::kAny, "abcd"},
                                                    {DnsType{999}, std::string(65300, 'x')}}) {
    EXPECT_FALSE(builder.add({wire("a.mesos"), type, 60, rdata}).ok())
        << static_cast<int>(type) << " " << rdata.size();
  }
  must(builder.add({wire("a.mesos"), DnsType::kA, 60, "abcd"}));
  EXPECT_EQ(builder.record_count(), 1u);
}

TEST(DnsTableBuilder, CutsAnRrsetThatNoMessageHoldsAndSaysSo) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({{wire("mesos"), soa(), 60}}));
  for (uint32_t i = 0; i < 5000; ++i) {
    must(builder.add({wire("a.mesos"), DnsType::kA, 60, address(i)}));
  }
  const auto table = *builder.build();
  DnsBody body{};
  ASSERT_TRUE(find(*table, "a.mesos")->find(DnsType::kA, body));
  EXPECT_EQ(body.count, 4078) << "what 65,535 octets hold besides the largest question and OPT";
  ASSERT_EQ(builder.cut_rrsets().size(), 1u);
  EXPECT_EQ(builder.cut_rrsets()[0].owner, wire("a.mesos"));
  EXPECT_EQ(builder.cut_rrsets()[0].records, 5000u);
  EXPECT_EQ(builder.cut_rrsets()[0].served, 4078u);
  for (uint32_t i = 0; i < 1000; ++i) {
    builder.remove({wire("a.mesos"), DnsType::kA, 60, address(i)});
  }
  const auto smaller = *builder.build();
  ASSERT_TRUE(find(*smaller, "a.mesos")->find(DnsType::kA, body));
  EXPECT_EQ(body.count, 4000);
  EXPECT_TRUE(builder.cut_rrsets().empty());
}

}  // namespace
}  // namespace vipgate::dns_table_test
