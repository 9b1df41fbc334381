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
    const uint32_t count = counts_[destination]++;
    if (count == 0) [[unlikely]]
      pending_ |= uint64_t{1} << destination;
    packets_[destination][count] = packet;
  }

  // Calls flush(destination, packets, count) for each queue that holds something; empties them.
  template <class Flush>
  void flush(Flush&& flush) {
    for (; pending_ != 0; pending_ &= pending_ - 1) {
      const auto destination = static_cast<size_t>(__builtin_ctzll(pending_));
      flush(destination, packets_[destination].data(), counts_[destination]);
      counts_[destination] = 0;
    }
  }

 private:
  static_assert(kDestinations <= 64);
  uint64_t pending_ = 0;
  std::array<uint32_t, kDestinations> counts_{};
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
