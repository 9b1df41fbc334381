// What one packet costs in Pipeline::process, without I/O: bursts of packets of random flows to one
// service.
#include <benchmark/benchmark.h>

#include "perf/bench/pipeline_setup.h"

namespace vipgate {
namespace {

constexpr uint32_t kReals = 16;
constexpr int64_t kMany = 1 << 24;

template <class F = Frame>
void measure(benchmark::State& state, Mode mode, What what) {
  const auto flows = static_cast<size_t>(state.range(0));
  BenchOf<F> bench(mode, flows, 1, kReals, flows < kMany);
  measure(state, bench, what);
}

void copy_only(benchmark::State& state) { measure(state, Mode::kFullnat, What::kCopyOnly); }
void fullnat_forward(benchmark::State& state) { measure(state, Mode::kFullnat, What::kForward); }
void fullnat_return(benchmark::State& state) { measure(state, Mode::kFullnat, What::kReturn); }
void nat_forward(benchmark::State& state) { measure(state, Mode::kNat, What::kForward); }
void nat_return(benchmark::State& state) { measure(state, Mode::kNat, What::kReturn); }
void l2dsr_forward(benchmark::State& state) { measure(state, Mode::kL2dsr, What::kForward); }
void ipip_forward(benchmark::State& state) { measure(state, Mode::kIpip, What::kForward); }
void gre_forward(benchmark::State& state) { measure(state, Mode::kGre, What::kForward); }
void gue_forward(benchmark::State& state) { measure(state, Mode::kGue, What::kForward); }

void fullnat6_forward(benchmark::State& state) {
  measure<Frame6>(state, Mode::kFullnat, What::kForward);
}
void ipip6_forward(benchmark::State& state) { measure<Frame6>(state, Mode::kIpip, What::kForward); }

// Each packet is a SYN of a flow that is not known.
void begin(benchmark::State& state, Mode mode) {
  const auto flows = static_cast<size_t>(state.range(0));
  BenchOf<Frame> bench(mode, flows, 1, kReals, false, flows / 16);
  const uint64_t before = bench.begun();
  measure(state, bench, What::kForward);
  const auto packets = static_cast<uint64_t>(state.iterations()) * kBurst;
  if (bench.begun() - before < packets / 100 * 99) state.SkipWithError("flows were known");
}
void fullnat_new(benchmark::State& state) { begin(state, Mode::kFullnat); }
void nat_new(benchmark::State& state) { begin(state, Mode::kNat); }
void ipip_new(benchmark::State& state) { begin(state, Mode::kIpip); }

BENCHMARK(copy_only)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(fullnat_forward)->Arg(1)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(fullnat_return)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(nat_forward)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(nat_return)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(l2dsr_forward)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(ipip_forward)->Arg(1)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(gre_forward)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(gue_forward)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(fullnat6_forward)->Arg(64)->Arg(1 << 14);
BENCHMARK(ipip6_forward)->Arg(64)->Arg(1 << 14);
BENCHMARK(fullnat_new)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(nat_new)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(ipip_new)->Arg(1 << 14)->Arg(1 << 20);

// 16 M flows take 2 GB, of `fullnat` 6: made once, not answered, and each has one packet.
BENCHMARK(copy_only)->Arg(kMany)->Iterations(kMany / kBurst);
BENCHMARK(ipip_forward)->Arg(kMany)->Iterations(kMany / kBurst);
BENCHMARK(fullnat_forward)->Arg(kMany)->Iterations(kMany / kBurst);

}  // namespace
}  // namespace vipgate
