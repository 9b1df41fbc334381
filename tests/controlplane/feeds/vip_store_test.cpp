#include "controlplane/feeds/vip_store.h"

#include <gtest/gtest.h>

#include "controlplane/naming/yaml_vips.h"
#include "tests/controlplane/feeds/memory_store.h"
#include "tests/support/address_text.h"

namespace vipgate::vip_store_test {
namespace {

using test::ip;

TEST(VipStore, AnAllocationThatDependsOnWhoCameFirstOutlivesARestart) {
  MemoryStore store;
  const NamedVipsConfig config;
  VipAllocator first(config);
  first.pin("other.name", ip("11.202.66.36"));  // the first choice of redis.marathon
  first.allocate({"redis.marathon"}, 4);
  first.allocate({"redis.marathon"}, 6);
  const auto displaced = first.address_of("redis.marathon", 4);
  ASSERT_TRUE(displaced);
  ASSERT_NE(*displaced, ip("11.202.66.36"));
  const ServiceKey key{ip("11.0.0.9"), 80, Protocol::kUdp};
  ASSERT_TRUE(first.claim(key, "marathon"));
  save_vips(first, store);

  VipAllocator second(config);
  ASSERT_TRUE(restore_vips(store, second).ok());
  second.allocate({"redis.marathon"}, 4);
  EXPECT_EQ(second.address_of("redis.marathon", 4), displaced);
  EXPECT_FALSE(second.claim(key, "chronos"));
  EXPECT_EQ(*second.owner_of(key), "marathon");
}

TEST(VipStore, NothingIsWrittenTwice) {
  MemoryStore store;
  VipAllocator allocator(NamedVipsConfig{});
  allocator.allocate({"a.b"}, 4);
  save_vips(allocator, store);
  save_vips(allocator, store);
  EXPECT_EQ(store.batches, 1u);
}

TEST(VipStore, WhatAnotherGatewayDecidedIsTakenOver) {
  VipAllocator allocator(NamedVipsConfig{});
  EXPECT_TRUE(adopt_vip({std::string(kVipSpace), "name/redis.marathon 4", "11.1.2.3"}, allocator));
  allocator.allocate({"redis.marathon"}, 4);
  EXPECT_EQ(allocator.address_of("redis.marathon", 4), ip("11.1.2.3"));
  EXPECT_TRUE(adopt_vip({std::string(kVipSpace), "port/11.0.0.9 80 tcp", "chronos"}, allocator));
  EXPECT_EQ(*allocator.owner_of({ip("11.0.0.9"), 80, Protocol::kTcp}), "chronos");
}

// Two gateways that decided while they could not see each other: `loser` takes over what `winner`
// stored first, and writes nothing against it.
TEST(VipStore, OfTwoGatewaysThatDecidedApartOneTakesOverWhatTheOtherStored) {
  NamedVipsConfig ranges;
  ranges.ipv4 = {ip("11.0.0.0"), ip("11.0.0.9")};
  VipAllocator winner(ranges);
  VipAllocator loser(ranges);
  MemoryStore store;
  for (const char* name : {"a.x", "b.x", "c.x", "d.x", "e.x"}) winner.allocate({name}, 4);
  for (const char* name : {"e.x", "d.x", "c.x", "b.x", "a.x"}) loser.allocate({name}, 4);
  const ServiceKey key{ip("10.1.1.1"), 80, Protocol::kTcp};
  ASSERT_TRUE(winner.claim(key, "marathon"));
  ASSERT_TRUE(loser.claim(key, "chronos"));
  save_vips(winner, store);
  for (const auto& [name, value] : store.rows[std::string(kVipSpace)]) {
    EXPECT_TRUE(adopt_vip({std::string(kVipSpace), name, value}, loser)) << name;
  }
  for (const char* name : {"a.x", "b.x", "c.x", "d.x", "e.x"}) {
    EXPECT_EQ(loser.address_of(name, 4), winner.address_of(name, 4)) << name;
  }
  EXPECT_EQ(*loser.owner_of(key), "marathon");
  EXPECT_GT(loser.moves(), 0u);
  MemoryStore written;
  save_vips(loser, written);
  EXPECT_EQ(written.batches, 0u);
}

TEST(VipStore, AnEntryInUseThatAnotherGatewayTookOutIsStoredAgain) {
  VipAllocator allocator(NamedVipsConfig{});
  MemoryStore store;
  allocator.allocate({"a.b"}, 4);
  save_vips(allocator, store);
  const auto before = store.rows;
  const std::string key = before.at(std::string(kVipSpace)).begin()->first;
  store.rows.clear();
  EXPECT_TRUE(adopt_vip({std::string(kVipSpace), key, std::nullopt}, allocator));
  save_vips(allocator, store);
  EXPECT_EQ(store.rows, before);
}

TEST(VipStore, EntriesThatCannotBeReadAreLeftOut) {
  VipAllocator allocator(NamedVipsConfig{});
  for (const char* key : {"name/redis.marathon", "name/redis.marathon 6", "port/11.0.0.9 80",
                          "port/11.0.0.9 99999 tcp", "port/x 80 tcp", "other", ""}) {
    EXPECT_FALSE(adopt_vip({std::string(kVipSpace), key, "11.1.2.3"}, allocator)) << key;
  }
  EXPECT_FALSE(adopt_vip({"other", "name/redis.marathon 4", "11.1.2.3"}, allocator));
}

ServiceConfig service(const std::string& name, const char* real, bool vip_auto) {
  ServiceConfig config;
  config.name = name;
  config.vip_auto = vip_auto;
  if (real != nullptr) config.reals.push_back({ip(real), 80, 1, {}});
  return config;
}

TEST(YamlVips, AutoGivesTheAddressOfTheNameInTheFamilyOfTheReals) {
  VipAllocator allocator(NamedVipsConfig{});
  YamlVips vips;
  Config config;
  config.services = {service("redis.marathon", "10.0.0.1", true),
                     service("redis.marathon", "fd00::1", true)};
  ASSERT_TRUE(vips.resolve(config, allocator).ok());
  EXPECT_EQ(config.services[0].vip, ip("11.202.66.36"));
  EXPECT_EQ(config.services[1].vip, ip("fd01:c::da94:49ac:1e87:4a07"));
}

TEST(YamlVips, AnAddressThatIsWrittenDownIsTheNamesOwnUntilItIsTakenOut) {
  VipAllocator allocator(NamedVipsConfig{});
  YamlVips vips;
  Config config;
  config.services = {service("fixed", "10.0.0.1", false)};
  config.services[0].vip = ip("11.202.66.36");
  ASSERT_TRUE(vips.resolve(config, allocator).ok());
  allocator.allocate({"redis.marathon"}, 4);
  EXPECT_NE(allocator.address_of("redis.marathon", 4), ip("11.202.66.36"));
  EXPECT_EQ(allocator.address_of("fixed", 4), ip("11.202.66.36"));

  config.services[0].vip = ip("11.5.5.5");
  ASSERT_TRUE(vips.resolve(config, allocator).ok());
  EXPECT_EQ(allocator.address_of("fixed", 4), ip("11.5.5.5"));
}

TEST(YamlVips, ARangeThatIsFullIsAnErrorThatNamesTheService) {
  NamedVipsConfig ranges;
  ranges.ipv4 = {ip("11.0.0.0"), ip("11.0.0.1")};
  VipAllocator allocator(ranges);
  YamlVips vips;
  Config config;
  config.file = "f.yaml";
  for (const char* name : {"a", "b", "c"}) config.services.push_back(service(name, nullptr, true));
  const Status status = vips.resolve(config, allocator);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error(),
            "f.yaml: service 'c': no address is left for `vip: auto` in named_vips.ipv4; widen the "
            "range");
}

}  // namespace
}  // namespace vipgate::vip_store_test
