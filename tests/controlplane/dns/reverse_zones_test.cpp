#include "controlplane/dns/reverse_zones.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "common/dns_record.h"
#include "common/dns_table.h"
#include "tests/support/address_text.h"

namespace vipgate::reverse_zones_test {
namespace {

using Names = std::vector<std::string>;

using test::ip;

IpRange range(const std::string& first, const std::string& last) { return {ip(first), ip(last)}; }

Names zones(const std::vector<IpRange>& ranges) {
  auto wire = reverse_zones(ranges);
  EXPECT_TRUE(wire.ok()) << wire.error();
  Names text;
  for (const std::string& name : *wire) text.push_back(dns_name_to_text(name));
  return text;
}

TEST(ReverseZones, ARangeOfWholeOctetsIsOneZone) {
  EXPECT_EQ(zones({range("11.0.0.0", "11.255.255.255")}), (Names{"11.in-addr.arpa."}));
  EXPECT_EQ(zones({range("10.9.8.0", "10.9.9.255")}),
            (Names{"8.9.10.in-addr.arpa.", "9.9.10.in-addr.arpa."}));
  EXPECT_EQ(zones({range_of(*parse_ip_prefix("fd01:c::/64"))}),
            (Names{"0.0.0.0.0.0.0.0.c.0.0.0.1.0.d.f.ip6.arpa."}));
}

TEST(ReverseZones, AnAddressIsAZoneOfItsOwn) {
  EXPECT_EQ(zones({range("10.9.0.53", "10.9.0.53")}), (Names{"53.0.9.10.in-addr.arpa."}));
}

TEST(ReverseZones, RangesThatTouchOrOverlapAreOne) {
  EXPECT_EQ(zones({range("10.0.1.0", "10.0.1.127"), range("10.0.1.128", "10.0.1.255"),
                   range("10.0.1.7", "10.0.1.9")}),
            (Names{"1.0.10.in-addr.arpa."}));
}

TEST(ReverseZones, OfRandomRangesHoldEveryAddressOfThemAndNoOther) {
  std::mt19937 random(5);
  const auto address = [](uint32_t low) { return IpAddress(Ipv4Address{Be32(0x0a000000 | low)}); };
  for (int i = 0; i < 200; ++i) {
    const auto first = static_cast<uint32_t>(random() % 1000);
    const auto last = first + static_cast<uint32_t>(random() % 100);
    const auto all = reverse_zones({{address(first), address(last)}});
    ASSERT_TRUE(all.ok()) << all.error();
    for (uint32_t low = first < 50 ? 0 : first - 50; low < last + 50; ++low) {
      const std::string owner = dns_ptr_record(address(low), "a", 5)->owner;
      size_t holders = 0;
      for (const std::string& zone : *all) holders += dns_is_within(owner, zone);
      ASSERT_EQ(holders, low >= first && low <= last ? 1u : 0u) << low;
    }
  }
}

TEST(ReverseZones, TooManyAreRefusedWithAWayOut) {
  const auto all = reverse_zones({range("10.0.0.1", "10.0.0.200")});
  ASSERT_FALSE(all.ok());
  EXPECT_NE(all.error().find("dns.zones"), std::string::npos) << all.error();
}

TEST(PtrRanges, AreThoseOfNamedVipsAndTheAddressesOfServices) {
  Config config;
  config.named_vips.ipv4 = range("11.0.0.0", "11.255.255.255");
  config.named_vips.ipv6 = range_of(*parse_ip_prefix("fd01:c::/64"));
  config.named_vips.ip_vips = {*parse_ip_prefix("10.9.0.7/24")};
  config.services.resize(2);
  config.services[0].vip = ip("192.0.2.1");
  config.services[1].vip_auto = true;
  EXPECT_TRUE(ptr_ranges(config).empty()) << "without dns.ptr";
  config.dns.ptr = true;
  EXPECT_EQ(ptr_ranges(config),
            (std::vector<IpRange>{
                range("10.9.0.0", "10.9.0.255"), range("11.0.0.0", "11.255.255.255"),
                range("192.0.2.1", "192.0.2.1"), range_of(*parse_ip_prefix("fd01:c::/64"))}));
}

}  // namespace
}  // namespace vipgate::reverse_zones_test
