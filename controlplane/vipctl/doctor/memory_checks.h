// The doctor's checks of memory.
#pragma once

#include "controlplane/config/config.h"
#include "controlplane/vipctl/doctor/finding.h"
#include "controlplane/vipctl/doctor/system_tree.h"

namespace vipgate {

// Enough of them for dpdk.memory_mb: free ones, or, while vipgated runs and has its own, all.
Finding check_huge_pages(const SystemTree& system, const Config& config);
// On each NUMA node on which a worker runs.
Finding check_huge_page_nodes(const SystemTree& system, const Config& config);
// Tables are given transparent ones.
Finding check_transparent_huge_pages(const SystemTree& system);
Finding check_swap(const SystemTree& system);
// RLIMIT_MEMLOCK of the vipgated that runs, or of its unit.
Finding check_locked_memory(const SystemTree& system, const Config& config);

}  // namespace vipgate
