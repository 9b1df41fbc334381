#include "common/dns_local_zones.h"

#include <gtest/gtest.h>

#include <string>

#include "common/dns_wire.h"

namespace vipgate::dns_local_zones_test {
namespace {

using namespace std::string_view_literals;

std::string zone_of(const std::string& name) {
  const std::string wire = dns_fold(dns_name_from_text(name).value());
  const std::string_view zone = dns_local_zone(wire);
  if (zone.empty()) return "";
  EXPECT_TRUE(wire.ends_with(zone)) << name;
  return dns_name_to_text(zone);
}

std::string repeated(const std::string& text, int count) {
  std::string all;
  while (count-- > 0) all += text;
  return all;
}

TEST(DnsLocalZones, EveryZoneOfTheListHoldsItselfAndWhatIsBelow) {
  std::vector<std::string> zones = {"10.in-addr.arpa.",
                                    "168.192.in-addr.arpa.",
                                    "0.in-addr.arpa.",
                                    "127.in-addr.arpa.",
                                    "254.169.in-addr.arpa.",
                                    "2.0.192.in-addr.arpa.",
                                    "100.51.198.in-addr.arpa.",
                                    "113.0.203.in-addr.arpa.",
                                    "255.255.255.255.in-addr.arpa.",
                                    "d.f.ip6.arpa.",
                                    "8.e.f.ip6.arpa.",
                                    "9.e.f.ip6.arpa.",
                                    "a.e.f.ip6.arpa.",
                                    "b.e.f.ip6.arpa.",
                                    "8.b.d.0.1.0.0.2.ip6.arpa.",
                                    repeated("0.", 32) + "ip6.arpa.",
                                    "1." + repeated("0.", 31) + "ip6.arpa."};
  for (int i = 16; i <= 31; ++i) zones.push_back(std::to_string(i) + ".172.in-addr.arpa.");
  for (int i = 64; i <= 127; ++i) zones.push_back(std::to_string(i) + ".100.in-addr.arpa.");
  for (const std::string& zone : zones) {
    EXPECT_EQ(zone_of(zone), zone);
    EXPECT_EQ(zone_of("1.2." + zone), zone);
  }
}

TEST(DnsLocalZones, AddressesOfEverybodyAndWhatOnlyLooksLikeSuchNamesAreInNone) {
  for (const char* name : {"arpa.",
                           "in-addr.arpa.",
                           "ip6.arpa.",
                           "11.in-addr.arpa.",
                           "110.in-addr.arpa.",
                           "15.172.in-addr.arpa.",
                           "32.172.in-addr.arpa.",
                           "172.in-addr.arpa.",
                           "192.in-addr.arpa.",
                           "016.172.in-addr.arpa.",
                           "63.100.in-addr.arpa.",
                           "128.100.in-addr.arpa.",
                           "1x.172.in-addr.arpa.",
                           "160.172.in-addr.arpa.",
                           "0.192.in-addr.arpa.",
                           "255.255.255.in-addr.arpa.",
                           "c.f.ip6.arpa.",
                           "c.e.f.ip6.arpa.",
                           "f.ip6.arpa.",
                           "9.b.d.0.1.0.0.2.ip6.arpa.",
                           "10.in-addr.arpa.example.",
                           "10.in-addr.example.",
                           "x10.in-addr.arpa.",
                           "."}) {
    EXPECT_EQ(zone_of(name), "") << name;
  }
  EXPECT_EQ(zone_of("2." + repeated("0.", 31) + "ip6.arpa."), "");
  // A label that ends like a zone is none.
  EXPECT_EQ(dns_local_zone("\x05x\00216a\003172\007in-addr\004arpa\0"sv), "");
  EXPECT_EQ(dns_local_zone("\x04x\00216\003172\007in-addr\004arpa\0"sv), "");
}

}  // namespace
}  // namespace vipgate::dns_local_zones_test
