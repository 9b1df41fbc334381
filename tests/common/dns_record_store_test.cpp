// The index of names by their hashes: what is found by a range of them.
#include "common/dns_record_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace vipgate::dns_record_store_test {
namespace {

TEST(DnsIdIndex, FindsTheIdsOfEachRangeOfHashesWhateverCameAndWent) {
  std::mt19937 random(3);
  // Few and crowded hashes: runs of slots that reach round the end.
  for (const uint32_t spread : {UINT32_MAX, 50'000u, 40u}) {
    DnsIdIndex index;
    std::map<uint32_t, uint32_t> hashes;  // by id
    const auto any_hash = [&] { return UINT32_MAX - static_cast<uint32_t>(random() % spread); };
    for (uint32_t id = 0; id < 2000; ++id) {
      hashes[id] = any_hash();
      index.insert(hashes[id], id);
      if (random() % 2 == 0) {
        const auto gone = std::next(hashes.begin(), static_cast<long>(random() % hashes.size()));
        index.erase(gone->second, gone->first);
        hashes.erase(gone);
      }
      if (id % 50 != 0) continue;
      uint32_t first = any_hash(), last = id % 100 == 0 ? UINT32_MAX : any_hash();
      if (first > last) std::swap(first, last);
      if (id % 200 == 0) first = 0;
      std::vector<uint32_t> found, expected;
      index.find_between(first, last, found);
      for (const auto& [known, hash] : hashes) {
        if (hash >= first && hash <= last) expected.push_back(known);
      }
      std::sort(found.begin(), found.end());
      ASSERT_EQ(found, expected) << "from " << first << " to " << last;
    }
    for (const auto& [id, hash] : hashes) {
      ASSERT_EQ(index.find(hash, [id = id](uint32_t other) { return other == id; }), id);
    }
  }
}

TEST(DnsIdIndex, AnEmptyOneFindsNothing) {
  const DnsIdIndex index;
  std::vector<uint32_t> found;
  index.find_between(0, UINT32_MAX, found);
  EXPECT_TRUE(found.empty());
  EXPECT_EQ(index.find(1, [](uint32_t) { return true; }), DnsIdIndex::kNone);
}

}  // namespace
}  // namespace vipgate::dns_record_store_test
