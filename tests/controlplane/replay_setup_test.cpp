#include "controlplane/replay_setup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/config_reader.h"

namespace vipgate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr MacAddress kNextHop{{2, 0, 0, 0, 0, 0xfe}};

Config demo() { return read_config(VIPGATE_SOURCE_DIR "/config/demo.yaml").value(); }

TEST(ReplaySetup, EveryRealIsUpAndItsNextHopResolved) {
  const auto setup = make_replay_setup(demo(), kNextHop);
  ASSERT_TRUE(setup) << setup.error();
  EXPECT_EQ(setup->services, 1u);
  EXPECT_EQ(setup->reals, 3u);
  for (uint32_t index = 0; index < setup->reals; ++index) {
    const RealEntry* real = setup->snapshot->real(RealId(index, 0));
    ASSERT_NE(real, nullptr);
    EXPECT_EQ(real->state, RealState::kUp);
    EXPECT_TRUE(real->next_hop_resolved);
    EXPECT_EQ(real->next_hop_mac, kNextHop);
    EXPECT_EQ(real->out_port, 1);
  }
  EXPECT_GT(setup->snapshot->service(0).row_count, 0u);
}

TEST(ReplaySetup, PortsHaveNumberedAddressesThatAreNotCompared) {
  const auto setup = make_replay_setup(demo(), kNextHop);
  ASSERT_TRUE(setup) << setup.error();
  EXPECT_THAT(setup->port_names, ElementsAre("edge", "cluster"));
  ASSERT_EQ(setup->snapshot->ports.size(), 2u);
  EXPECT_EQ(to_string(setup->snapshot->ports[0].mac), "02:00:00:00:00:01");
  EXPECT_EQ(to_string(setup->snapshot->ports[1].mac), "02:00:00:00:00:02");
  for (const PortEntry& port : setup->snapshot->ports) EXPECT_FALSE(port.check_mac);
}

TEST(ReplaySetup, CaptureNamesItsPortOrArrivesOnTheFirst) {
  const Config config = demo();
  EXPECT_EQ(parse_replay_capture(config, "a.pcap")->port, 0);
  EXPECT_EQ(parse_replay_capture(config, "cluster=a.pcap")->port, 1);
  EXPECT_EQ(parse_replay_capture(config, "cluster=a.pcap")->path, "a.pcap");
  EXPECT_EQ(parse_replay_capture(config, "edge=x=y.pcap")->path, "x=y.pcap");
  EXPECT_EQ(parse_replay_capture(config, "./a=b.pcap")->path, "./a=b.pcap");
  EXPECT_THAT(parse_replay_capture(config, "wan=a.pcap").error(),
              HasSubstr("no port is named 'wan'; there are: edge, cluster"));
}

}  // namespace
}  // namespace vipgate
