// The inside of replay: the workers' pipelines side by side in one thread, fed one frame at a time
// from a buffer of plain memory.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/snapshot.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/secrets.h"
#include "dataplane/worker_memory.h"

namespace vipgate {

// Keeps what became of the packet; a hand-over is not its end.
struct ReplayObserver {
  void operator()(const rte_mbuf*, const Verdict& verdict) {
    if (verdict.kind != Verdict::Kind::kHandover) last = verdict;
  }
  std::optional<Verdict> last;
};

extern template class Pipeline<ReplayObserver>;

// Without a seed nothing is secret. The key that chooses owners must not be zero, which would give
// all flows to one worker: this is Microsoft's example key, the default of many NICs.
Secrets replay_secrets(std::optional<uint64_t> seed);

// Owned and used by one thread.
class ReplayEngine {
 public:
  struct Outcome {
    Verdict verdict;
    uint32_t worker = 0;  // that came to the verdict
    // The frame that leaves, in this engine's buffer until the next process(), and its port.
    std::optional<uint8_t> out_port;
    std::span<const uint8_t> out_frame;
  };

  // The workers differ in WorkerMemoryOptions::worker alone. Throws std::bad_alloc.
  ReplayEngine(const Snapshot& snapshot, const WorkerMemoryOptions& options);

  // Puts the frame through the pipelines, from worker 0 to its owner. `now_ns` never goes back.
  Outcome process(std::span<const uint8_t> frame, uint8_t port, uint64_t now_ns);

 private:
  void fill(std::span<const uint8_t> frame, uint8_t port);
  // Empties the outbox; the worker that the packet was handed over to, if it was.
  std::optional<uint32_t> collect(Outcome& outcome);

  // A jumbo frame of 9,216 bytes, its tag, and what an answer adds.
  static constexpr size_t kFrameBytes = 9728;

  const Snapshot& snapshot_;
  ReplayObserver observer_;
  std::vector<std::unique_ptr<WorkerMemory>> memory_;
  std::vector<std::unique_ptr<Pipeline<ReplayObserver>>> pipelines_;
  Outbox outbox_;
  rte_mbuf mbuf_{};
  alignas(64) std::array<uint8_t, RTE_PKTMBUF_HEADROOM + kFrameBytes> buffer_{};
};

}  // namespace vipgate
