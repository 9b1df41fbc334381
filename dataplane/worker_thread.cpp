#include "dataplane/worker_thread.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <sys/prctl.h>

#include <ctime>

namespace vipgate {

TscClock::TscClock()
    : ns_per_tick_q32_(
          static_cast<uint64_t>((1e9 * 4294967296.0) / static_cast<double>(rte_get_tsc_hz()))) {}

uint64_t TscClock::now_ns() const {
  return static_cast<uint64_t>(static_cast<unsigned __int128>(rte_rdtsc()) * ns_per_tick_q32_ >>
                               32);
}

void run_worker(Worker<EthdevIo>& worker, const TscClock& clock, bool poll,
                const std::atomic<bool>& stop) {
  // Without this the kernel may add 50 µs to every sleep.
  prctl(PR_SET_TIMERSLACK, 1);
  constexpr timespec kSleep{0, IdleBackoff::kSleepNs};
  IdleBackoff backoff(poll);
  while (!stop.load(std::memory_order_relaxed)) {
    switch (backoff.next(worker.run_once(clock.now_ns()))) {
      case IdleBackoff::Action::kNothing:
        break;
      case IdleBackoff::Action::kPause:
        rte_pause();
        break;
      case IdleBackoff::Action::kSleep:
        worker.go_offline();
        worker.counters().count(Event::kSleeps);
        nanosleep(&kSleep, nullptr);
        break;
    }
  }
  worker.go_offline();
}

}  // namespace vipgate
