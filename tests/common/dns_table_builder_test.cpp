// Tables of records that come and go: each must be octet for octet the one that its records alone
// would make.
#include "common/dns_table_builder.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace vipgate::dns_table_builder_test {
namespace {

using namespace std::string_literals;

std::string wire(const std::string& text) { return *dns_name_from_text(text); }

DnsSoa soa(uint32_t serial = 1) {
  return {wire("ns1.mesos"), wire("root.mesos"), serial, 60, 600, 86400, 5};
}
DnsZoneSpec zone(const std::string& name, uint32_t serial = 1) {
  return {wire(name), soa(serial), 60, false};
}
DnsRecord a_record(const std::string& name, uint32_t address, uint32_t ttl_s = 60) {
  DnsWriter rdata;
  rdata.u32(address);
  return {wire(name), DnsType::kA, ttl_s, rdata.octets()};
}

void must(const Status& status) { ASSERT_TRUE(status.ok()) << status.error(); }

const DnsEntry* find(const DnsTable& table, const std::string& text) {
  const std::string name = wire(text);
  DnsFoldedName padded{};
  std::copy(name.begin(), name.end(), padded.octets.begin());
  return table.find(table.hash(padded, name.size()), padded, name.size());
}

uint32_t ttl_of(const DnsTable& table, const std::string& name) {
  uint32_t ttl_s = 0;
  table.for_each_record([&](const DnsTable::Record& record) {
    if (record.name == wire(name)) ttl_s = record.ttl_s;
  });
  return ttl_s;
}

TEST(DnsTableBuilder, ARecordStaysUntilItWasRemovedAsOftenAsItWasAdded) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({zone("mesos")}));
  must(builder.add(a_record("a.mesos", 1)));
  must(builder.add(a_record("A.mesos", 1)));
  builder.remove(a_record("a.mesos", 1));
  EXPECT_NE(find(**builder.build(), "a.mesos"), nullptr);
  builder.remove(a_record("a.mesos", 1));
  EXPECT_EQ(find(**builder.build(), "a.mesos"), nullptr);
  builder.remove(a_record("a.mesos", 1));
  builder.remove(a_record("never.mesos", 1));
  builder.remove({"no wire name", DnsType::kA, 60, "abcd"});
  EXPECT_EQ((*builder.build())->size(), 1u) << "the apex";
  EXPECT_EQ(builder.record_count(), 0u);
}

TEST(DnsTableBuilder, AnRrsetHasTheLeastTtlOfThoseThatAreThere) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({zone("mesos")}));
  must(builder.add(a_record("a.mesos", 1, 60)));
  must(builder.add(a_record("a.mesos", 1, 5)));
  must(builder.add(a_record("a.mesos", 2, 30)));
  auto table = *builder.build();
  DnsBody body{};
  ASSERT_TRUE(find(*table, "a.mesos")->find(DnsType::kA, body));
  EXPECT_EQ(body.count, 2);
  EXPECT_EQ(ttl_of(*table, "a.mesos"), 5u);
  builder.remove(a_record("a.mesos", 1, 5));
  EXPECT_EQ(ttl_of(**builder.build(), "a.mesos"), 30u);
  builder.remove(a_record("a.mesos", 2, 30));
  EXPECT_EQ(ttl_of(**builder.build(), "a.mesos"), 60u);
}

TEST(DnsTableBuilder, NamesBetweenARecordAndTheApexGoWithTheLastRecordBelowThem) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({zone("mesos")}));
  must(builder.add(a_record("x.app.marathon.mesos", 1)));
  must(builder.add(a_record("y.app.marathon.mesos", 2)));
  must(builder.add(a_record("app.marathon.mesos", 3)));
  EXPECT_EQ((*builder.build())->size(), 5u);
  builder.remove(a_record("app.marathon.mesos", 3));
  builder.remove(a_record("x.app.marathon.mesos", 1));
  auto table = *builder.build();
  ASSERT_NE(find(*table, "app.marathon.mesos"), nullptr);
  EXPECT_EQ(find(*table, "app.marathon.mesos")->rrset_count, 0);
  EXPECT_EQ(find(*table, "x.app.marathon.mesos"), nullptr);
  builder.remove(a_record("y.app.marathon.mesos", 2));
  table = *builder.build();
  EXPECT_EQ(find(*table, "app.marathon.mesos"), nullptr);
  EXPECT_EQ(find(*table, "marathon.mesos"), nullptr);
  EXPECT_TRUE(find(*table, "mesos")->is_apex);
}

