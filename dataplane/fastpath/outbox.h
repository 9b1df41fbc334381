// What a burst leaves behind: packets sorted by where they go, emptied by the worker after each
// burst. Owned by one worker.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstdint>

#include "dataplane/fastpath/knobs.h"

namespace vipgate {

// A queue for each of N destinations, and the set of those that hold something. It lies where it is
// made: it points into itself.
template <size_t kDestinations>
class OutQueues {
 public:
  OutQueues() {
    for (size_t i = 0; i < kDestinations; ++i) next_[i] = packets_[i].data();
  }
  OutQueues(const OutQueues&) = delete;
  OutQueues& operator=(const OutQueues&) = delete;

  [[gnu::always_inline]] void add(size_t destination, rte_mbuf* packet) {
    // Unasked whether it is the first one: the bit costs less.
    pending_ |= uint64_t{1} << destination;
    *next_[destination]++ = packet;
  }

  // Calls flush(destination, packets, count) for each queue that holds something; empties them.
  template <class Flush>
  void flush(Flush&& flush) {
    for (; pending_ != 0; pending_ &= pending_ - 1) {
      const auto destination = static_cast<size_t>(__builtin_ctzll(pending_));
      rte_mbuf** packets = packets_[destination].data();
      flush(destination, packets, static_cast<uint32_t>(next_[destination] - packets));
      next_[destination] = packets;
    }
  }

 private:
  static_assert(kDestinations <= 64);
  uint64_t pending_ = 0;
  std::array<rte_mbuf**, kDestinations> next_;  // where the next packet goes
  // Each packet of a burst goes to one queue, so a burst always fits.
  std::array<std::array<rte_mbuf*, kBurst>, kDestinations> packets_;
};

struct Outbox {
  OutQueues<kMaxPorts> transmit;    // by egress port
  OutQueues<kMaxPorts> kernel;      // by ingress port
  OutQueues<kMaxWorkers> handover;  // by owner
  OutQueues<1> drop;
};

}  // namespace vipgate
