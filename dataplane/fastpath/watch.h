// What workers and the thread that writes share while packets are watched: rings of records, and
// how a watch comes to a worker and leaves it again. Without a watch all of it costs a worker one
// load and one branch a loop.
#pragma once

#include <rte_ring.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "common/counters.h"
#include "dataplane/fastpath/kernel_port.h"
#include "dataplane/fastpath/knobs.h"
#include "dataplane/fastpath/packet_matcher.h"
#include "dataplane/fastpath/verdict.h"

namespace vipgate {

// What became of a followed packet, in the order of its way.
enum class WatchStage : uint8_t {
  kReceived,    // by `port`: the frame
  kHandedOver,  // to the worker that owns its flow
  kHeld,        // a fragment that waits
  kCounted,     // the worker counted `events` while it had only this packet in hand
  kKernel,      // the frame, for the kernel behind `port`
  kDropped,     // the frame as it was then
  kFromKernel,  // what the kernel sends by `port`: the frame
  kSent,        // by `port`: the frame as it leaves
};

// Followed by `captured` bytes of the frame.
struct WatchRecord {
  uint64_t ticks = 0;   // of the time stamp counter
  uint32_t number = 0;  // of the packet, from 0
  uint64_t events = 0;  // kCounted: a bit for each Event
  uint32_t frame_bytes = 0;
  uint32_t captured = 0;
  Verdict verdict;  // kKernel, kDropped, kSent
  WatchStage stage{};
  uint8_t port = 0;
  uint8_t worker = 0;

  uint8_t* frame() { return reinterpret_cast<uint8_t*>(this + 1); }
  const uint8_t* frame() const { return reinterpret_cast<const uint8_t*>(this + 1); }
};
static_assert(kCountOf<Event> <= 64);

// Owned by the thread that writes, which made it; it outlives the workers' use.
struct Watch {
  Watch(uint32_t own_id, const WatchOptions& options)
      : id(own_id),
        matcher(options.filter),
        limit(options.packets),
        snaplen(options.snaplen_bytes),
        is_trace(options.is_trace()) {}

  // Records, by worker. Both rings have one producer and one consumer.
  struct Lane {
    rte_ring* free = nullptr;  // from the writer to the worker
    rte_ring* full = nullptr;  // and back
    Counter lost;              // of the worker: found no free one
  };

  const uint32_t id;  // of 24 bits, never the same twice: packets are marked with it
  const PacketMatcher matcher;
  const uint32_t limit;
  const uint32_t snaplen;
  const bool is_trace;  // every packet is a burst of its own, so that its events can be told
  std::array<Lane, kMaxWorkers> lanes;
  // Packets are chosen while this is set: when every worker knows of the watch.
  std::atomic<bool> is_active{false};
  alignas(64) std::atomic<uint32_t> taken{0};
};

// Where a worker looks for a watch in every loop. Outlives it.
class alignas(64) WatchSlot {
 public:
  // Before the worker runs. `waker`: of the thread that writes.
  void set_waker(KernelWaker* waker) { waker_ = waker; }

  // The thread that writes: null takes the watch away.
  void arm(Watch* watch) { armed_.store(watch, std::memory_order_release); }
  // The watch that the worker uses now: what was used before is not touched any more.
  const Watch* used() const { return used_.load(std::memory_order_acquire); }

  // The worker.
  Watch* armed() const { return armed_.load(std::memory_order_acquire); }
  void use(const Watch* watch) {
    used_.store(watch, std::memory_order_release);
    wake();
  }
  void wake() {
    if (waker_ != nullptr) waker_->wake();
  }

 private:
  std::atomic<Watch*> armed_{nullptr};
  std::atomic<const Watch*> used_{nullptr};
  KernelWaker* waker_ = nullptr;
};

}  // namespace vipgate
