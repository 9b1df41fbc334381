#include "dataplane/worker_thread.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <sys/prctl.h>

#include <ctime>
#include <utility>

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
  IdleBackoff backoff(poll);
  SleepLength sleep;
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
    const timespec length{0, static_cast<long>(sleep.ns())};
    nanosleep(&length, nullptr);
    const uint64_t fell_asleep = std::exchange(now, rte_rdtsc());
    meter.sleep_ended(now);
    sleep.slept(clock.ns_of(now - fell_asleep));
  }
  worker.go_offline();
}

}  // namespace vipgate
