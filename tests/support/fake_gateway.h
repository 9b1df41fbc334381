// The fast path of a whole gateway in memory: snapshot, workers, hand-over; no EAL, no threads.
// It checks on the way what must hold for every packet: one queue, one verdict, one counter.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/snapshot_builder.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/worker_memory.h"
#include "tests/support/fake_mbuf.h"

namespace vipgate::test {

struct Recorder {
  uint64_t* count = nullptr;  // of verdicts, of all workers
  std::map<const rte_mbuf*, std::vector<Verdict>> verdicts;
  std::map<const rte_mbuf*, uint64_t> places;
  void operator()(const rte_mbuf* mbuf, const Verdict& verdict) {
    verdicts[mbuf].push_back(verdict);
    places[mbuf] = (*count)++;
  }
  void clear() {
    verdicts.clear();
    places.clear();
  }
};

// What became of one packet in the end.
struct Outcome {
  enum class Queue { kTransmit, kKernel, kDrop, kHeld };
  Queue queue = Queue::kDrop;
  size_t port = 0;      // kTransmit, kKernel
  uint32_t worker = 0;  // that decided
  bool handed_over = false;
  uint64_t place = 0;              // in the order of all verdicts
  const rte_mbuf* mbuf = nullptr;  // of one that was held: which it is
  Verdict verdict;
  Bytes frame;

  bool is_forward() const { return verdict.kind == Verdict::Kind::kForward; }
  bool is_reply(ReplyKind kind) const {
    return verdict.kind == Verdict::Kind::kReply && verdict.reply == kind;
  }
  bool is_kernel(KernelReason reason) const {
    return verdict.kind == Verdict::Kind::kKernel && verdict.kernel == reason;
  }
  bool is_held() const { return verdict.kind == Verdict::Kind::kHold; }
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
  size_t fragments = 64;
  size_t affinities = 1024;
  size_t dns_answers = 64;
  size_t dns_questions = 32;
  uint32_t counted_services = 64;
  uint32_t counted_reals = 1024;
};

class FakeGateway {
 public:
  explicit FakeGateway(SnapshotSpec spec, const GatewayOptions& options = {});

  // What the control plane would change; publish() makes it the current snapshot.
  SnapshotSpec& spec() { return spec_; }
  void publish() {
    ++spec_.generation;
    snapshot_ = builder_.build(spec_);
  }
  const Snapshot& snapshot() const { return *snapshot_; }
  std::shared_ptr<const Snapshot> shared_snapshot() const { return snapshot_; }

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

  // The packets that the gateway made, since the last call.
  std::vector<Outcome> take_made() { return std::exchange(made_, {}); }
  // What became of packets that were held by an earlier send(), since the last call.
  std::vector<Outcome> take_settled() { return std::exchange(settled_, {}); }
  size_t held() const;

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
  std::vector<TunnelError> take_tunnel_errors(uint32_t worker = 0) {
    std::vector<TunnelError> errors;
    workers_[worker]->memory.tunnel_errors().take(
        [&](const TunnelError& error) { errors.push_back(error); });
    return errors;
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
  using Outcomes = std::map<rte_mbuf*, Outcome>;
  // Through one worker's pipeline and those that it hands over to. `passed`: hand-overs before.
  void run(uint32_t number, std::vector<rte_mbuf*> mbufs, uint8_t port, int passed,
           Outcomes& outcomes);
  // Empties the worker's outbox and hands over; returns how many packets have left the worker.
  size_t collect(uint32_t number, int passed, Outcomes& outcomes);
  // Lets all workers deal with what they hold.
  void settle(Outcomes& outcomes);
  void settle_held();
  void give_spares();

  SnapshotSpec spec_;
  SnapshotBuilder builder_;
  FlowOwners owners_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::map<rte_mbuf*, std::unique_ptr<FakeMbuf>> held_;
  std::vector<rte_mbuf*> ended_;  // in this send, in order
  std::vector<Outcome> settled_;
  std::map<rte_mbuf*, std::unique_ptr<FakeMbuf>> spares_;  // in the workers' hands, or sent
  std::vector<Outcome> made_;
  uint64_t verdicts_ = 0;
  uint64_t ns_ = 1'000'000'000'000;
};

}  // namespace vipgate::test
