#include "common/loop_counters.h"

#include <numeric>

namespace vipgate {
namespace {

template <size_t kSize>
void copy_counts(const std::array<Counter, kSize>& from, std::array<uint64_t, kSize>& to) {
  for (size_t i = 0; i < kSize; ++i) to[i] = from[i].value();
}

template <size_t kSize>
void subtract_counts(std::array<uint64_t, kSize>& from, const std::array<uint64_t, kSize>& less) {
  for (size_t i = 0; i < kSize; ++i) from[i] -= less[i];
}

}  // namespace

uint64_t LoopFigures::Loops::count() const {
  return std::accumulate(times.begin(), times.end(), uint64_t{0});
}

double LoopFigures::busy_ratio() const {
  const uint64_t all = all_ticks();
  return all == 0 ? 0 : static_cast<double>(busy.ticks) / static_cast<double>(all);
}

double LoopFigures::ticks_per_packet() const {
  return packets == 0 ? 0 : static_cast<double>(busy.ticks) / static_cast<double>(packets);
}

LoopFigures LoopFigures::since(const LoopFigures& before) const {
  LoopFigures result = *this;
  for (Loops LoopFigures::*loops : {&LoopFigures::busy, &LoopFigures::idle}) {
    (result.*loops).ticks -= (before.*loops).ticks;
    subtract_counts((result.*loops).times, (before.*loops).times);
  }
  result.asleep_ticks -= before.asleep_ticks;
  result.packets -= before.packets;
  subtract_counts(result.bursts, before.bursts);
  return result;
}

LoopFigures read_figures(const LoopCounters& counters) {
  LoopFigures figures;
  figures.busy.ticks = counters.busy.ticks.value();
  figures.idle.ticks = counters.idle.ticks.value();
  copy_counts(counters.busy.times, figures.busy.times);
  copy_counts(counters.idle.times, figures.idle.times);
  figures.asleep_ticks = counters.asleep_ticks.value();
  figures.packets = counters.packets.value();
  copy_counts(counters.bursts, figures.bursts);
  return figures;
}

}  // namespace vipgate
