// DPDK's environment abstraction layer (EAL): started once per process, before any port.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/huge_pages.h"
#include "common/result.h"

namespace vipgate {

struct EalOptions {
  HugePages huge_pages = HugePages::kAuto;
  uint32_t memory_mb = 1024;
  std::vector<std::string> extra_args;
  // Empty: "vipgate-<pid>", so that two instances on one host do not meet.
  std::string file_prefix;
  // Worker i runs on worker_cpus[i] as EAL lcore i + 1. A CPU may be named more than once.
  std::vector<int> worker_cpus;
  int main_cpu = 0;  // EAL lcore 0
  // PCI addresses that may be probed. Empty: the PCI bus is not scanned at all.
  std::vector<std::string> pci_allow;
};

struct EalMode {
  bool huge = false;
  std::string description;  // for the log: "hugepages: 1024 MB of 2048 kB pages", with the reason
};

// Free huge pages of one size, as in /sys/kernel/mm/hugepages.
struct HugePageSize {
  uint64_t page_kb = 0;
  uint64_t free_pages = 0;
};

// Reads `directory`; sizes with nothing free are left out. Ascending by size.
std::vector<HugePageSize> free_huge_pages(const std::string& directory);

// Decides between huge pages and plain memory; an error when kOn cannot be had.
Result<EalMode> choose_memory_mode(const EalOptions& options,
                                   const std::vector<HugePageSize>& free_pages);

// The argument vector for rte_eal_init, argv[0] included.
std::vector<std::string> eal_arguments(const EalOptions& options, bool huge);

// Starts EAL. Main thread only, once per process: DPDK cannot be started again after stop_eal.
// Afterwards the calling thread may run where it could before, less the workers' CPUs (or on
// main_cpu when nothing is left), so that threads made later do not inherit EAL's pinning.
// DPDK's own messages of level warning and above go to spdlog's default logger.
Result<EalMode> start_eal(const EalOptions& options);

// Releases what start_eal took. All ports are closed and all workers have returned before.
void stop_eal();

}  // namespace vipgate
