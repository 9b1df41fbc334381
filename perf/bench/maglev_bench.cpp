// Time to fill a Maglev table, and to fill it anew when a real has gone or come: rows and reals as
// arguments. Aim: 65,537 x 1,000 in under 1 ms.
#include <benchmark/benchmark.h>

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "common/maglev.h"
#include "common/row_moves.h"

namespace vipgate {
namespace {

// `weights`: how many different weights the reals have.
void fill(benchmark::State& state, uint32_t weights) {
  std::vector<MaglevReal> reals;
  for (uint32_t i = 0; i < static_cast<uint32_t>(state.range(1)); ++i) {
    const Ipv4Address address{Be32(0x0a000001 + i)};
    reals.push_back({maglev_id(address, 31000), 1 + i % weights});
  }
  const auto rows = static_cast<uint32_t>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(maglev_build(reals, rows));
}

void equal_weights(benchmark::State& state) { fill(state, 1); }
void ten_weights(benchmark::State& state) { fill(state, 10); }
void thousand_weights(benchmark::State& state) { fill(state, 1000); }

// Another set of reals each time, as in a first state: no branch is foreseen from the last time.
void distinct_sets(benchmark::State& state) {
  const auto rows = static_cast<uint32_t>(state.range(0));
  std::vector<MaglevReal> reals(static_cast<size_t>(state.range(1)));
  uint32_t next = 0x0a000001;
  for (auto _ : state) {
    for (MaglevReal& real : reals) {
      real = {maglev_id(Ipv4Address{Be32(next)}, static_cast<uint16_t>(31000 + next % 100)), 1};
      ++next;
    }
    benchmark::DoNotOptimize(maglev_build(reals, rows));
  }
}

std::shared_ptr<const ServiceRing> ring_of(std::span<const MaglevReal> reals, uint32_t rows) {
  auto ring = std::make_shared<ServiceRing>();
  ring->rows = std::make_shared<const MaglevRows>(maglev_build(reals, rows));
  for (uint32_t i = 0; i < reals.size(); ++i) ring->reals.push_back(RealId(i, 1));
  ring->checksum = maglev_checksum(*ring->rows, reals);
  return ring;
}

// What a change of one real costs: the rows, and for each that moved which real it had before. The
// last real goes and comes in turn.
void update(benchmark::State& state) {
  const auto rows = static_cast<uint32_t>(state.range(0));
  std::vector<MaglevReal> reals;
  for (uint32_t i = 0; i < static_cast<uint32_t>(state.range(1)); ++i) {
    reals.push_back({maglev_id(Ipv4Address{Be32(0x0a000001 + i)}, 31000), 1});
  }
  std::vector<RealId> known;
  for (uint32_t i = 0; i < reals.size(); ++i) known.push_back(RealId(i, 1));
  auto before = ring_of(reals, rows);
  auto previous = before;
  size_t without = 0;
  for (auto _ : state) {
    without ^= 1;
    auto now = ring_of(std::span(reals).first(reals.size() - without), rows);
    previous = join_previous(previous, before, *now, known);
    before = std::move(now);
  }
  benchmark::DoNotOptimize(previous);
}

void checksum(benchmark::State& state) {
  std::vector<MaglevReal> reals;
  for (uint32_t i = 0; i < 1000; ++i) {
    reals.push_back({maglev_id(Ipv4Address{Be32(0x0a000001 + i)}, 31000), 1});
  }
  const auto table = maglev_build(reals, 65537);
  for (auto _ : state) benchmark::DoNotOptimize(maglev_checksum(table, reals));
}

BENCHMARK(equal_weights)
    ->Args({4093, 3})
    ->Args({4093, 32})
    ->Args({65537, 512})
    ->Args({65537, 1000})
    ->Args({655373, 1000})
    ->Args({655373, 65535})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(ten_weights)->Args({65537, 1000})->Unit(benchmark::kMicrosecond);
BENCHMARK(thousand_weights)->Args({65537, 1000})->Unit(benchmark::kMicrosecond);
BENCHMARK(distinct_sets)
    ->Args({4093, 2})
    ->Args({4093, 10})
    ->Args({4093, 32})
    ->Args({65537, 100})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(update)
    ->Args({4093, 10})
    ->Args({65537, 100})
    ->Args({65537, 1000})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(checksum)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace vipgate
