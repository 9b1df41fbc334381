// A polling core's loop body: take what arrived, put it through the pipeline, send what came out.
// The whole life of a packet can be read from run_once().
//
// Io is DPDK's ethdev in production (ethdev_io.h) and a fake in tests: no virtual call per packet.
// One Worker per core; all methods are called by that core's thread only.
#pragma once

#include <rte_ring.h>

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <utility>

#include "common/dns_policy.h"
#include "common/loop_counters.h"
#include "common/snapshot_cell.h"
#include "dataplane/fastpath/kernel_port.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/fastpath/watcher.h"

namespace vipgate {

inline constexpr uint16_t kNoQueue = UINT16_MAX;
static_assert(std::bit_width(kBurst) == kBurstFills);

// One port, as one worker uses it.
struct WorkerPort {
  uint16_t device = 0;           // Io's port number
  uint16_t rx_queue = kNoQueue;  // the receive queue that this worker polls, if any
  uint16_t tx_queue = kNoQueue;  // its own transmit queue; without one, `tx_owner` sends for it
  uint16_t tx_owner = 0;
  KernelPort kernel{};
};

// Rings between workers, indexed by the other worker; null at the own index. Each has one producer
// and one consumer.
struct WorkerRings {
  std::array<rte_ring*, kMaxWorkers> in{};   // from that worker to this one
  std::array<rte_ring*, kMaxWorkers> out{};  // from this one to that worker
};

struct WorkerOptions {
  uint32_t index = 0;
  uint32_t workers = 1;
  uint32_t port_count = 0;
  std::array<WorkerPort, kMaxPorts> ports;
  WorkerRings owned;     // packets for the worker that owns their flow
  WorkerRings transmit;  // finished packets for a port whose transmit queue is another worker's
  KernelWaker* kernel_waker = nullptr;
  SnapshotCell<Snapshot>* cell = nullptr;
  LoopCounters* loop_counters = nullptr;
  PipelineOptions pipeline;
  rte_mempool* pool = nullptr;  // of packets of its own making; null: there are none
};

template <class Io>
class Worker {
 public:
  explicit Worker(const WorkerOptions& options)
      : options_(options),
        counters_(*options.pipeline.counters),
        loop_counters_(*options.loop_counters),
        watcher_(options.index),
        pipeline_(std::in_place, options.pipeline, observer_) {}

  // One turn of the loop at time `now_ns` (monotonic). Whether there was anything to do.
  bool run_once(uint64_t now_ns) {
    const Snapshot* snapshot = options_.cell->read(options_.index);
    counters_.count(Event::kLoops);
    if (snapshot == nullptr) return false;
    const Now now = Now::from_ns(now_ns);
    bool busy = false;
    if (Watch* watch = watch_slot_.armed(); watch == nullptr && watch_ == nullptr) [[likely]] {
      busy = turn<false>(*snapshot, now);
    } else {
      busy = turn_watched(watch, *snapshot, now);
    }
    if (FlowWalk* walk = walk_slot_.walk()) [[unlikely]] {
      walk_on(*walk, now);
      busy = true;  // does not sleep while somebody waits
    }
    if (woke_kernel_) {
      options_.kernel_waker->wake();
      woke_kernel_ = false;
    }
    if (busy) counters_.count(Event::kBusyLoops);
    return busy;
  }

  // To be called before the thread sleeps or ends.
  void go_offline() { options_.cell->offline(options_.index); }

  WorkerCounters& counters() { return counters_; }
  LoopCounters& loop_counters() { return loop_counters_; }
  // By which packets come to be watched; its methods say whose they are.
  WatchSlot& watch_slot() { return watch_slot_; }
  // By which its flows are asked for.
  FlowWalkSlot& walk_slot() { return walk_slot_; }

 private:
  // With kWatched, packets go through a pipeline that tells of them.
  template <bool kWatched>
  auto& pipeline() {
    if constexpr (kWatched) {
      return *watched_pipeline_;
    } else {
      return *pipeline_;
    }
  }

