// What a burst leaves behind: packets sorted by where they go, emptied by the worker after each
// burst. Owned by one worker.
#pragma once

#include <emmintrin.h>
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
    // Unasked whether it is the first one; and a byte, as a bit would cost three instructions.
    is_pending_[destination] = kMark;
    *next_[destination]++ = packet;
  }

  // Calls flush(destination, packets, count) for each queue that holds something; empties them.
  template <class Flush>
  void flush(Flush&& flush) {
    uint64_t pending = take_pending();
    for (; pending != 0; pending &= pending - 1) {
      const auto destination = static_cast<size_t>(__builtin_ctzll(pending));
      rte_mbuf** packets = packets_[destination].data();
      flush(destination, packets, static_cast<uint32_t>(next_[destination] - packets));
      next_[destination] = packets;
    }
  }

 private:
  static_assert(kDestinations <= 64);
  static constexpr size_t kVector = sizeof(__m128i);
  static constexpr size_t kMarks = (kDestinations + kVector - 1) / kVector * kVector;
  static constexpr uint8_t kMark = 0x80;  // the bit that is asked for of all bytes at once

  // A bit for each queue that holds something.
  uint64_t take_pending() {
    uint64_t pending = 0;
    for (size_t at = 0; at < kMarks; at += kVector) {
      auto* marks = reinterpret_cast<__m128i*>(&is_pending_[at]);
      const auto bits = static_cast<uint32_t>(_mm_movemask_epi8(_mm_load_si128(marks)));
      if (bits == 0) continue;
      pending |= uint64_t{bits} << at;
      _mm_store_si128(marks, _mm_setzero_si128());
    }
    return pending;
  }

  alignas(kVector) std::array<uint8_t, kMarks> is_pending_{};
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
