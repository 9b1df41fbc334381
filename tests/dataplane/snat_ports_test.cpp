#include "dataplane/fastpath/snat_ports.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "tests/support/owners.h"
#include "tests/support/test_net.h"

namespace vipgate::test {
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
        const SnatPorts ports(address, worker, workers, &owners);
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

TEST(SnatPorts, AWholeRangeIsSharedEvenly) {
  constexpr uint32_t kWorkers = 3;
  const FlowOwners owners = owners_of_flows(kWorkers);
  for (uint32_t worker = 0; worker < kWorkers; ++worker) {
    const SnatPorts ports({.address = ip("10.8.0.1"), .port_low = 1024, .port_high = 65'535},
                          worker, kWorkers, &owners);
    EXPECT_NEAR(ports.count(), 64'512 / kWorkers, 64'512 / FlowOwners::kBuckets);
  }
}

}  // namespace
}  // namespace vipgate::test
