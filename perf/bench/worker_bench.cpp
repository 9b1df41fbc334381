// What a turn of a worker's loop costs, with the metering of its time: a full burst of 64 packets
// of known flows, or nothing, by I/O that costs nothing; and what is added where another worker
// receives the burst and hands it over, both on one core. Instructions: perf/instructions --worker.
#include <benchmark/benchmark.h>
#include <rte_cycles.h>
#include <rte_ring.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/fastpath/flow_owners.h"
#include "dataplane/fastpath/loop_meter.h"
#include "dataplane/fastpath/pipeline_impl.h"
#include "dataplane/fastpath/worker.h"
#include "dataplane/worker_memory.h"
#include "perf/bench/packet_setup.h"

namespace vipgate {
namespace {

constexpr size_t kStride = 256, kHeadroom = 64, kFrameBytes = sizeof(Frame);

// The same packets come again and again.
struct EndlessIo {
  inline static std::array<rte_mbuf, kBurst> mbufs;
  inline static std::array<std::array<uint8_t, kStride>, kBurst> buffers;
  inline static std::array<Frame, kBurst> frames;
  inline static uint16_t count = kBurst;  // in each burst

  static uint16_t rx(uint16_t, uint16_t, rte_mbuf** packets, uint16_t) {
    for (uint16_t i = 0; i < count; ++i) {
      mbufs[i].data_off = kHeadroom;
      mbufs[i].data_len = kFrameBytes;
      mbufs[i].pkt_len = kFrameBytes;
      std::memcpy(buffers[i].data() + kHeadroom, &frames[i], kFrameBytes);
      packets[i] = &mbufs[i];
    }
    return count;
  }
  static uint16_t tx(uint16_t, uint16_t, rte_mbuf**, uint16_t n) { return n; }
  static bool allocate(rte_mempool*, rte_mbuf**, uint32_t) { return false; }
  static void free_bulk(rte_mbuf**, uint32_t) {}

