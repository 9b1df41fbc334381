#include "controlplane/offline/replay_capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/config/config_reader.h"

namespace vipgate::replay_capture_test {
namespace {

TEST(ReplayCapture, NamesItsPortOrArrivesOnTheFirst) {
  const Config config = read_config(VIPGATE_SOURCE_DIR "/config/demo.yaml").value();
  EXPECT_EQ(parse_replay_capture(config, "a.pcap")->port, 0);
  EXPECT_EQ(parse_replay_capture(config, "cluster=a.pcap")->port, 1);
  EXPECT_EQ(parse_replay_capture(config, "cluster=a.pcap")->path, "a.pcap");
  EXPECT_EQ(parse_replay_capture(config, "edge=x=y.pcap")->path, "x=y.pcap");
  EXPECT_EQ(parse_replay_capture(config, "./a=b.pcap")->path, "./a=b.pcap");
  EXPECT_THAT(parse_replay_capture(config, "wan=a.pcap").error(),
              testing::HasSubstr("no port is named 'wan'; there are: edge, cluster"));
}

}  // namespace
}  // namespace vipgate::replay_capture_test