TEST(DnsTableBuilder, AChangeRebuildsItsShardsAndAddingWhatIsRemovedRebuildsNone) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({zone("mesos")}));
  for (uint32_t i = 0; i < 20000; ++i) {
    must(builder.add(a_record("n" + std::to_string(i) + ".mesos", i)));
  }
  const auto first = *builder.build();
  ASSERT_GE(first->shard_count(), 64u);
  EXPECT_EQ((*builder.build())->shared_shards(*first), first->shard_count());
  builder.remove(a_record("n7.mesos", 7));
  must(builder.add(a_record("n7.mesos", 7)));
  const auto same = *builder.build();
  EXPECT_EQ(same->shared_shards(*first), first->shard_count());
  builder.remove(a_record("n7.mesos", 7));
  EXPECT_EQ((*builder.build())->shared_shards(*first), first->shard_count() - 1);
}

TEST(DnsTableBuilder, ANewSerialIsServedAndRebuildsNoShard) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({zone("mesos")}));
  must(builder.add(a_record("a.mesos", 1)));
  const auto first = *builder.build();
  must(builder.set_zones({zone("mesos", 0x01020304)}));
  const auto second = *builder.build();
  EXPECT_EQ(second->shared_shards(*first), first->shard_count());
  EXPECT_NE(second->zones()[0].soa_answer_octets.find("\1\2\3\4"), std::string::npos);
  EXPECT_EQ(first->zones()[0].soa_answer_octets.find("\1\2\3\4"), std::string::npos);
}

TEST(DnsTableBuilder, RecordsOfAZoneThatVanishesAreServedAgainWhenItReturns) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({zone("mesos"), zone("test")}));
  must(builder.add(a_record("deep.a.test", 1)));
  must(builder.add(a_record("b.test", 2)));
  must(builder.add(a_record("a.mesos", 3)));
  const auto whole = *builder.build();
  must(builder.set_zones({zone("mesos")}));
  const auto part = *builder.build();
  EXPECT_EQ(part->size(), 2u);
  EXPECT_EQ(find(*part, "deep.a.test"), nullptr);
  EXPECT_EQ(find(*part, "a.test"), nullptr);
  EXPECT_FALSE(builder.add(a_record("deep.a.test", 9)).ok()) << "its zone is not there";
  builder.remove(a_record("b.test", 2));
  must(builder.set_zones({zone("mesos"), zone("test")}));
  const auto again = *builder.build();
  EXPECT_EQ(again->size(), whole->size() - 1);
  EXPECT_NE(find(*again, "deep.a.test"), nullptr);
  EXPECT_NE(find(*again, "a.test"), nullptr);
}

TEST(DnsTableBuilder, AnInnerZoneTakesItsNamesOverAndGivesThemBack) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({zone("test")}));
  must(builder.add(a_record("x.in.ner.test", 1)));
  const auto zone_of = [&](const char* name) {
    const auto table = *builder.build();
    const DnsEntry* entry = find(*table, name);
    return entry == nullptr ? "none"s : dns_name_to_text(table->zones()[entry->zone].name);
  };
  EXPECT_EQ(zone_of("x.in.ner.test"), "test.");
  must(builder.set_zones({zone("test"), zone("in.ner.test")}));
  EXPECT_EQ(zone_of("x.in.ner.test"), "in.ner.test.");
  EXPECT_EQ(zone_of("ner.test"), "test.") << "the inner apex makes it exist";
  builder.remove(a_record("x.in.ner.test", 1));
  EXPECT_EQ(zone_of("x.in.ner.test"), "none");
  EXPECT_EQ(zone_of("ner.test"), "test.");
  must(builder.set_zones({zone("test")}));
  EXPECT_EQ(zone_of("in.ner.test"), "none");
  EXPECT_EQ(zone_of("ner.test"), "none");
}

