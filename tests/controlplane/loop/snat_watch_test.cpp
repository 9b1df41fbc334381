#include "controlplane/loop/snat_watch.h"

#include <gtest/gtest.h>

#include "controlplane/model/compiler.h"

namespace vipgate::snat_watch_test {
namespace {

constexpr int64_t kStart = 5'000;

// Positions: 0 and 1 are a's IPv4 addresses, 2 its IPv6 one, 3 b's.
class SnatWatchTest : public testing::Test {
 protected:
  static Config config() {
    Config config;
    const auto address = [](const char* text) { return *parse_ip_address(text); };
    config.snat_pools = {
        {.name = "a",
         .addresses = {address("10.0.0.1"), address("fd00::1"), address("10.0.0.2")},
         .ports = {}},
        {.name = "b", .addresses = {address("10.0.0.3")}, .ports = {}}};
    return config;
  }
  std::vector<std::string> look(std::vector<uint64_t> exhausted, int64_t now_ms) {
    std::vector<std::string> lines;
    for (const SnatTurn& turn : watch_.look(exhausted, now_ms)) lines.push_back(turn.detail);
    return lines;
  }

  SnatWatch watch_{config()};
};

TEST_F(SnatWatchTest, PositionsAreThoseOfTheAddresses) {
  const auto [addresses, ranges] = snat_layout(config());
  ASSERT_EQ(ranges.size(), 4u) << "each family of each pool";
  EXPECT_EQ(ranges[1].first, 2u);
  EXPECT_EQ(addresses[2].address, *parse_ip_address("fd00::1"));
  EXPECT_EQ(ranges[2].first, 3u);
}

TEST_F(SnatWatchTest, APoolThatRefusesNothingIsNotWarnedOf) {
  EXPECT_TRUE(look({0, 0, 0, 0}, kStart).empty());
  EXPECT_TRUE(look({}, kStart).empty());
}

TEST_F(SnatWatchTest, AWarningNamesThePoolItsAddressesTheFlowsAndTheMend) {
  EXPECT_EQ(look({12, 0, 0, 0}, kStart),
            (std::vector<std::string>{
                "the SNAT pool 'a' had no free port for 12 new flows: its 2 IPv4 addresses are too "
                "few for the flows to a real; add addresses to the pool in snat_pools, which needs "
                "a restart"}));
  const auto lines = look({12, 0, 1, 2}, kStart);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[0].find("'a' had no free port for 1 new flows: its 1 IPv6 address is"),
            std::string::npos);
  EXPECT_NE(lines[1].find("'b' had no free port for 2 new flows: its 1 IPv4 address is"),
            std::string::npos);
}

TEST_F(SnatWatchTest, OnePoolIsWarnedOfOnceAMinuteAndWithAllThatItRefusedSince) {
  EXPECT_EQ(look({1, 0, 0, 0}, kStart).size(), 1u);
  EXPECT_TRUE(look({500, 0, 0, 0}, kStart + 1'000).empty());
  EXPECT_TRUE(look({501, 0, 0, 0}, kStart + 59'999).empty());
  const auto lines = look({501, 0, 0, 0}, kStart + 60'000);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("for 500 new flows since it was warned of last"), std::string::npos);
  EXPECT_TRUE(look({501, 0, 0, 0}, kStart + 120'000).empty()) << "nothing was refused since";
}

}  // namespace
}  // namespace vipgate::snat_watch_test
