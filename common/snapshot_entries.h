// What a snapshot's pages hold of services and reals. Of SnapshotBuilder alone.
#pragma once

#include <cstdint>
#include <vector>

#include "common/snapshot_builder.h"

namespace vipgate {

ServiceEntry entry_of(const ServiceSpec& spec, const ServiceRing* ring, bool has_previous_rows,
                      const Admission* admission, bool has_quic_reals);

// What the service adds to Snapshot::rows_checksum.
uint64_t checksum_of(const ServiceEntry& entry, const ServiceInfo& info);

// Of no RealId.
RealEntry blank_real();

RealEntry entry_of(const RealSpec& real, uint32_t service, const std::vector<PortEntry>& ports);

TunnelHeader tunnel_of(const RealSpec& real, const ServiceSpec& service,
                       const std::vector<PortEntry>& ports);

}  // namespace vipgate
