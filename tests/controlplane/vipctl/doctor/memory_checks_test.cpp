#include "controlplane/vipctl/doctor/memory_checks.h"

#include <gmock/gmock.h>

#include "tests/controlplane/vipctl/doctor/fake_machine.h"

namespace vipgate {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kSmall[] = "/sys/kernel/mm/hugepages/hugepages-2048kB";

void reserve(FakeMachine& machine, int all, int free, int promised) {
  machine.file(std::string(kSmall) + "/nr_hugepages", std::to_string(all))
      .file(std::string(kSmall) + "/free_hugepages", std::to_string(free))
      .file(std::string(kSmall) + "/resv_hugepages", std::to_string(promised));
}

TEST(VipctlDoctorMemory, FreeHugePagesMustHoldWhatDpdkIsGiven) {
  FakeMachine machine;
  Config config = doctor_config();  // 1,024 MB
  reserve(machine, 512, 512, 0);
  EXPECT_EQ(check_huge_pages(machine.tree(), config).level, FindingLevel::kOk);
  reserve(machine, 512, 512, 12);
  const Finding finding = check_huge_pages(machine.tree(), config);
  EXPECT_EQ(finding.level, FindingLevel::kWarning);
  EXPECT_THAT(finding.text, StartsWith("1000 MB are free, dpdk.memory_mb is 1024 MB"));
  EXPECT_THAT(finding.mend, StartsWith("sysctl -w vm.nr_hugepages=524 "));
  config.dpdk.huge_pages = HugePages::kOn;
  EXPECT_EQ(check_huge_pages(machine.tree(), config).level, FindingLevel::kBad);
}

TEST(VipctlDoctorMemory, PagesOfOtherSizesCountToo) {
  FakeMachine machine;
  machine.file("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "1");
  EXPECT_EQ(check_huge_pages(machine.tree(), doctor_config()).level, FindingLevel::kOk);
}

TEST(VipctlDoctorMemory, AGatewayThatRunsHasTakenItsPages) {
  FakeMachine machine;
  reserve(machine, 512, 0, 0);
  EXPECT_EQ(check_huge_pages(machine.tree(), doctor_config()).level, FindingLevel::kWarning);
  machine.process("42", "vipgated");
  EXPECT_EQ(check_huge_pages(machine.tree(), doctor_config()).level, FindingLevel::kOk);
}

TEST(VipctlDoctorMemory, WithoutHugePagesByTheConfigurationOnlyRealDevicesAreTold) {
  FakeMachine machine;
  Config config = doctor_config();
  config.dpdk.huge_pages = HugePages::kOff;
  EXPECT_EQ(check_huge_pages(machine.tree(), config).level, FindingLevel::kWarning);
  config.ports = {doctor_port("edge", "net_tap0,iface=vg0")};
  EXPECT_EQ(check_huge_pages(machine.tree(), config).level, FindingLevel::kOk);
}

TEST(VipctlDoctorMemory, TheWorkersNodeHasHugePagesOfItsOwn) {
  FakeMachine machine;
  reserve(machine, 512, 512, 0);
  machine.directory("/sys/devices/system/cpu/cpu2/node1")
      .file("/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages", "0");
  const Finding finding = check_huge_page_nodes(machine.tree(), doctor_config());
  EXPECT_EQ(finding.level, FindingLevel::kWarning);
  EXPECT_EQ(finding.mend,
            "echo 512 > /sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages");
  machine.file("/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages", "512");
  EXPECT_EQ(check_huge_page_nodes(machine.tree(), doctor_config()).level, FindingLevel::kOk);
}

TEST(VipctlDoctorMemory, TransparentHugePagesAreNotOff) {
  constexpr char kPath[] = "/sys/kernel/mm/transparent_hugepage/enabled";
  FakeMachine machine;
  EXPECT_EQ(check_transparent_huge_pages(machine.tree()).level, FindingLevel::kWarning);
  machine.file(kPath, "always [madvise] never");
  EXPECT_EQ(check_transparent_huge_pages(machine.tree()).level, FindingLevel::kOk);
  machine.file(kPath, "always madvise [never]");
  EXPECT_EQ(check_transparent_huge_pages(machine.tree()).mend,
            std::string("echo madvise > ") + kPath);
}

TEST(VipctlDoctorMemory, SwapIsToldWithItsDevice) {
  FakeMachine machine;
  machine.file("/proc/swaps", "Filename Type Size Used Priority");
  EXPECT_EQ(check_swap(machine.tree()).level, FindingLevel::kOk);
  machine.file("/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2  partition 1 0 -2");
  EXPECT_THAT(check_swap(machine.tree()).text, StartsWith("/dev/sda2 is in use"));
}

TEST(VipctlDoctorMemory, TheLimitOfLockedMemoryIsThatOfTheGatewayThatRuns) {
  FakeMachine machine;
  EXPECT_EQ(check_locked_memory(machine.tree(), doctor_config()).level, FindingLevel::kOk);
  machine.process("42", "vipgated");
  machine.file("/proc/42/limits",
               "Limit  Soft Limit  Hard Limit  Units\n"
               "Max locked memory         8388608              8388608              bytes     ");
  const Finding finding = check_locked_memory(machine.tree(), doctor_config());
  EXPECT_EQ(finding.level, FindingLevel::kWarning);
  EXPECT_THAT(finding.text, StartsWith("vipgated may lock 8388608 bytes"));
  EXPECT_THAT(finding.mend, HasSubstr("LimitMEMLOCK=infinity"));
  machine.file("/proc/42/limits", "Max locked memory         unlimited   unlimited   bytes");
  EXPECT_EQ(check_locked_memory(machine.tree(), doctor_config()).level, FindingLevel::kOk);
}

}  // namespace
}  // namespace vipgate
