// The counters of all workers, added up and named for people.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/named_counters.h"
#include "common/snapshot.h"
#include "common/traffic_figures.h"
#include "dataplane/worker_memory.h"

namespace vipgate {

// WorkerMemory::snat_exhausted() of all.
std::vector<uint64_t> add_up_snat_exhausted(std::span<const std::unique_ptr<WorkerMemory>> workers);

TrafficFigures add_up_traffic(std::span<const std::unique_ptr<WorkerMemory>> workers,
                              const Snapshot& snapshot);

// Those of no service and no real: of SNAT pools, which `snapshot` names (it may be null), and the
// others that are not zero.
NamedCounters add_up_own_counters(std::span<const std::unique_ptr<WorkerMemory>> workers,
                                  const Snapshot* snapshot);

// Also where they are zero: questions of DNS by type, packets dropped by the port that they came in
// by, and by worker; and of these, by reason where they are not.
void add_details(NamedCounters& counters, std::span<const std::unique_ptr<WorkerMemory>> workers,
                 std::span<const std::string> ports);

// All that are not zero.
NamedCounters add_up_counters(std::span<const std::unique_ptr<WorkerMemory>> workers,
                              const Snapshot& snapshot);

}  // namespace vipgate
