// How long the first packet waits at a worker that is idle, and what an idle worker takes of its
// core. The worker runs as in the daemon, on CPU 1; packets come by rings, one at a time, at odd
// moments, and the time is from its being put into the one ring to its being seen in the other.
#include <benchmark/benchmark.h>
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "dataplane/eal.h"
#include "dataplane/packet_pool.h"
#include "dataplane/worker_memory.h"
#include "dataplane/worker_thread.h"
#include "perf/bench/packet_setup.h"

namespace vipgate {
namespace {

void need(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

void pin(pthread_t thread, size_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  need(pthread_setaffinity_np(thread, sizeof set, &set) == 0, "two CPUs are needed");
}

class Gateway {
 public:
  explicit Gateway(bool poll)
      : memory_({.sizes = {.flows = 1024, .services = 1, .reals = 1},
                 .snat = {},
                 .secret = {{1, 2, 3, 4}}}) {
    static rte_mempool* const kPool = make_pool();
    pool_ = kPool;
    static int number = 0;
    const std::string name = std::to_string(++number);
    in_ = rte_ring_create(("idle_in_" + name).c_str(), 64, SOCKET_ID_ANY, RING_F_SC_DEQ);
    out_ = rte_ring_create(("idle_out_" + name).c_str(), 64, SOCKET_ID_ANY, RING_F_SP_ENQ);
    need(in_ != nullptr && out_ != nullptr, "no room for rings");
    port_ = rte_eth_from_rings(("idle" + name).c_str(), &in_, 1, &out_, 1, 0);
    need(port_ >= 0, "no port can be made of rings");
    const auto id = static_cast<uint16_t>(port_);
    rte_eth_conf conf{};
    need(rte_eth_dev_configure(id, 1, 1, &conf) == 0 &&
             rte_eth_rx_queue_setup(id, 0, 64, 0, nullptr, pool_) == 0 &&
             rte_eth_tx_queue_setup(id, 0, 64, 0, nullptr) == 0 && rte_eth_dev_start(id) == 0,
         "the port of rings does not start");
    // What the worker does with a packet to a real that answers directly is little.
    cell_.publish(make_snapshot(Mode::kL2dsr, 1, 0));
    WorkerOptions options;
    options.port_count = 1;
    options.ports[0] = {.device = id, .rx_queue = 0, .tx_queue = 0};
    options.cell = &cell_;
    options.loop_counters = &memory_.loop_counters();
    options.pipeline = memory_.pipeline_options();
    worker_ = std::make_unique<Worker<EthdevIo>>(options);
    thread_ = std::thread([this, poll] { run_worker(*worker_, clock_, poll, stop_); });
    pin(thread_.native_handle(), 1);
  }
  ~Gateway() {
    stop_ = true;
    thread_.join();
    rte_eth_dev_stop(static_cast<uint16_t>(port_));
  }
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Nanoseconds from in to out.
  double pass_one() {
    rte_mbuf* packet = rte_pktmbuf_alloc(pool_);
    need(packet != nullptr, "no packet");
    const Frame frame =
        make_frame(Ipv4Address{Be32(0x01000001u)}, Be16(1000), Ipv4Address{Be32(kVip)}, Be16(80));
    char* to = rte_pktmbuf_append(packet, sizeof frame);
    need(to != nullptr, "a buffer is too small");
    std::memcpy(to, &frame, sizeof frame);
    const uint64_t start = rte_rdtsc();
    rte_ring_enqueue(in_, packet);
    void* seen = nullptr;
    while (rte_ring_dequeue(out_, &seen) != 0) rte_pause();
    const uint64_t end = rte_rdtsc();
    rte_pktmbuf_free(static_cast<rte_mbuf*>(seen));
    return 1e9 * static_cast<double>(end - start) / static_cast<double>(rte_get_tsc_hz());
  }
  LoopFigures figures() const { return read_figures(memory_.loop_counters()); }
  // How long a sleep took on average, since the start.
  double sleep_us() const {
    const auto sleeps = static_cast<double>(memory_.counters().value(Event::kSleeps));
    const auto ticks = static_cast<double>(figures().asleep_ticks);
    return sleeps == 0 ? 0 : 1e6 * ticks / sleeps / static_cast<double>(rte_get_tsc_hz());
  }
  // Of the worker's thread.
  double cpu_seconds() {
    clockid_t clock;
    timespec used{};
    need(pthread_getcpuclockid(thread_.native_handle(), &clock) == 0 &&
             clock_gettime(clock, &used) == 0,
         "the thread's clock cannot be read");
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
  }

 private:
  static rte_mempool* make_pool() {
    EalOptions eal;
    eal.huge_pages = HugePages::kOff;
    eal.memory_mb = 64;
    need(start_eal(eal).ok(), "EAL does not start");
    auto pool = make_packet_pool("idle", 1023, 2048, SOCKET_ID_ANY);
    need(pool.ok(), "no memory for packets");
    return *pool;
  }

  WorkerMemory memory_;
  TscClock clock_;
  SnapshotCell<Snapshot> cell_{1};
  rte_mempool* pool_ = nullptr;
  rte_ring *in_ = nullptr, *out_ = nullptr;
  int port_ = -1;
  std::unique_ptr<Worker<EthdevIo>> worker_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

void first_packet(benchmark::State& state, bool poll) {
  Gateway gateway(poll);
  pin(pthread_self(), 0);
  std::vector<double> waits;
  std::mt19937 random(1);
  for (auto _ : state) {
    // Longer than the worker waits before it sleeps; a sleep, so that this thread warms nothing.
    const timespec pause{0, 3'000'000 + static_cast<long>(random() % 1'000'000)};
    nanosleep(&pause, nullptr);
    waits.push_back(gateway.pass_one());
    state.SetIterationTime(waits.back() / 1e9);
  }
  std::sort(waits.begin(), waits.end());
  const auto at = [&](double share) {
    return waits[static_cast<size_t>(share * static_cast<double>(waits.size() - 1))] / 1000;
  };
  state.counters["sleep_us"] = gateway.sleep_us();
  state.counters["p50_us"] = at(0.5);
  state.counters["p90_us"] = at(0.9);
  state.counters["p99_us"] = at(0.99);
  state.counters["max_us"] = at(1);
}

// A second without packets.
void nothing_comes(benchmark::State& state, bool poll) {
  Gateway gateway(poll);
  for (auto _ : state) {
    const double cpu = gateway.cpu_seconds();
    const LoopFigures before = gateway.figures();
    const timespec second{1, 0};
    nanosleep(&second, nullptr);
    const LoopFigures window = gateway.figures().since(before);
    state.counters["sleep_us"] = gateway.sleep_us();
    state.counters["cpu_percent"] = 100 * (gateway.cpu_seconds() - cpu);
    state.counters["awake_percent"] = 100 * (1 - static_cast<double>(window.asleep_ticks) /
                                                     static_cast<double>(window.all_ticks()));
  }
}

void first_packet_adaptive(benchmark::State& state) { first_packet(state, false); }
void first_packet_poll(benchmark::State& state) { first_packet(state, true); }
void idle_adaptive(benchmark::State& state) { nothing_comes(state, false); }
void idle_poll(benchmark::State& state) { nothing_comes(state, true); }

BENCHMARK(first_packet_adaptive)->Iterations(2000)->UseManualTime();
BENCHMARK(first_packet_poll)->Iterations(2000)->UseManualTime();
BENCHMARK(idle_adaptive)->Iterations(3);
BENCHMARK(idle_poll)->Iterations(3);

}  // namespace
}  // namespace vipgate
