#include "dataplane/fastpath/snat_ports.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "dataplane/replay_engine.h"
#include "tests/support/owners.h"
#include "tests/support/test_net.h"

namespace vipgate::test::snat_ports_test {
namespace {

struct Range {
  uint16_t low, high;
};

class SnatPortsOf : public testing::TestWithParam<Range> {};

TEST_P(SnatPortsOf, EachPortHasOneOwnerToWhomItsReturnsGo) {
  const auto [low, high] = GetParam();
  for (const char* text : {"10.8.0.1", "fd08::1"}) {
    const SnatAddress address{.address = ip(text), .port_low = low, .port_high = high};
    for (uint32_t workers = 1; workers <= 7; ++workers) {
      const FlowOwners owners = owners_of_flows(workers);
      std::set<uint16_t> owned;
      uint32_t sum = 0;
      for (uint32_t worker = 0; worker < workers; ++worker) {
        const SnatPorts ports(address, worker, &owners);
        sum += ports.count();
        for (uint32_t position = 0; position < ports.count(); ++position) {
          const uint16_t port = ports.port(position);
          owned.insert(port);
          ASSERT_TRUE(ports.contains(port));
          if (workers == 1) continue;
          ASSERT_EQ(address.address.is_v4() ? owners.of(address.address.v4(), Be16(port))
                                            : owners.of(address.address.v6(), Be16(port)),
                    worker);
        }
        ASSERT_FALSE(low > 0 && ports.contains(static_cast<uint16_t>(low - 1)));
        ASSERT_FALSE(high < 65'535 && ports.contains(static_cast<uint16_t>(high + 1)));
      }
      ASSERT_EQ(sum, high - low + 1u);
      ASSERT_EQ(owned.size(), sum) << "none is there twice";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ranges, SnatPortsOf,
                         testing::Values(Range{1024, 65'535}, Range{1, 65'535},
                                         Range{20'000, 20'000}, Range{20'000, 20'004},
                                         Range{65'530, 65'535}),
                         [](const auto& range) {
                           return std::to_string(range.param.low) + "_" +
                                  std::to_string(range.param.high);
                         });

// 1023 ports, whatever the first is, and all of them.
TEST(SnatPorts, EachWorkerHasItsShare) {
  for (const char* text : {"10.8.0.1", "10.8.0.77", "fd08::1"}) {
    for (const uint32_t workers : {2u, 3u, 16u, 64u}) {
      const FlowOwners owners = owners_of_flows(workers);
      for (const Range range : {Range{1024, 65'535}, Range{1025, 2'047}, Range{30'000, 31'022}}) {
        const uint32_t blocks = range.high == 65'535 ? 126 : 1;
        for (uint32_t worker = 0; worker < workers; ++worker) {
          const SnatPorts ports(
              {.address = ip(text), .port_low = range.low, .port_high = range.high}, worker,
              &owners);
          EXPECT_GE(ports.count(), blocks * (512 / workers)) << text << " " << workers;
        }
      }
    }
  }
}

TEST(FlowOwners, AreThoseOfTheBucketsThatTheHashFallsInto) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 10; ++round) {
    ToeplitzHash::Key key;
    for (uint8_t& byte : key) byte = static_cast<uint8_t>(random());
    const ToeplitzHash hash(key);
    for (const uint32_t buckets : {64u, 512u, 2048u, 65'536u}) {
      for (const uint32_t workers : {1u, 2u, 7u, 64u}) {
        const FlowOwners owners(key, workers, buckets);
        for (int i = 0; i < 500; ++i) {
          const Ipv4Address address{Be32(static_cast<uint32_t>(random()))};
          const Be16 port{static_cast<uint16_t>(random())};
          ASSERT_EQ(owners.of(address, port), owners.of_bucket(hash.v4(address, port)));
        }
      }
    }
  }
}

TEST(FlowOwners, KeysOfAllSourcesSpreadPortsAndNeighbours) {
  EXPECT_TRUE(FlowOwners::spreads(owner_key()));
  EXPECT_TRUE(FlowOwners::spreads(replay_secrets(std::nullopt).owner));
  EXPECT_TRUE(FlowOwners::spreads(replay_secrets(7).owner));
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(FlowOwners::spreads(make_secrets(std::nullopt).value().owner));
  }
  EXPECT_FALSE(FlowOwners::spreads({})) << "all in one bucket";
}

}  // namespace
}  // namespace vipgate::test::snat_ports_test
