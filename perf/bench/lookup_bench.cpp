// What it costs to find out what a packet's destination is, by itself: the service of an address
// and a port. The arguments: services, and how many of their addresses packets go to, in a random
// order.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "common/snapshot_builder.h"
#include "dataplane/fastpath/burst.h"
#include "perf/bench/packet_setup.h"
#include "perf/bench/report_packets.h"

namespace vipgate {
namespace {

constexpr uint32_t kPrefixLength = 24;
constexpr uint32_t kPorts = 16;  // of each VIP, where there are several: more than lie inline

// kAddress: one port each. kManyPorts: kPorts services each VIP, of which the last one is looked
// for. kPrefix: each service has a prefix, and all of its ports.
enum class Kind { kAddress, kManyPorts, kPrefix };

template <class Address>
std::shared_ptr<const Snapshot> make_services(uint32_t count, Kind kind) {
  SnapshotSpec spec;
  spec.ports = {{.mac = kMac, .vlan = 0, .kernel = false, .check_mac = true}};
  for (uint32_t n = 0; n < count; ++n) {
    ServiceSpec service;
    service.index = n;
    service.mode = Mode::kL2dsr;
    service.flow_id = n < kNarrowFlowIds && kind != Kind::kPrefix ? n + 1 : kWideFlowId + n;
    service.vip = numbered_address<Address>(kVip + (kind == Kind::kManyPorts ? n / kPorts : n));
    service.port = static_cast<uint16_t>(kind == Kind::kManyPorts ? 80 + n % kPorts : 80);
    if (kind == Kind::kPrefix) {
      service.vip = numbered_address<Address>((kVip & 0xff000000) + n * 256);
      service.port = 0;
      service.extent = {.port_last = kLastPort,
                        .prefix_length = sizeof(Address) == 4 ? kPrefixLength : 96 + kPrefixLength};
    }
    spec.services.push_back(service);
  }
  spec.service_slots = count;
  return SnapshotBuilder().build(spec);
}

template <class Address>
std::vector<Address> make_destinations(uint32_t services, uint32_t touched, Kind kind) {
  std::mt19937 random(1);
  std::vector<Address> destinations;
  const uint32_t addresses =
      kind == Kind::kManyPorts ? std::max<uint32_t>(services / kPorts, 1) : services;
  for (uint32_t i = 0; i < std::max<uint32_t>(touched, kBurst); ++i) {
    const uint32_t n = i % touched % addresses;
    destinations.push_back(numbered_address<Address>(
        kind == Kind::kPrefix ? (kVip & 0xff000000) + n * 256 + 1 + n % 200 : kVip + n));
  }
  std::shuffle(destinations.begin(), destinations.end(), random);
  return destinations;
}

// In bursts, whose lines are fetched first, as the pipeline does.
template <class Address>
void look_up(benchmark::State& state, Kind kind) {
  const auto services = static_cast<uint32_t>(state.range(0));
  const auto snapshot = make_services<Address>(services, kind);
  const auto destinations =
      make_destinations<Address>(services, static_cast<uint32_t>(state.range(1)), kind);
  const auto& table = snapshot->template table<Address>();
  const Be16 port(kind == Kind::kManyPorts && services >= kPorts ? 80 + kPorts - 1 : 80);
  uint64_t hashes[kBurst];
  size_t at = 0, found = 0;
  for (auto _ : state) {
    for (size_t i = 0; i < kBurst; ++i) {
      hashes[i] = table.addresses.hash(destinations[at + i]);
      table.addresses.prefetch(hashes[i]);
    }
    for (size_t i = 0; i < kBurst; ++i) {
      const Address& address = destinations[at + i];
      const auto* entry = table.find(address, hashes[i]);
      if (entry == nullptr) continue;
      uint32_t service = table.service(*entry, port, kProtocolTcp);
      if (service == kNone) service = table.wide.service(address, port, kProtocolTcp);
      found += service < services;
    }
    at += kBurst;
    if (at + kBurst > destinations.size()) at = 0;
  }
  const auto packets = static_cast<int64_t>(state.iterations()) * kBurst;
  report_packets(state, packets);
  if (found != static_cast<size_t>(packets)) state.SkipWithError("an address was not found");
}

// That a client's address is none of ours: by the filter alone, up to 1,024 addresses.
template <class Address>
void miss(benchmark::State& state) {
  const auto services = static_cast<uint32_t>(state.range(0));
  const auto snapshot = make_services<Address>(services, Kind::kAddress);
  const auto& table = snapshot->template table<Address>();
  const auto touched = static_cast<uint32_t>(state.range(1));
  uint32_t client = 0;
  size_t found = 0;
  for (auto _ : state) {
    for (size_t i = 0; i < kBurst; ++i) {
      found += table.has(numbered_address<Address>(0x01000000 + client));
      client = client + 1 < touched ? client + 1 : 0;
    }
  }
  report_packets(state, static_cast<int64_t>(state.iterations()) * kBurst);
  if (found != 0) state.SkipWithError("a client is a service");
}

void address(benchmark::State& state) { look_up<Ipv4Address>(state, Kind::kAddress); }
void address6(benchmark::State& state) { look_up<Ipv6Address>(state, Kind::kAddress); }
void many_ports(benchmark::State& state) { look_up<Ipv4Address>(state, Kind::kManyPorts); }
void prefix(benchmark::State& state) { look_up<Ipv4Address>(state, Kind::kPrefix); }
void client(benchmark::State& state) { miss<Ipv4Address>(state); }

void sizes(benchmark::internal::Benchmark* bench) {
  for (const int64_t services : {1, 100, 10'000, 100'000}) {
    bench->Args({services, 1});
    if (services > 1) bench->Args({services, std::min<int64_t>(services, 16'384)});
  }
}
BENCHMARK(address)->Apply(sizes);
BENCHMARK(address6)->Apply(sizes);
BENCHMARK(many_ports)->Apply(sizes);
// A /8 has 65,536 of them.
BENCHMARK(prefix)->Args({1, 1})->Args({10'000, 1})->Args({10'000, 10'000})->Args({60'000, 16'384});
// Clients have no part in how many services there are: 16,384 of them.
BENCHMARK(client)->Args({100, 16'384})->Args({1'000, 16'384})->Args({100'000, 16'384});

}  // namespace
}  // namespace vipgate
