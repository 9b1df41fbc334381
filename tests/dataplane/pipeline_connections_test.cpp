// Services with `max_connections`: so many flows at the same time, and no more.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "dataplane/fastpath/connection_counts.h"
#include "tests/support/direct_net.h"

namespace vipgate::test::pipeline_connections_test {
namespace {

constexpr uint32_t kMost = 20;

uint64_t connections(const FakeGateway& gateway, uint32_t service, uint32_t workers) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < workers; ++i) {
    sum += gateway.memory(i).services()[service].connections.value();
  }
  return sum;
}

class ConnectionLimit : public testing::TestWithParam<ServiceCase> {
 protected:
  ConnectionLimit() { start(3); }
  void start(uint32_t workers, size_t flows = 4096) {
    workers_ = workers;
    gateway_ = std::make_unique<FakeGateway>(net_spec(),
                                             GatewayOptions{.workers = workers, .flows = flows});
    service().admission.max_connections = kMost;
    gateway_->publish();
  }
  const ServiceCase& kind() const { return GetParam(); }
  ServiceSpec& service() { return gateway_->spec().services[kind().index()]; }
  uint64_t live() const { return connections(*gateway_, kind().index(), workers_); }
  Outcome send(uint16_t port, std::string_view flags = "S") {
    PacketBuilder packet = to_vip(kind(), port);
    if (kind().protocol == Protocol::kTcp) packet.flags(flags);
    return gateway_->send(packet, 0, port % workers_);
  }
  bool is_refused(const Outcome& out) const {
    return out.is_reply(kind().protocol == Protocol::kTcp ? ReplyKind::kTcpReset
                                                          : ReplyKind::kPortUnreachable);
  }
  void fill() {
    for (uint16_t port = 1; port <= kMost; ++port) ASSERT_TRUE(send(port).is_forward()) << port;
  }

  uint32_t workers_ = 0;
  std::unique_ptr<FakeGateway> gateway_;
};
INSTANTIATE_TEST_SUITE_P(Pipeline, ConnectionLimit, testing::ValuesIn(kServiceCases),
                         [](const auto& test) { return test.param.name(); });

TEST_P(ConnectionLimit, HoldsForAllWorkersTogetherAndNeverForKnownFlows) {
  fill();
  EXPECT_EQ(live(), kMost);
  for (uint16_t port = 100; port < 140; ++port) {
    const Outcome out = send(port);
    EXPECT_TRUE(is_refused(out)) << to_string(out);
  }
  for (uint16_t port = 1; port <= kMost; ++port) EXPECT_TRUE(send(port, "A").is_forward());
  EXPECT_EQ(live(), kMost);
  uint64_t refused = 0;
  for (uint32_t i = 0; i < workers_; ++i) {
    refused += gateway_->memory(i).services()[kind().index()].over_limit.value();
  }
  EXPECT_EQ(refused, 40u);
  gateway_->check_counters();
}

TEST_P(ConnectionLimit, RefusesByThePolicyOfTheService) {
  fill();
  service().no_real = NoReal::kDrop;
  gateway_->publish();
  EXPECT_TRUE(send(100).is_drop(DropReason::kConnectionLimit));
  if (kind().protocol == Protocol::kTcp) {
    EXPECT_TRUE(send(100, "R").is_drop(DropReason::kNoFlow)) << "a reset begins nothing";
  }
  service().no_real = NoReal::kUseAll;
  gateway_->publish();
  EXPECT_TRUE(is_refused(send(100)));
}

TEST_P(ConnectionLimit, AFlowThatHasEndedMakesRoomForOne) {
  fill();
  // Of all time-outs the longest, and a sweep.
  for (uint32_t i = 0; i < 40; ++i) gateway_->pass_seconds(5);
  EXPECT_EQ(live(), 0u);
  fill();
  if (kind().protocol != Protocol::kTcp) return;
  EXPECT_TRUE(send(7, "R").is_forward());
  gateway_->pass_seconds(9);
  for (uint16_t port = 1; port <= kMost; ++port) {
    if (port != 7) {
      EXPECT_TRUE(send(port).is_forward());
    }
  }
  EXPECT_TRUE(is_refused(send(7000)));
  gateway_->pass_seconds(2);
  for (uint16_t port = 1; port <= kMost; ++port) {
    if (port != 7) {
      EXPECT_TRUE(send(port).is_forward());
    }
  }
  EXPECT_LE(live(), kMost);
}

TEST_P(ConnectionLimit, FlowsThatAreBalancedAnewCountOnce) {
  fill();
  for (const uint32_t gone : {0u, 1u, 2u}) {
    for (RealSpec& real : service().reals) real.state = RealState::kUp;
    service().reals[gone].state = RealState::kDown;
    gateway_->publish();
    for (uint16_t port = 1; port <= kMost; ++port) EXPECT_TRUE(send(port).is_forward());
    EXPECT_EQ(live(), kMost);
  }
}

