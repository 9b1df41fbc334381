// The tables by which the packet path finds out what a destination address is.
#pragma once

#include "common/snapshot.h"
#include "common/snapshot_builder.h"

namespace vipgate {

// Fills snapshot.v4 and snapshot.v6. Pure.
void fill_address_tables(const SnapshotSpec& spec, Snapshot& snapshot);

}  // namespace vipgate
