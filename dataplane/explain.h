// What would become of a packet, and why: one made-up packet through the very pipeline of the
// daemon, with empty flow tables. These, and the packet's buffer, are plain memory of the call's
// own, some megabytes a worker: nothing of EAL, and of a running data plane nothing but its
// snapshot, is touched. No DPDK types here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/explanation.h"
#include "common/hash.h"
#include "common/snapshot.h"

namespace vipgate {

class FlowOwners;

struct ExplainOptions {
  // As for replay: see ReplayOptions.
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<std::string> port_names;
  uint32_t workers = 1;
  uint32_t services = 0;
  uint32_t reals = 0;
  std::optional<uint64_t> seed;
  // Of a running gateway, in place of those that the seed makes; null: that one.
  const FlowOwners* owners = nullptr;
  HashSecret secret;

  ExplainPacket packet;
};

// Any thread. Throws std::bad_alloc.
Explanation explain(const ExplainOptions& options);

// A line each: the word, padded, and the text.
std::string explanation_text(const Explanation& explanation);

}  // namespace vipgate
