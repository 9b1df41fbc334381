// A million names: what one takes, what it costs to add one, and what a look-up costs beside that
// among a thousand. Each figure is one benchmark; look-ups are in dns_bench.cpp.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perf/bench/dns_builder_setup.h"

namespace vipgate {
namespace {

std::string name_of(size_t i) {
  return *dns_name_from_text("app-" + std::to_string(i) + ".marathon.mesos");
}

Status add(DnsTableBuilder& builder, size_t name, size_t address) {
  const Be32 value(static_cast<uint32_t>(0x0a000000 + name * 16 + address));
  return builder.add({name_of(name), DnsType::kA, 5,
                      std::string(reinterpret_cast<const char*>(&value), sizeof value)});
}

// Each name has an address, each sixteenth `most` of them.
bool fill(DnsTableBuilder& builder, size_t names, size_t most) {
  bool is_good = set_serial(builder, 1).ok();
  for (size_t i = 0; i < names; ++i) {
    for (size_t k = 0; k < (i % 16 == 0 ? most : 1); ++k) is_good &= add(builder, i, k).ok();
  }
  return is_good;
}

// Of the process: what the heap does not use is given back before.
size_t resident_bytes() {
  malloc_trim(0);
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return pages * static_cast<size_t>(getpagesize());
}

void memory(benchmark::State& state) {
  const auto names = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    const size_t before = resident_bytes();
    DnsTableBuilder builder(DnsHashSecret{});
    if (!fill(builder, names, static_cast<size_t>(state.range(1)))) state.SkipWithError("refused");
    const auto table = builder.build();
    if (!table) state.SkipWithError("refused");
    const auto per_name = [&](size_t bytes) {
      return static_cast<double>(bytes) / static_cast<double>(names);
    };
    state.counters["table_bytes"] = per_name((*table)->memory_bytes());
    state.counters["builder_bytes"] = per_name(builder.memory_bytes());
    state.counters["resident_bytes"] = per_name(resident_bytes() - before);
  }
}
BENCHMARK(memory)
    ->ArgsProduct({{1000, 1000000}, {1, 10}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// A name with an address comes.
void one_name(benchmark::State& state) {
  const auto names = static_cast<size_t>(state.range(0));
  DnsTableBuilder builder(DnsHashSecret{});
  if (!fill(builder, names, 10)) state.SkipWithError("refused");
  size_t name = names;
  measure_changes(state, builder, [&] { return add(builder, name++, 0).ok(); });
}
BENCHMARK(one_name)->Arg(1000)->Arg(1000000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace vipgate
