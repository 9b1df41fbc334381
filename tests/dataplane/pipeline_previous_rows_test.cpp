// Packets without a flow after a change of their service: those of connections that another gateway
// has seen go where these began; those of new ones where the rows lead now.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "tests/support/direct_net.h"
#include "tests/support/icmp_errors.h"

namespace vipgate::test::pipeline_previous_rows_test {
namespace {

constexpr uint16_t kFlows = 300;

// A service of any mode in a gateway of its own, and another gateway that has seen no packet.
struct Net {
  SnapshotSpec spec;
  uint32_t index = 0;
  Protocol protocol = Protocol::kTcp;
  std::function<PacketBuilder(uint16_t)> packet;
};

Net translating(Mode mode, int family, Protocol protocol) {
  const ServiceCase kind{mode, family, protocol};
  return {net_spec(), kind.index(), protocol, [kind](uint16_t port) { return to_vip(kind, port); }};
}
Net direct(Mode mode, int family, Protocol protocol) {
  const DirectCase kind = direct_case(mode, family, family, protocol);
  return {direct_spec(), kind.index, protocol,
          [kind](uint16_t port) { return to_vip(kind, port); }};
}

struct Case {
  const char* name;
  Mode mode;
  int family;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }
constexpr Case kCases[] = {{"NatV4", Mode::kNat, 4},     {"NatV6", Mode::kNat, 6},
                           {"L2dsrV4", Mode::kL2dsr, 4}, {"L2dsrV6", Mode::kL2dsr, 6},
                           {"IpipV4", Mode::kIpip, 4},   {"GreV6", Mode::kGre, 6}};

class PreviousRows : public testing::TestWithParam<Case> {
 protected:
  static Net net(Protocol protocol = Protocol::kTcp) {
    const Case& one = GetParam();
    return one.mode == Mode::kNat ? translating(one.mode, one.family, protocol)
                                  : direct(one.mode, one.family, protocol);
  }
  static ServiceSpec& service(FakeGateway& gateway, const Net& net) {
    return gateway.spec().services[net.index];
  }
  static Outcome send(FakeGateway& gateway, const Net& net, uint16_t port,
                      std::string_view flags = "A") {
    PacketBuilder packet = net.packet(port);
    if (net.protocol == Protocol::kTcp) packet.flags(flags);
    return gateway.send(packet);
  }
  // The flows' reals, by client port, in a gateway that sees their first packets.
  static std::map<uint16_t, RealId> begin(const Net& net) {
    FakeGateway gateway(net.spec);
    std::map<uint16_t, RealId> reals;
    for (uint16_t port = 1; port <= kFlows; ++port) {
      reals[port] = send(gateway, net, port, "S").verdict.real;
    }
    return reals;
  }
  static void add_real(FakeGateway& gateway, const Net& net, unsigned number) {
    RealSpec real = service(gateway, net).reals[0];
    real.state = RealState::kUp;
    real.address = real.address.is_v4() ? ip("10.1.0." + std::to_string(number))
                                        : ip("fd01::" + std::to_string(number));
    real.id = RealId(150 + number, 1);
    if (real.return_flow_id != 0) real.return_flow_id = 300 + number;
    service(gateway, net).reals.push_back(real);
  }
};
INSTANTIATE_TEST_SUITE_P(Pipeline, PreviousRows, testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

TEST_P(PreviousRows, AConnectionThatComesFromAnotherGatewayStaysWithItsRealThroughAChange) {
  const Net one = net();
  const auto reals = begin(one);
  FakeGateway gateway(one.spec);
  add_real(gateway, one, 20);
  service(gateway, one).reals[0].state = RealState::kDraining;
  gateway.publish();
  const auto expect_same = [&] {
    for (const auto& [port, real] : reals) {
      const auto out = send(gateway, one, port);
      ASSERT_TRUE(out.is_forward()) << to_string(out);
      ASSERT_EQ(out.verdict.real, real) << port;
    }
  };
  expect_same();
  EXPECT_EQ(gateway.count(Event::kFlowsCreated), kFlows);
  const uint64_t elsewhere = gateway.count(Event::kFlowsByPreviousRow);
  EXPECT_GT(elsewhere, kFlows / 3u) << "of the real that drains, and of what the new one took";
  // They have entries now, so that they stay when the time is up.
  service(gateway, one).drops_previous_rows = true;
  gateway.publish();
  expect_same();
  EXPECT_EQ(gateway.count(Event::kFlowsByPreviousRow), elsewhere);
  gateway.check_counters();
}

TEST_P(PreviousRows, AFurtherChangeDoesNotForgetTheFirst) {
  const Net one = net();
  const auto reals = begin(one);
  FakeGateway gateway(one.spec);
  service(gateway, one).reals[0].state = RealState::kDraining;
  const RealId draining = service(gateway, one).reals[0].id;
  gateway.publish();
  add_real(gateway, one, 20);
  gateway.publish();
  size_t stayed = 0, of_draining = 0;
  for (const auto& [port, real] : reals) {
    if (real != draining) continue;
    ++of_draining;
    stayed += send(gateway, one, port).verdict.real == draining;
  }
  // But for rows that have moved twice, as many do with so few reals.
  EXPECT_GT(of_draining, kFlows / 5u);
  EXPECT_GT(stayed, of_draining / 4);
}

TEST_P(PreviousRows, NewConnectionsGoByTheRowsAsTheyAreNow) {
  const Net one = net();
  FakeGateway gateway(one.spec);
  const RealId draining = service(gateway, one).reals[0].id;
  service(gateway, one).reals[0].state = RealState::kDraining;
  add_real(gateway, one, 20);
  gateway.publish();
  std::set<uint32_t> reals;
  for (uint16_t port = 1; port <= kFlows; ++port) {
    const auto out = send(gateway, one, port, "S");
    ASSERT_TRUE(out.is_forward());
    EXPECT_NE(out.verdict.real, draining);
    EXPECT_EQ(send(gateway, one, port).verdict.real, out.verdict.real);
    reals.insert(out.verdict.real.index());
  }
  EXPECT_TRUE(reals.contains(170)) << "the one that came gets its share at once";
  EXPECT_EQ(gateway.count(Event::kFlowsByPreviousRow), 0u);
}

TEST_P(PreviousRows, UdpGoesByTheRowsAsTheyAreNowAsItMayBeNew) {
  const Net one = net(Protocol::kUdp);
  FakeGateway gateway(one.spec);
  const RealId draining = service(gateway, one).reals[0].id;
  service(gateway, one).reals[0].state = RealState::kDraining;
  add_real(gateway, one, 20);
  gateway.publish();
  std::set<uint32_t> reals;
  for (uint16_t port = 1; port <= kFlows; ++port) {
    const auto out = send(gateway, one, port);
    ASSERT_TRUE(out.is_forward());
    EXPECT_NE(out.verdict.real, draining);
    reals.insert(out.verdict.real.index());
  }
  EXPECT_TRUE(reals.contains(170)) << "the one that came gets its share at once";
}

TEST_P(PreviousRows, ARealThatIsDownOrGoneGetsNothing) {
  for (const bool is_gone : {false, true}) {
    const Net one = net();
    FakeGateway gateway(one.spec);
    auto& reals = service(gateway, one).reals;
    const RealId lost = reals[1].id;
    reals[1].state = RealState::kDown;
    if (is_gone) reals.erase(reals.begin() + 1);
    gateway.publish();
    for (uint16_t port = 1; port <= kFlows; ++port) {
      const auto out = send(gateway, one, port);
      ASSERT_TRUE(out.is_forward()) << to_string(out);
      EXPECT_NE(out.verdict.real, lost);
    }
  }
}

TEST_P(PreviousRows, WhenTheTimeIsUpTheRowsAsTheyAreNowCount) {
  const Net one = net();
  FakeGateway gateway(one.spec);
  const RealId draining = service(gateway, one).reals[0].id;
  service(gateway, one).reals[0].state = RealState::kDraining;
  gateway.publish();
  service(gateway, one).drops_previous_rows = true;
  gateway.publish();
  for (uint16_t port = 1; port <= kFlows; ++port) {
    EXPECT_NE(send(gateway, one, port).verdict.real, draining);
  }
  EXPECT_EQ(gateway.count(Event::kFlowsByPreviousRow), 0u);
}

TEST_P(PreviousRows, AServiceThatTakesNoNewConnectionsStillHasItsOldOnes) {
  const Net one = net();
  const auto reals = begin(one);
  FakeGateway gateway(one.spec);
  for (RealSpec& real : service(gateway, one).reals) real.state = RealState::kDraining;
  gateway.publish();
  for (const auto& [port, real] : reals) {
    if (port % 10 == 0) {
      const auto refused = send(gateway, one, static_cast<uint16_t>(20'000 + port), "S");
      EXPECT_TRUE(refused.is_reply(ReplyKind::kTcpReset)) << to_string(refused);
    }
    const auto out = send(gateway, one, port);
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    EXPECT_EQ(out.verdict.real, real);
  }
}

TEST_P(PreviousRows, WhoMayNotBeginAFlowMayNotGoOnWithOneEither) {
  const Net one = net();
  FakeGateway gateway(one.spec);
  service(gateway, one).admission.deny_sources = {{ip("192.0.2.0"), 24}, {ip("2001:db8::"), 32}};
  service(gateway, one).reals[0].state = RealState::kDraining;
  gateway.publish();
  EXPECT_TRUE(send(gateway, one, 1).is_drop(DropReason::kSourceDenied));
}

TEST(PreviousRowsOfFullnat, AreOfNoUseAsTheRealKnowsTheOtherGatewaysAddressOnly) {
  const ServiceCase kind{Mode::kFullnat, 4, Protocol::kTcp};
  FakeGateway gateway(net_spec());
  ServiceSpec& service = gateway.spec().services[kind.index()];
  const RealId draining = service.reals[0].id;
  service.reals[0].state = RealState::kDraining;
  gateway.publish();
  for (uint16_t port = 1; port <= kFlows; ++port) {
    EXPECT_NE(gateway.send(to_vip(kind, port).flags("A")).verdict.real, draining);
  }
}

TEST(PreviousRowsOfIcmpErrors, LeadThemToTheRealThatTheyAreAbout) {
  const DirectCase kind = direct_case(Mode::kIpip);
  std::map<uint16_t, RealId> reals;
  FakeGateway other(direct_spec());
  for (uint16_t port = 1; port <= 60; ++port) {
    reals[port] = other.send(to_vip(kind, port)).verdict.real;
  }
  FakeGateway gateway(direct_spec());
  gateway.spec().services[kind.index].reals[0].state = RealState::kDraining;
  gateway.publish();
  for (const auto& [port, real] : reals) {
    PacketBuilder answer;
    answer.ipv4(kind.vip(), kind.client()).tcp(kDirectPort, port).payload(Bytes(300, 'a'));
    PacketBuilder error;
    error.eth(kClientMac, kGatewayMac0).ipv4("198.51.100.9", kind.vip());
    error.icmp(3, 4, 1300).payload(quoted(answer.build(), 100));
    const auto out = gateway.send(error);
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    EXPECT_EQ(out.verdict.real, real) << port;
  }
}

}  // namespace
}  // namespace vipgate::test::pipeline_previous_rows_test
