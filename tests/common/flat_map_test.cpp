#include "common/flat_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <unordered_map>

#include "common/addresses.h"

namespace vipgate::flat_map_test {
namespace {

struct VipKey4 {
  Ipv4Address address;
  Be16 port;
  uint8_t protocol = 0;
  uint8_t zero = 0;
  friend bool operator==(const VipKey4&, const VipKey4&) = default;
};
static_assert(sizeof(VipKey4) == 8);

struct VipKey6 {
  Ipv6Address address;
  Be16 port;
  uint8_t protocol = 0;
  std::array<uint8_t, 5> zero{};
  friend bool operator==(const VipKey6&, const VipKey6&) = default;
};
static_assert(sizeof(VipKey6) == 24);

template <class Key>
Key make_key(uint64_t seed) {
  Key key{};
  std::memcpy(static_cast<void*>(&key), &seed, std::min(sizeof seed, sizeof key));
  if constexpr (sizeof(Key) == 8) key.zero = 0;
  return key;
}

template <class Key>
struct StdHash {
  size_t operator()(const Key& key) const {
    return std::hash<std::string_view>()(
        std::string_view(reinterpret_cast<const char*>(&key), sizeof key));
  }
};

// Small key spaces, so that the blank key, hits and misses all come up.
template <class Key>
void expect_same_as_model(uint64_t seed) {
  std::mt19937_64 random(seed);
  const size_t count = random() % 300;
  const uint64_t space = 1 + random() % 600;
  std::unordered_map<Key, uint64_t, StdHash<Key>> model;
  for (size_t i = 0; i < count; ++i) model.emplace(make_key<Key>(random() % space), random());
  const std::vector<std::pair<Key, uint64_t>> entries(model.begin(), model.end());
  const auto map = FlatMap<Key, uint64_t>::build(entries);

  ASSERT_EQ(map.size(), model.size());
  for (uint64_t i = 0; i < space + 50; ++i) {
    const Key key = make_key<Key>(i);
    const uint64_t* found = map.find(key, map.hash(key));
    const auto expected = model.find(key);
    ASSERT_EQ(found != nullptr, expected != model.end()) << i;
    if (found != nullptr) {
      ASSERT_EQ(*found, expected->second) << i;
    }
  }
  size_t visited = 0;
  map.for_each([&](const Key& key, uint64_t value) {
    ++visited;
    ASSERT_EQ(model.at(key), value);
  });
  ASSERT_EQ(visited, model.size());
}

TEST(FlatMap, FindsExactlyWhatAnUnorderedMapFinds) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    expect_same_as_model<Ipv4Address>(seed);
    expect_same_as_model<Ipv6Address>(seed);
    expect_same_as_model<VipKey4>(seed);
    expect_same_as_model<VipKey6>(seed);
  }
}

TEST(FlatMap, EmptyMapFindsNothing) {
  const FlatMap<Ipv4Address, int> made;
  const auto built = FlatMap<Ipv4Address, int>::build({});
  for (const auto* map : {&made, &built}) {
    for (const uint32_t address : {0u, 1u, 0xffffffffu}) {
      const Ipv4Address key{Be32(address)};
      map->prefetch(map->hash(key));
      EXPECT_EQ(map->find(key), nullptr);
    }
    EXPECT_EQ(map->size(), 0u);
    map->for_each([](const Ipv4Address&, int) { ADD_FAILURE() << "an empty map has no entry"; });
  }
}

TEST(FlatMap, AllZeroKeyIsAKeyLikeAnyOther) {
  const std::pair<Ipv4Address, int> zero{Ipv4Address{}, 5};
  const auto map = FlatMap<Ipv4Address, int>::build({&zero, 1});
  ASSERT_NE(map.find(Ipv4Address{}), nullptr);
  EXPECT_EQ(*map.find(Ipv4Address{}), 5);
  EXPECT_EQ(map.find(Ipv4Address{Be32(1)}), nullptr);
}

struct SameHash {
  static uint64_t hash(const Ipv4Address&) { return 0xffffffffffffffff; }
};

TEST(FlatMap, KeysOfOneHashAreToldApartAcrossTheEndOfTheTable) {
  std::vector<std::pair<Ipv4Address, uint32_t>> entries;
  for (uint32_t i = 1; i <= 16; ++i) entries.push_back({Ipv4Address{Be32(i)}, i * 10});
  const auto map = FlatMap<Ipv4Address, uint32_t, SameHash>::build(entries);
  for (const auto& [key, value] : entries) {
    ASSERT_NE(map.find(key), nullptr);
    EXPECT_EQ(*map.find(key), value);
  }
  EXPECT_EQ(map.find(Ipv4Address{Be32(17)}), nullptr);
}

TEST(FlatMap, ASlotOfOneCacheLineIsAlignedToIt) {
  struct Value {
    std::array<uint8_t, 56> bytes{};
  };
  std::vector<std::pair<VipKey4, Value>> entries;
  for (uint64_t i = 1; i <= 100; ++i) entries.push_back({make_key<VipKey4>(i), Value{}});
  const auto map = FlatMap<VipKey4, Value>::build(entries);
  for (const auto& [key, value] : entries) {
    // The key is the first 8 bytes of the slot.
    EXPECT_EQ((reinterpret_cast<uintptr_t>(map.find(key)) - sizeof key) % 64, 0u);
  }
}

#ifndef NDEBUG
TEST(FlatMapDeathTest, DuplicateKeysAreRefused) {
  const std::vector<std::pair<Ipv4Address, int>> entries = {{Ipv4Address{Be32(1)}, 1},
                                                            {Ipv4Address{Be32(1)}, 2}};
  EXPECT_DEATH((void)(FlatMap<Ipv4Address, int>::build(entries)), "unique");
}
#endif

}  // namespace
}  // namespace vipgate::flat_map_test
