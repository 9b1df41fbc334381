// What a turn of a worker's loop costs, with the metering of its time: a full burst of 64 packets
// of known flows, or nothing, by I/O that costs nothing.
#include <benchmark/benchmark.h>
#include <rte_cycles.h>

#include <array>
#include <cstring>
#include <memory>
#include <vector>

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

  static void fill() {
    for (uint16_t i = 0; i < kBurst; ++i) {
      std::memset(static_cast<void*>(&mbufs[i]), 0, sizeof mbufs[i]);
      mbufs[i].buf_addr = buffers[i].data();
      mbufs[i].buf_len = kStride;
      mbufs[i].nb_segs = 1;
      frames[i] =
          make_frame(Ipv4Address{Be32(0x01000000u + i)}, Be16(static_cast<uint16_t>(1000 + i)),
                     Ipv4Address{Be32(kVip)}, Be16(80));
    }
  }
};

class Bench {
 public:
  Bench()
      : snapshot_(make_snapshot(Mode::kFullnat, 1, 1)),
        memory_({.flows = 1024,
                 .services = 1,
                 .reals = 1,
                 .snat = snapshot_->snat_addresses,
                 .secret = {{1, 2, 3, 4}}}) {
    EndlessIo::fill();
    cell_.publish(snapshot_);
    WorkerOptions options;
    options.port_count = 1;
    options.ports[0] = {.device = 0, .rx_queue = 0, .tx_queue = 0};
    options.cell = &cell_;
    options.loop_counters = &memory_.loop_counters();
    options.pipeline = memory_.pipeline_options();
    worker_ = std::make_unique<Worker<EndlessIo>>(options);
  }

  // As run_worker() does it.
  [[gnu::noinline]] void turns(benchmark::State& state) {
    LoopMeter meter(memory_.loop_counters(), rte_rdtsc());
    for (auto _ : state) meter.loop_ended(rte_rdtsc(), worker_->run_once(1'000'000'000'000));
  }
  // From now on. The watch outlives the bench.
  void watch(Watch& watch) {
    worker_->watch_slot().arm(&watch);
    watch.is_active = true;
  }
  const WorkerCounters& counters() const { return memory_.counters(); }

 private:
  std::shared_ptr<const Snapshot> snapshot_;
  WorkerMemory memory_;
  SnapshotCell<Snapshot> cell_{1};
  std::unique_ptr<Worker<EndlessIo>> worker_;
};

void measure(benchmark::State& state, uint16_t burst, Watch* watch = nullptr) {
  Bench bench;
  if (watch != nullptr) bench.watch(*watch);
  EndlessIo::count = burst;
  bench.turns(state);
  const uint64_t expected = static_cast<uint64_t>(state.iterations()) * burst;
  state.SetItemsProcessed(static_cast<int64_t>(expected));
  if (bench.counters().value(Event::kForwardPackets) != expected) {
    state.SkipWithError("not every packet was forwarded");
  }
}

void full_bursts(benchmark::State& state) { measure(state, kBurst); }
// Somebody watches for packets of which none comes.
void full_bursts_watched(benchmark::State& state) {
  WatchOptions options;
  options.filter.destination_port = uint16_t{9};
  Watch watch(1, options);
  measure(state, kBurst, &watch);
}
void nothing_to_do(benchmark::State& state) { measure(state, 0); }

// So many turns that `valgrind --tool=callgrind --toggle-collect='*turns*'` can be divided by them.
constexpr int kTurns = 20'000;
BENCHMARK(full_bursts)->Iterations(kTurns);
BENCHMARK(full_bursts_watched)->Iterations(kTurns);
BENCHMARK(nothing_to_do)->Iterations(kTurns);

}  // namespace
}  // namespace vipgate
