// Two workers on threads of their own, the control thread that publishes and frees snapshots, and
// all rings between the workers, under real traffic: for ThreadSanitizer, and for the order of
// packets. The rings need no EAL: ThreadSanitizer's program has none.
#include <gtest/gtest.h>
#include <rte_ring.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "dataplane/fastpath/pipeline_impl.h"
#include "dataplane/fastpath/worker.h"
#include "dataplane/worker_wiring.h"
#include "tests/support/owners.h"
#include "tests/support/test_net.h"

namespace vipgate::test::worker_threads_test {
namespace {

constexpr uint32_t kWorkers = 2;
constexpr uint16_t kClientDevice = 0, kRealDevice = 1;
constexpr uint32_t kFlows = 64;
constexpr uint32_t kPackets = 20'000;
constexpr uint32_t kInFlight = 400;  // less than a ring holds: nothing is lost
constexpr uint32_t kRingSize = 512;
constexpr uint64_t kPerSnapshot =
    1'000;  // questions that each snapshot lets in, so that many serve

// Worker 0 alone serves the client's port and worker 1 the reals', so each packet is handed over
// to the owner of its flow and to the owner of the way out as the flow's hash has it. Whatever is
// here is touched by one worker only: nothing but the rings may order what the workers do.
struct ThreadIo {
  // The client's side: worker 0.
  inline static std::vector<rte_mbuf*> questions;
  inline static size_t asked = 0;
  inline static std::vector<const rte_mbuf*> answered;
  // The reals' side: worker 1.
  inline static std::vector<rte_mbuf*> answers;
  // Both, and relaxed: they order nothing.
  inline static std::atomic<uint64_t> freed{0};
  inline static std::atomic<uint64_t> published{0};

  static uint16_t rx(uint16_t port, uint16_t, rte_mbuf** packets, uint16_t n) {
    if (port == kRealDevice) {
      const auto count = static_cast<uint16_t>(std::min<size_t>(n, answers.size()));
      std::copy_n(answers.begin(), count, packets);
      answers.erase(answers.begin(), answers.begin() + count);
      return count;
    }
    const size_t room = kInFlight - (asked - answered.size());
    const size_t let_in =
        std::min(questions.size(), published.load(std::memory_order_relaxed) * kPerSnapshot);
    const auto count = static_cast<uint16_t>(std::min({size_t{n}, room, let_in - asked}));
    std::copy_n(questions.begin() + static_cast<long>(asked), count, packets);
    asked += count;
    return count;
  }
  static uint16_t tx(uint16_t port, uint16_t, rte_mbuf** packets, uint16_t n) {
    for (uint16_t i = 0; i < n; ++i) {
      if (port == kClientDevice) {
        answered.push_back(packets[i]);
      } else {
        answers.push_back(answer(packets[i]));
      }
    }
    return n;
  }
  // Nothing is forwarded here.
  static bool allocate(rte_mempool*, rte_mbuf**, uint32_t) { return false; }
  static void free_bulk(rte_mbuf**, uint32_t n) { freed.fetch_add(n, std::memory_order_relaxed); }

  // The real sends the packet back as it is.
  static rte_mbuf* answer(rte_mbuf* mbuf) {
    auto* frame = rte_pktmbuf_mtod(mbuf, uint8_t*);
    const size_t l3 = 18;
    const bool is_v4 = frame[l3] >> 4 == 4;
    const size_t addresses = l3 + (is_v4 ? 12 : 8), size = is_v4 ? 4 : 16;
    std::swap_ranges(frame, frame + 6, frame + 6);
    std::swap_ranges(frame + addresses, frame + addresses + size, frame + addresses + size);
    std::swap_ranges(frame + addresses + 2 * size, frame + addresses + 2 * size + 2,
                     frame + addresses + 2 * size + 2);
    return mbuf;
  }
};

// A ring as WorkerMesh makes it, in memory of our own.
class OwnRing {
 public:
  OwnRing()
      : memory_(std::aligned_alloc(64, static_cast<size_t>(rte_ring_get_memsize(kRingSize)))) {
    if (rte_ring_init(get(), "ring", kRingSize, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0) std::abort();
  }
  ~OwnRing() { std::free(memory_); }
  OwnRing(const OwnRing&) = delete;
  OwnRing& operator=(const OwnRing&) = delete;
  rte_ring* get() { return static_cast<rte_ring*>(memory_); }

 private:
  void* memory_;
};

class WorkerThreads : public testing::Test {
 protected:
  void SetUp() override {
    ThreadIo::asked = 0;
    ThreadIo::answered.clear();
    ThreadIo::freed = 0;
    ThreadIo::published = 0;
    for (uint32_t i = 0; i < kWorkers; ++i) {
      memory_.push_back(std::make_unique<WorkerMemory>(WorkerMemoryOptions{
          .worker = i,
          .workers = kWorkers,
          .sizes = {.flows = 256, .wide_flows = 256, .services = 64, .reals = 256},
          .snat = spec_.snat_addresses,
          .secret = {{1, 2, 3, 4}},
          .owners = &owners_}));
      WorkerOptions options;
      options.index = i;
      options.workers = kWorkers;
      options.port_count = 2;
      for (const uint16_t port : {kClientDevice, kRealDevice}) {
        options.ports[port] = assign_port(port, port, 1, 1, i, kWorkers);
      }
      options.owned.in[1 - i] = owned_[1 - i].get();
      options.owned.out[1 - i] = owned_[i].get();
      options.transmit.in[1 - i] = transmit_[1 - i].get();
      options.transmit.out[1 - i] = transmit_[i].get();
      options.cell = &cell_;
      options.loop_counters = &memory_.back()->loop_counters();
      options.pipeline = memory_.back()->pipeline_options();
      workers_.push_back(std::make_unique<Worker<ThreadIo>>(options));
    }
  }

