#include "common/prefix_values.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace vipgate::prefix_values_test {
namespace {

template <class Address>
uint16_t find(const PrefixValues<Address>& values, std::string_view text) {
  return values.find(parse_ip_address(text).value().as<Address>());
}

PrefixValue given(std::string_view prefix, uint16_t value) {
  return {parse_ip_prefix(prefix).value(), value};
}

constexpr uint16_t kNobody = PrefixValues<Ipv4Address>::kNone;

TEST(PrefixValues, LongestPrefixDecides) {
  const std::vector<PrefixValue> all = {
      given("10.0.0.0/8", 1),  given("10.1.0.0/16", 2),       given("10.1.2.0/24", 1),
      given("10.1.2.3/32", 3), given("255.255.255.0/24", 4),  given("2001:db8::/32", 5),
      given("fd00::/8", 6),    given("2001:db8:0:1::/64", 7), given("0.0.0.0/32", 8)};
  const PrefixValues<Ipv4Address> v4(all);
  const PrefixValues<Ipv6Address> v6(all);
  EXPECT_EQ(find(v4, "0.0.0.0"), 8);
  EXPECT_EQ(find(v4, "0.0.0.1"), kNobody);
  EXPECT_EQ(find(v4, "9.255.255.255"), kNobody);
  EXPECT_EQ(find(v4, "10.0.0.0"), 1);
  EXPECT_EQ(find(v4, "10.1.0.0"), 2);
  EXPECT_EQ(find(v4, "10.1.2.2"), 1);
  EXPECT_EQ(find(v4, "10.1.2.3"), 3);
  EXPECT_EQ(find(v4, "10.1.2.4"), 1);
  EXPECT_EQ(find(v4, "10.1.3.0"), 2);
  EXPECT_EQ(find(v4, "10.2.0.0"), 1);
  EXPECT_EQ(find(v4, "11.0.0.0"), kNobody);
  EXPECT_EQ(find(v4, "255.255.255.255"), 4);
  EXPECT_EQ(find(v6, "2001:db8::1"), 5);
  EXPECT_EQ(find(v6, "2001:db8:0:1:ffff:ffff:ffff:ffff"), 7);
  EXPECT_EQ(find(v6, "2001:db8:0:2::"), 5);
  EXPECT_EQ(find(v6, "2001:db9::"), kNobody);
  EXPECT_EQ(find(v6, "fdff::1"), 6);
}

TEST(PrefixValues, WholeFamilyAndNothing) {
  const std::vector<PrefixValue> all = {given("0.0.0.0/0", 1), given("128.0.0.0/1", 2)};
  const PrefixValues<Ipv4Address> v4(all);
  EXPECT_EQ(find(v4, "0.0.0.0"), 1);
  EXPECT_EQ(find(v4, "127.255.255.255"), 1);
  EXPECT_EQ(find(v4, "255.255.255.255"), 2);
  EXPECT_EQ(find(PrefixValues<Ipv6Address>(all), "::1"), kNobody);
  EXPECT_EQ(find(PrefixValues<Ipv4Address>(), "10.0.0.1"), kNobody);
}

TEST(PrefixValues, AgreesWithASearchThroughAll) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<PrefixValue> all;
    for (uint16_t i = 0; i < 40; ++i) {
      const uint32_t bits = random() & 0x0303ffff;
      all.push_back({{Ipv4Address{Be32(bits)}, static_cast<int>(random() % 33)}, i});
    }
    const PrefixValues<Ipv4Address> values(all);
    for (int probe = 0; probe < 500; ++probe) {
      const Ipv4Address address{Be32(static_cast<uint32_t>(random() & 0x0303ffff))};
      int longest = -1;
      uint16_t expected = kNobody;
      for (const auto& [prefix, value] : all) {
        if (prefix.contains(address) && prefix.length > longest) {
          longest = prefix.length;
          expected = value;
        }
      }
      EXPECT_EQ(values.find(address), expected);
    }
  }
}

}  // namespace
}  // namespace vipgate::prefix_values_test
