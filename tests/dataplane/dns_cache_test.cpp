// The cache of what resolvers said, against a model of what it may and must know.
#include "dataplane/fastpath/dns_cache.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/support/dns_message.h"

namespace vipgate::dns_cache_test {
namespace {

using test::be16;
using test::be32;
using test::wire_name;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kStart = 1000 * kSecond;

class DnsCacheTest : public ::testing::Test {
 protected:
  explicit DnsCacheTest(size_t answers = 64)
      : buckets_(DnsCacheMemory::buckets_for(answers)),
        slots_(buckets_.size() * DnsCacheBucket::kWays),
        cache_({.buckets = buckets_, .slots = slots_}) {}

  // Names keep their octets for as long as the test lasts.
  DnsQuestion question(const std::string& text, DnsType type = DnsType::kA, uint8_t flags = 0) {
    auto& name = names_[text];
    if (name == nullptr) {
      name = std::make_unique<DnsFoldedName>();
      const std::string wire = wire_name(text) + std::string(3, '\0');
      dns_fold_name(reinterpret_cast<const uint8_t*>(wire.data()), wire.size() - 3, *name);
    }
    const size_t length = wire_name(text).size();
    return DnsQuestion::of(hash_(*name, length), *name, length, type, flags);
  }
  // An answer of one record, whose data are `data`.
  void store(const DnsQuestion& asked, uint32_t ttl_s, uint32_t data, uint64_t now_ns) {
    const std::string body = "\xc0\x0c" + be16(1) + be16(1) + be32(ttl_s) + be16(4) + be32(data);
    DnsUpstreamAnswer answer;
    answer.kind = DnsUpstreamAnswer::Kind::kAnswer;
    answer.answers = 1;
    answer.body_offset = 0;
    answer.body_length = static_cast<uint16_t>(body.size());
    answer.ttl_s = ttl_s;
    answer.ttl_count = 1;
    answer.ttls[0] = {6, ttl_s};
    cache_.store(asked, reinterpret_cast<const uint8_t*>(body.data()), answer, now_ns);
  }
  static uint32_t data_of(const DnsCacheSlot& slot) { return load<Be32>(slot.body() + 12).host(); }

