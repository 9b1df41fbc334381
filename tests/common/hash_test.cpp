#include "common/hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

namespace vipgate::hash_test {
namespace {

constexpr HashSecret kSecret{{0x0123456789abcdef, 42, 0xfedcba9876543210, 7}};

Ipv4Address v4(const char* text) { return parse_ip_address(text)->v4(); }
Ipv6Address v6(const char* text) { return parse_ip_address(text)->v6(); }

// Each flipped bit of the key must flip each bit of the hash in half of the cases.
template <size_t words, class Hash>
void expect_avalanche(Hash&& hash) {
  constexpr int kRounds = 4000;
  std::mt19937_64 random(1);
  double worst = 0;
  for (size_t bit = 0; bit < words * 64; ++bit) {
    int flips[64] = {};
    for (int round = 0; round < kRounds; ++round) {
      uint64_t key[words];
      for (auto& word : key) word = random();
      const uint64_t before = hash(key);
      key[bit / 64] ^= uint64_t{1} << bit % 64;
      const uint64_t changed = before ^ hash(key);
      for (int i = 0; i < 64; ++i) flips[i] += static_cast<int>(changed >> i & 1);
    }
    for (const int count : flips) worst = std::max(worst, std::abs(count / (kRounds / 2.0) - 1));
  }
  // Standard deviation 1.6 %: six of them over up to 16,384 pairs.
  EXPECT_LT(worst, 0.095);
}

TEST(KeyedHash, EachKeyBitFlipsEachHashBitInHalfOfTheCases) {
  expect_avalanche<1>([](const uint64_t* key) { return keyed_hash(*key, kSecret); });
  expect_avalanche<1>([](const uint64_t* key) { return keyed_hash(*key, HashSecret{}); });
  expect_avalanche<3>([](const uint64_t* key) { return keyed_hash(key, 24, kSecret); });
  expect_avalanche<4>([](const uint64_t* key) { return keyed_hash(key, 32, kSecret); });
  expect_avalanche<4>([](const uint64_t* key) { return keyed_hash(key, 32, HashSecret{}); });
}

// Chi-squared of 65,536 buckets is within 6 standard deviations of what chance gives.
template <class Hash>
void expect_even_buckets(Hash&& hash_of) {
  constexpr size_t kBuckets = 1 << 16;
  constexpr size_t kKeys = kBuckets * 8;
  for (const int shift : {0, 16, 32, 48}) {
    std::vector<uint32_t> counts(kBuckets);
    for (uint64_t i = 0; i < kKeys; ++i) ++counts[hash_of(i) >> shift & (kBuckets - 1)];
    double chi_squared = 0;
    for (const uint32_t count : counts) chi_squared += (count - 8.0) * (count - 8.0) / 8.0;
    EXPECT_NEAR(chi_squared, kBuckets, 6 * 362) << "bits from " << shift;
  }
}

TEST(KeyedHash, CountingKeysSpreadOverBucketsAsChanceWould) {
  for (const HashSecret& secret : {HashSecret{}, kSecret}) {
    expect_even_buckets([&](uint64_t i) { return keyed_hash(i, secret); });
    expect_even_buckets([&](uint64_t i) { return keyed_hash(i << 40, secret); });
    expect_even_buckets([&](uint64_t i) {
      const uint64_t key[3] = {0xfd, i << 32, 6};
      return keyed_hash(key, sizeof key, secret);
    });
  }
}

TEST(KeyedHash, KeysThatShareABucketUnderOneSecretScatterUnderAnother) {
  std::vector<uint64_t> same_bucket;
  for (uint64_t key = 0; same_bucket.size() < 256; ++key) {
    if (keyed_hash(key, HashSecret{}) % 1024 == 0) same_bucket.push_back(key);
  }
  std::set<uint64_t> buckets;
  for (const uint64_t key : same_bucket) buckets.insert(keyed_hash(key, kSecret) % 1024);
  EXPECT_GT(buckets.size(), 200u);  // 226 by chance
}

TEST(KeyedHash, AFixedDifferenceOfKeysDoesNotKeepThemInOneBucket) {
  // With a linear hash (CRC, Toeplitz) such a pair collides under every secret or under none.
  constexpr uint64_t kDifference = 0x0001000000000400;
  int collisions = 0;
  for (uint64_t key = 0; key < 1 << 16; ++key) {
    const uint64_t other = key ^ kDifference;
    collisions += keyed_hash(key, kSecret) % 256 == keyed_hash(other, kSecret) % 256;
  }
  EXPECT_NEAR(collisions, 256, 6 * 16 * 1.5);  // pairs are seen twice
}

// These values are part of the format that gateways share: a change here breaks flows between
// gateways of different versions.
TEST(FlowHash, ValuesAreTheSameInEveryBuild) {
  EXPECT_EQ(flow_hash_v4(v4("192.0.2.1"), Be16(40000), v4("11.0.0.1"), Be16(80), 6), 3982219889u);
  EXPECT_EQ(flow_hash_v4(v4("0.0.0.0"), Be16(0), v4("0.0.0.0"), Be16(0), 0), 1210155558u);
  EXPECT_EQ(flow_hash_v6(v6("2001:db8::1"), Be16(40000), v6("fd00::1"), Be16(443), 17),
            4280270836u);
}

TEST(FlowHash, ConsecutiveClientsPortsAndVipsSpreadEvenly) {
  constexpr uint32_t kRows = 4093;
  std::vector<int> rows_v4(kRows);
  std::vector<int> rows_v6(kRows);
  const uint32_t base = v4("10.0.0.0").value.host();
  for (uint32_t client = 0; client < 640; ++client) {
    for (uint16_t port = 0; port < 640; ++port) {
      const Ipv4Address address{Be32(base + client)};
      const Be16 client_port(static_cast<uint16_t>(32768 + port));
      ++rows_v4[scale(flow_hash_v4(address, client_port, v4("11.0.0.1"), Be16(80), 6), kRows)];
      Ipv6Address address6{};
      std::memcpy(address6.bytes.data() + 12, &address, 4);
      ++rows_v6[scale(flow_hash_v6(address6, client_port, v6("fd00::1"), Be16(80), 6), kRows)];
    }
  }
  // Mean 100, standard deviation 10.
  for (const auto* rows : {&rows_v4, &rows_v6}) {
    EXPECT_GT(*std::min_element(rows->begin(), rows->end()), 45);
    EXPECT_LT(*std::max_element(rows->begin(), rows->end()), 160);
  }
}

TEST(FlowHash, EachFieldCounts) {
  const auto base = flow_hash_v4(v4("1.1.1.1"), Be16(1), v4("2.2.2.2"), Be16(2), 6);
  EXPECT_NE(base, flow_hash_v4(v4("1.1.1.2"), Be16(1), v4("2.2.2.2"), Be16(2), 6));
  EXPECT_NE(base, flow_hash_v4(v4("1.1.1.1"), Be16(2), v4("2.2.2.2"), Be16(2), 6));
  EXPECT_NE(base, flow_hash_v4(v4("1.1.1.1"), Be16(1), v4("2.2.2.3"), Be16(2), 6));
  EXPECT_NE(base, flow_hash_v4(v4("1.1.1.1"), Be16(1), v4("2.2.2.2"), Be16(3), 6));
  EXPECT_NE(base, flow_hash_v4(v4("1.1.1.1"), Be16(1), v4("2.2.2.2"), Be16(2), 17));
}

// Microsoft, "Verifying the RSS Hash Calculation": their inputs are longer (both addresses), so
// they are laid into the 16 address bytes; bytes of zero behind them add nothing to a Toeplitz
// hash.
TEST(Toeplitz, PublishedVectorsComeOutRight) {
  const ToeplitzHash toeplitz({0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                               0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                               0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                               0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa});
  struct Vector {
    const char* source;
    uint16_t source_port;
    const char* destination;
    uint16_t destination_port;
    uint32_t addresses_only;
    uint32_t with_ports;
  };
  for (const Vector& vector : {
           Vector{"66.9.149.187", 2794, "161.142.100.80", 1766, 0x323e8fc2, 0x51ccc178},
           Vector{"199.92.111.2", 14230, "65.69.140.83", 4739, 0xd718262a, 0xc626b0ea},
           Vector{"24.19.198.95", 12898, "12.22.207.184", 38024, 0xd2d0a5de, 0x5c2b394a},
           Vector{"38.27.205.30", 48228, "209.142.163.6", 2217, 0x82989176, 0xafc7327f},
           Vector{"153.39.163.191", 44251, "202.188.127.2", 1303, 0x5d1809c5, 0x10e828a2},
       }) {
    Ipv6Address input{};
    const Ipv4Address addresses[2] = {v4(vector.source), v4(vector.destination)};
    const Be16 ports[2] = {Be16(vector.source_port), Be16(vector.destination_port)};
    std::memcpy(input.bytes.data(), addresses, 8);
    EXPECT_EQ(toeplitz.v6(input, Be16(0)), vector.addresses_only);
    std::memcpy(input.bytes.data() + 8, ports, 4);
    EXPECT_EQ(toeplitz.v6(input, Be16(0)), vector.with_ports);
  }
}

TEST(Scale, StaysBelowTheLimitAndReachesBothEnds) {
  for (const uint32_t n : {1u, 2u, 7u, 4093u, 655373u, 0xffffffffu}) {
    EXPECT_EQ(scale(0, n), 0u);
    EXPECT_EQ(scale(0xffffffff, n), n - 1);
  }
}

}  // namespace
}  // namespace vipgate::hash_test