  template <bool kWatched>
  bool turn(const Snapshot& snapshot, Now now) {
    // Before any packet: after a stall, deadlines that wrapped must not be read as alive.
    pipeline<kWatched>().advance(now);
    bool busy = false;
    for (uint32_t port = 0; port < options_.port_count; ++port) {
      busy |= receive<kWatched>(snapshot, port, now);
      busy |= send_from_kernel<kWatched>(port);
    }
    if (options_.workers > 1) busy |= take_from_workers<kWatched>(snapshot, now);
    if (pipeline<kWatched>().settle_fragments(snapshot, now, outbox_)) {
      flush<kWatched>();
      busy = true;
    }
    refill<kWatched>(snapshot);
    if (pipeline<kWatched>().settle_questions(snapshot, now, outbox_)) {
      flush<kWatched>();
      busy = true;
    }
    return busy;
  }

  // Of code that is not used, usually: the other pipeline goes on where the one stands.
  [[gnu::noinline]] bool turn_watched(Watch* watch, const Snapshot& snapshot, Now now) {
    if (watch != watch_) {
      if (watch == nullptr) {
        pipeline_.emplace(*watched_pipeline_, observer_);
        watched_pipeline_.reset();
      } else {
        watcher_.start(*watch);
        if (watch_ == nullptr) {
          watched_pipeline_.emplace(*pipeline_, watcher_);
          pipeline_.reset();
        }
      }
      watch_ = watch;
      watch_slot_.use(watch);
    }
    if (watch == nullptr) return turn<false>(snapshot, now);
    watcher_.begin_turn();
    const bool busy = turn<true>(snapshot, now);
    if (watcher_.take_news()) watch_slot_.wake();
    return busy;
  }

  [[gnu::noinline]] void walk_on(FlowWalk& walk, Now now) {
    const bool has_more =
        watch_ == nullptr ? pipeline_->walk_on(walk, now) : watched_pipeline_->walk_on(walk, now);
    if (!has_more) walk_slot_.give_back();
  }

  template <bool kWatched>
  void process(const Snapshot& snapshot, rte_mbuf** packets, uint16_t count, uint8_t port,
               bool handed_over, Now now) {
    refill<kWatched>(snapshot);
    if constexpr (kWatched) {
      if (watcher_.is_trace()) {
        for (uint16_t i = 0; i < count; ++i) {
          watcher_.begin_events(packets[i], counters_);
          watched_pipeline_->process(snapshot, packets + i, 1, port, handed_over, now, outbox_);
          watcher_.end_events(counters_);
          flush<true>();
        }
        return;
      }
    }
    pipeline<kWatched>().process(snapshot, packets, count, port, handed_over, now, outbox_);
    flush<kWatched>();
  }

  // So that each packet of a burst may ask a resolver.
  template <bool kWatched>
  void refill(const Snapshot& snapshot) {
    if (!snapshot.dns_policy->forwarding.is_on) [[likely]] {
      return;
    }
    SparePackets* spares = pipeline<kWatched>().spares();
    if (spares == nullptr || spares->count == kBurst || options_.pool == nullptr) return;
    const uint32_t missing = kBurst - spares->count;
    if (Io::allocate(options_.pool, spares->packets.data() + spares->count, missing)) {
      spares->count = kBurst;
    }
  }

  void count_burst(unsigned count) {
    loop_counters_.packets.add(count);
    loop_counters_.bursts[static_cast<size_t>(std::bit_width(count)) - 1].add();
  }

  template <bool kWatched>
  bool receive(const Snapshot& snapshot, uint32_t port, Now now) {
    const WorkerPort& own = options_.ports[port];
    if (own.rx_queue == kNoQueue) return false;
    rte_mbuf* packets[kBurst];
    const uint16_t count = Io::rx(own.device, own.rx_queue, packets, kBurst);
    if (count == 0) return false;
    count_burst(count);
    if constexpr (kWatched) watcher_.received(packets, count, port);
    process<kWatched>(snapshot, packets, count, static_cast<uint8_t>(port), false, now);
    return true;
  }

  template <bool kWatched>
  bool send_from_kernel(uint32_t port) {
    rte_ring* ring = options_.ports[port].kernel.from_kernel;
    if (ring == nullptr) return false;
    void* taken[kBurst];
    auto** packets = reinterpret_cast<rte_mbuf**>(taken);
    const unsigned count = rte_ring_sc_dequeue_burst(ring, taken, kBurst, nullptr);
    if (count == 0) return false;
    count_burst(count);
    counters_.count(Event::kFromKernel, count);
    if constexpr (kWatched) watcher_.sent_by_kernel(packets, count, port);
    transmit<kWatched>(port, packets, count);
    return true;
  }

