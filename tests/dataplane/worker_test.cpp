// The worker's loop: what it takes, sends, hands over, frees and counts.
#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/worker_thread.h"
#include "tests/dataplane/worker_fixture.h"
#include "tests/support/fragments.h"

namespace vipgate::test::worker_test {
namespace {

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

// What the machine adds to a sleep, in microseconds: `usual`, and `late` once in `every` times.
std::pair<double, uint64_t> too_long_and_length(uint64_t usual, uint64_t late, int every) {
  SleepLength sleep;
  int too_long = 0;
  constexpr int kWarmUp = 20'000, kSleeps = 100'000;
  for (int i = 0; i < kWarmUp + kSleeps; ++i) {
    const uint64_t took = sleep.ns() + 1000 * (i % every == 0 ? late : usual);
    if (i >= kWarmUp && took > SleepLength::kMostNs) ++too_long;
    sleep.slept(took);
  }
  return {100.0 * too_long / kSleeps, sleep.ns()};
}

TEST(SleepLength, OneSleepInTwentyMayTakeTooLongWhateverTheMachineAdds) {
  EXPECT_EQ(too_long_and_length(3, 3, 1).second, SleepLength::kLongestNs);
  EXPECT_EQ(too_long_and_length(3, 3, 1).first, 0);
  for (const uint64_t usual : {8, 12, 18}) {
    const auto [percent, ns] = too_long_and_length(usual, usual, 1);
    EXPECT_LE(percent, 5.1) << usual;
    EXPECT_GE(ns + 1'000, SleepLength::kMostNs - 1000 * usual) << "no shorter than it must be";
  }
  EXPECT_LE(too_long_and_length(10, 18, 10).first, 5.1) << "one in ten is later than usual";
  EXPECT_GE(too_long_and_length(5, 500, 50).second, 44'000u) << "what is rare is no reason";
}

TEST(SleepLength, ABusyMachineDoesNotMakeSleepsVanish) {
  EXPECT_EQ(too_long_and_length(900, 900, 1).second, SleepLength::kShortestNs);
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
}  // namespace vipgate::test::worker_test
