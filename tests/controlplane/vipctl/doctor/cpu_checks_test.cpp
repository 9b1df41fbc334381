#include "controlplane/vipctl/doctor/cpu_checks.h"

#include <gmock/gmock.h>

#include "tests/controlplane/vipctl/doctor/fake_machine.h"

namespace vipgate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kCpu[] = "/sys/devices/system/cpu";

TEST(VipctlDoctorCpus, ListsAreReadAndWrittenAsTheKernelDoes) {
  EXPECT_THAT(cpus_of("0-2,8,5"), ElementsAre(0, 1, 2, 5, 8));
  EXPECT_EQ(cpu_list({0, 1, 2, 5, 8}), "0-2,5,8");
  EXPECT_THAT(cpus_of(""), IsEmpty());
  EXPECT_THAT(cpus_of("(null)"), IsEmpty());
  EXPECT_THAT(cpus_of("0-99999999999"), IsEmpty());
}

TEST(VipctlDoctorCpus, AWorkersCpuThatIsNotThereIsBad) {
  FakeMachine machine;
  machine.file(std::string(kCpu) + "/online", "0-2");
  const Finding finding = check_cpus_online(machine.tree(), doctor_config());
  EXPECT_EQ(finding.level, FindingLevel::kBad);
  EXPECT_EQ(finding.text, "workers.cpus or control.cpus names 3: there are 0-2");
  EXPECT_EQ(finding.mend, "write CPUs of 0-2 into v.yaml");
  machine.file(std::string(kCpu) + "/online", "0-3");
  EXPECT_EQ(check_cpus_online(machine.tree(), doctor_config()).level, FindingLevel::kOk);
}

TEST(VipctlDoctorCpus, TwoThreadsOfOneCoreAreToldIfBothAreUsed) {
  FakeMachine machine;
  machine.file(std::string(kCpu) + "/cpu2/topology/thread_siblings_list", "2,6")
      .file(std::string(kCpu) + "/cpu3/topology/thread_siblings_list", "3,7");
  EXPECT_EQ(check_core_siblings(machine.tree(), doctor_config()).level, FindingLevel::kOk);
  machine.file(std::string(kCpu) + "/cpu3/topology/thread_siblings_list", "2-3");
  const Finding finding = check_core_siblings(machine.tree(), doctor_config());
  EXPECT_EQ(finding.level, FindingLevel::kWarning);
  EXPECT_THAT(finding.text, HasSubstr("CPUs 3 and 2 are threads of one core"));
}

TEST(VipctlDoctorCpus, AllWorkersCpusMustBeIsolatedAndWithoutTicks) {
  FakeMachine machine;
  machine.file(std::string(kCpu) + "/isolated", "3")
      .file(std::string(kCpu) + "/nohz_full", "(null)");
  const Finding isolation = check_isolation(machine.tree(), doctor_config());
  EXPECT_EQ(isolation.level, FindingLevel::kWarning);
  EXPECT_THAT(isolation.text, HasSubstr("CPUs 2:"));
  EXPECT_THAT(isolation.mend, HasSubstr("isolcpus=managed_irq,domain,2-3 nohz_full=2-3 "));
  EXPECT_THAT(check_ticks(machine.tree(), doctor_config()).text, HasSubstr("on CPUs 2-3"));
  machine.file(std::string(kCpu) + "/isolated", "2-3")
      .file(std::string(kCpu) + "/nohz_full", "1-3");
  EXPECT_EQ(check_isolation(machine.tree(), doctor_config()).level, FindingLevel::kOk);
  EXPECT_EQ(check_ticks(machine.tree(), doctor_config()).level, FindingLevel::kOk);
}

TEST(VipctlDoctorCpus, AGovernorThatSlowsAWorkersCpuIsToldWithTheFilesToWrite) {
  FakeMachine machine;
  EXPECT_EQ(check_governor(machine.tree(), doctor_config()).level, FindingLevel::kOk);
  machine
      .file(std::string(kCpu) + "/cpu0/cpufreq/scaling_governor", "powersave")  // not a worker's
      .file(std::string(kCpu) + "/cpu2/cpufreq/scaling_governor", "performance")
      .file(std::string(kCpu) + "/cpu3/cpufreq/scaling_governor", "powersave");
  const Finding finding = check_governor(machine.tree(), doctor_config());
  EXPECT_EQ(finding.level, FindingLevel::kWarning);
  EXPECT_THAT(finding.text, HasSubstr("'powersave' on the workers' CPUs 3:"));
  EXPECT_EQ(finding.mend,
            "echo performance | tee /sys/devices/system/cpu/cpu3/cpufreq/scaling_governor");
}

TEST(VipctlDoctorCpus, AnotherClockThanTscIsToldWithTheWayBackWhereThereIsOne) {
  const std::string clock = "/sys/devices/system/clocksource/clocksource0/";
  FakeMachine machine;
  machine.file(clock + "current_clocksource", "tsc");
  EXPECT_EQ(check_clock_source(machine.tree()).level, FindingLevel::kOk);
  machine.file(clock + "current_clocksource", "hpet")
      .file(clock + "available_clocksource", "hpet tsc acpi_pm");
  EXPECT_THAT(check_clock_source(machine.tree()).mend, HasSubstr("echo tsc > "));
  machine.file(clock + "available_clocksource", "hpet acpi_pm");
  EXPECT_EQ(check_clock_source(machine.tree()).level, FindingLevel::kWarning);
  EXPECT_THAT(check_clock_source(machine.tree()).mend, HasSubstr("journalctl -k"));
}

TEST(VipctlDoctorCpus, IrqbalanceMustKeepOffTheWorkersCpus) {
  FakeMachine machine;
  EXPECT_EQ(check_irqbalance(machine.tree(), doctor_config()).level, FindingLevel::kOk);
  machine.process("17", "irqbalance").file(std::string(kCpu) + "/isolated", "2");
  const Finding finding = check_irqbalance(machine.tree(), doctor_config());
  EXPECT_EQ(finding.level, FindingLevel::kWarning);
  EXPECT_THAT(finding.text, HasSubstr("CPUs 3"));
  EXPECT_THAT(finding.mend, HasSubstr("IRQBALANCE_BANNED_CPULIST=2-3"));
  machine.file("/etc/default/irqbalance", "#x\nIRQBALANCE_BANNED_CPULIST=\"3\"");
  EXPECT_EQ(check_irqbalance(machine.tree(), doctor_config()).level, FindingLevel::kOk);
}

}  // namespace
}  // namespace vipgate
