// The worker's loop with fake I/O and a fake clock: queues that the test fills and looks into.
#include "dataplane/fastpath/worker.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <map>

#include "dataplane/fastpath/pipeline_impl.h"
#include "dataplane/worker_thread.h"
#include "dataplane/worker_wiring.h"
#include "tests/support/fragments.h"
#include "tests/support/test_net.h"

namespace vipgate::test {
namespace {

// What the worker takes for DPDK's ethdev. One test at a time uses it.
struct FakeIo {
  using Queue = std::pair<uint16_t, uint16_t>;  // port, queue
  inline static std::map<Queue, std::deque<rte_mbuf*>> arriving, sent;
  inline static std::vector<rte_mbuf*> freed;
  inline static size_t room = SIZE_MAX;  // of a transmit queue

  static uint16_t rx(uint16_t port, uint16_t queue, rte_mbuf** packets, uint16_t n) {
    auto& from = arriving[{port, queue}];
    const auto count = static_cast<uint16_t>(std::min<size_t>(from.size(), n));
    std::copy_n(from.begin(), count, packets);
    from.erase(from.begin(), from.begin() + count);
    return count;
  }
  static uint16_t tx(uint16_t port, uint16_t queue, rte_mbuf** packets, uint16_t n) {
    auto& to = sent[{port, queue}];
    const size_t left = room > to.size() ? room - to.size() : 0;
    const auto count = static_cast<uint16_t>(std::min<size_t>(left, n));
    to.insert(to.end(), packets, packets + count);
    return count;
  }
  static void free_bulk(rte_mbuf** packets, uint32_t n) {
    freed.insert(freed.end(), packets, packets + n);
  }
};

constexpr ServiceCase kService = kServiceCases[0];

class WorkerTest : public testing::Test {
 protected:
  void SetUp() override {
    FakeIo::arriving.clear();
    FakeIo::sent.clear();
    FakeIo::freed.clear();
    FakeIo::room = SIZE_MAX;
  }
  void TearDown() override {
    workers_.clear();
    close(event_);
  }

  // Two ports of `queues` queues each, numbered 10 and 11 by the fake I/O.
  void start(uint32_t workers, uint16_t queues, uint32_t ring_size = 256) {
    auto mesh = WorkerMesh::create(workers, ring_size);
    ASSERT_TRUE(mesh.ok()) << mesh.error();
    mesh_ = std::make_unique<WorkerMesh>(std::move(*mesh));
    cell_ = std::make_unique<SnapshotCell<Snapshot>>(workers);
    to_kernel_.reset(rte_ring_create("worker_test_to", 4, SOCKET_ID_ANY, RING_F_SP_ENQ));
    from_kernel_.reset(rte_ring_create("worker_test_from", 4, SOCKET_ID_ANY, RING_F_SC_DEQ));
    for (uint32_t i = 0; i < workers; ++i) {
      memory_.push_back(
          std::make_unique<WorkerMemory>(WorkerMemoryOptions{.worker = i,
                                                             .workers = workers,
                                                             .flows = 1024,
                                                             .wide_flows = 1024,
                                                             .services = 64,
                                                             .reals = 256,
                                                             .snat = spec_.snat_addresses,
                                                             .secret = {},
                                                             .owner_hash = &owner_hash_}));
      WorkerOptions options;
      options.index = i;
      options.workers = workers;
      options.port_count = 2;
      for (uint16_t port = 0; port < 2; ++port) {
        options.ports[port] =
            assign_port(port, static_cast<uint16_t>(10 + port), queues, queues, i, workers);
      }
      options.ports[0].kernel.to_kernel = to_kernel_.get();
      if (i == 0) options.ports[0].kernel.from_kernel = from_kernel_.get();
      mesh_->connect(i, options);
      options.kernel_waker = &waker_;
      options.cell = cell_.get();
      options.loop_counters = &memory_.back()->loop_counters();
      options.pipeline = memory_.back()->pipeline_options();
      workers_.push_back(std::make_unique<Worker<FakeIo>>(options));
    }
  }
  void publish() { cell_->publish(SnapshotBuilder().build(spec_)); }

