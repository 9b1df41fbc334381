// Numbers of flow ids, which are unique within a family alone, in sets that hold both families'.
#pragma once

#include <cstdint>

#include "common/snapshot.h"

namespace vipgate {

// Wide if the id is.
constexpr uint32_t flow_number(uint32_t flow_id, bool is_v4) {
  const uint32_t wide = flow_id & kWideFlowId;
  return wide | (flow_id - wide) << 1 | (is_v4 ? 0 : 1);
}

}  // namespace vipgate
