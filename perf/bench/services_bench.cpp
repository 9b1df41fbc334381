// What one packet costs in Pipeline::process when the same flows are spread over many services,
// each of 8 reals, in a random order. Beyond 65,535 services flow ids are wide. The arguments:
// services, and flows.
#include <benchmark/benchmark.h>

#include "perf/bench/pipeline_setup.h"

namespace vipgate {
namespace {

constexpr uint32_t kReals = 8;
// Those of perf/run, and as many as no cache holds.
constexpr int64_t kFewFlows = 1 << 14;
constexpr int64_t kManyFlows = 1 << 18;

void forward(benchmark::State& state, Mode mode) {
  BenchOf<Frame> bench(mode, static_cast<size_t>(state.range(1)),
                       static_cast<uint32_t>(state.range(0)), kReals, false);
  measure(state, bench, What::kForward);
}

void ipip_services(benchmark::State& state) { forward(state, Mode::kIpip); }
void fullnat_services(benchmark::State& state) { forward(state, Mode::kFullnat); }

BENCHMARK(ipip_services)->ArgsProduct({{1, 100, 10'000, 60'000, 100'000}, {kFewFlows, kManyFlows}});
BENCHMARK(fullnat_services)
    ->ArgsProduct({{1, 100, 10'000, 60'000, 100'000}, {kFewFlows, kManyFlows}});

}  // namespace
}  // namespace vipgate
