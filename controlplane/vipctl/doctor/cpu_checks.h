// The doctor's checks of CPUs and clocks.
#pragma once

#include "controlplane/config/config.h"
#include "controlplane/vipctl/doctor/finding.h"
#include "controlplane/vipctl/doctor/system_tree.h"

namespace vipgate {

// The CPUs of workers and control are there.
Finding check_cpus_online(const SystemTree& system, const Config& config);
// No worker shares a core with another worker, or the control plane.
Finding check_core_siblings(const SystemTree& system, const Config& config);
// isolcpus, nohz_full: nothing else runs on the workers' CPUs, nor the scheduler's tick.
Finding check_isolation(const SystemTree& system, const Config& config);
Finding check_ticks(const SystemTree& system, const Config& config);
Finding check_governor(const SystemTree& system, const Config& config);
Finding check_clock_source(const SystemTree& system);
// irqbalance keeps off the workers' CPUs.
Finding check_irqbalance(const SystemTree& system, const Config& config);

}  // namespace vipgate
