// The worker's end of the exception path: two rings per port and a way to wake the thread behind.
#pragma once

#include <rte_atomic.h>

#include <atomic>

struct rte_ring;

namespace vipgate {

// What one worker sees of the kernel behind one port. Both rings carry rte_mbuf*, whole frames.
struct KernelPort {
  // This worker alone enqueues (rte_ring_sp_enqueue_burst); what does not fit is the worker's to
  // free and to count. nullptr: the port has no exception path.
  rte_ring* to_kernel = nullptr;
  // This worker alone dequeues (rte_ring_sc_dequeue_burst) and transmits on the port as it is: the
  // VLAN tag is there already. nullptr: another worker serves this port, or there is no path.
  rte_ring* from_kernel = nullptr;
};

// Wakes the exception path's thread. One per ExceptionPath, shared by all workers.
class KernelWaker {
 public:
  explicit KernelWaker(int event_fd) : event_fd_(event_fd) {}
  KernelWaker(const KernelWaker&) = delete;
  KernelWaker& operator=(const KernelWaker&) = delete;

  // Any worker, at most once per loop, after it enqueued to a `to_kernel` ring. Costs one barrier
  // and one load; only the first caller after the thread went to sleep makes a system call.
  void wake() {
    // Pairs with the barrier in announce_sleep: either the thread sees the packet when it looks
    // again before it sleeps, or this load sees that it sleeps.
    rte_smp_mb();
    if (sleeping_.load(std::memory_order_relaxed) &&
        sleeping_.exchange(false, std::memory_order_relaxed)) [[unlikely]] {
      signal();
    }
  }

  // The thread: before its last look at the rings.
  void announce_sleep() {
    sleeping_.store(true, std::memory_order_relaxed);
    rte_smp_mb();
  }
  void announce_awake() { sleeping_.store(false, std::memory_order_relaxed); }

  // Wakes the thread, or keeps it from its next sleep. A system call: outside the fast path.
  void signal();

 private:
  alignas(64) std::atomic<bool> sleeping_{false};
  int event_fd_;
};

}  // namespace vipgate
