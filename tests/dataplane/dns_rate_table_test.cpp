#include "dataplane/fastpath/dns_rate_table.h"

#include <gtest/gtest.h>

#include <vector>

namespace vipgate::dns_rate_table_test {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kSecond = kSecondNs / kDnsRateUnitNs;

class DnsRateTableTest : public testing::Test {
 protected:
  explicit DnsRateTableTest(size_t lines = 1) : lines_(lines) {}

  uint64_t key(uint64_t network, DnsRateKind kind = DnsRateKind::kName, uint64_t name = 7) const {
    return table_.key(network, 4, kind, name);
  }
  // Ten a second, one second's worth at once, as long as a test says nothing else.
  DnsRateVerdict count(uint64_t key, uint64_t now_ns, uint32_t slip = 0,
                       uint64_t interval = kSecond / 10, uint64_t window = kSecond) {
    return table_.count(key, now_ns, interval, window, slip);
  }
  int passes(uint64_t key, uint64_t now_ns, int asked, uint64_t window = kSecond) {
    int passed = 0;
    for (int i = 0; i < asked; ++i) {
      passed += count(key, now_ns, 0, kSecond / 10, window) == DnsRateVerdict::kPass ? 1 : 0;
    }
    return passed;
  }

  std::vector<DnsRateTable::Line> lines_;
  DnsRateTable table_{lines_, HashSecret{{1, 2, 3, 4}}};
};

TEST_F(DnsRateTableTest, KeysThatOweSomethingAreCountedUntilTheyDoNot) {
  const uint64_t now = 5 * kSecondNs;
  for (uint64_t network = 1; network <= 5; ++network) count(key(network), now);
  table_.count_keys(now);
  EXPECT_EQ(table_.keys(), 5u);
  table_.count_keys(now + kSecondNs);
  EXPECT_EQ(table_.keys(), 0u);
}

TEST_F(DnsRateTableTest, AsManyAsTheWindowHoldsComeAtOnceThenAsManyAsTheRateAllows) {
  uint64_t now = 5 * kSecondNs;
  EXPECT_EQ(passes(key(1), now, 100), 10);
  for (int second = 0; second < 20; ++second) {
    now += kSecondNs;
    EXPECT_EQ(passes(key(1), now, 100), 10) << second;
  }
  now += kSecondNs / 10;
  EXPECT_EQ(passes(key(1), now, 100), 1);
  now += 50 * kSecondNs;
  EXPECT_EQ(passes(key(1), now, 100), 10) << "rest does not add up beyond the window";
  EXPECT_EQ(passes(key(2), now, 100, 3 * kSecond), 30) << "a longer window";
}

TEST_F(DnsRateTableTest, FloodOfAnySpeedGetsTheRateOverTime) {
  for (const uint64_t step_ns : {uint64_t{1'000}, uint64_t{1'000'000}, uint64_t{33'000'000}}) {
    const uint64_t one = key(100 + step_ns);
    int passed = 0;
    for (uint64_t at = 0; at < 10 * kSecondNs; at += step_ns) {
      passed += count(one, 7 * kSecondNs + at) == DnsRateVerdict::kPass ? 1 : 0;
    }
    EXPECT_NEAR(passed, 110, 1) << "100 in ten seconds, and the first one's 10";
  }
}

TEST_F(DnsRateTableTest, WhoKeepsToTheRateIsNeverRefused) {
  for (uint64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(count(key(1), kSecondNs + i * kSecondNs / 10), DnsRateVerdict::kPass) << i;
  }
}

TEST_F(DnsRateTableTest, LessThanOneInAWindowIsStillOneInItsTime) {
  const auto one = [&](uint64_t now_ns) { return count(key(1), now_ns, 0, 8 * kSecond, kSecond); };
  EXPECT_EQ(one(kSecondNs), DnsRateVerdict::kPass);
  EXPECT_EQ(one(8 * kSecondNs), DnsRateVerdict::kDrop);
  EXPECT_EQ(one(9 * kSecondNs), DnsRateVerdict::kPass);
}

TEST_F(DnsRateTableTest, EachSlipthRefusedReplyOfAKeyIsTruncated) {
  for (const uint32_t slip : {1u, 2u, 3u, kMaxDnsSlip}) {
    const uint64_t one = key(slip);
    while (count(one, kSecondNs, slip) == DnsRateVerdict::kPass) {
    }
    // The loop's last call was the first refused one.
    for (uint32_t refused = 2; refused < 100; ++refused) {
      EXPECT_EQ(count(one, kSecondNs, slip) == DnsRateVerdict::kTruncate, refused % slip == 0)
          << refused << " of slip " << slip;
    }
  }
}

TEST_F(DnsRateTableTest, KeysDifferByNetworkFamilyKindAndName) {
  const uint64_t all[] = {key(1),
                          key(2),
                          key(1, DnsRateKind::kNoName, 0),
                          key(1, DnsRateKind::kError, 0),
                          key(1, DnsRateKind::kOtherName, 0),
                          key(1, DnsRateKind::kName, 8),
                          table_.key(1, 16, DnsRateKind::kName, 7)};
  for (const uint64_t one : all) {
    EXPECT_EQ(passes(one, kSecondNs, 100), 10) << "what others had is not counted";
  }
}

TEST_F(DnsRateTableTest, SecretDecidesWhereKeysLie) {
  const DnsRateTable other(lines_, HashSecret{{1, 2, 3, 5}});
  EXPECT_NE(other.key(1, 4, DnsRateKind::kName, 7), key(1));
}

// All keys share the only line.
TEST_F(DnsRateTableTest, WhoIsAtTheLimitKeepsItsPlaceAmongAnyNumberOfOthers) {
  uint64_t now = kSecondNs;
  EXPECT_EQ(passes(key(1), now, 100), 10);
  int passed = 0;
  for (uint64_t other = 2; other < 1000; ++other) {
    EXPECT_EQ(count(key(other), now), DnsRateVerdict::kPass) << "one question is nobody's flood";
    passed += passes(key(1), now, 1);
  }
  EXPECT_EQ(passed, 0);
}

TEST_F(DnsRateTableTest, PlaceOfWhoHasNothingToPayIsTaken) {
  for (uint64_t i = 0; i < DnsRateTable::kWays; ++i) {
    EXPECT_EQ(passes(key(i), kSecondNs, 100), 10);
  }
  // All have paid, and eight others find room without pushing each other out.
  for (int round = 0; round < 2; ++round) {
    for (uint64_t i = 100; i < 100 + DnsRateTable::kWays; ++i) {
      EXPECT_EQ(passes(key(i), 3 * kSecondNs, 100), round == 0 ? 10 : 0);
    }
  }
}

TEST_F(DnsRateTableTest, TimeMayGoRound) {
  constexpr uint64_t kRoundNs = (uint64_t{1} << 44) * kDnsRateUnitNs;
  for (const uint64_t start : {kRoundNs, 3 * kRoundNs}) {
    uint64_t now = start - 2 * kSecondNs;
    const uint64_t one = key(start);
    EXPECT_EQ(passes(one, now, 100), 10);
    for (int second = 0; second < 5; ++second) {
      now += kSecondNs;
      EXPECT_EQ(passes(one, now, 100), 10) << second;
    }
    now += 10 * 3600 * kSecondNs;
    EXPECT_EQ(passes(one, now, 100), 10) << "as after any rest";
  }
}

TEST(DnsRateLimitTest, PrefixesSayWhoIsOneNetwork) {
  DnsRateRules rules;
  rules.responses_per_s = 10;
  const auto v4 = [](std::string_view text) { return parse_ip_address(text).value().v4(); };
  const auto v6 = [](std::string_view text) { return parse_ip_address(text).value().v6(); };
  const auto share4 = [&](uint8_t length, std::string_view a, std::string_view b) {
    rules.ipv4_prefix = length;
    const DnsRateLimit limit(rules);
    return limit.network(v4(a)) == limit.network(v4(b));
  };
  const auto share6 = [&](uint8_t length, std::string_view a, std::string_view b) {
    rules.ipv6_prefix = length;
    const DnsRateLimit limit(rules);
    return limit.network(v6(a)) == limit.network(v6(b));
  };
  EXPECT_TRUE(share4(24, "192.0.2.1", "192.0.2.255"));
  EXPECT_FALSE(share4(24, "192.0.2.1", "192.0.3.1"));
  EXPECT_TRUE(share4(23, "192.0.2.1", "192.0.3.1"));
  EXPECT_FALSE(share4(32, "192.0.2.1", "192.0.2.0"));
  EXPECT_TRUE(share4(1, "10.0.0.1", "126.0.0.1"));
  EXPECT_FALSE(share4(1, "10.0.0.1", "128.0.0.1"));
  EXPECT_TRUE(share6(56, "2001:db8:0:ff::1", "2001:db8::2"));
  EXPECT_FALSE(share6(56, "2001:db8:0:100::1", "2001:db8::2"));
  EXPECT_FALSE(share6(64, "2001:db8:0:1::1", "2001:db8::1"));
  EXPECT_TRUE(share6(1, "2001:db8::1", "7000::1"));
}

TEST(DnsRateLimitTest, IsOffWithoutARateAndHasTheIntervalsOfItsRates) {
  EXPECT_FALSE(DnsRateLimit(DnsRateRules{}).is_on());
  DnsRateRules rules;
  rules.errors_per_s = 5;
  const DnsRateLimit errors(rules);
  EXPECT_TRUE(errors.is_on());
  EXPECT_EQ(errors.response_interval(), 0u);
  EXPECT_EQ(errors.error_interval() * kDnsRateUnitNs, kSecondNs / 5);
  rules.responses_per_s = 1'000'000;
  EXPECT_NEAR(static_cast<double>(DnsRateLimit(rules).response_interval() * kDnsRateUnitNs), 1000,
              16);
}

}  // namespace
}  // namespace vipgate::dns_rate_table_test
