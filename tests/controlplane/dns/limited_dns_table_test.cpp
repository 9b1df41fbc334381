#include "controlplane/dns/limited_dns_table.h"

#include <gtest/gtest.h>

#include "tests/support/snapshot_text.h"

namespace vipgate::limited_dns_table_test {
namespace {

DnsRecord record(const std::string& name, const std::string& address) {
  return *dns_address_record(name + ".z", *parse_ip_address(address), 5);
}

class LimitedDnsTableTest : public testing::Test {
 protected:
  LimitedDnsTableTest() {
    DnsZoneSpec zone;
    zone.name = *dns_name_from_text("z");
    zone.soa.mname = zone.soa.rname = zone.name;
    EXPECT_TRUE(table_.set_zones({zone}).ok());
    table_.set_limit(2);
  }
  void add(const std::string& name, const std::string& address = "10.0.0.1") {
    EXPECT_TRUE(table_.add(record(name, address)).ok());
  }
  void remove(const std::string& name, const std::string& address = "10.0.0.1") {
    table_.remove(record(name, address));
    EXPECT_TRUE(table_.take_waiting().ok());
  }
  // The owners of the records that are answered, once for each.
  std::multiset<std::string> served() {
    std::multiset<std::string> names;
    auto table = table_.build();
    EXPECT_TRUE(table.ok());
    (*table)->for_each_record(
        [&](const DnsTable::Record& served) { names.insert(dns_name_to_text(served.name)); });
    return names;
  }
  using Names = std::multiset<std::string>;

  LimitedDnsTable table_{DnsHashSecret{}};
};

TEST_F(LimitedDnsTableTest, ANameBeyondTheLimitWaitsAndTheOthersStay) {
  add("a");
  add("b");
  add("c");
  EXPECT_EQ(served(), (Names{"a.z.", "b.z."}));
  EXPECT_EQ(table_.names(), 2u);
  EXPECT_EQ(table_.waiting().size(), 1u);
}

TEST_F(LimitedDnsTableTest, ANameThatIsThereTakesFurtherRecords) {
  add("a");
  add("b");
  add("a", "10.0.0.2");
  EXPECT_EQ(served(), (Names{"a.z.", "a.z.", "b.z."}));
  EXPECT_TRUE(table_.waiting().empty());
}

TEST_F(LimitedDnsTableTest, WhenANameGoesTheFirstThatWaitsComesWithAllItsRecords) {
  add("a");
  add("b");
  add("d");
  add("c");
  add("c", "10.0.0.2");
  remove("a");
  EXPECT_EQ(served(), (Names{"b.z.", "c.z.", "c.z."}));
  remove("b");
  EXPECT_EQ(served(), (Names{"c.z.", "c.z.", "d.z."}));
  EXPECT_TRUE(table_.waiting().empty());
}

TEST_F(LimitedDnsTableTest, WhatWaitsAndWasAddedTwiceGoesWhenItWasRemovedTwice) {
  add("a");
  add("b");
  add("c");
  add("c");
  remove("c");
  EXPECT_EQ(table_.waiting().size(), 1u);
  remove("a");
  EXPECT_EQ(served(), (Names{"b.z.", "c.z."}));
  remove("c");
  EXPECT_EQ(served(), Names{"b.z."});
}

TEST_F(LimitedDnsTableTest, ARecordThatWaitsMayBeTakenBack) {
  add("a");
  add("b");
  add("c");
  remove("c");
  remove("a");
  EXPECT_EQ(served(), Names{"b.z."});
}

TEST_F(LimitedDnsTableTest, ANameThatGotRoomByOneRecordHasThoseThatWaited) {
  add("a");
  add("b");
  add("c");
  table_.remove(record("a", "10.0.0.1"));
  add("c", "10.0.0.2");  // before the next look at what waits
  EXPECT_TRUE(table_.waiting().empty());
  EXPECT_EQ(served(), (Names{"b.z.", "c.z.", "c.z."}));
}

TEST_F(LimitedDnsTableTest, ARecordOfNoZoneIsAnErrorAndTakesNoRoom) {
  EXPECT_FALSE(table_.add(*dns_address_record("a.other", *parse_ip_address("10.0.0.1"), 5)).ok());
  EXPECT_EQ(table_.names(), 0u);
}

}  // namespace
}  // namespace vipgate::limited_dns_table_test
