#include "controlplane/vipctl/doctor/device_checks.h"

#include <gmock/gmock.h>

#include "tests/controlplane/vipctl/doctor/fake_machine.h"

namespace vipgate {
namespace {

using ::testing::HasSubstr;

constexpr char kDevice[] = "/sys/bus/pci/devices/0000:3b:00.0";

Finding of_device(const FakeMachine& machine, const Config& config = doctor_config()) {
  return check_devices(machine.tree(), config).at(0);
}

TEST(VipctlDoctorDevices, PciAddressesAreKnownWithAndWithoutDomainAndArguments) {
  Config config;
  for (const char* device : {"0000:3B:00.0", "3b:00.0,promiscuous=1", "net_tap0,iface=vg0", "x"}) {
    config.ports.push_back(doctor_port(device, device));
  }
  const auto ports = pci_ports(config);
  ASSERT_EQ(ports.size(), 2u);
  EXPECT_EQ(ports[0].address, "0000:3b:00.0");
  EXPECT_EQ(ports[1].address, "0000:3b:00.0");
}

TEST(VipctlDoctorDevices, ADeviceIsThereWithADriverThatDpdkCanUse) {
  FakeMachine machine;
  EXPECT_EQ(of_device(machine).text, "edge: 0000:3b:00.0 is not there");
  EXPECT_EQ(of_device(machine).level, FindingLevel::kBad);
  machine.directory(kDevice);
  EXPECT_EQ(of_device(machine).text, "edge: 0000:3b:00.0 has no driver");
  EXPECT_EQ(of_device(machine).mend,
            "modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci 0000:3b:00.0");
}

TEST(VipctlDoctorDevices, EachDriverIsJudged) {
  const struct {
    const char* driver;
    FindingLevel level;
  } kCases[] = {{"vfio-pci", FindingLevel::kOk},
                {"mlx5_core", FindingLevel::kOk},
                {"uio_pci_generic", FindingLevel::kWarning},
                {"ixgbe", FindingLevel::kBad}};
  for (const auto& one : kCases) {
    FakeMachine machine;
    machine.link(std::string(kDevice) + "/driver",
                 std::string("../../../bus/pci/drivers/") + one.driver);
    EXPECT_EQ(of_device(machine).level, one.level) << one.driver;
  }
}

TEST(VipctlDoctorDevices, TheInterfaceOfAPacketSocketIsThereAndUp) {
  Config config;
  config.ports = {doctor_port("edge", "net_af_packet0,iface=eth1,qpairs=2")};
  FakeMachine machine;
  EXPECT_EQ(of_device(machine, config).text, "edge: interface eth1 is not there");
  machine.file("/sys/class/net/eth1/flags", "0x1002");
  EXPECT_EQ(of_device(machine, config).mend, "ip link set eth1 up");
  machine.file("/sys/class/net/eth1/flags", "0x1003");
  EXPECT_EQ(of_device(machine, config).level, FindingLevel::kOk);
  config.ports = {doctor_port("edge", "net_tap0,iface=eth9")};  // makes its own
  EXPECT_EQ(of_device(machine, config).level, FindingLevel::kOk);
}

TEST(VipctlDoctorDevices, VfioNeedsAnIommuOrLeaveToDoWithout) {
  FakeMachine machine;
  machine.link(std::string(kDevice) + "/driver", "../vfio-pci")
      .file("/proc/cpuinfo", "vendor_id : GenuineIntel");
  const Finding finding = check_iommu(machine.tree(), doctor_config());
  EXPECT_EQ(finding.level, FindingLevel::kBad);
  EXPECT_THAT(finding.mend, HasSubstr("intel_iommu=on iommu=pt"));
  machine.file("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y");
  EXPECT_EQ(check_iommu(machine.tree(), doctor_config()).level, FindingLevel::kWarning);
  machine.directory("/sys/kernel/iommu_groups/0");
  EXPECT_EQ(check_iommu(machine.tree(), doctor_config()).level, FindingLevel::kOk);
}

TEST(VipctlDoctorDevices, DriversOfTheKernelAndVirtualDevicesNeedNoIommu) {
  FakeMachine machine;
  machine.link(std::string(kDevice) + "/driver", "../mlx5_core");
  EXPECT_EQ(check_iommu(machine.tree(), doctor_config()).level, FindingLevel::kOk);
}

TEST(VipctlDoctorDevices, AWorkerOnAnotherNumaNodeThanTheDeviceIsTold) {
  FakeMachine machine;
  machine.file(std::string(kDevice) + "/numa_node", "1")
      .file(std::string(kDevice) + "/local_cpulist", "8-15")
      .directory("/sys/devices/system/cpu/cpu2/node1")
      .directory("/sys/devices/system/cpu/cpu3/node0");
  const Finding finding = check_device_nodes(machine.tree(), doctor_config());
  EXPECT_EQ(finding.level, FindingLevel::kWarning);
  EXPECT_THAT(finding.text, HasSubstr("is on NUMA node 1, the worker's CPU 3 on node 0"));
  EXPECT_EQ(finding.mend, "write CPUs of 8-15 into workers.cpus in v.yaml");
  machine.file(std::string(kDevice) + "/numa_node", "-1");
  EXPECT_EQ(check_device_nodes(machine.tree(), doctor_config()).level, FindingLevel::kOk);
}

}  // namespace
}  // namespace vipgate
