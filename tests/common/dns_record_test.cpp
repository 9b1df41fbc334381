#include "common/dns_record.h"

#include <gtest/gtest.h>

#include "tests/support/address_text.h"

namespace vipgate::dns_record_test {
namespace {

using namespace std::string_literals;

std::string wire(const std::string& text) { return *dns_name_from_text(text); }
using test::ip;

TEST(DnsRecord, AddressesBecomeAOrAaaaWithAFoldedOwner) {
  EXPECT_EQ(*dns_address_record("Redis.Mesos.", ip("10.0.0.1"), 5),
            (DnsRecord{wire("redis.mesos"), DnsType::kA, 5, "\x0a\0\0\1"s}));
  EXPECT_EQ(
      *dns_address_record("r.mesos", ip("fd01:c::2"), 5),
      (DnsRecord{wire("r.mesos"), DnsType::kAaaa, 5, "\xfd\1\0\x0c"s + std::string(11, 0) + "\2"}));
}

TEST(DnsRecord, SrvDataIsFourFieldsAndAnUncompressedName) {
  EXPECT_EQ(dns_srv_record("_r._tcp.mesos", 1, 0x0203, 6379, "R.mesos", 9)->rdata,
            "\0\1\2\3\x18\xeb"s + wire("r.mesos"));
}

TEST(DnsRecord, PtrOwnersAreReversedOctetsOrNibbles) {
  const auto v4 = *dns_ptr_record(ip("11.202.66.36"), "redis.mesos", 5);
  EXPECT_EQ(v4.owner, wire("36.66.202.11.in-addr.arpa"));
  EXPECT_EQ(v4.type, DnsType::kPtr);
  EXPECT_EQ(v4.rdata, wire("redis.mesos"));
  // RFC 3596 2.5.
  EXPECT_EQ(dns_ptr_record(ip("4321:0:1:2:3:4:567:89ab"), "a.b", 5)->owner,
            wire("b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa"));
}

TEST(DnsRecord, BadNamesAreNamed) {
  const auto owner = dns_address_record("a..b", ip("10.0.0.1"), 5);
  ASSERT_FALSE(owner.ok());
  EXPECT_NE(owner.error().find("'a..b'"), std::string::npos);
  EXPECT_FALSE(dns_srv_record("a.b", 0, 0, 0, "", 5).ok());
  EXPECT_FALSE(dns_srv_record("", 0, 0, 0, "a.b", 5).ok());
  EXPECT_FALSE(dns_ptr_record(ip("10.0.0.1"), "a..b", 5).ok());
}

}  // namespace
}  // namespace vipgate::dns_record_test