TEST(DnsTableBuilder, BadZonesChangeNothing) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({zone("mesos")}));
  must(builder.add(a_record("a.mesos", 1)));
  EXPECT_FALSE(builder.set_zones({zone("x"), zone("X")}).ok());
  EXPECT_FALSE(builder.set_zones(std::vector<DnsZoneSpec>(256, zone("y"))).ok());
  EXPECT_NE(find(**builder.build(), "a.mesos"), nullptr);
}

// Adds and removes at random, zones come and go, and what is there is counted by a map.
class RandomChanges {
 public:
  explicit RandomChanges(uint32_t seed) : random_(seed) { must(builder.set_zones(zones())); }

  void step() {
    if (random_() % 400 == 0) {
      has_inner_ = !has_inner_;
      must(builder.set_zones(zones()));
    }
    const DnsRecord record = any_record();
    const auto known = counts_.find(record);
    if (known == counts_.end() || random_() % 2 == 0) {
      must(builder.add(record));
      ++counts_[record];
    } else {
      builder.remove(record);
      if (--known->second == 0) counts_.erase(known);
    }
  }

  // The table of the same records, made at once.
  std::shared_ptr<const DnsTable> from_scratch(const DnsTable* previous) {
    DnsTableBuilder fresh(DnsHashSecret{});
    must(fresh.set_zones(zones()));
    for (const auto& [record, count] : counts_) {
      for (int i = 0; i < count; ++i) must(fresh.add(record));
    }
    EXPECT_EQ(fresh.record_count(), builder.record_count());
    return *fresh.build(previous);
  }

  DnsTableBuilder builder{DnsHashSecret{}};

 private:
  std::vector<DnsZoneSpec> zones() const {
    std::vector<DnsZoneSpec> all = {zone("mesos"), zone("l4lb.test")};
    if (has_inner_) all.push_back(zone("l3.mesos"));
    return all;
  }
  DnsRecord any_record() {
    std::string name = random_() % 3 == 0 ? "l4lb.test" : "mesos";
    for (unsigned depth = static_cast<unsigned>(random_() % 4); depth != 0; --depth) {
      name = "l" + std::to_string(random_() % 12) + "." + name;
    }
    const auto ttl_s = static_cast<uint32_t>(random_() % 2 * 30 + 5);
    if (random_() % 3 == 0) {
      return *dns_srv_record(name, 0, 1, static_cast<uint16_t>(random_() % 3),
                             "t" + std::string(random_() % 3, 't') + ".mesos", ttl_s);
    }
    return a_record(name, static_cast<uint32_t>(random_() % 4), ttl_s);
  }

  std::mt19937 random_;
  bool has_inner_ = false;
  std::map<DnsRecord, int> counts_;
};

TEST(DnsTableBuilder, AnySequenceOfChangesEndsInTheTableOfItsRecords) {
  for (uint32_t seed = 0; seed < 6 && !::testing::Test::HasFatalFailure(); ++seed) {
    RandomChanges changes(seed);
    for (int round = 0; round < 60; ++round) {
      for (int i = 0; i < 200; ++i) changes.step();
      const auto table = *changes.builder.build();
      const auto scratch = changes.from_scratch(table.get());
      // Shards are shared if and only if they are octet for octet the same.
      ASSERT_EQ(scratch->shard_count(), table->shard_count());
      ASSERT_EQ(scratch->shared_shards(*table), table->shard_count()) << "round " << round;
      ASSERT_EQ(scratch->size(), table->size());
    }
  }
}

TEST(DnsTableBuilder, RecordsTakeLessThan150OctetsEach) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({zone("mesos")}));
  for (uint32_t i = 0; i < 20000; ++i) {
    const std::string task = "app-" + std::to_string(i % 5000) + "-ab12c-s" + std::to_string(i);
    must(builder.add(a_record(task + ".marathon.mesos", i)));
    must(builder.add(a_record(task + ".marathon.slave.mesos", i)));
    must(builder.add(a_record("app-" + std::to_string(i % 5000) + ".marathon.mesos", i)));
    must(builder.add(*dns_srv_record("_app-" + std::to_string(i % 5000) + "._tcp.marathon.mesos", 0,
                                     1, 31000, task + ".marathon.slave.mesos", 5)));
  }
  EXPECT_LT(builder.memory_bytes() / builder.record_count(), 150u);
}

