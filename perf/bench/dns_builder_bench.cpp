// What it costs that names come and go: a table of task names as Mesos-DNS makes them.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "perf/bench/dns_builder_setup.h"

namespace vipgate {
namespace {

// Records in the proportions of a cluster: of each task an A record of the app, one A and one SRV
// record of its own name; 2.4 records per name.
std::vector<DnsRecord> make_records(size_t tasks) {
  std::vector<DnsRecord> records;
  for (size_t i = 0; i < tasks; ++i) {
    Ipv4Address v4;
    v4.value = Be32(static_cast<uint32_t>(0x0a000000 + i));
    const std::string app = "app-" + std::to_string(i / 4);
    const std::string task = app + "-x7c2a-s" + std::to_string(i);
    const std::string target = task + ".marathon.slave.mesos";
    records.push_back(*dns_address_record(app + ".marathon.mesos", v4, 5));
    records.push_back(*dns_address_record(app + ".marathon.slave.mesos", v4, 5));
    records.push_back(*dns_address_record(task + ".marathon.mesos", v4, 5));
    records.push_back(*dns_address_record(target, v4, 5));
    records.push_back(*dns_srv_record("_" + app + "._tcp.marathon.mesos", 0, 1, 31000, target, 5));
    records.push_back(
        *dns_srv_record("_" + app + "._tcp.marathon.slave.mesos", 0, 1, 31000, target, 5));
  }
  return records;
}

bool fill(DnsTableBuilder& builder, const std::vector<DnsRecord>& records) {
  bool is_good = set_serial(builder, 1).ok();
  for (const DnsRecord& record : records) is_good = builder.add(record).ok() && is_good;
  return is_good;
}

void bulk_load(benchmark::State& state) {
  const auto records = make_records(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    DnsTableBuilder builder(DnsHashSecret{});
    if (!fill(builder, records) || !builder.build().ok()) state.SkipWithError("refused");
    state.counters["bytes_per_record"] =
        static_cast<double>(builder.memory_bytes()) / static_cast<double>(builder.record_count());
  }
  state.counters["records"] = static_cast<double>(records.size());
}
BENCHMARK(bulk_load)->Arg(60000)->Unit(benchmark::kMillisecond);

// One address changes.
void one_change(benchmark::State& state) {
  auto records = make_records(static_cast<size_t>(state.range(0)));
  DnsTableBuilder builder(DnsHashSecret{});
  if (!fill(builder, records)) state.SkipWithError("refused");
  size_t at = 0;
  measure_changes(state, builder, [&] {
    DnsRecord& record = records[at = (at + 6 * 997) % records.size()];
    builder.remove(record);
    record.rdata[3] = static_cast<char>(record.rdata[3] + 1);
    return builder.add(record).ok();
  });
}
BENCHMARK(one_change)->Arg(60000)->Unit(benchmark::kMicrosecond);

// A task comes: all of its six records.
void one_task(benchmark::State& state) {
  const auto records = make_records(static_cast<size_t>(state.range(0)));
  DnsTableBuilder builder(DnsHashSecret{});
  if (!fill(builder, records)) state.SkipWithError("refused");
  auto table = *builder.build();
  size_t at = 0;
  bool is_there = true;
  for (auto _ : state) {
    if (is_there) at = (at + 6 * 997) % records.size();
    for (size_t i = at; i < at + 6; ++i) {
      if (is_there) {
        builder.remove(records[i]);
      } else if (!builder.add(records[i]).ok()) {
        state.SkipWithError("refused");
      }
    }
    is_there = !is_there;
    table = *builder.build();
  }
}
BENCHMARK(one_task)->Arg(60000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace vipgate
