#include "dataplane/fastpath/snat_ports.h"

#include <gtest/gtest.h>

#include <vector>

namespace vipgate {
namespace {

TEST(SnatPorts, EachPortHasOneOwnerAndOnePlaceThere) {
  struct Range {
    uint16_t low, high;
  };
  for (const Range range : {Range{1024, 65'535}, Range{1, 65'535}, Range{20'000, 20'000},
                            Range{20'000, 20'004}, Range{65'530, 65'535}}) {
    const SnatAddress address{.address = {}, .port_low = range.low, .port_high = range.high};
    for (uint32_t workers = 1; workers <= 7; ++workers) {
      const SnatPorts ports(address, workers);
      std::vector<uint32_t> next(workers);
      uint32_t sum = 0;
      for (uint32_t worker = 0; worker < workers; ++worker) {
        sum += ports.count(worker);
      }
      ASSERT_EQ(sum, range.high - range.low + 1u);
      for (uint32_t p = range.low; p <= range.high; ++p) {
        const auto port = static_cast<uint16_t>(p);
        ASSERT_TRUE(ports.contains(port));
        const uint32_t owner = ports.owner(port);
        ASSERT_LT(owner, workers);
        const uint32_t position = next[owner]++;
        ASSERT_LT(position, ports.count(owner));
        ASSERT_EQ(ports.port(position, owner), port);
      }
      ASSERT_FALSE(range.low > 0 && ports.contains(static_cast<uint16_t>(range.low - 1)));
      ASSERT_FALSE(range.high < 65'535 && ports.contains(static_cast<uint16_t>(range.high + 1)));
    }
  }
}

}  // namespace
}  // namespace vipgate
