#include "common/prefix_set.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace vipgate::prefix_set_test {
namespace {

std::vector<IpPrefix> prefixes(const std::vector<std::string>& texts) {
  std::vector<IpPrefix> all;
  for (const std::string& text : texts) all.push_back(parse_ip_prefix(text).value());
  return all;
}
bool contains(const PrefixSet& set, const std::string& text) {
  const IpAddress address = parse_ip_address(text).value();
  return address.is_v4() ? set.contains(address.v4()) : set.contains(address.v6());
}

TEST(PrefixSet, HoldsTheAddressesOfItsPrefixesFromFirstToLast) {
  const PrefixSet set(prefixes({"10.1.0.0/16", "192.0.2.7/32", "2001:db8:8000::/33"}));
  for (const char* in : {"10.1.0.0", "10.1.255.255", "192.0.2.7",
                         "2001:db8:8000::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    EXPECT_TRUE(contains(set, in)) << in;
  }
  for (const char* out :
       {"10.0.255.255", "10.2.0.0", "192.0.2.6", "192.0.2.8", "0.0.0.0", "255.255.255.255",
        "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", "2001:db9::", "::", "::ffff:10.1.0.1"}) {
    EXPECT_FALSE(contains(set, out)) << out;
  }
}

TEST(PrefixSet, WithoutPrefixesHoldsNothingAndWithLengthZeroAFamily) {
  EXPECT_FALSE(contains(PrefixSet(), "10.0.0.1"));
  const PrefixSet all4(prefixes({"0.0.0.0/0"}));
  EXPECT_TRUE(contains(all4, "0.0.0.0"));
  EXPECT_TRUE(contains(all4, "255.255.255.255"));
  EXPECT_FALSE(contains(all4, "::1"));
}

TEST(PrefixSet, PrefixesWithinOthersMakeOneRange) {
  const PrefixSet set(prefixes({"10.1.2.0/24", "10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8"}));
  EXPECT_EQ(set.v4.size(), 1u);
  EXPECT_TRUE(contains(set, "10.255.0.1"));
}

TEST(PrefixSet, AgreesWithEachPrefixAskedInTurn) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 50; ++round) {
    std::vector<IpPrefix> all;
    for (int i = 0; i < 40; ++i) {
      const auto bits = static_cast<uint32_t>(random());
      const int length = static_cast<int>(random() % 33);
      const uint32_t mask = length == 0 ? 0 : ~uint32_t{0} << (32 - length);
      // Few networks, so that prefixes overlap.
      if (length >= 4) all.push_back({Ipv4Address{Be32(bits & 0x0f0f0f0f & mask)}, length});
    }
    const PrefixSet set(all);
    for (int i = 0; i < 500; ++i) {
      const Ipv4Address address{Be32(static_cast<uint32_t>(random()) & 0x0f0f0f0f)};
      const bool expected = std::any_of(
          all.begin(), all.end(), [&](const IpPrefix& prefix) { return prefix.contains(address); });
      ASSERT_EQ(set.contains(address), expected) << to_string(IpAddress(address));
    }
  }
}

}  // namespace
}  // namespace vipgate::prefix_set_test
