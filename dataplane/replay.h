// The offline twin of the data plane: captures through the very pipeline of the daemon, without
// EAL, ports or privileges. One thread, one packet at a time, so the same input gives the same
// output, byte for byte. No DPDK types here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/snapshot.h"
#include "dataplane/worker_sizes.h"

namespace vipgate {

struct ReplayInput {
  uint8_t port = 0;  // on which the packets arrive: index of Snapshot::ports
  std::string path;
};

struct ReplayOptions {
  // Made for replay: PortEntry::check_mac is false, every next hop is resolved, reals are up.
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<std::string> port_names;  // by index of Snapshot::ports; for the verdicts
  std::vector<ReplayInput> inputs;      // at least one
  std::string out_path;
  std::string verdicts_path;  // empty: none are written
  std::string counters_path;  // empty: none are written
  uint32_t workers = 1;
  WorkerSizes sizes;  // of each worker; all indices of services and reals are below these
  // The daemon's --seed. Without one, all secrets are zero.
  std::optional<uint64_t> seed;
};

// Reads the inputs as one stream, ordered by time stamp; ties go by the order of `inputs`, and a
// capture's own order is kept. The time stamps are the clock; one that goes back stands still.
//
// Every packet arrives at worker 0 and is handed over to its owner as in the daemon. `out_path`
// gets the frames that would leave by any port, in order, each with the time stamp of the input
// that made it leave (its own, or that of the fragment it waited for), in the resolution of the
// first input. A fragment that was held has one verdict, the last; at the end, it waits no longer.
// A frame that is too long for a buffer (9,728 bytes) is dropped with the reason multi_segment, as
// the daemon does with frames that need several buffers.
//
// `verdicts_path` gets one JSON object per packet and line, in order; fields that do not apply are
// left out:
//   {"packet": 0, "verdict": "forward", "service": "redis.marathon", "real": "10.9.1.11:30585",
//    "worker": 0, "out": [{"index": 0, "port": "cluster"}]}
// `packet` counts all inputs from 0, `index` the frames in `out_path`; `verdict` is one of forward,
// dns, reply, kernel, drop; `reason` (not of forward) is a name of common/counters.h.
//
// `counters_path` gets one JSON object: the daemon's counters by their names, those that are not
// zero. What the daemon counts in its loop (tx_packets, loops, ...) is not among
// them.
//
// An error names the file, and the packet in it. What was written before it stays.
Status replay(const ReplayOptions& options);

}  // namespace vipgate
