// What a change of one task costs the control thread, by the number of services there are: from
// the staged change to the published snapshot. Five reals each; 36 records a service besides those
// of the VIPs, as Mesos names tasks.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "controlplane/loop/reconciler.h"
#include "perf/bench/gateway_setup.h"

namespace vipgate {
namespace {

constexpr uint32_t kReals = 5;
constexpr SourceId kSource{Origin::kMesos, 0};

class Cluster {
 public:
  explicit Cluster(uint32_t services)
      : reconciler_(
            gateway_config(), sink_, [](const NextHop&) { return MacAddress{{2}}; },
            DnsHashSecret{}, parallel_ring_runner()) {
    if (!reconciler_.apply(gateway_config(), 0)) std::abort();
    SourceChange change;
    for (uint32_t i = 0; i < services; ++i) {
      change.services.emplace(key(i), service(i));
      for (uint32_t r = 0; r < 36; ++r) change.records_added.push_back(record(i, r));
    }
    reconciler_.stage(kSource, std::move(change));
    commit();
  }

  static ServiceKey key(uint32_t i) {
    return {Ipv4Address{Be32(0x0b000000 + i)}, 80, Protocol::kTcp};
  }
  // `moved`: the address of its first real, so many tasks later.
  static ServiceConfig service(uint32_t i, uint32_t moved = 0) {
    ServiceConfig config;
    config.origin = Origin::kMesos;
    config.name = "app-" + std::to_string(i) + ".marathon";
    config.vip = key(i).vip;
    config.port = 80;
    config.snat_pool = "default";
    config.timeouts.drain_s = 0;
    for (uint32_t r = 0; r < kReals; ++r) {
      const uint32_t host = 0x0a010000 + (i * kReals + r) % 2000 + (r == 0 ? 2000 * moved : 0);
      config.reals.push_back({Ipv4Address{Be32(host)}, static_cast<uint16_t>(31000 + i), 1, {}});
    }
    return config;
  }
  static DnsRecord record(uint32_t i, uint32_t r, uint32_t moved = 0) {
    return *dns_address_record("task" + std::to_string(r) + ".app-" + std::to_string(i) + ".mesos",
                               Ipv4Address{Be32(0x0a020000 + i + 65536 * moved)}, 5);
  }

  void stage(uint32_t i, std::optional<ServiceConfig> wanted) {
    SourceChange change;
    change.services.emplace(key(i), std::move(wanted));
    reconciler_.stage(kSource, std::move(change));
  }
  void commit() {
    now_s_ += 1;
    if (!reconciler_.commit(now_s_, 0)) std::abort();
  }
  void settle() {
    while (reconciler_.is_pending()) {
      if (!reconciler_.tick(now_s_)) std::abort();
    }
  }
  Reconciler& reconciler() { return reconciler_; }

 private:
  Sink sink_;
  Reconciler reconciler_;
  int64_t now_s_ = 0;
};

// A task moves: its real changes, and four of its records.
void one_task(benchmark::State& state) {
  const auto services = static_cast<uint32_t>(state.range(0));
  Cluster cluster(services);
  cluster.settle();
  uint32_t round = 0;
  std::vector<uint32_t> moved(services);
  for (auto _ : state) {
    const uint32_t i = round * 7919 % services;
    SourceChange change;
    for (uint32_t r = 0; r < 4; ++r) {
      change.records_removed.push_back(Cluster::record(i, r, moved[i]));
      change.records_added.push_back(Cluster::record(i, r, (moved[i] + 1) % 3));
    }
    moved[i] = (moved[i] + 1) % 3;
    change.services.emplace(Cluster::key(i), Cluster::service(i, moved[i]));
    cluster.reconciler().stage(kSource, std::move(change));
    cluster.commit();
    ++round;
  }
}

// A service with a new VIP comes, its name follows, and it goes again.
void one_vip(benchmark::State& state) {
  const auto services = static_cast<uint32_t>(state.range(0));
  Cluster cluster(services);
  cluster.settle();
  for (auto _ : state) {
    cluster.stage(services, Cluster::service(services));
    cluster.commit();
    cluster.settle();
    cluster.stage(services, std::nullopt);
    cluster.commit();
    cluster.settle();
  }
}

// The first state of the cluster, from nothing.
void whole(benchmark::State& state) {
  for (auto _ : state) Cluster cluster(static_cast<uint32_t>(state.range(0)));
}

BENCHMARK(one_task)->Arg(100)->Arg(1000)->Arg(10000)->Unit(benchmark::kMicrosecond);
BENCHMARK(one_vip)->Arg(100)->Arg(1000)->Arg(10000)->Unit(benchmark::kMicrosecond);
BENCHMARK(whole)->Arg(100)->Arg(1000)->Arg(10000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vipgate
