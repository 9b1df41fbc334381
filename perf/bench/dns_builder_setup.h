// What benchmarks of changes of DNS names share.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "common/dns_table_builder.h"

namespace vipgate {

inline Status set_serial(DnsTableBuilder& builder, uint32_t serial) {
  const std::string zone = *dns_name_from_text("mesos");
  return builder.set_zones({{zone, {zone, zone, serial, 60, 600, 86400, 5}, 5}});
}

// A change, and the serial with it, as with every snapshot: up to the finished table. `change`
// returns whether it went well. REQUIRES: the builder's serial is 1.
template <class Change>
void measure_changes(benchmark::State& state, DnsTableBuilder& builder, Change&& change) {
  auto table = *builder.build();
  uint32_t serial = 1;
  for (auto _ : state) {
    bool is_good = change();
    is_good &= set_serial(builder, ++serial).ok();
    table = *builder.build();
    if (!is_good) state.SkipWithError("refused");
  }
  state.counters["names"] = static_cast<double>(table->size());
  state.counters["shards"] = static_cast<double>(table->shard_count());
}

}  // namespace vipgate