  // With packets of flows that worker `owner` owns.
  static void fill(const FlowOwners& owners, uint32_t owner) {
    uint32_t client = 0x01000000u;
    for (uint16_t i = 0; i < kBurst; ++i) {
      const Be16 port(static_cast<uint16_t>(1000 + i));
      while (owners.of(Ipv4Address{Be32(++client)}, port) != owner) {
      }
      std::memset(static_cast<void*>(&mbufs[i]), 0, sizeof mbufs[i]);
      mbufs[i].buf_addr = buffers[i].data();
      mbufs[i].buf_len = kStride;
      mbufs[i].nb_segs = 1;
      frames[i] = make_frame(Ipv4Address{Be32(client)}, port, Ipv4Address{Be32(kVip)}, Be16(80));
    }
  }
};

constexpr unsigned kRingSize = 512;

struct FreeMemory {
  void operator()(rte_ring* ring) const { std::free(ring); }
};
using OwnRing = std::unique_ptr<rte_ring, FreeMemory>;

// A ring as WorkerMesh makes it, without EAL.
OwnRing make_ring() {
  OwnRing ring(static_cast<rte_ring*>(
      std::aligned_alloc(64, static_cast<size_t>(rte_ring_get_memsize(kRingSize)))));
  if (rte_ring_init(ring.get(), "ring", kRingSize, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0) {
    std::abort();
  }
  return ring;
}

ToeplitzHash::Key owner_key() {
  ToeplitzHash::Key key{};
  for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<uint8_t>((i * i + 4) * 151 + 77);
  return key;
}

// One worker or two; the last one owns all flows, `receiver` receives their packets.
class Bench {
 public:
  explicit Bench(uint32_t workers = 1, uint32_t receiver = 0)
      : owners_(owner_key(), workers),
        snapshot_(make_snapshot(Mode::kFullnat, 1, 1)),
        cell_(workers) {
    EndlessIo::fill(owners_, workers - 1);
    cell_.publish(snapshot_);
    for (uint32_t i = 0; i < workers; ++i) add_worker(i, workers, receiver);
  }

  // A turn of each worker, which perf/instructions counts.
  [[gnu::noinline]] void process() { turn(); }
  // So that all flows are there.
  void warm_up() { turn(); }
  // From now on. The watch outlives the bench.
  void watch(Watch& watch) {
    cores_.back().worker->watch_slot().arm(&watch);
    watch.is_active = true;
  }
  const WorkerCounters& counters() const { return cores_.back().memory->counters(); }

 private:
  struct Core {
    std::unique_ptr<WorkerMemory> memory;
    std::unique_ptr<Worker<EndlessIo>> worker;
    std::unique_ptr<LoopMeter> meter;
  };

  // As run_worker() does it.
  [[gnu::noinline]] void turn() {
    for (Core& core : cores_) {
      core.meter->loop_ended(rte_rdtsc(), core.worker->run_once(1'000'000'000'000));
    }
  }

  void add_worker(uint32_t index, uint32_t workers, uint32_t receiver) {
    Core core;
    core.memory = std::make_unique<WorkerMemory>(
        WorkerMemoryOptions{.worker = index,
                            .workers = workers,
                            .sizes = {.flows = 1024, .services = 1, .reals = 1},
                            .snat = snapshot_->snat_addresses,
                            .secret = {{1, 2, 3, 4}},
                            .owners = workers > 1 ? &owners_ : nullptr});
    WorkerOptions options;
    options.index = index;
    options.workers = workers;
    options.port_count = 1;
    options.ports[0] = {.device = 0,
                        .rx_queue = index == receiver ? uint16_t{0} : kNoQueue,
                        .tx_queue = static_cast<uint16_t>(index)};
    if (workers == 2) {
      const uint32_t other = 1 - index;
      options.owned.in[other] = owned_[index].get();
      options.owned.out[other] = owned_[other].get();
      options.transmit.in[other] = transmit_[index].get();
      options.transmit.out[other] = transmit_[other].get();
    }
    options.cell = &cell_;
    options.loop_counters = &core.memory->loop_counters();
    options.pipeline = core.memory->pipeline_options();
    core.worker = std::make_unique<Worker<EndlessIo>>(options);
    core.meter = std::make_unique<LoopMeter>(core.memory->loop_counters(), rte_rdtsc());
    cores_.push_back(std::move(core));
  }

  FlowOwners owners_;
  std::shared_ptr<const Snapshot> snapshot_;
  SnapshotCell<Snapshot> cell_;
  // By the worker that takes from them.
  std::array<OwnRing, 2> owned_{make_ring(), make_ring()}, transmit_{make_ring(), make_ring()};
  std::vector<Core> cores_;
};

void measure(benchmark::State& state, Bench& bench, uint16_t burst) {
  EndlessIo::count = burst;
  bench.warm_up();
  const uint64_t before = bench.counters().value(Event::kForwardPackets);
  for (auto _ : state) bench.process();
  const uint64_t expected = static_cast<uint64_t>(state.iterations()) * burst;
  state.SetItemsProcessed(static_cast<int64_t>(expected));
  if (bench.counters().value(Event::kForwardPackets) - before != expected) {
    state.SkipWithError("not every packet was forwarded");
  }
}

void full_bursts(benchmark::State& state) {
  Bench bench;
  measure(state, bench, kBurst);
}
// Somebody watches for packets of which none comes.
void full_bursts_watched(benchmark::State& state) {
  WatchOptions options;
  options.filter.destination_port = uint16_t{9};
  Watch watch(1, options);
  Bench bench;
  bench.watch(watch);
  measure(state, bench, kBurst);
}
// Of two workers, the one that owns the flows receives their packets, and the other one nothing.
void own_of_two(benchmark::State& state) {
  Bench bench(2, 1);
  measure(state, bench, kBurst);
}
// The other one receives them.
void handed_over(benchmark::State& state) {
  Bench bench(2, 0);
  measure(state, bench, kBurst);
}
void nothing_to_do(benchmark::State& state) {
  Bench bench;
  measure(state, bench, 0);
}

BENCHMARK(full_bursts);
BENCHMARK(full_bursts_watched);
BENCHMARK(own_of_two);
BENCHMARK(handed_over);
BENCHMARK(nothing_to_do);

}  // namespace
}  // namespace vipgate
