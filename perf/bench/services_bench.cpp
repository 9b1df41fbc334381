// What one packet costs in Pipeline::process when the same flows are spread over many services,
// each of 8 reals, in a random order. Beyond 65,535 services flow ids are wide.
#include <benchmark/benchmark.h>

#include "perf/bench/pipeline_setup.h"

namespace vipgate {
namespace {

constexpr size_t kFlows = 1 << 18;
constexpr uint32_t kReals = 8;

void forward(benchmark::State& state, Mode mode) {
  Bench bench(mode, kFlows, static_cast<uint32_t>(state.range(0)), kReals, false);
  measure(state, bench, What::kForward);
}

void ipip_services(benchmark::State& state) { forward(state, Mode::kIpip); }
void fullnat_services(benchmark::State& state) { forward(state, Mode::kFullnat); }

BENCHMARK(ipip_services)->Arg(1)->Arg(100)->Arg(10'000)->Arg(60'000)->Arg(100'000);
BENCHMARK(fullnat_services)->Arg(1)->Arg(100)->Arg(10'000)->Arg(60'000)->Arg(100'000);

}  // namespace
}  // namespace vipgate