  DnsNameHash hash_{DnsHashSecret{}};
  std::map<std::string, std::unique_ptr<DnsFoldedName>> names_;
  std::vector<DnsCacheBucket> buckets_;
  std::vector<DnsCacheSlot> slots_;
  DnsCache cache_;
};

class OneBucket : public DnsCacheTest {
 protected:
  OneBucket() : DnsCacheTest(8) {}
};

TEST_F(DnsCacheTest, WhatIsToldAtOnceIsFreshAndKnownToBeForOthersByThatSnapshot) {
  const DnsQuestion asked = question("www.example.org");
  const DnsFoldedName& name = *names_["www.example.org"];
  EXPECT_EQ(cache_.prefetch_slot(asked.hash), DnsCache::kNoPlace);
  store(asked, 10, 7, kStart);
  DnsCache::Sought sought{asked.hash, asked.shape(), cache_.prefetch_slot(asked.hash)};
  ASSERT_NE(sought.place, DnsCache::kNoPlace);
  const auto find = [&](uint64_t generation, uint64_t now_ns) {
    const DnsCacheSlot* known = cache_.find_fresh<true>(sought, name, generation, now_ns);
    EXPECT_EQ(cache_.find_fresh<false>(sought, name, generation, now_ns), known);
    return known;
  };
  EXPECT_EQ(find(5, kStart), nullptr) << "nobody has looked yet";
  cache_.find(asked, false)->outside_in = 5;
  ASSERT_NE(find(5, kStart), nullptr);
  EXPECT_EQ(data_of(*find(5, kStart + 9 * kSecond)), 7u);
  EXPECT_EQ(find(6, kStart), nullptr) << "another snapshot";
  EXPECT_EQ(find(5, kStart + 10 * kSecond), nullptr) << "its time is over";
  sought.shape = question("www.example.org", DnsType::kAaaa).shape();
  EXPECT_EQ(find(5, kStart), nullptr) << "another type";
  sought.shape = asked.shape();
  const DnsQuestion other = question("vvv.example.org");
  EXPECT_EQ(cache_.find_fresh<true>(sought, *names_["vvv.example.org"], 5, kStart), nullptr)
      << "as if the hashes met";
  EXPECT_EQ(other.shape(), asked.shape());
  store(asked, 10, 8, kStart);
  EXPECT_EQ(find(5, kStart), nullptr) << "another answer";
}

TEST_F(DnsCacheTest, NamesOfAllLengthsAreToldApartByEachOctet) {
  for (const size_t length : {1u, 30u, 60u, 61u, 62u, 63u, 126u, 250u}) {
    std::string name;
    while (name.size() < length) name += name.size() % 50 == 49 ? '.' : 'a';
    if (name.back() == '.') name.back() = 'a';
    const DnsQuestion asked = question(name);
    store(asked, 10, 1, kStart);
    ASSERT_NE(cache_.find(asked, false), nullptr) << length;
    for (size_t i = 0; i < name.size(); ++i) {
      if (name[i] == '.') continue;
      std::string other = name;
      other[i] = 'b';
      // As if the hashes met.
      DnsQuestion unlike = question(other);
      unlike.hash = asked.hash;
      EXPECT_EQ(cache_.find(unlike, false), nullptr) << length << " " << i;
    }
  }
}

TEST_F(DnsCacheTest, AnswersAreCountedAsLongAsTheirTimeLasts) {
  const auto count = [&](uint64_t now_ns) {
    for (size_t step = 0; step < TableCensus::kSteps; ++step) cache_.count_answers(now_ns);
    return cache_.answers();
  };
  EXPECT_EQ(count(kStart), 0u);
  store(question("a.example."), 60, 1, kStart);
  store(question("b.example."), 10, 2, kStart);
  EXPECT_EQ(count(kStart + kSecond), 2u);
  EXPECT_EQ(count(kStart + 30 * kSecond), 1u) << "what has ended holds its place for others alone";
}

TEST_F(DnsCacheTest, AnswerIsFoundByNameTypeAndFlags) {
  const DnsQuestion asked = question("www.example");
  EXPECT_EQ(cache_.find(asked, true), nullptr);
  store(asked, 60, 7, kStart);
  const DnsCacheSlot* found = cache_.find(question("www.example"), true);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(data_of(*found), 7u);
  EXPECT_EQ(found->ttl_offset(0), 6);
  EXPECT_EQ(cache_.find(question("www.example", DnsType::kAaaa), true), nullptr);
  EXPECT_EQ(cache_.find(question("www.example", DnsType::kA, DnsQuestion::kDnssecOk), true),
            nullptr);
  EXPECT_EQ(cache_.find(question("ww.example"), true), nullptr);
}

TEST_F(DnsCacheTest, AnswerIsFreshForItsTtlAndThenStale) {
  store(question("www.example"), 60, 7, kStart);
  const DnsCacheSlot* found = cache_.find(question("www.example"), true);
  ASSERT_NE(found, nullptr);
  EXPECT_TRUE(found->is_fresh(kStart + 60 * kSecond - 1));
  EXPECT_FALSE(found->is_fresh(kStart + 60 * kSecond));
  EXPECT_FALSE(found->may_be_stale(kStart + 60 * kSecond, 0));
  EXPECT_TRUE(found->may_be_stale(kStart + 159 * kSecond, 100));
  EXPECT_FALSE(found->may_be_stale(kStart + 160 * kSecond, 100));
}

TEST_F(DnsCacheTest, TtlOfZeroIsForThoseWhoWaitAlone) {
  store(question("www.example"), 0, 7, kStart);
  const DnsCacheSlot* found = cache_.find(question("www.example"), true);
  ASSERT_NE(found, nullptr);
  EXPECT_TRUE(found->is_fresh(kStart));
  EXPECT_FALSE(found->is_fresh(kStart + kSecond));
  EXPECT_FALSE(found->may_be_stale(kStart + kSecond, 1000));
}

TEST_F(DnsCacheTest, FailureIsKnownForItsTimeAndCoversNothingThatMayBeStale) {
  const DnsQuestion asked = question("www.example");
  cache_.store_failure(asked, 5, 0, kStart);
  const DnsCacheSlot* found = cache_.find(asked, true);
  ASSERT_NE(found, nullptr);
  EXPECT_TRUE(found->is_failure);
  EXPECT_FALSE(found->is_fresh(kStart + 5 * kSecond));
  store(asked, 10, 7, kStart);
  cache_.store_failure(asked, 30, 100, kStart + 20 * kSecond);
  found = cache_.find(asked, true);
  EXPECT_FALSE(found->is_failure);
  EXPECT_EQ(data_of(*found), 7u);
  EXPECT_EQ(found->recheck_ns, kStart + 50 * kSecond);
  cache_.store_failure(asked, 5, 100, kStart + 200 * kSecond);
  EXPECT_TRUE(cache_.find(asked, true)->is_failure) << "too old to be told";
}

TEST_F(DnsCacheTest, LargestAnswerOfUdpFitsWithAllOfItsTtls) {
  const DnsQuestion asked = question("a");
  std::string body;
  DnsUpstreamAnswer answer;
  answer.kind = DnsUpstreamAnswer::Kind::kAnswer;
  const size_t room = kDnsUdpLimit - kDnsHeaderLength - 3 - 4;
  while (body.size() + 11 <= room) {
    answer.ttls[answer.ttl_count++] = {static_cast<uint16_t>(body.size() + 5), 60};
    body += std::string(1, '\0') + be16(1) + be16(1) + be32(60) + be16(0);
  }
  answer.answers = answer.ttl_count;
  answer.ttl_s = 60;
  answer.body_length = static_cast<uint16_t>(body.size());
  cache_.store(asked, reinterpret_cast<const uint8_t*>(body.data()), answer, kStart);
  const DnsCacheSlot* found = cache_.find(asked, true);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(std::memcmp(found->body(), body.data(), body.size()), 0);
  EXPECT_EQ(found->ttl_offset(answer.ttl_count - 1u), answer.ttls[answer.ttl_count - 1u].offset);
}

TEST_F(OneBucket, NamesThatNobodyAsksTwicePushOutNoneThatIsUsed) {
  for (int i = 0; i < 7; ++i) {
    const DnsQuestion hot = question("hot" + std::to_string(i));
    store(hot, 3600, 1, kStart);
    cache_.find(hot, true);
  }
  for (int i = 0; i < 1000; ++i) {
    store(question("random" + std::to_string(i)), 3600, 2, kStart + i * kSecond);
  }
  for (int i = 0; i < 7; ++i) {
    EXPECT_NE(cache_.find(question("hot" + std::to_string(i)), false), nullptr) << i;
  }
  EXPECT_EQ(cache_.evictions(), 999u);
}

TEST_F(OneBucket, WhatIsUsedMoreOftenOutlivesWhatIsUsedTwice) {
  const DnsQuestion hot = question("hot");
  store(hot, 3600, 1, kStart);
  for (int i = 0; i < 200; ++i) cache_.find(hot, true);
  for (int i = 0; i < 100; ++i) {
    const DnsQuestion other = question("other" + std::to_string(i));
    store(other, 3600, 2, kStart + kSecond);
    cache_.find(other, true);
  }
  EXPECT_NE(cache_.find(hot, false), nullptr);
  EXPECT_NE(cache_.find(question("other99"), false), nullptr) << "what is new finds its place";
}

TEST_F(OneBucket, WhatIsToldByItsPlaceIsUsedAsWhatIsFound) {
  const DnsQuestion hot = question("hot");
  store(hot, 3600, 1, kStart);
  const DnsCache::Place place = cache_.prefetch_slot(hot.hash);
  EXPECT_FALSE(cache_.use_again(place)) << "it was not used before";
  cache_.use(place);
  for (int i = 0; i < 300; ++i) EXPECT_TRUE(cache_.use_again(place));
  for (int i = 0; i < 100; ++i) store(question("n" + std::to_string(i)), 3600, 2, kStart);
  EXPECT_NE(cache_.find(hot, false), nullptr);
}

TEST_F(OneBucket, ReleaseOfWhoWaitedIsNoUse) {
  store(question("once"), 3600, 1, kStart);
  cache_.find(question("once"), false);
  for (int i = 0; i < 8; ++i) store(question("n" + std::to_string(i)), 3600, 2, kStart + kSecond);
  EXPECT_EQ(cache_.find(question("once"), false), nullptr);
}

// Whatever happens, what is found is what was stored last for that very question.
TEST_F(DnsCacheTest, FindsNothingButWhatWasStoredLast) {
  std::mt19937 engine(7);
  const auto random = [&] { return static_cast<uint32_t>(engine()); };
  std::map<std::tuple<std::string, int, int>, std::pair<uint32_t, uint64_t>> model;
  uint64_t now_ns = kStart;
  size_t found_count = 0;
  for (uint32_t i = 0; i < 20'000; ++i) {
    const std::string name = "n" + std::to_string(random() % 200);
    const int type = random() % 2 == 0 ? 1 : 28;
    const int flags = static_cast<int>(random() % 4);
    const DnsQuestion asked = question(name, DnsType(type), static_cast<uint8_t>(flags));
    const auto key = std::make_tuple(name, type, flags);
    if (random() % 3 == 0) {
      store(asked, 1 + random() % 100, i, now_ns);
      model[key] = {i, now_ns};
    } else if (const DnsCacheSlot* found = cache_.find(asked, random() % 2 == 0)) {
      ++found_count;
      ASSERT_TRUE(model.contains(key));
      ASSERT_EQ(data_of(*found), model[key].first);
      ASSERT_EQ(found->stored_ns, model[key].second);
    }
    now_ns += random() % 3 * kSecond / 10;
  }
  EXPECT_GT(found_count, 100u);
}

}  // namespace
}  // namespace vipgate::dns_cache_test