  // What other workers received but this one owns, and what they finished but this one sends.
  template <bool kWatched>
  bool take_from_workers(const Snapshot& snapshot, Now now) {
    bool busy = false;
    for (uint32_t other = 0; other < options_.workers; ++other) {
      if (other == options_.index) continue;
      void* taken[kBurst];
      auto** packets = reinterpret_cast<rte_mbuf**>(taken);
      unsigned count = rte_ring_sc_dequeue_burst(options_.owned.in[other], taken, kBurst, nullptr);
      if (count != 0) {
        count_burst(count);
        process<kWatched>(snapshot, packets, static_cast<uint16_t>(count), 0, true, now);
        busy = true;
      }
      count = rte_ring_sc_dequeue_burst(options_.transmit.in[other], taken, kBurst, nullptr);
      if (count != 0) {
        count_burst(count);
        busy = true;
      }
      for (unsigned i = 0; i < count; ++i) outbox_.transmit.add(packets[i]->port, packets[i]);
      flush<kWatched>();
    }
    return busy;
  }

  template <bool kWatched>
  void flush() {
    outbox_.transmit.flush([&](size_t port, rte_mbuf** packets, uint32_t count) {
      if constexpr (kWatched) watcher_.leaving(packets, count, static_cast<uint32_t>(port));
      transmit<kWatched>(static_cast<uint32_t>(port), packets, count);
    });
    outbox_.kernel.flush([&](size_t port, rte_mbuf** packets, uint32_t count) {
      enqueue<kWatched>(options_.ports[port].kernel.to_kernel, packets, count,
                        DropReason::kKernelFull);
      woke_kernel_ = true;
    });
    outbox_.handover.flush([&](size_t owner, rte_mbuf** packets, uint32_t count) {
      enqueue<kWatched>(options_.owned.out[owner], packets, count, DropReason::kHandoverFull);
    });
    outbox_.drop.flush(
        [&](size_t, rte_mbuf** packets, uint32_t count) { Io::free_bulk(packets, count); });
    if constexpr (kWatched) watcher_.flushed();
  }

  template <bool kWatched>
  void transmit(uint32_t port, rte_mbuf** packets, uint32_t count) {
    const WorkerPort& own = options_.ports[port];
    if (own.tx_queue == kNoQueue) {
      for (uint32_t i = 0; i < count; ++i) packets[i]->port = static_cast<uint16_t>(port);
      return enqueue<kWatched>(options_.transmit.out[own.tx_owner], packets, count,
                               DropReason::kTxFull);
    }
    const uint16_t sent = Io::tx(own.device, own.tx_queue, packets, static_cast<uint16_t>(count));
    counters_.count(Event::kTxPackets, sent);
    if (sent == count) [[likely]] {
      return;
    }
    // A full queue drops and counts; waiting would only move the loss to the receive side.
    counters_.count(DropReason::kTxFull, count - sent);
    if constexpr (kWatched) watcher_.lost(packets + sent, count - sent, DropReason::kTxFull);
    Io::free_bulk(packets + sent, count - sent);
  }

  template <bool kWatched>
  void enqueue(rte_ring* ring, rte_mbuf** packets, uint32_t count, DropReason reason) {
    const unsigned taken =
        rte_ring_sp_enqueue_burst(ring, reinterpret_cast<void* const*>(packets), count, nullptr);
    if (taken == count) [[likely]] {
      return;
    }
    counters_.count(reason, count - taken);
    if constexpr (kWatched) watcher_.lost(packets + taken, count - taken, reason);
    Io::free_bulk(packets + taken, count - taken);
  }

  const WorkerOptions options_;
  WorkerCounters& counters_;
  LoopCounters& loop_counters_;
  NoObserver observer_;
  Watcher watcher_;
  WatchSlot watch_slot_;
  FlowWalkSlot walk_slot_;
  Watch* watch_ = nullptr;  // the one in use
  // One of the two, which has the tables: the second one while there is a watch.
  std::optional<Pipeline<NoObserver>> pipeline_;
  std::optional<Pipeline<Watcher>> watched_pipeline_;
  Outbox outbox_;
  bool woke_kernel_ = false;
};

}  // namespace vipgate