  rte_mbuf* arrive(const PacketBuilder& packet, uint16_t device, uint16_t queue = 0) {
    packets_.push_back(std::make_unique<FakeMbuf>(packet.build()));
    FakeIo::arriving[{device, queue}].push_back(packets_.back()->get());
    return packets_.back()->get();
  }
  bool turn(uint32_t worker = 0) { return workers_[worker]->run_once(now_ns_); }
  uint64_t count(auto kind) const {
    uint64_t sum = 0;
    for (const auto& memory : memory_) sum += memory->counters().value(kind);
    return sum;
  }

  SnapshotSpec spec_ = net_spec();
  ToeplitzHash owner_hash_{ToeplitzHash::Key{0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2}};
  int event_ = eventfd(0, EFD_NONBLOCK);
  KernelWaker waker_{event_};
  std::unique_ptr<WorkerMesh> mesh_;
  std::unique_ptr<SnapshotCell<Snapshot>> cell_;
  RingPointer to_kernel_, from_kernel_;
  std::vector<std::unique_ptr<WorkerMemory>> memory_;
  std::vector<std::unique_ptr<Worker<FakeIo>>> workers_;
  std::vector<std::unique_ptr<FakeMbuf>> packets_;
  uint64_t now_ns_ = 1'000'000'000'000;
};

TEST_F(WorkerTest, TakesNoPacketBeforeTheFirstSnapshot) {
  start(1, 1);
  arrive(to_vip(kService, 1234), 10);
  EXPECT_FALSE(turn());
  EXPECT_EQ((FakeIo::arriving[{10, 0}].size()), 1u);
  publish();
  EXPECT_TRUE(turn());
  EXPECT_EQ((FakeIo::sent[{11, 0}].size()), 1u);
}

TEST_F(WorkerTest, FragmentsThatWaitAreSentWithTheirFirstOrFreedInTime) {
  start(1, 1);
  publish();
  const Bytes question = to_vip(kServiceCases[1], 1234).payload(Bytes(100, 'x')).build();
  const auto fragments = fragmented(question, 48, 5);
  const auto arrive_frame = [&](const Bytes& frame) {
    packets_.push_back(std::make_unique<FakeMbuf>(frame));
    FakeIo::arriving[{10, 0}].push_back(packets_.back()->get());
    return packets_.back()->get();
  };
  rte_mbuf* second = arrive_frame(fragments[1]);
  EXPECT_TRUE(turn());
  EXPECT_EQ((FakeIo::sent[{11, 0}].size()), 0u);
  rte_mbuf* first = arrive_frame(fragments[0]);
  EXPECT_TRUE(turn());
  EXPECT_EQ((FakeIo::sent[{11, 0}]), (std::deque<rte_mbuf*>{first, second})) << "in one turn";
  rte_mbuf* lost = arrive_frame(fragmented(question, 48, 6)[2]);
  EXPECT_TRUE(turn());
  now_ns_ += 900'000'000;
  EXPECT_FALSE(turn());
  EXPECT_TRUE(FakeIo::freed.empty());
  now_ns_ += 200'000'000;
  EXPECT_TRUE(turn());
  EXPECT_EQ(FakeIo::freed, std::vector<rte_mbuf*>{lost});
  EXPECT_EQ(count(DropReason::kFragmentTimeout), 1u);
}

TEST_F(WorkerTest, ALonePacketLeavesInTheTurnThatReceivedIt) {
  start(1, 1);
  publish();
  EXPECT_FALSE(turn()) << "nothing to do";
  rte_mbuf* packet = arrive(to_vip(kService, 1234), 10);
  EXPECT_TRUE(turn());
  EXPECT_EQ((FakeIo::sent[{11, 0}]), std::deque<rte_mbuf*>{packet});
  EXPECT_TRUE(FakeIo::freed.empty());
  EXPECT_EQ(count(Event::kTxPackets), 1u);
  EXPECT_EQ(count(Event::kBusyLoops), 1u);
}

TEST_F(WorkerTest, BurstsAreCountedByHowManyPacketsTheyHave) {
  start(1, 1);
  publish();
  for (uint16_t i = 0; i < kBurst + 5; ++i) {
    arrive(to_vip(kService, static_cast<uint16_t>(1000 + i)), 10);
  }
  arrive(to_vip(kService, 1), 11);
  turn();
  turn();
  turn();
  const LoopFigures figures = read_figures(memory_[0]->loop_counters());
  EXPECT_EQ(figures.packets, kBurst + 6u);
  EXPECT_EQ(figures.bursts, (std::array<uint64_t, kBurstFills>{1, 0, 1, 0, 0, 0, 1}));
}

TEST_F(WorkerTest, AFullTransmitQueueDropsAndCountsAndNothingWaits) {
  start(1, 1);
  publish();
  FakeIo::room = 3;
  for (uint16_t i = 0; i < 10; ++i) arrive(to_vip(kService, static_cast<uint16_t>(1000 + i)), 10);
  EXPECT_TRUE(turn());
  EXPECT_EQ((FakeIo::sent[{11, 0}].size()), 3u);
  EXPECT_EQ(FakeIo::freed.size(), 7u);
  EXPECT_EQ(count(DropReason::kTxFull), 7u);
  EXPECT_FALSE(turn());
}

TEST_F(WorkerTest, ADroppedPacketIsFreedOnce) {
  start(1, 1);
  publish();
  rte_mbuf* packet = arrive(
      PacketBuilder().eth(kClientMac, kGatewayMac0).ipv4("192.0.2.1", "9.9.9.9").udp(1, 2), 10);
  EXPECT_TRUE(turn());
  EXPECT_EQ(FakeIo::freed, std::vector<rte_mbuf*>{packet});
  EXPECT_EQ(count(DropReason::kNotForUs), 1u);
}

TEST_F(WorkerTest, FlowsOfAnotherWorkerAreHandedOverAndEachPacketIsSentOnceByTheQueuesOwner) {
  start(2, 1);
  publish();
  constexpr uint16_t kPackets = 40;
  for (uint16_t i = 0; i < kPackets; ++i) {
    arrive(to_vip(kService, static_cast<uint16_t>(1000 + i)), 10);
  }
  // Worker 0 receives by port 0; port 1's only queue is worker 1's.
  for (int i = 0; i < 3; ++i) {
    turn(0);
    turn(1);
  }
  EXPECT_EQ((FakeIo::sent[{11, 0}].size()), kPackets);
  std::sort(FakeIo::sent[{11, 0}].begin(), FakeIo::sent[{11, 0}].end());
  EXPECT_EQ(std::unique(FakeIo::sent[{11, 0}].begin(), FakeIo::sent[{11, 0}].end()),
            (FakeIo::sent[{11, 0}].end()));
  const uint64_t handed = count(Event::kHandedOver);
  EXPECT_GT(handed, 0u);
  EXPECT_LT(handed, kPackets) << "some flows are the receiver's own";
  EXPECT_EQ(count(Event::kForwardPackets), kPackets);
  EXPECT_TRUE(FakeIo::freed.empty());
}

TEST_F(WorkerTest, AFullRingToTheOwnerDropsAndCounts) {
  start(2, 2, 4);  // such a ring holds three
  publish();
  for (uint16_t i = 0; i < 60; ++i) {
    arrive(to_vip(kService, static_cast<uint16_t>(1000 + i)), 10);
  }
  turn(0);
  const uint64_t handed = count(Event::kHandedOver);
  ASSERT_GT(handed, 3u);
  EXPECT_EQ(count(DropReason::kHandoverFull), handed - 3);
  EXPECT_EQ(FakeIo::freed.size(), handed - 3);
}

TEST_F(WorkerTest, WhatIsTheKernelsGoesToItsRingAndWakesItOnlyWhenItSleeps) {
  start(1, 1);
  publish();
  const auto ping =
      PacketBuilder().eth(kClientMac, kGatewayMac0).ipv4("192.0.2.1", "10.9.0.1").icmp_echo(1, 1);
  rte_mbuf* first = arrive(ping, 10);
  EXPECT_TRUE(turn());
  uint64_t signals = 0;
  EXPECT_EQ(read(event_, &signals, sizeof signals), -1) << "the kernel's thread is awake";
  waker_.announce_sleep();
  arrive(ping, 10);
  EXPECT_TRUE(turn());
  EXPECT_EQ(read(event_, &signals, sizeof signals), static_cast<ssize_t>(sizeof signals));
  void* taken = nullptr;
  ASSERT_EQ(rte_ring_dequeue(to_kernel_.get(), &taken), 0);
  EXPECT_EQ(taken, first);
  // A ring of four holds three: one is in it, so of four more two are lost.
  for (int i = 0; i < 4; ++i) arrive(ping, 10);
  EXPECT_TRUE(turn());
  EXPECT_EQ(count(DropReason::kKernelFull), 2u);
  EXPECT_EQ(FakeIo::freed.size(), 2u);
}

TEST_F(WorkerTest, WhatTheKernelSendsLeavesByThePort) {
  start(1, 1);
  publish();
  FakeMbuf frame(to_vip(kService, 1).build());
  ASSERT_EQ(rte_ring_enqueue(from_kernel_.get(), frame.get()), 0);
  EXPECT_TRUE(turn());
  EXPECT_EQ((FakeIo::sent[{10, 0}]), std::deque<rte_mbuf*>{frame.get()});
  EXPECT_EQ(count(Event::kFromKernel), 1u);
}

TEST_F(WorkerTest, FlowsExpireByTheClockThatTheLoopIsGiven) {
  start(1, 1);
  publish();
  arrive(to_vip(kService, 1234), 10);
  turn();
  EXPECT_EQ(count(Event::kFlowsCreated), 1u);
  now_ns_ += 5'000'000'000'000;  // beyond every time-out: all is swept in this turn
  EXPECT_FALSE(turn());
  EXPECT_EQ(count(Event::kFlowsExpired), 1u);
}

TEST_F(WorkerTest, AWorkerThatWentOfflineHoldsNoSnapshot) {
  start(1, 1);
  publish();
  turn();
  publish();
  EXPECT_EQ(cell_->reclaim(), 1u) << "the worker may still read the first one";
  workers_[0]->go_offline();
  EXPECT_EQ(cell_->reclaim(), 0u);
}

TEST(IdleBackoff, SleepsOnlyAfterManyIdleTurnsAndStartsAnewWithWork) {
  using Action = IdleBackoff::Action;
  IdleBackoff backoff(false);
  for (int round = 0; round < 2; ++round) {
    for (uint32_t i = 0; i < IdleBackoff::kLoopsBeforeSleep; ++i) {
      ASSERT_EQ(backoff.next(false), Action::kPause);
    }
    EXPECT_EQ(backoff.next(false), Action::kSleep);
    EXPECT_EQ(backoff.next(true), Action::kNothing);
  }
}

TEST(IdleBackoff, NeverSleepsWhenToldToPoll) {
  IdleBackoff backoff(true);
  for (uint32_t i = 0; i < 2 * IdleBackoff::kLoopsBeforeSleep; ++i) {
    ASSERT_EQ(backoff.next(false), IdleBackoff::Action::kPause);
  }
}

TEST(WorkerWiring, EachQueueHasOneOwnerAndAnOwnerKnowsItsQueue) {
  for (uint32_t workers = 1; workers <= 7; ++workers) {
    for (uint32_t port = 0; port < 10; ++port) {
      for (uint32_t worker = 0; worker < workers; ++worker) {
        const uint32_t queue = queue_of(port, worker, workers);
        ASSERT_LT(queue, workers);
        ASSERT_EQ(queue_owner(port, queue, workers), worker);
      }
      const WorkerPort last = assign_port(port, 3, 1, 1, queue_owner(port, 0, workers), workers);
      EXPECT_EQ(last.rx_queue, 0);
      EXPECT_EQ(last.tx_queue, 0);
    }
  }
}

}  // namespace
}  // namespace vipgate::test
