#include "controlplane/vipctl/doctor/network_checks.h"

#include <gmock/gmock.h>

#include "tests/controlplane/vipctl/doctor/fake_machine.h"

namespace vipgate {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kConf[] = "/proc/sys/net/ipv4/conf/";

TEST(VipctlDoctorNetwork, AStrictFilterOfAPortsTapIsTold) {
  FakeMachine machine;
  machine.file(std::string(kConf) + "all/rp_filter", "0")
      .file(std::string(kConf) + "vg-edge/rp_filter", "1");
  const Findings findings = check_reverse_path_filters(machine.tree(), doctor_config());
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].level, FindingLevel::kWarning);
  EXPECT_EQ(findings[0].mend, "sysctl -w net/ipv4/conf/vg-edge/rp_filter=2");
}

TEST(VipctlDoctorNetwork, TheStricterOfAllAndTheInterfaceCountsAndLooseIsEnough) {
  FakeMachine machine;
  machine.file(std::string(kConf) + "all/rp_filter", "1")
      .file(std::string(kConf) + "vg-edge/rp_filter", "0");
  const auto level = [&] {
    return check_reverse_path_filters(machine.tree(), doctor_config()).at(0).level;
  };
  EXPECT_EQ(level(), FindingLevel::kWarning);
  machine.file(std::string(kConf) + "vg-edge/rp_filter", "2");
  EXPECT_EQ(level(), FindingLevel::kOk);
}

TEST(VipctlDoctorNetwork, ATapThatIsNotMadeYetWillBeAsTheDefault) {
  FakeMachine machine;
  machine.file(std::string(kConf) + "all/rp_filter", "0")
      .file(std::string(kConf) + "default/rp_filter", "1");
  EXPECT_EQ(check_reverse_path_filters(machine.tree(), doctor_config()).at(0).mend,
            "sysctl -w net/ipv4/conf/default/rp_filter=2");
  Config config = doctor_config();
  config.ports[0].kernel = false;
  EXPECT_THAT(check_reverse_path_filters(machine.tree(), config), IsEmpty());
}

TEST(VipctlDoctorNetwork, TheKernelMayKnowAsManyNeighboursAsTheLinksCanHave) {
  constexpr char kLimit[] = "/proc/sys/net/ipv4/neigh/default/gc_thresh3";
  FakeMachine machine;
  machine.file(kLimit, "1024");
  Config config = doctor_config();
  config.ports[0].addresses = {{Ipv4Address{Be32(0x0a000001)}, 24}};
  EXPECT_EQ(check_neighbor_limit(machine.tree(), config).level, FindingLevel::kOk);
  config.ports[0].addresses = {{Ipv4Address{Be32(0x0a000001)}, 16}};
  const Finding finding = check_neighbor_limit(machine.tree(), config);
  EXPECT_EQ(finding.level, FindingLevel::kWarning);
  EXPECT_THAT(finding.mend, HasSubstr("net.ipv4.neigh.default.gc_thresh3=16384"));
  machine.file(kLimit, "16384");
  EXPECT_EQ(check_neighbor_limit(machine.tree(), config).level, FindingLevel::kOk);
  config.ports[0].addresses = {{Ipv6Address{{0xfd}}, 64}};
  EXPECT_THAT(check_neighbor_limit(machine.tree(), config).text, HasSubstr("net.ipv6."));
}

TEST(VipctlDoctorNetwork, TunnelsNeedRoomAboveWhatClientsSend) {
  Config config = doctor_config();
  config.ports.push_back(doctor_port("cluster", "net_tap1,iface=vg1"));
  EXPECT_EQ(check_tunnel_mtu(config).level, FindingLevel::kOk);  // no tunnels
  ServiceConfig service;
  service.name = "far";
  service.mode = Mode::kIpip;
  RealConfig real;
  real.address = Ipv4Address{Be32(0x0a000001)};
  service.reals = {real};
  config.services = {service};
  const Finding finding = check_tunnel_mtu(config);
  EXPECT_EQ(finding.level, FindingLevel::kWarning);
  EXPECT_THAT(finding.text, HasSubstr("service far: its tunnel takes 20 bytes"));
  EXPECT_THAT(finding.mend, HasSubstr("write mtu: 1520 "));
  config.ports[1].mtu = 1520;
  EXPECT_EQ(check_tunnel_mtu(config).level, FindingLevel::kOk);
}

}  // namespace
}  // namespace vipgate
