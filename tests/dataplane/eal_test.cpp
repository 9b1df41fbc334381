#include "dataplane/eal.h"

#include <gmock/gmock.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "dataplane/cpu_check.h"

namespace vipgate::eal_test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

EalOptions options_of(HugePages huge_pages, uint32_t memory_mb) {
  EalOptions options;
  options.huge_pages = huge_pages;
  options.memory_mb = memory_mb;
  return options;
}

TEST(EalMemory, AutoTakesHugePagesWhenEnoughAreFree) {
  const auto mode = choose_memory_mode(options_of(HugePages::kAuto, 1024), {{2048, 512}});
  ASSERT_TRUE(mode.ok());
  EXPECT_TRUE(mode->huge);
  EXPECT_EQ(mode->description, "1024 MB of huge pages (1024 MB in pages of 2048 kB are free)");
}

TEST(EalMemory, AutoFallsBackAndSaysWhyAndHowToMendIt) {
  const auto none = choose_memory_mode(options_of(HugePages::kAuto, 1024), {});
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->huge);
  EXPECT_EQ(none->description,
            "1024 MB of plain memory, which is slower: no huge pages are free; reserve 2 MB pages "
            "with: sysctl vm.nr_hugepages=512");

  const auto few = choose_memory_mode(options_of(HugePages::kAuto, 1024), {{2048, 511}});
  ASSERT_TRUE(few.ok());
  EXPECT_FALSE(few->huge);
  EXPECT_THAT(few->description, HasSubstr("only 1022 MB in pages of 2048 kB are free"));
}

TEST(EalMemory, OnRefusesToStartWithoutEnoughHugePages) {
  const auto mode = choose_memory_mode(options_of(HugePages::kOn, 64), {{2048, 31}});
  ASSERT_FALSE(mode.ok());
  EXPECT_THAT(mode.error(), AllOf(HasSubstr("dpdk.huge_pages is on"), HasSubstr("only 62 MB")));
}

TEST(EalMemory, OffIsPlainMemoryEvenWhenHugePagesAreFree) {
  const auto mode = choose_memory_mode(options_of(HugePages::kOff, 64), {{2048, 512}});
  ASSERT_TRUE(mode.ok());
  EXPECT_FALSE(mode->huge);
}

TEST(EalMemory, FreePagesLeaveOutThoseThatArePromisedToOthers) {
  const std::filesystem::path directory =
      std::filesystem::path(::testing::TempDir()) / ("hugepages-" + std::to_string(getpid()));
  auto write = [&](const char* size, int free, int promised) {
    std::filesystem::create_directories(directory / size);
    std::ofstream(directory / size / "free_hugepages") << free << "\n";
    std::ofstream(directory / size / "resv_hugepages") << promised << "\n";
  };
  write("hugepages-1048576kB", 0, 0);
  write("hugepages-2048kB", 10, 4);
  const auto sizes = free_huge_pages(directory);
  ASSERT_EQ(sizes.size(), 1u);
  EXPECT_EQ(sizes[0].page_kb, 2048u);
  EXPECT_EQ(sizes[0].free_pages, 6u);
  std::filesystem::remove_all(directory);
  EXPECT_TRUE(free_huge_pages(directory).empty());
}

TEST(EalArguments, MemoryModesExcludeEachOther) {
  EXPECT_THAT(eal_arguments({}, true), AllOf(Contains("--in-memory"), Not(Contains("--no-huge"))));
  EXPECT_THAT(eal_arguments({}, false),
              AllOf(Contains("--no-huge"), Contains("--no-shconf"), Not(Contains("--in-memory"))));
}

TEST(EalArguments, PciIsScannedOnlyForTheDevicesThatAreAllowed) {
  EXPECT_THAT(eal_arguments({}, false), Contains("--no-pci"));
  EalOptions options;
  options.pci_allow = {"0000:3b:00.0"};
  EXPECT_THAT(eal_arguments(options, false),
              AllOf(Contains("-a"), Contains("0000:3b:00.0"), Not(Contains("--no-pci"))));
}

TEST(EalArguments, WorkersAreNumberedByRoleAndExtraArgumentsComeLast) {
  EalOptions options;
  options.main_cpu = 0;
  options.worker_cpus = {2, 3};
  options.extra_args = {"--iova-mode=va"};
  const auto arguments = eal_arguments(options, false);
  EXPECT_THAT(arguments, Contains("0@0,1@2,2@3"));
  EXPECT_EQ(arguments.back(), "--iova-mode=va");
}

// The test program's environment has started EAL on CPU 0 alone.
TEST(Eal, StartLeavesTheCallingThreadOnItsFormerCpus) {
  cpu_set_t now;
  CPU_ZERO(&now);
  ASSERT_EQ(sched_getaffinity(0, sizeof(now), &now), 0);
  cpu_set_t process;
  CPU_ZERO(&process);
  ASSERT_EQ(sched_getaffinity(getppid(), sizeof(process), &process), 0);
  EXPECT_TRUE(CPU_EQUAL(&now, &process));
}

TEST(CpuCheck, ThisMachineRunsWhatWasCompiledForIt) { EXPECT_EQ(check_cpu(), nullptr); }

}  // namespace
}  // namespace vipgate::eal_test
