#include "common/addresses.h"

#include <gtest/gtest.h>

namespace vipgate::addresses_test {
namespace {

TEST(IpAddress, TextOfEitherFamilyComesBackInCanonicalForm) {
  for (const char* text : {"0.0.0.0", "11.202.66.36", "255.255.255.255", "::", "::1", "fd09::53",
                           "fd01:c::da94:49ac:1e87:4a07"}) {
    const auto address = parse_ip_address(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(to_string(*address), text);
  }
  EXPECT_EQ(to_string(*parse_ip_address("FD09:0:0:0:0:0:0:53")), "fd09::53");
}

TEST(IpAddress, TextThatIsNotAnAddressIsRefusedAndNamed) {
  for (const char* text : {"", "1.2.3", "01.2.3.4", "1.2.3.256", "1.2.3.4.5", " 1.2.3.4",
                           "fd09::1%e", "[::1]", "1:2:3:4:5:6:7:8:9", "redis"}) {
    const auto address = parse_ip_address(text);
    ASSERT_FALSE(address.ok()) << text;
    EXPECT_NE(address.error().find(std::string("'") + text + "'"), std::string::npos);
  }
}

TEST(IpPrefix, ContainsExactlyTheAddressesThatShareItsBits) {
  const auto prefix = parse_ip_prefix("10.9.1.77/23").value();
  EXPECT_TRUE(prefix.contains(*parse_ip_address("10.9.0.0")));
  EXPECT_TRUE(prefix.contains(*parse_ip_address("10.9.1.255")));
  EXPECT_FALSE(prefix.contains(*parse_ip_address("10.9.2.0")));
  EXPECT_FALSE(prefix.contains(*parse_ip_address("::")));
  EXPECT_TRUE(parse_ip_prefix("0.0.0.0/0")->contains(*parse_ip_address("1.2.3.4")));
  EXPECT_TRUE(parse_ip_prefix("fd00::/9")->contains(*parse_ip_address("fd7f::1")));
  EXPECT_FALSE(parse_ip_prefix("fd00::/9")->contains(*parse_ip_address("fd80::1")));
}

TEST(IpPrefix, WithoutALengthItIsAHost) {
  EXPECT_EQ(parse_ip_prefix("10.0.0.1")->length, 32);
  EXPECT_EQ(parse_ip_prefix("::1")->length, 128);
}

TEST(IpPrefix, ABadLengthIsRefused) {
  for (const char* text : {"10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/", "10.0.0.1/08", "::1/129"}) {
    EXPECT_FALSE(parse_ip_prefix(text).ok()) << text;
  }
}

TEST(MacAddress, TextComesBackAndBadTextIsRefused) {
  EXPECT_EQ(to_string(*parse_mac_address("02:00:5E:00:00:fe")), "02:00:5e:00:00:fe");
  for (const char* text : {"", "02:00:00:00:00", "02-00-00-00-00-fe", "02:00:00:00:00:fg"}) {
    EXPECT_FALSE(parse_mac_address(text).ok()) << text;
  }
}

TEST(BigEndian, HoldsTheBytesInNetworkOrder) {
  const Be16 port(6379);
  uint8_t bytes[2];
  std::memcpy(bytes, &port, 2);
  EXPECT_EQ(bytes[0], 0x18);
  EXPECT_EQ(bytes[1], 0xeb);
  EXPECT_EQ(port.host(), 6379);
  EXPECT_LT(Be16(255), Be16(256));
}

}  // namespace
}  // namespace vipgate::addresses_test
