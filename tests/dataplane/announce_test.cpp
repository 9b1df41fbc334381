#include "dataplane/announce.h"

#include <gmock/gmock.h>

#include <string_view>

namespace vipgate::announce_test {
namespace {

const MacAddress kMac{{0x02, 0, 0, 0, 0, 0x0a}};

std::vector<uint8_t> bytes(std::string_view hex) {
  std::vector<uint8_t> result;
  std::string digits;
  for (char c : hex) {
    if (c != ' ') digits += c;
  }
  for (size_t i = 0; i < digits.size(); i += 2) {
    result.push_back(static_cast<uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return result;
}

TEST(Announce, GratuitousArpIsABroadcastRequestForItsOwnAddress) {
  EXPECT_EQ(announcement(*parse_ip_address("11.202.66.36"), kMac, 0),
            bytes("ffffffffffff 02000000000a 0806"
                  "0001 0800 06 04 0001"
                  "02000000000a 0bca4224 000000000000 0bca4224"));
}

TEST(Announce, VlanTagStandsBeforeTheEtherType) {
  EXPECT_EQ(announcement(*parse_ip_address("11.202.66.36"), kMac, 42),
            bytes("ffffffffffff 02000000000a 8100 002a 0806"
                  "0001 0800 06 04 0001"
                  "02000000000a 0bca4224 000000000000 0bca4224"));
}

TEST(Announce, UnsolicitedNeighborAdvertisementOverridesAndGoesToAllNodes) {
  EXPECT_EQ(announcement(*parse_ip_address("fd09::53"), kMac, 0),
            bytes("333300000001 02000000000a 86dd"
                  "60000000 0020 3a ff"
                  "fd090000000000000000000000000053"
                  "ff020000000000000000000000000001"
                  "88 00 59dc 20000000"
                  "fd090000000000000000000000000053"
                  "02 01 02000000000a"));
}

}  // namespace
}  // namespace vipgate::announce_test
