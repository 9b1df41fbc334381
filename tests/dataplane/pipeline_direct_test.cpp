// Flows of the modes whose reals answer the client directly: how they begin, live and end, told
// from the client's packets alone.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/direct_net.h"

namespace vipgate::test::pipeline_direct_test {
namespace {

// Where a frame went: the real's MAC address is shared, so for l2dsr the verdict tells.
uint32_t real_of(const Outcome& out) { return out.verdict.real.index(); }

class EveryDirect : public testing::TestWithParam<DirectCase> {
 protected:
  const DirectCase& kind() const { return GetParam(); }
  ServiceSpec& service() { return gateway_.spec().services[kind().index]; }
  Outcome send(uint16_t port, std::string_view flags = "S") {
    return gateway_.send(to_vip(kind(), port).flags(flags));
  }
  FakeGateway gateway_{direct_spec()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, EveryDirect, testing::ValuesIn(direct_cases()),
                         [](const auto& test) { return test.param.name(); });

TEST_P(EveryDirect, SameFlowGoesToTheSameRealAndIsOneEntry) {
  std::set<uint32_t> reals;
  for (uint16_t flow = 0; flow < 50; ++flow) {
    const auto first = send(static_cast<uint16_t>(3000 + flow));
    ASSERT_TRUE(first.is_forward()) << to_string(first);
    reals.insert(real_of(first));
    for (int i = 0; i < 10; ++i) {
      const auto next = send(static_cast<uint16_t>(3000 + flow), "A");
      ASSERT_TRUE(next.is_forward());
      EXPECT_EQ(real_of(next), real_of(first));
    }
  }
  EXPECT_EQ(reals.size(), 3u) << "flows are spread over all reals";
  EXPECT_EQ(gateway_.flows(), 50u);
  EXPECT_EQ(gateway_.count(Event::kFlowsCreated), 50u);
  gateway_.check_counters();
}

TEST_P(EveryDirect, BurstOfOneNewFlowMakesOneFlow) {
  const auto outcomes = gateway_.send_burst(std::vector<Bytes>(64, to_vip(kind(), 777).build()));
  for (const auto& out : outcomes) {
    ASSERT_TRUE(out.is_forward());
    EXPECT_EQ(real_of(out), real_of(outcomes[0]));
  }
  EXPECT_EQ(gateway_.count(Event::kFlowsCreated), 1u);
}

TEST_P(EveryDirect, FlowKeepsItsRealWhenOthersComeAndWhileItDrains) {
  std::map<uint16_t, uint32_t> reals;
  for (uint16_t port = 1; port <= 60; ++port) {
    reals[port] = real_of(send(port));
    send(port, "A");
  }
  for (unsigned n = 4; n <= 12; ++n) {
    RealSpec added = service().reals[0];
    added.address = ip(kind().real(n));
    added.id = RealId(200 + n, 1);
    service().reals.push_back(added);
  }
  service().reals[1].state = RealState::kDraining;
  gateway_.publish();
  const uint32_t draining = service().reals[1].id.index();
  for (uint16_t port = 1; port <= 60; ++port) EXPECT_EQ(real_of(send(port, "A")), reals[port]);
  for (uint16_t port = 1000; port <= 1200; ++port) EXPECT_NE(real_of(send(port)), draining);
}

TEST_P(EveryDirect, FlowOfARealThatIsDownGoesToAnotherOne) {
  std::map<uint16_t, uint32_t> reals;
  for (uint16_t port = 1; port <= 60; ++port) {
    reals[port] = real_of(send(port));
    send(port, "A");
  }
  service().reals[0].state = RealState::kDown;
  gateway_.publish();
  const uint32_t down = service().reals[0].id.index();
  uint64_t moved = 0;
  for (uint16_t port = 1; port <= 60; ++port) {
    const auto out = send(port, "A");
    ASSERT_TRUE(out.is_forward());
    EXPECT_NE(real_of(out), down);
    if (reals[port] != down) {
      EXPECT_EQ(real_of(out), reals[port]);
    }
    moved += reals[port] == down;
    EXPECT_EQ(real_of(send(port, "A")), real_of(out));
  }
  EXPECT_GT(moved, 0u);
  EXPECT_EQ(gateway_.count(Event::kFlowsRebalanced), moved);
  EXPECT_EQ(gateway_.flows(), 60u);
}

TEST_P(EveryDirect, RealWithTheNumberOfOneThatIsGoneDoesNotGetItsFlows) {
  const auto first = send(1);
  for (RealSpec& real : service().reals) real.id = RealId(real.id.index(), 2);
  gateway_.publish();
  const auto second = send(1, "A");
  ASSERT_TRUE(second.is_forward());
  EXPECT_EQ(second.verdict.real.generation(), 2u);
  EXPECT_EQ(gateway_.count(Event::kFlowsRebalanced), 1u);
}

TEST_P(EveryDirect, WithoutARealTheClientIsRefused) {
  service().reals.clear();
  gateway_.publish();
  const auto out = send(1);
  EXPECT_TRUE(out.is_reply(kind().protocol == Protocol::kTcp ? ReplyKind::kTcpReset
                                                             : ReplyKind::kPortUnreachable))
      << to_string(out);
  EXPECT_EQ(gateway_.flows(), 0u);
}

// Both ways: an entry of one kind must never be read as one of the other.
TEST_P(EveryDirect, ChangeOfTheModeBeginsFlowsAnew) {
  const Mode mode = kind().mode;
  const bool can_translate = kind().family == kind().real_family;
  if (!can_translate) return;
  const auto change_to = [&](Mode to) {
    service().mode = to;
    service().snat_first = kind().family == 4 ? 0 : 1;
    service().snat_count = 1;
    for (size_t i = 0; i < 3; ++i) {
      service().reals[i].return_flow_id = static_cast<uint32_t>(5000 + i);
    }
    gateway_.publish();
  };
  for (const Mode translating : {Mode::kNat, Mode::kFullnat}) {
    change_to(mode);
    for (uint16_t port = 1; port <= 20; ++port) ASSERT_TRUE(send(port).is_forward());
    change_to(translating);
    for (uint16_t port = 1; port <= 20; ++port) {
      const auto out = send(port, "A");
      ASSERT_TRUE(out.is_forward()) << to_string(out);
      EXPECT_EQ(tuple_of(out.frame).destination, service().reals[real_of(out) % 4 - 1].address);
    }
    EXPECT_EQ(gateway_.flows(), translating == Mode::kNat ? 40u : 20u);
    change_to(mode);
    std::vector<Bytes> burst;
    for (uint16_t port = 1; port <= 20; ++port) {
      burst.push_back(to_vip(kind(), port).flags("A").build());
    }
    for (const auto& out : gateway_.send_burst(burst)) ASSERT_TRUE(out.is_forward());
    EXPECT_EQ(gateway_.flows(), 20u);
  }
  gateway_.check_counters();
}

TEST_P(EveryDirect, FlowIsOfItsOwner) {
  FakeGateway gateway(direct_spec(), {.workers = 3});
  std::set<uint32_t> owners;
  for (unsigned n = 1; n <= 30; ++n) {
    const auto packet = to_vip(kind(), static_cast<uint16_t>(n * 2003), n);
    const auto out = gateway.send(packet, 0, n % 3);
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    const auto again = gateway.send(packet, 0, (n + 1) % 3);
    EXPECT_EQ(again.worker, out.worker);
    EXPECT_EQ(real_of(again), real_of(out));
    owners.insert(out.worker);
  }
  EXPECT_EQ(owners.size(), 3u);
  EXPECT_EQ(gateway.flows(), 30u);
}

// Time-outs in seconds: closing 10, embryonic 10, one-way 15, replied 60, established 3600.
class DirectFlow : public testing::TestWithParam<int> {
 protected:
  static constexpr uint16_t kPort = 40'000;
  DirectCase tcp() const { return direct_case(Mode::kIpip, GetParam(), 6); }
  Outcome client(std::string_view flags) {
    return gateway_.send(to_vip(tcp(), kPort).flags(flags));
  }
  bool lives() const { return gateway_.flows() != 0; }
  FakeGateway gateway_{direct_spec()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, DirectFlow, testing::Values(4, 6));

TEST_P(DirectFlow, IsEmbryonicUntilTheClientAcknowledges) {
  client("S");
  client("S");
  gateway_.pass_seconds(9);
  EXPECT_TRUE(lives());
  gateway_.pass_seconds(32);
  EXPECT_FALSE(lives());
  client("S");
  client("A");
  gateway_.pass_seconds(3000, 500);
  EXPECT_TRUE(lives());
  client("PA");
  gateway_.pass_seconds(3000, 500);
  EXPECT_TRUE(lives()) << "each packet keeps it alive";
  gateway_.pass_seconds(800, 500);
  EXPECT_FALSE(lives());
  EXPECT_EQ(gateway_.count(Event::kFlowsExpired), 2u);
}

TEST_P(DirectFlow, ThatBeginsInTheMiddleIsEstablishedByItsSecondPacket) {
  client("A");
  client("A");
  gateway_.pass_seconds(3000, 500);
  EXPECT_TRUE(lives());
}

TEST_P(DirectFlow, ClosesOnAFinOrAReset) {
  for (const std::string_view end : {"FA", "R", "RA"}) {
    client("S");
    client("A");
    ASSERT_TRUE(client(end).is_forward());
    ASSERT_TRUE(client("A").is_forward());
    gateway_.pass_seconds(9);
    EXPECT_TRUE(lives());
    gateway_.pass_seconds(32);
    EXPECT_FALSE(lives()) << end;
  }
  EXPECT_EQ(gateway_.count(Event::kFlowsClosed), 3u);
}

TEST_P(DirectFlow, ThatHasClosedBeginsAnewWithASyn) {
  const auto first = client("S");
  client("A");
  client("FA");
  EXPECT_EQ(real_of(client("S")), real_of(first));
  EXPECT_EQ(gateway_.count(Event::kFlowsCreated), 1u);
  client("A");
  gateway_.pass_seconds(100);
  EXPECT_TRUE(lives()) << "it is established again";
}

TEST_P(DirectFlow, ThatHasClosedDoesNotBeginAnewOnARealThatDrains) {
  const uint32_t first = real_of(client("S"));
  client("FA");
  for (RealSpec& real : gateway_.spec().services[tcp().index].reals) {
    if (real.id.index() == first) real.state = RealState::kDraining;
  }
  gateway_.publish();
  EXPECT_EQ(real_of(client("A")), first) << "what is left of the old one";
  EXPECT_NE(real_of(client("S")), first);
  EXPECT_EQ(gateway_.flows(), 1u);
}

TEST_P(DirectFlow, ThatIsUnknownIsNotBegunByAReset) {
  const auto out = client("R");
  ASSERT_TRUE(out.is_forward()) << "the row may know whose connection it ends";
  EXPECT_FALSE(lives());
  EXPECT_EQ(real_of(client("S")), real_of(out));
}

TEST_P(DirectFlow, OfUdpIsOneWayUntilItsSecondPacket) {
  const DirectCase udp = direct_case(Mode::kGre, GetParam(), 4, Protocol::kUdp);
  gateway_.send(to_vip(udp, 1));
  gateway_.pass_seconds(14);
  EXPECT_TRUE(lives());
  gateway_.pass_seconds(32);
  EXPECT_FALSE(lives());
  gateway_.send(to_vip(udp, 1));
  gateway_.send(to_vip(udp, 1));
  gateway_.pass_seconds(59);
  EXPECT_TRUE(lives());
  gateway_.pass_seconds(32);
  EXPECT_FALSE(lives());
}

TEST_P(DirectFlow, ThatHasExpiredUnsweptIsBalancedAnew) {
  client("S");
  gateway_.pass_seconds(10.3, 11'000);
  ASSERT_TRUE(client("A").is_forward());
  EXPECT_EQ(gateway_.count(Event::kFlowsExpired), 1u);
  EXPECT_EQ(gateway_.count(Event::kFlowsCreated), 2u);
  EXPECT_EQ(gateway_.flows(), 1u);
}

// A tiny table, so that it is full soon.
class FullTable : public testing::TestWithParam<int> {
 protected:
  static constexpr unsigned kFlows = 100;
  DirectCase tcp() const { return direct_case(Mode::kIpip, GetParam(), 4); }
  Outcome client(unsigned n, std::string_view flags) {
    return gateway_.send(
        to_vip(tcp(), static_cast<uint16_t>(1 + n % 50'000), n / 50'000).flags(flags));
  }
  FakeGateway gateway_{direct_spec(), {.flows = kFlows}};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, FullTable, testing::Values(4, 6));

TEST_P(FullTable, KeepsForwardingByTheRowAloneWhenAllFlowsAreEstablished) {
  for (unsigned n = 0; n < 20 * kFlows; ++n) {
    ASSERT_TRUE(client(n, "S").is_forward());
    ASSERT_TRUE(client(n, "A").is_forward());
  }
  const uint64_t untracked = gateway_.count(Event::kFlowsUntracked);
  EXPECT_GT(untracked, 0u);
  EXPECT_EQ(gateway_.count(Event::kFlowsEvictedEstablished), 0u);
  for (unsigned n = 20 * kFlows; n < 20 * kFlows + 500; ++n) {
    const auto first = client(n, "S");
    ASSERT_TRUE(first.is_forward());
    EXPECT_EQ(real_of(client(n, "A")), real_of(first));
  }
  EXPECT_GT(gateway_.count(Event::kFlowsUntracked), untracked + 900);
  gateway_.check_counters();
}

TEST_P(FullTable, FloodOfSynsEvictsNoEstablishedFlow) {
  std::map<unsigned, uint32_t> reals;
  for (unsigned n = 0; n < kFlows; ++n) {
    reals[n] = real_of(client(n, "S"));
    client(n, "A");
  }
  for (unsigned n = 1000; n < 60'000; ++n) ASSERT_TRUE(client(n, "S").is_forward());
  // Everything would go elsewhere, were it not known.
  auto& service = gateway_.spec().services[tcp().index];
  for (RealSpec& real : service.reals) real.state = RealState::kDraining;
  service.reals.push_back(service.reals[0]);
  service.reals.back().state = RealState::kUp;
  service.reals.back().address = ip("10.1.0.99");
  service.reals.back().id = RealId(240, 1);
  gateway_.publish();
  for (unsigned n = 0; n < kFlows; ++n) EXPECT_EQ(real_of(client(n, "A")), reals[n]) << n;
  EXPECT_EQ(gateway_.count(Event::kFlowsEvictedEstablished), 0u);
  EXPECT_GT(gateway_.count(Event::kFlowsEvictedEmbryonic), 0u);
}

TEST(L2dsr, ChangesTheMacAddressesAndNothingElse) {
  for (const DirectCase& kind : direct_cases()) {
    if (kind.mode != Mode::kL2dsr) continue;
    FakeGateway gateway(direct_spec());
    const auto packet = [&] {
      return to_vip(kind, 40'000).ttl(7).tos(0xb9).payload(Bytes(1460, 3));
    };
    const auto out = gateway.send(packet());
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    EXPECT_EQ(out.port, 1u);
    EXPECT_EQ(out.frame, packet().eth(kGatewayMac1, kRealMac).vlan(kRealVlan).build());
  }
}

TEST(DirectFlows, TakeAtMost48BytesEachAtTheLoadThatTheTableIsSizedFor) {
  // Two entries for each of limits.flows_per_worker is what `nat` needs, and twice as many slots:
  // of flows that have one, twice as many fit.
  constexpr size_t kFlows = 20'000;
  using Table = FlowTable<FlowKey4>;
  const DirectCase kind = direct_case(Mode::kIpip);
  FakeGateway gateway(direct_spec(), {.flows = kFlows});
  for (unsigned n = 0; n < 2 * kFlows; ++n) {
    for (const char* flags : {"S", "A"}) {
      const auto packet = to_vip(kind, static_cast<uint16_t>(1 + n % 10'000), n / 10'000);
      ASSERT_TRUE(gateway.send(PacketBuilder(packet).flags(flags)).is_forward());
    }
  }
  EXPECT_EQ(gateway.flows(), 2 * kFlows);
  EXPECT_EQ(gateway.count(Event::kFlowsUntracked), 0u);
  EXPECT_LE(Table::buckets_for(kFlows) * sizeof(Table::Bucket), 48 * gateway.flows());
}

}  // namespace
}  // namespace vipgate::test::pipeline_direct_test
