#include "dataplane/worker_thread.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <sys/prctl.h>

#include <ctime>

#include "dataplane/fastpath/loop_meter.h"

namespace vipgate {

TscClock::TscClock()
    : ns_per_tick_q32_(
          static_cast<uint64_t>((1e9 * 4294967296.0) / static_cast<double>(rte_get_tsc_hz()))) {}

uint64_t TscClock::ns_of(uint64_t ticks) const {
  return static_cast<uint64_t>(static_cast<unsigned __int128>(ticks) * ns_per_tick_q32_ >> 32);
}

void run_worker(Worker<EthdevIo>& worker, const TscClock& clock, bool poll,
                const std::atomic<bool>& stop) {
  // Without this the kernel may add 50 µs to every sleep.
  prctl(PR_SET_TIMERSLACK, 1);
  constexpr timespec kSleep{0, IdleBackoff::kSleepNs};
  IdleBackoff backoff(poll);
  uint64_t now = rte_rdtsc();
  LoopMeter meter(worker.loop_counters(), now);
  while (!stop.load(std::memory_order_relaxed)) {
    const bool busy = worker.run_once(clock.ns_of(now));
    const IdleBackoff::Action action = backoff.next(busy);
    if (action == IdleBackoff::Action::kPause) rte_pause();
    now = rte_rdtsc();
    meter.loop_ended(now, busy);
    if (action != IdleBackoff::Action::kSleep) continue;
    worker.go_offline();
    worker.counters().count(Event::kSleeps);
    nanosleep(&kSleep, nullptr);
    now = rte_rdtsc();
    meter.sleep_ended(now);
  }
  worker.go_offline();
}

}  // namespace vipgate