  // Flows of every translating service, in turns; each packet is numbered by its place.
  void make_questions() {
    for (uint32_t i = 0; i < kPackets; ++i) {
      const uint32_t flow = i % kFlows;
      const ServiceCase& kind = kServiceCases[flow % 8];
      auto packet = to_vip(kind, static_cast<uint16_t>(1000 + flow / 8), 1 + flow);
      if (kind.protocol == Protocol::kTcp && i >= kFlows) packet.flags("A");
      packets_.emplace_back(packet.build());
      packets_.back()->dynfield1[0] = i;
      ThreadIo::questions.push_back(packets_.back().get());
    }
  }

  void run(uint32_t number) {
    Worker<ThreadIo>& worker = *workers_[number];
    uint64_t ns = 1'000'000'000'000;
    uint32_t idle = 0;
    while (!done_.load(std::memory_order_relaxed)) {
      idle = worker.run_once(ns += 1000) ? 0 : idle + 1;
      if (number == 0 && ThreadIo::answered.size() == kPackets) {
        done_.store(true, std::memory_order_relaxed);
      }
      // Now and then, as a worker that sleeps.
      if (idle % 64 == 63) {
        worker.go_offline();
        std::this_thread::yield();
      }
    }
    worker.go_offline();
  }

  // The control thread: reals drain and come back, old snapshots are freed, counters are read. One
  // real of each service stays up: without any, new flows would be refused, not forwarded.
  void publish_until_done() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    uint64_t last_loops = 0;
    for (uint32_t turn = 0; !done_.load(std::memory_order_relaxed); ++turn) {
      ServiceSpec& service = spec_.services[turn % 8];
      RealSpec& real = service.reals[turn / 8 % (service.reals.size() - 1)];
      real.state = real.state == RealState::kUp ? RealState::kDraining : RealState::kUp;
      cell_.publish(builder_.build(spec_));
      ThreadIo::published.fetch_add(1, std::memory_order_relaxed);
      (void)cell_.reclaim();
      uint64_t loops = 0;
      for (const auto& memory : memory_) loops += memory->counters().value(Event::kLoops);
      EXPECT_GE(loops, last_loops);
      last_loops = loops;
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "packets have been lost, or the workers stand still";
        done_.store(true, std::memory_order_relaxed);
      }
      std::this_thread::yield();
    }
  }

  uint64_t count(auto kind) const {
    uint64_t sum = 0;
    for (const auto& memory : memory_) sum += memory->counters().value(kind);
    return sum;
  }

  SnapshotSpec spec_ = net_spec();
  SnapshotBuilder builder_;
  FlowOwners owners_ = owners_of_flows(kWorkers);
  SnapshotCell<Snapshot> cell_{kWorkers};
  std::array<OwnRing, kWorkers> owned_, transmit_;  // by the worker that fills them
  std::vector<std::unique_ptr<WorkerMemory>> memory_;
  std::vector<std::unique_ptr<Worker<ThreadIo>>> workers_;
  std::vector<FakeMbuf> packets_;
  std::atomic<bool> done_{false};
};

TEST_F(WorkerThreads, HandOverAllPacketsInTheOrderOfTheirFlowsWhileSnapshotsChange) {
  packets_.reserve(kPackets);
  ThreadIo::questions.clear();
  make_questions();
  std::thread first([this] { run(0); });
  std::thread second([this] { run(1); });
  publish_until_done();
  first.join();
  second.join();
  EXPECT_EQ(cell_.reclaim(), 0u) << "the workers have ended: only the last snapshot is held";

  ASSERT_EQ(ThreadIo::answered.size(), kPackets);
  EXPECT_EQ(ThreadIo::freed, 0u);
  std::vector<uint32_t> next(kFlows);
  for (uint32_t flow = 0; flow < kFlows; ++flow) next[flow] = flow;
  for (const rte_mbuf* mbuf : ThreadIo::answered) {
    const uint32_t number = mbuf->dynfield1[0];
    ASSERT_EQ(number, next[number % kFlows]) << "in flow " << number % kFlows;
    next[number % kFlows] += kFlows;
  }
  EXPECT_EQ(count(Event::kForwardPackets), kPackets);
  EXPECT_EQ(count(Event::kReturnPackets), kPackets);
  // What the test is about did take place.
  for (const auto& memory : memory_) {
    EXPECT_GT(memory->counters().value(Event::kHandedOver), kPackets / 8);
    EXPECT_GT(memory->counters().value(Event::kForwardPackets), kPackets / 8);
  }
  EXPECT_GE(ThreadIo::published, kPackets / kPerSnapshot);
}

}  // namespace
}  // namespace vipgate::test::worker_threads_test