// Of 50,000, so that the shards lie in huge pages.
TEST(DnsTableBuilder, ANameWithAnAddressTakesAtMost150OctetsTableAndAll) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({zone("mesos")}));
  for (uint32_t i = 0; i < 50'000; ++i) {
    must(builder.add(a_record("app-" + std::to_string(i) + ".marathon.mesos", i)));
  }
  const auto table = *builder.build();
  EXPECT_LE((table->memory_bytes() + builder.memory_bytes()) / table->size(), 150u);
}

TEST(DnsTableBuilder, NamesAreReadFromTheLastTableAsLongAsItHasThem) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({zone("mesos"), zone("other")}));
  constexpr uint32_t kNames = 40'000;
  for (uint32_t i = 0; i < kNames; ++i) {
    must(builder.add(a_record("n" + std::to_string(i) + (i % 2 == 0 ? ".mesos" : ".other"), i)));
  }
  std::shared_ptr<const DnsTable> table = *builder.build();
  ASSERT_NE(find(*table, "n1.other"), nullptr);
  // The names of a zone that goes are in no table, and come back with it.
  must(builder.set_zones({zone("mesos")}));
  table = *builder.build();
  table = *builder.build(nullptr);
  EXPECT_EQ(find(*table, "n1.other"), nullptr);
  EXPECT_TRUE(builder.has_records(wire("n1.other")));
  builder.remove(a_record("n3.other", 3));
  builder.remove(a_record("n2.mesos", 2));
  must(builder.set_zones({zone("mesos"), zone("other")}));
  table = *builder.build();
  EXPECT_EQ(find(*table, "n3.other"), nullptr);
  EXPECT_EQ(find(*table, "n2.mesos"), nullptr);
  // Many fewer, so that the shards are others.
  for (uint32_t i = 4; i < kNames - 100; ++i) {
    builder.remove(a_record("n" + std::to_string(i) + (i % 2 == 0 ? ".mesos" : ".other"), i));
  }
  const size_t shards = table->shard_count();
  table = *builder.build();
  EXPECT_LT(table->shard_count(), shards);
  for (const std::string name : {"n0.mesos", "n1.other", "n39900.mesos", "n39999.other"}) {
    EXPECT_NE(find(*table, name), nullptr) << name;
  }
  EXPECT_EQ(table->size(), 104u) << "two apexes, n0, n1 and the last hundred";
}

TEST(DnsTableBuilder, ALargeTableOutlivesItsBuilder) {
  std::shared_ptr<const DnsTable> table;
  {
    DnsTableBuilder builder(DnsHashSecret{});
    must(builder.set_zones({zone("mesos")}));
    for (uint32_t i = 0; i < 50'000; ++i) {
      must(builder.add(a_record("n" + std::to_string(i) + ".mesos", i)));
    }
    table = *builder.build();
  }
  for (uint32_t i = 0; i < 50'000; ++i) {
    ASSERT_NE(find(*table, "n" + std::to_string(i) + ".mesos"), nullptr);
  }
}

TEST(DnsTableBuilder, WhatIsRemovedGivesItsMemoryToWhatIsAdded) {
  DnsTableBuilder builder(DnsHashSecret{});
  must(builder.set_zones({zone("mesos")}));
  const auto cycle = [&] {
    for (uint32_t i = 0; i < 5000; ++i)
      must(builder.add(a_record("n" + std::to_string(i) + ".mesos", i)));
    for (uint32_t i = 0; i < 5000; ++i)
      builder.remove(a_record("n" + std::to_string(i) + ".mesos", i));
  };
  cycle();
  const size_t once = builder.memory_bytes();
  for (int i = 0; i < 5; ++i) cycle();
  EXPECT_LE(builder.memory_bytes(), once);
}

}  // namespace
}  // namespace vipgate::dns_table_builder_test
