// What of resolvers' answers is kept, for how long, and what gives way.
#include "controlplane/dns_sockets/dns_answer_cache.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace vipgate::dns_answer_cache_test {
namespace {

constexpr uint64_t kSecond = DnsKnownAnswer::kSecondNs;
constexpr uint64_t kStart = 1000 * kSecond;
constexpr size_t kRecords = 1000;
// Of one question of four octets with such an answer.
constexpr size_t kEach = DnsAnswerCache::kOverhead + 4 + kRecords;

class DnsAnswerCacheTest : public ::testing::Test {
 protected:
  DnsAnswerCacheTest() { cache_.set_room(16 * kEach, kStart); }

  static std::string question(unsigned number) {
    const std::string digits = std::to_string(number);
    return std::string(4 - digits.size(), 'n') + digits;
  }
  void store(const std::string& question, uint32_t ttl_s = 60, uint32_t stale_s = 0,
             uint64_t now_ns = kStart) {
    DnsKnownAnswer answer;
    answer.records.assign(kRecords, 0);
    answer.ttl_s = ttl_s;
    answer.stored_ns = now_ns;
    cache_.store(question, std::move(answer), stale_s, now_ns);
  }
  bool knows(const std::string& question) { return cache_.find(question) != nullptr; }

  DnsAnswerCache cache_{SipKey{{1, 2, 3, 4}}};
};

TEST_F(DnsAnswerCacheTest, AnswerIsFreshForItsTtlAndThenStale) {
  store("name", 60, 100);
  const DnsKnownAnswer* known = cache_.find("name");
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(cache_.find("nams"), nullptr);
  EXPECT_TRUE(known->is_fresh(kStart + 60 * kSecond - 1));
  EXPECT_FALSE(known->is_fresh(kStart + 60 * kSecond));
  EXPECT_FALSE(known->may_be_stale(kStart + 60 * kSecond, 0));
  EXPECT_TRUE(known->may_be_stale(kStart + 159 * kSecond, 100));
  EXPECT_FALSE(known->may_be_stale(kStart + 160 * kSecond, 100));
}

TEST_F(DnsAnswerCacheTest, FailureIsKnownForFiveSecondsAndNeverStale) {
  cache_.store_failure("name", kStart);
  const DnsKnownAnswer* known = cache_.find("name");
  ASSERT_NE(known, nullptr);
  EXPECT_TRUE(known->is_failure);
  EXPECT_TRUE(known->is_fresh(kStart + 4 * kSecond));
  EXPECT_FALSE(known->is_fresh(kStart + 5 * kSecond));
  EXPECT_FALSE(known->may_be_stale(kStart + 5 * kSecond, 1000));
}

TEST_F(DnsAnswerCacheTest, NewAnswerStandsInThePlaceOfTheEarlierOne) {
  store("name", 60);
  const size_t octets = cache_.octets();
  EXPECT_EQ(octets, kEach);
  store("name", 90);
  EXPECT_EQ(cache_.octets(), octets);
  EXPECT_EQ(cache_.find("name")->ttl_s, 90u);
  EXPECT_EQ(cache_.evictions(), 0u);
}

TEST_F(DnsAnswerCacheTest, NamesThatNobodyAsksForTwicePushOutEachOtherAlone) {
  for (unsigned i = 0; i < 10; ++i) {
    store(question(i));
    cache_.use(question(i));
  }
  for (unsigned i = 100; i < 1100; ++i) store(question(i));
  for (unsigned i = 0; i < 10; ++i) EXPECT_TRUE(knows(question(i))) << i;
  for (unsigned i = 1094; i < 1100; ++i) EXPECT_TRUE(knows(question(i))) << i;
  EXPECT_FALSE(knows(question(1093)));
  EXPECT_EQ(cache_.octets(), 16 * kEach);
  EXPECT_EQ(cache_.evictions(), 994u);
}

TEST_F(DnsAnswerCacheTest, OfProvenAnswersTooManyThatGoesWhichWasUsedTheLongestAgo) {
  for (unsigned i = 0; i < 15; ++i) {
    store(question(i));
    cache_.use(question(i));
  }
  // The first fourteen have had seven eighths, until the last one came.
  for (unsigned i = 100; i < 102; ++i) store(question(i));
  EXPECT_FALSE(knows(question(0)));
  for (unsigned i = 1; i < 15; ++i) EXPECT_TRUE(knows(question(i))) << i;
  cache_.use(question(1));
  store(question(200));
  cache_.use(question(200));
  for (unsigned i = 300; i < 302; ++i) store(question(i));
  EXPECT_TRUE(knows(question(1))) << "used since";
  EXPECT_FALSE(knows(question(2)));
}

TEST_F(DnsAnswerCacheTest, AnswerThatIsProvenStaysSoWhenItIsRenewed) {
  store("name");
  cache_.use("name");
  store("name");
  for (unsigned i = 0; i < 100; ++i) store(question(i));
  EXPECT_TRUE(knows("name"));
}

TEST_F(DnsAnswerCacheTest, WhatHasEndedMakesRoomFirstAndIsNotMissed) {
  for (unsigned i = 0; i < 16; ++i) store(question(i), i == 3 ? 10 : 60, i == 4 ? 0 : 60);
  cache_.use(question(3));
  store(question(100), 60, 0, kStart + 69 * kSecond);
  EXPECT_FALSE(knows(question(4))) << "never stale, and past its time";
  EXPECT_TRUE(knows(question(3))) << "may yet be stale";
  store(question(101), 60, 0, kStart + 70 * kSecond);
  EXPECT_FALSE(knows(question(3)));
  EXPECT_EQ(cache_.evictions(), 0u);
}

TEST_F(DnsAnswerCacheTest, RoomIsWhatItIsSetToWhateverIsKept) {
  store("name");
  store("none");
  cache_.set_room(kEach, kStart);
  EXPECT_EQ(cache_.octets(), kEach);
  EXPECT_TRUE(knows("none"));
  EXPECT_EQ(cache_.evictions(), 1u);
  store("some");
  EXPECT_FALSE(knows("some")) << "no answer may have more than an eighth";
  cache_.set_room(0, kStart);
  EXPECT_EQ(cache_.octets(), 0u);
  cache_.store_failure("name", kStart);
  EXPECT_FALSE(knows("name"));
}

TEST_F(DnsAnswerCacheTest, RandomUseNeverTakesMoreThanTheRoomAndCountsEveryOctet) {
  std::mt19937 engine(7);
  const auto random = [&] { return static_cast<uint32_t>(engine()); };
  uint64_t now_ns = kStart;
  std::map<std::string, size_t> sizes;
  for (int i = 0; i < 20'000; ++i) {
    now_ns += random() % kSecond;
    const std::string name = question(random() % 60);
    if (random() % 3 == 0 && knows(name)) cache_.use(name);
    if (random() % 50 == 0) cache_.set_room((4 + random() % 16) * kEach, now_ns);
    DnsKnownAnswer answer;
    answer.records.assign(random() % 2000, 0);
    answer.ttl_s = 1 + random() % 30;
    answer.stored_ns = now_ns;
    sizes[name] = DnsAnswerCache::kOverhead + 4 + answer.records.size();
    cache_.store(name, std::move(answer), random() % 10, now_ns);
    size_t octets = 0;
    for (const auto& [known, size] : sizes) octets += knows(known) ? size : 0;
    ASSERT_EQ(cache_.octets(), octets);
    ASSERT_LE(octets, cache_.room());
  }
}

}  // namespace
}  // namespace vipgate::dns_answer_cache_test
