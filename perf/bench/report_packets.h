// How benchmarks tell what a packet costs, be it a flow's or a question.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>

namespace vipgate {

// The time of a packet, and how many there are a second.
inline void report_packets(benchmark::State& state, int64_t packets) {
  state.SetItemsProcessed(packets);
  state.counters["per_packet"] = benchmark::Counter(
      static_cast<double>(packets), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

}  // namespace vipgate
