// The inside of replay: the workers' pipelines side by side in one thread, fed one frame at a time
// from buffers of plain memory.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/snapshot.h"
#include "dataplane/counter_names.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/secrets.h"
#include "dataplane/worker_memory.h"

namespace vipgate {

// Keeps what became of each packet; being handed over or held is not its end.
struct ReplayObserver {
  void operator()(const rte_mbuf* mbuf, const Verdict& verdict) { last[mbuf] = verdict; }
  std::map<const rte_mbuf*, Verdict> last;
};

extern template class Pipeline<ReplayObserver>;

// Without a seed nothing is secret; the key that chooses owners is always the same, but not zero,
// which would give all flows to one worker.
Secrets replay_secrets(std::optional<uint64_t> seed);

// Owned and used by one thread.
class ReplayEngine {
 public:
  struct Outcome {
    uint64_t number = 0;  // of the packet; of one that the gateway made, of that which came last
    Verdict verdict;
    uint32_t worker = 0;  // that came to the verdict
    // The frame that leaves, in this engine's buffer until the next call, and its port.
    std::optional<uint8_t> out_port;
    std::span<const uint8_t> out_frame;
  };

  // The workers differ in WorkerMemoryOptions::worker alone. Throws std::bad_alloc.
  ReplayEngine(const Snapshot& snapshot, const WorkerMemoryOptions& options);

  // Puts the frame, the packet of this number, through the pipelines, from worker 0 to its owner.
  // Returns what became of it, if it is not held, and of others that were held until now; valid
  // until the next call. `now_ns` never goes back. Throws std::bad_alloc.
  std::span<const Outcome> process(std::span<const uint8_t> frame, uint8_t port, uint64_t now_ns,
                                   uint64_t number);
  // What is still held has waited in vain: first for answers, then for fragments.
  std::span<const Outcome> finish();
  // Of all workers together, until now.
  NamedCounters counters() const { return add_up_counters(memory_, snapshot_); }

 private:
  // A jumbo frame of 9,216 bytes, its tag, and what an answer adds.
  static constexpr size_t kFrameBytes = 9728;
  struct Slot {
    rte_mbuf mbuf{};
    uint64_t number = 0;
    alignas(64) std::array<uint8_t, RTE_PKTMBUF_HEADROOM + kFrameBytes> buffer;
  };

  void start();
  // Lets time pass until then: in steps while questions wait, which ask again and give up.
  void pass_until(uint64_t now_ns);
  Slot& fill(std::span<const uint8_t> frame, uint8_t port);
  // Empties the outbox: what has ended becomes an outcome, what is handed over goes on.
  void collect(uint32_t worker);
  void settle();
  void give_spares();

  const Snapshot& snapshot_;
  ReplayObserver observer_;
  std::vector<std::unique_ptr<WorkerMemory>> memory_;
  std::vector<std::unique_ptr<Pipeline<ReplayObserver>>> pipelines_;
  uint64_t number_ = 0;  // of the packet that came last
  Outbox outbox_;
  // Of time, while something waits for it.
  static constexpr uint64_t kStepNs = 10'000'000;

  Now now_{};
  std::map<const rte_mbuf*, std::unique_ptr<Slot>> used_;
  std::vector<std::unique_ptr<Slot>> free_;
  std::vector<std::unique_ptr<Slot>> ended_;  // whose frames the outcomes show
  std::vector<Outcome> outcomes_;
};

}  // namespace vipgate
