// What a burst leaves behind: packets sorted by where they go, emptied by the worker after each
// burst. Owned by one worker.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstdint>

#include "dataplane/fastpath/knobs.h"

namespace vipgate {

// A queue for each of N destinations, and the set of those that hold something.
template <size_t kDestinations>
class OutQueues {
 public:
  void add(size_t destination, rte_mbuf* packet) {
    Queue& queue = queues_[destination];
    queue.packets[queue.count++] = packet;
    pending_ |= uint64_t{1} << destination;
  }

  // Calls flush(destination, packets, count) for each queue that holds something; empties them.
  template <class Flush>
  void flush(Flush&& flush) {
    for (; pending_ != 0; pending_ &= pending_ - 1) {
      const auto destination = static_cast<size_t>(__builtin_ctzll(pending_));
      Queue& queue = queues_[destination];
      flush(destination, queue.packets.data(), queue.count);
      queue.count = 0;
    }
  }

 private:
  // Each packet of a burst goes to one queue, so a burst always fits.
  struct Queue {
    uint32_t count = 0;
    std::array<rte_mbuf*, kBurst> packets;
  };
  static_assert(kDestinations <= 64);
  uint64_t pending_ = 0;
  std::array<Queue, kDestinations> queues_;
};

struct Outbox {
  OutQueues<kMaxPorts> transmit;    // by egress port
  OutQueues<kMaxPorts> kernel;      // by ingress port
  OutQueues<kMaxWorkers> handover;  // by owner
  OutQueues<1> drop;
};

}  // namespace vipgate
