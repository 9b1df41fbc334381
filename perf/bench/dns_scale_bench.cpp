// A million names: what one takes, what it costs to add one, and what a look-up costs beside that
// among a thousand. Each figure is one benchmark; look-ups are in dns_bench.cpp.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/dns_table_builder.h"

namespace vipgate {
namespace {

std::string zone_name() { return *dns_name_from_text("mesos"); }

std::string name_of(size_t i) {
  return *dns_name_from_text("app-" + std::to_string(i) + ".marathon.mesos");
}

Status add(DnsTableBuilder& builder, size_t name, size_t address) {
  const Be32 value(static_cast<uint32_t>(0x0a000000 + name * 16 + address));
  return builder.add({name_of(name), DnsType::kA, 5,
                      std::string(reinterpret_cast<const char*>(&value), sizeof value)});
}

Status set_serial(DnsTableBuilder& builder, uint32_t serial) {
  const std::string zone = zone_name();
  return builder.set_zones({{zone, {zone, zone, serial, 60, 600, 86400, 5}, 5}});
}

// Each name has an address, each sixteenth ten of them.
bool fill(DnsTableBuilder& builder, size_t names) {
  bool is_good = set_serial(builder, 1).ok();
  for (size_t i = 0; i < names; ++i) {
    for (size_t k = 0; k < (i % 16 == 0 ? 10 : 1); ++k) is_good &= add(builder, i, k).ok();
  }
  return is_good;
}

size_t heap_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

void memory(benchmark::State& state) {
  const auto names = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    const size_t before = heap_bytes();
    DnsTableBuilder builder(DnsHashSecret{});
    if (!fill(builder, names)) state.SkipWithError("refused");
    const auto table = builder.build();
    if (!table) state.SkipWithError("refused");
    const auto per_name = [&](size_t bytes) {
      return static_cast<double>(bytes) / static_cast<double>(names);
    };
    state.counters["table_bytes"] = per_name((*table)->memory_bytes());
    state.counters["builder_bytes"] = per_name(builder.memory_bytes());
    state.counters["heap_bytes"] = per_name(heap_bytes() - before);
  }
}
BENCHMARK(memory)->Arg(1000)->Arg(1000000)->Iterations(1)->Unit(benchmark::kMillisecond);

// A name with an address comes or goes, and the serial with it: up to the finished table.
void one_name(benchmark::State& state) {
  const auto names = static_cast<size_t>(state.range(0));
  DnsTableBuilder builder(DnsHashSecret{});
  if (!fill(builder, names)) state.SkipWithError("refused");
  auto table = *builder.build();
  uint32_t serial = 1;
  size_t name = names;
  for (auto _ : state) {
    bool is_good = add(builder, name++, 0).ok();
    is_good &= set_serial(builder, ++serial).ok();
    table = *builder.build();
    if (!is_good) state.SkipWithError("refused");
  }
  state.counters["shards"] = static_cast<double>(table->shard_count());
}
BENCHMARK(one_name)->Arg(1000)->Arg(1000000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace vipgate