TEST_P(ConnectionLimit, FlowsThatGoForWantOfRoomCountNoLonger) {
  start(1, 32);
  service().admission.max_connections = 1'000'000;
  gateway_->publish();
  for (uint16_t port = 1; port <= 4000; ++port) send(port);
  EXPECT_GE(live(), 16u);
  EXPECT_EQ(live() * (kind().mode == Mode::kNat ? 2 : 1), gateway_->flows()) << "entries";
  for (uint32_t i = 0; i < 40; ++i) gateway_->pass_seconds(5);
  EXPECT_EQ(live(), 0u);
}

TEST_P(ConnectionLimit, WhatBeganWithoutOneIsNotCountedAndEndsAllTheSame) {
  service().admission = {};
  gateway_->publish();
  for (uint16_t port = 1; port <= 100; ++port) ASSERT_TRUE(send(port).is_forward());
  EXPECT_EQ(live(), 0u);
  service().admission.max_connections = 1;
  gateway_->publish();
  EXPECT_TRUE(send(200).is_forward());
  EXPECT_TRUE(is_refused(send(201)));
  service().admission = {};
  gateway_->publish();
  EXPECT_TRUE(send(201).is_forward());
  EXPECT_EQ(live(), 1u);
  for (uint32_t i = 0; i < 40; ++i) gateway_->pass_seconds(5);
  EXPECT_EQ(live(), 0u);
}

TEST(ConnectionLimitOfDirectModes, HoldsAndFlowsThatEndMakeRoom) {
  for (const DirectCase& kind : direct_cases()) {
    FakeGateway gateway(direct_spec(), {.workers = 2});
    ServiceSpec& service = gateway.spec().services[kind.index];
    service.admission.max_connections = kMost;
    service.no_real = NoReal::kDrop;
    gateway.publish();
    const auto send = [&](uint16_t port) { return gateway.send(to_vip(kind, port), 0, port % 2u); };
    for (int round = 0; round < 3; ++round) {
      for (uint16_t port = 1; port <= kMost; ++port) ASSERT_TRUE(send(port).is_forward());
      EXPECT_EQ(connections(gateway, kind.index, 2), kMost) << kind.name();
      EXPECT_TRUE(send(100).is_drop(DropReason::kConnectionLimit)) << kind.name();
      if (kind.protocol == Protocol::kTcp) {
        EXPECT_TRUE(gateway.send(to_vip(kind, 100).flags("R")).is_forward())
            << "the row may know whose connection it ends";
      }
      // One real goes, and another's flows stay.
      service.reals[0].state = round == 1 ? RealState::kUp : RealState::kDown;
      gateway.publish();
      for (uint16_t port = 1; port <= kMost; ++port) EXPECT_TRUE(send(port).is_forward());
      EXPECT_EQ(connections(gateway, kind.index, 2), kMost) << kind.name();
      for (int i = 0; i < 40; ++i) gateway.pass_seconds(5);
      EXPECT_EQ(connections(gateway, kind.index, 2), 0u) << kind.name();
    }
    gateway.check_counters();
  }
}

TEST(ConnectionCounts, CountAnyServicesInAnyOrder) {
  constexpr uint32_t kServices = 16;
  std::vector<ConnectionCounts::Slot> slots(ConnectionCounts::slots_for(kServices));
  std::vector<ServiceCounters> counters(kServices);
  ConnectionCounts counts(slots, counters);
  std::mt19937 random(1);
  std::map<uint32_t, uint32_t> live;  // by flow id; the service is its low bits
  for (int i = 0; i < 200'000; ++i) {
    const auto id = static_cast<uint32_t>(1 + random() % 60);
    if (random() % 2 == 0) {
      const bool has_room = live.contains(id) || live.size() < kServices;
      ASSERT_EQ(counts.begin(id, id % kServices), has_room);
      if (has_room) ++live[id];
    } else if (live.contains(id)) {
      counts.end(id);
      if (--live[id] == 0) live.erase(id);
    }
    std::vector<uint64_t> sums(kServices);
    for (const auto& [each, count] : live) sums[each % kServices] += count;
    for (uint32_t s = 0; s < kServices; ++s) ASSERT_EQ(counters[s].connections.value(), sums[s]);
  }
  EXPECT_FALSE(counts.begin(1, kServices)) << "a service without counters";
  EXPECT_FALSE(ConnectionCounts({}, counters).begin(1, 1)) << "no slots";
}

}  // namespace
}  // namespace vipgate::test::pipeline_connections_test
