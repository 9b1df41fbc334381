// `vipgated compile`: what the daemon would serve, as text. Needs no data plane.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/result.h"
#include "common/snapshot_builder.h"
#include "controlplane/config/config.h"
#include "controlplane/offline/offline_sources.h"

namespace vipgate {

// The final state of a configuration, without a data plane: every real that is configured counts,
// port i (from 0) has the MAC address 02:00:00:00:00:NN with NN = i + 1, none compares it with a
// frame's, and every next hop is resolved to `next_hop`, but for static neighbours.
struct OfflineSnapshot {
  std::shared_ptr<const Snapshot> snapshot;
  SnapshotBuildStats stats;
  uint32_t service_slots = 0;
  uint32_t real_slots = 0;
  uint64_t dns_ns = 0;    // what the compilation of the names took
  uint64_t build_ns = 0;  // and the rest
};
Result<OfflineSnapshot> compile_offline(const Config& config, const MacAddress& next_hop);

// Whether the services and names of a configuration that was read can be numbered and laid out.
Status check_compiles(const Config& config);

enum class CompileOutput : uint8_t { kRecords, kServices, kSkipped, kSnapshotStats };

// The lines to print, each with its end of line. `cluster` may be null.
Result<std::string> compile_command(const Config& config, CompileOutput output,
                                    OfflineCluster* cluster = nullptr,
                                    const HostLookup& lookup = {});

}  // namespace vipgate
