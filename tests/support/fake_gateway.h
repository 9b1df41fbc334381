// The fast path of a whole gateway in memory: snapshot, workers, hand-over; no EAL, no threads.
// It checks on the way what must hold for every packet: one queue, one verdict, one counter.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/snapshot_builder.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/worker_memory.h"
#include "tests/support/fake_mbuf.h"

namespace vipgate::test {

struct Recorder {
  std::map<const rte_mbuf*, std::vector<Verdict>> verdicts;
  void operator()(const rte_mbuf* mbuf, const Verdict& verdict) {
    verdicts[mbuf].push_back(verdict);
  }
};

// What became of one packet in the end.
struct Outcome {
  enum class Queue { kTransmit, kKernel, kDrop };
  Queue queue = Queue::kDrop;
  size_t port = 0;      // kTransmit, kKernel
  uint32_t worker = 0;  // that decided
  bool handed_over = false;
  Verdict verdict;
  Bytes frame;

  bool is_forward() const { return verdict.kind == Verdict::Kind::kForward; }
  bool is_reply(ReplyKind kind) const {
    return verdict.kind == Verdict::Kind::kReply && verdict.reply == kind;
  }
  bool is_kernel(KernelReason reason) const {
    return verdict.kind == Verdict::Kind::kKernel && verdict.kernel == reason;
  }
  bool is_drop(DropReason reason) const {
    return verdict.kind == Verdict::Kind::kDrop && verdict.drop == reason;
  }
};

// "drop no_flow", "forward to port 1": for failure messages.
std::string to_string(const Outcome& outcome);
inline void PrintTo(const Outcome& outcome, std::ostream* out) { *out << to_string(outcome); }

struct GatewayOptions {
  uint32_t workers = 1;
  size_t flows = 4096;
  uint32_t counted_services = 64;
  uint32_t counted_reals = 1024;
};

class FakeGateway {
 public:
  explicit FakeGateway(SnapshotSpec spec, const GatewayOptions& options = {});

  // What the control plane would change; publish() makes it the current snapshot.
  SnapshotSpec& spec() { return spec_; }
  void publish() { snapshot_ = builder_.build(spec_); }
  const Snapshot& snapshot() const { return *snapshot_; }

  // One packet, or a burst, that `worker` receives by `port`, followed to its end.
  Outcome send(std::span<const uint8_t> frame, uint8_t port = 0, uint32_t worker = 0);
  Outcome send(const PacketBuilder& packet, uint8_t port = 0, uint32_t worker = 0) {
    return send(packet.build(), port, worker);
  }
  std::vector<Outcome> send_burst(const std::vector<Bytes>& frames, uint8_t port = 0,
                                  uint32_t worker = 0);
  // The mbufs are the caller's; their frames are not copied to the outcomes.
  std::vector<Outcome> send_mbufs(std::vector<rte_mbuf*> mbufs, uint8_t port = 0,
                                  uint32_t worker = 0);

  // Lets time pass, with the workers' housekeeping in steps of `step_ms`.
  void pass_seconds(double seconds, uint32_t step_ms = 100);
  // Lets it pass at once.
  void jump_seconds(double seconds);
  Now now() const { return Now::from_ns(ns_); }

  size_t flows() const;
  // Summed over the workers.
  template <class Kind>
  uint64_t count(Kind kind) const {
    uint64_t sum = 0;
    for (const auto& worker : workers_) sum += worker->memory.counters().value(kind);
    return sum;
  }
  const WorkerMemory& memory(uint32_t worker = 0) const { return workers_[worker]->memory; }
  // Packets received = sum of all outcomes; a test failure if not.
  void check_counters() const;

 private:
  struct Worker {
    explicit Worker(const WorkerMemoryOptions& options)
        : memory(options), pipeline(memory.pipeline_options(), recorder) {}
    WorkerMemory memory;
    Recorder recorder;
    Pipeline<Recorder> pipeline;
    Outbox outbox;
  };
  void run(Worker& worker, uint32_t number, std::vector<rte_mbuf*> mbufs, uint8_t port,
           bool handed_over, std::map<rte_mbuf*, Outcome>& outcomes);

  SnapshotSpec spec_;
  SnapshotBuilder builder_;
  ToeplitzHash owner_hash_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<std::unique_ptr<Worker>> workers_;
  uint64_t ns_ = 1'000'000'000'000;
};

}  // namespace vipgate::test
