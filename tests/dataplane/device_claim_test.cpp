#include "dataplane/device_claim.h"

#include <gtest/gtest.h>

#include <optional>

namespace vipgate::device_claim_test {
namespace {

TEST(DeviceClaim, SecondClaimOnTheSameDeviceIsRefusedUntilTheFirstEnds) {
  std::optional<DeviceClaim> first(DeviceClaim::take("net_tap7,iface=claimed").value());
  const auto second = DeviceClaim::take("net_tap7,iface=claimed");
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().find("'net_tap7,iface=claimed' is used by another"), std::string::npos);
  EXPECT_FALSE(DeviceClaim::take("net_af_packet0,iface=claimed,blocksz=4096").ok());
  EXPECT_TRUE(DeviceClaim::take("net_tap7,iface=other").ok());
  first.reset();
  EXPECT_TRUE(DeviceClaim::take("net_tap7,iface=claimed").ok());
}

TEST(DeviceClaim, DeviceWithoutAnInterfaceOfTheKernelIsNobodysAlone) {
  const auto first = DeviceClaim::take("net_pcap0,rx_pcap=in.pcap");
  const auto second = DeviceClaim::take("net_pcap0,rx_pcap=in.pcap");
  EXPECT_TRUE(first.ok());
  EXPECT_TRUE(second.ok());
}

}  // namespace
}  // namespace vipgate::device_claim_test
