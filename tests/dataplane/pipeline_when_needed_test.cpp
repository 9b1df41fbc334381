// track: when_needed: which flows of l2dsr and tunnels get an entry, and that those without one
// stay with their reals all the same.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/direct_net.h"

namespace vipgate::test::pipeline_when_needed_test {
namespace {

constexpr uint16_t kFlows = 1000;

class WhenNeeded : public testing::TestWithParam<DirectCase> {
 protected:
  void SetUp() override {
    service().tracks_when_needed = true;
    service().maglev_rows = 4093;
    for (unsigned n = 4; n <= 10; ++n) add_real(n);
    gateway_.publish();
    forget_previous_rows();
  }
  void TearDown() override { gateway_.check_counters(); }
  const DirectCase& kind() const { return GetParam(); }
  bool is_tcp() const { return kind().protocol == Protocol::kTcp; }
  ServiceSpec& service() { return gateway_.spec().services[kind().index]; }
  void add_real(unsigned n) {
    RealSpec real = service().reals[0];
    real.address = ip(kind().real(n));
    real.id = RealId(150 + n, 1);
    service().reals.push_back(real);
  }
  // As the control plane does when nothing has changed for long.
  void forget_previous_rows() {
    service().drops_previous_rows = true;
    gateway_.publish();
    service().drops_previous_rows = false;
  }
  ComingReal coming(unsigned n) const { return {ip(kind().real(n)), kDirectPort, 1}; }
  Outcome send(uint16_t port, std::string_view flags = "A") {
    PacketBuilder packet = to_vip(kind(), port);
    if (is_tcp()) packet.flags(flags);
    return gateway_.send(packet);
  }
  std::map<uint16_t, RealId> begin() {
    std::map<uint16_t, RealId> reals;
    for (uint16_t port = 1; port <= kFlows; ++port) {
      const auto out = send(port, "S");
      EXPECT_TRUE(out.is_forward()) << to_string(out);
      reals[port] = out.verdict.real;
    }
    return reals;
  }
  void expect_same(const std::map<uint16_t, RealId>& reals) {
    for (const auto& [port, real] : reals) ASSERT_EQ(send(port).verdict.real, real) << port;
  }
  FakeGateway gateway_{direct_spec(), {.flows = 4096}};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, WhenNeeded, testing::ValuesIn(direct_cases()),
                         [](const auto& test) { return test.param.name(); });

TEST_P(WhenNeeded, NoFlowHasAnEntryAsLongAsNothingIsComing) {
  const auto reals = begin();
  expect_same(reals);
  EXPECT_EQ(gateway_.flows(), 0u);
  EXPECT_EQ(gateway_.count(Event::kFlowsCreated), 0u);
  std::set<uint32_t> used;
  for (const auto& [port, real] : reals) used.insert(real.index());
  EXPECT_EQ(used.size(), 10u);
}

TEST_P(WhenNeeded, PacketsLeaveAsTheyDoWithAnEntry) {
  FakeGateway always(gateway_.spec());
  always.spec().services[kind().index].tracks_when_needed = false;
  always.publish();
  for (uint16_t port = 1; port <= 50; ++port) {
    const Bytes packet = to_vip(kind(), port).build();
    const auto with = always.send(packet);
    EXPECT_EQ(gateway_.send(packet).frame, with.frame);
    EXPECT_EQ(gateway_.send(packet).port, with.port);
  }
  EXPECT_EQ(gateway_.flows(), 0u);
  EXPECT_EQ(always.flows(), 50u);
}

TEST_P(WhenNeeded, OnlyFlowsOfRowsThatMoveHaveEntriesAndNoFlowMovesWhenTheRealComes) {
  service().coming = {coming(11)};
  gateway_.publish();
  const auto reals = begin();
  EXPECT_GT(gateway_.flows(), kFlows / 20u);
  EXPECT_LT(gateway_.flows(), kFlows / 6u) << "about one of eleven";
  add_real(11);
  service().coming.clear();
  gateway_.publish();
  expect_same(reals);
  // Not for the rows before alone: also when their time is up.
  forget_previous_rows();
  expect_same(reals);
  std::set<uint32_t> used;
  for (uint16_t port = 5000; port < 6000; ++port) used.insert(send(port, "S").verdict.real.index());
  EXPECT_TRUE(used.contains(161)) << "new flows do go to the new one";
}

TEST_P(WhenNeeded, ConnectionsOfARealThatIsTakenOutGetEntriesAndStay) {
  const auto reals = begin();
  const RealId draining = service().reals[5].id;
  service().reals[5].state = RealState::kDraining;
  gateway_.publish();
  if (!is_tcp()) {
    size_t moved = 0;
    for (const auto& [port, real] : reals) {
      const RealId now = send(port).verdict.real;
      EXPECT_NE(now, draining) << "it may be a new flow";
      moved += real != draining && now != real;
    }
    EXPECT_LT(moved, kFlows * 3u / 100);
    return;
  }
  expect_same(reals);
  EXPECT_GT(gateway_.flows(), 0u);
  EXPECT_LT(gateway_.flows(), kFlows / 6u);
  forget_previous_rows();
  expect_same(reals);
}

// Maglev moves some rows of others, which is what this mode may cost.
TEST_P(WhenNeeded, FewIdleFlowsOfOtherRealsMoveWhenOneIsLostUnannounced) {
  const auto reals = begin();
  const RealId lost = service().reals[5].id;
  service().reals.erase(service().reals.begin() + 5);
  gateway_.publish();
  // None of them had a packet until the rows before were forgotten.
  forget_previous_rows();
  size_t moved = 0;
  for (const auto& [port, real] : reals) {
    const auto out = send(port);
    ASSERT_TRUE(out.is_forward());
    EXPECT_NE(out.verdict.real, lost);
    moved += real != lost && out.verdict.real != real;
  }
  EXPECT_LT(moved, kFlows * 3u / 100);
}

TEST_P(WhenNeeded, NoConnectionOfOtherRealsMovesWhenItsPacketsComeInTime) {
  if (!is_tcp()) return;
  const auto reals = begin();
  const RealId lost = service().reals[5].id;
  service().reals.erase(service().reals.begin() + 5);
  gateway_.publish();
  const auto check = [&] {
    for (const auto& [port, real] : reals) {
      if (real != lost) {
        ASSERT_EQ(send(port).verdict.real, real) << port;
      }
    }
  };
  check();
  forget_previous_rows();
  check();
}

TEST_P(WhenNeeded, AFlowThatHasAnEntryKeepsItThoughItsRowMovesNoMore) {
  service().coming = {coming(11)};
  gateway_.publish();
  const auto reals = begin();
  const size_t tracked = gateway_.flows();
  service().coming.clear();
  gateway_.publish();
  expect_same(reals);
  EXPECT_EQ(gateway_.flows(), tracked);
  // And once it is over, it needs no other.
  gateway_.pass_seconds(3800, 500);
  EXPECT_EQ(gateway_.flows(), 0u);
  expect_same(reals);
  EXPECT_EQ(gateway_.flows(), 0u);
}

TEST_P(WhenNeeded, WhatIsAskedOfNewFlowsIsAskedOfEveryPacket) {
  PacketBuilder packet;
  packet.eth(kClientMac, kGatewayMac0);
  if (kind().family == 4) {
    packet.ipv4("10.9.0.1", kind().vip());
  } else {
    packet.ipv6("fd09::1", kind().vip());
  }
  if (is_tcp()) {
    packet.tcp(7, kDirectPort).flags("A");
  } else {
    packet.udp(7, kDirectPort);
  }
  EXPECT_TRUE(gateway_.send(packet).is_drop(DropReason::kMartianSource));
  service().admission.deny_sources = {{ip("192.0.2.0"), 24}, {ip("2001:db8::"), 32}};
  gateway_.publish();
  EXPECT_TRUE(send(7).is_drop(DropReason::kSourceDenied));
  service().admission.deny_sources = {{ip("203.0.113.0"), 24}};
  gateway_.publish();
  EXPECT_TRUE(send(7).is_forward());
  EXPECT_EQ(gateway_.flows(), 0u);
  service().reals.clear();
  forget_previous_rows();
  EXPECT_EQ(send(7).verdict.kind, Verdict::Kind::kReply);
}

}  // namespace
}  // namespace vipgate::test::pipeline_when_needed_test
