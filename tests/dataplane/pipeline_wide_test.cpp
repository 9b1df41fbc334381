// Services that take several ports or a whole prefix.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/direct_net.h"
#include "tests/support/fragments.h"
#include "tests/support/icmp_errors.h"
#include "tests/support/wide_net.h"

namespace vipgate::test::pipeline_wide_test {
namespace {

SnapshotSpec spec_with(std::vector<ServiceSpec> services) {
  SnapshotSpec spec = net_spec();
  for (ServiceSpec& service : services) spec.services.push_back(std::move(service));
  return spec;
}

class Wide : public testing::TestWithParam<ServiceCase> {
 protected:
  ~Wide() override { gateway_.check_counters(); }
  const ServiceCase& kind() const { return GetParam(); }
  std::string address(unsigned n) const { return in_prefix(kind(), n); }
  PacketBuilder to(unsigned n, uint16_t port, uint16_t client_port) const {
    return to_socket(kind(), address(n), port, client_port);
  }
  std::string source_at_real() const {
    if (kind().mode == Mode::kNat) return kind().client();
    return kind().family == 4 ? "10.8.0.1" : "fd08::1";
  }
  void from(PacketBuilder& packet, const std::string& source, const std::string& destination) {
    if (kind().family == 4) {
      packet.ipv4(source, destination);
    } else {
      packet.ipv6(source, destination);
    }
  }
  FakeGateway gateway_{
      spec_with({wide_service(kind(), wide_prefix(kind()), 0, whole_prefix(kind()))})};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, Wide, testing::ValuesIn(kServiceCases),
                         [](const auto& test) { return test.param.name(); });

TEST_P(Wide, FlowOfAnyPortReachesThatPortOfARealAndComesBack) {
  for (const int number : {1, 80, 8443, 65535}) {
    const auto port = static_cast<uint16_t>(number);
    const auto out = gateway_.send(to(9, port, 40'000));
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    EXPECT_TRUE(checksums_ok(out.frame));
    EXPECT_EQ(tuple_of(out.frame).destination_port, port);
    EXPECT_EQ(tuple_of(out.frame).source, ip(source_at_real()));
    const auto back = gateway_.send(answer_to(out, kind().protocol), 1);
    ASSERT_TRUE(back.is_forward()) << to_string(back);
    EXPECT_TRUE(checksums_ok(back.frame));
    EXPECT_EQ(tuple_of(back.frame), (Tuple{ip(address(9)), ip(kind().client()), port, 40'000}));
    const auto next = gateway_.send(to(9, port, 40'000).flags("A"));
    EXPECT_EQ(tuple_of(next.frame), tuple_of(out.frame)) << "the same flow";
  }
  EXPECT_EQ(gateway_.count(Event::kFlowsCreated), 4u);
}

TEST_P(Wide, AddressesOfOnePrefixHaveFlowsOfTheirOwn) {
  std::set<std::string> reals;
  uint32_t created = 0;
  for (unsigned n = 1; n <= 40; ++n) {
    const auto out = gateway_.send(to(n, 80, 40'000));
    // `nat`: the client's port may already be in use at that real.
    if (out.is_drop(DropReason::kNatTupleTaken)) continue;
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    ++created;
    reals.insert(to_string(tuple_of(out.frame).destination));
    const auto back = gateway_.send(answer_to(out, kind().protocol), 1);
    ASSERT_TRUE(back.is_forward()) << to_string(back);
    EXPECT_EQ(tuple_of(back.frame).source, ip(address(n)));
  }
  EXPECT_EQ(reals.size(), 3u);
  EXPECT_EQ(created, kind().mode == Mode::kNat ? 3u : 40u);
  EXPECT_EQ(gateway_.count(Event::kFlowsCreated), created);
}

TEST_P(Wide, BurstOfManyFlowsOfOneClientPortMixesNothingUp) {
  std::vector<Bytes> frames;
  for (uint16_t i = 0; i < 64; ++i) {
    frames.push_back(to(1 + i % 4, static_cast<uint16_t>(7000 + i / 16), 40'000).build());
  }
  const auto outcomes = gateway_.send_burst(frames);
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].is_drop(DropReason::kNatTupleTaken)) continue;
    ASSERT_TRUE(outcomes[i].is_forward()) << to_string(outcomes[i]);
    EXPECT_EQ(tuple_of(outcomes[i].frame).destination_port, 7000 + i / 16);
    EXPECT_EQ(tuple_of(outcomes[i].frame), tuple_of(outcomes[i % 4 + i / 16 * 16].frame));
  }
}

TEST_P(Wide, FlowsEndByTimeOutAndTheirRoomIsGivenBack) {
  for (uint16_t port = 1; port <= 30; ++port) {
    ASSERT_TRUE(gateway_.send(to(9, port, 40'000)).is_forward());
  }
  EXPECT_EQ(gateway_.flows(), kind().mode == Mode::kNat ? 60u : 30u);
  gateway_.pass_seconds(120);
  EXPECT_EQ(gateway_.flows(), 0u);
  EXPECT_EQ(gateway_.count(Event::kFlowsExpired), 30u);
}

TEST_P(Wide, PingArpAndNeighborDiscoveryAreAnsweredForEveryAddress) {
  PacketBuilder ping;
  ping.eth(kClientMac, kGatewayMac0);
  from(ping, kind().client(), address(77));
  EXPECT_TRUE(gateway_.send(ping.icmp_echo(5, 1)).is_reply(ReplyKind::kEcho));
  PacketBuilder question;
  if (kind().family == 4) {
    question.arp_request(kClientMac, "192.0.2.2", address(77));
    EXPECT_TRUE(gateway_.send(question).is_reply(ReplyKind::kArp));
  } else {
    question.neighbor_solicitation(kClientMac, "fd00::9", address(77));
    EXPECT_TRUE(gateway_.send(question).is_reply(ReplyKind::kNeighborAdvertisement));
  }
}

TEST_P(Wide, WhatClaimsToComeFromThePrefixIsForged) {
  PacketBuilder packet = to(1, 80, 5);
  from(packet, address(2), address(1));
  EXPECT_TRUE(gateway_.send(packet).is_drop(DropReason::kMartianSource));
}

TEST_P(Wide, FragmentsFollowTheirFirstOne) {
  const auto pieces = fragmented(to(3, 9000, 40'000).payload(Bytes(200, 'x')).build(), 64, 7);
  std::optional<Tuple> first;
  for (const Bytes& piece : pieces) {
    const auto out = gateway_.send(piece);
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    if (!first) first = tuple_of(out.frame);
    const size_t l3 = 18;
    EXPECT_EQ(out.frame[l3] >> 4, kind().family);
    EXPECT_EQ(tuple_of(out.frame).destination, first->destination);
  }
  EXPECT_EQ(gateway_.count(Event::kFlowsCreated), 1u);
}

TEST_P(Wide, IcmpErrorsReachTheOtherEndFromBothSides) {
  const auto out = gateway_.send(to(3, 9000, 40'000));
  ASSERT_TRUE(out.is_forward());
  const auto back = gateway_.send(answer_to(out, kind().protocol).payload(Bytes(100, 'a')), 1);
  ASSERT_TRUE(back.is_forward());
  const ErrorKind error = error_kinds(kind().family)[0];
  PacketBuilder to_real;
  to_real.eth(kClientMac, kGatewayMac0);
  from(to_real, kind().family == 4 ? "198.51.100.9" : "2001:db8:9::9", address(3));
  to_real.icmp(error.type, error.code, error.rest).payload(quoted(back.frame, 40));
  const auto at_real = gateway_.send(to_real);
  ASSERT_TRUE(at_real.is_forward()) << to_string(at_real);
  EXPECT_EQ(at_real.port, 1u);
  EXPECT_EQ(at_real.verdict.real, out.verdict.real);

  PacketBuilder to_client;
  to_client.eth(kRealMac, kGatewayMac1).vlan(kRealVlan);
  from(to_client, kind().family == 4 ? "10.77.0.9" : "fd77::9", source_at_real());
  to_client.icmp(error.type, error.code, error.rest).payload(quoted(out.frame, 40));
  const auto at_client = gateway_.send(to_client, 1);
  ASSERT_TRUE(at_client.is_forward()) << to_string(at_client);
  EXPECT_TRUE(at_client.verdict.is_return);
  EXPECT_EQ(at_client.port, 0u);

  // About a port of the prefix that nobody talks to.
  PacketBuilder stray;
  stray.eth(kClientMac, kGatewayMac0);
  from(stray, kind().family == 4 ? "198.51.100.9" : "2001:db8:9::9", address(4));
  Bytes quote = quoted(back.frame, 40);
  const auto other = gateway_.send(to(4, 9000, 1));
  ASSERT_TRUE(other.is_forward());
  quote = quoted(gateway_.send(answer_to(other, kind().protocol), 1).frame, 40);
  const size_t l4 = kind().family == 4 ? 20 : 40;
  quote[l4] ^= 1;  // the port that it came from
  stray.icmp(error.type, error.code, error.rest).payload(quote);
  EXPECT_TRUE(gateway_.send(stray).is_drop(DropReason::kIcmpErrorNoFlow));
}

TEST_P(Wide, RealsWithAPortOfTheirOwnAreReachedAtThat) {
  FakeGateway gateway(spec_with(
      {wide_service(kind(), wide_prefix(kind()), 7000, whole_prefix(kind(), 7999), 32, 6000)}));
  const auto out = gateway.send(to(5, 7123, 40'000));
  ASSERT_TRUE(out.is_forward()) << to_string(out);
  EXPECT_EQ(tuple_of(out.frame).destination_port, 6000);
  const auto back = gateway.send(answer_to(out, kind().protocol), 1);
  ASSERT_TRUE(back.is_forward()) << to_string(back);
  EXPECT_EQ(tuple_of(back.frame).source_port, 7123);
  EXPECT_TRUE(gateway.send(to(5, 6999, 1)).is_drop(DropReason::kPortNotServed));
  EXPECT_TRUE(gateway.send(to(5, 8000, 1)).is_drop(DropReason::kPortNotServed));
}

TEST_P(Wide, TheMoreSpecificServiceGoesFirst) {
  const auto service = [&](uint32_t index, const std::string& vip, uint16_t port,
                           ServiceExtent extent) {
    return wide_service(kind(), vip, port, extent, index);
  };
  const std::string vip = kind().vip();
  const auto shorter = static_cast<uint8_t>(kind().family == 4 ? 8 : 16);
  const std::string wide_vip = kind().family == 4 ? "11.0.0.0" : "fd11::";
  const auto longer = static_cast<uint8_t>(kind().family == 4 ? 24 : 64);
  FakeGateway gateway(spec_with({service(32, vip, 70, {8000, 0}), service(33, vip, 0, kAnyPort),
                                 service(34, wide_vip, 0, {kLastPort, shorter}),
                                 service(35, wide_vip, 0, {kLastPort, longer})}));
  uint16_t client_port = 1;
  const auto found = [&](const std::string& address, uint16_t port) {
    return gateway.send(to_socket(kind(), address, port, client_port++)).verdict.service;
  };
  EXPECT_EQ(found(vip, kind().port()), kind().index()) << "the very port";
  EXPECT_EQ(found(vip, 71), 32u) << "the range";
  EXPECT_EQ(found(vip, 69), 33u) << "all ports";
  const std::string other_vip = kind().family == 4 ? "11.0.0.2" : "fd11::2";
  EXPECT_EQ(found(kind().mode == Mode::kNat ? vip : other_vip, 8001),
            kind().mode == Mode::kNat ? 33u : 35u)
      << "a VIP's port that no service has is its prefix's";
  const std::string near_by = kind().family == 4 ? "11.0.0.200" : "fd11::200";
  EXPECT_EQ(found(near_by, 1), 35u);
  const std::string far = kind().family == 4 ? "11.200.0.1" : "fd11:200::1";
  EXPECT_EQ(found(far, 1), 34u);
}

// Beyond the ids that the shorter keys have, IPv4 services have wide ones.
TEST_P(Wide, AServiceOfOnePortMayHaveAWideIdToo) {
  FakeGateway gateway(spec_with({wide_service(kind(), address(1), 80, ServiceExtent{}, 32, 8080)}));
  const auto out = gateway.send(to(1, 80, 40'000));
  ASSERT_TRUE(out.is_forward()) << to_string(out);
  EXPECT_EQ(tuple_of(out.frame).destination_port, 8080);
  EXPECT_TRUE(gateway.send(answer_to(out, kind().protocol), 1).is_forward());
  EXPECT_TRUE(gateway.send(to(1, 81, 1)).is_drop(DropReason::kPortNotServed));
  EXPECT_TRUE(gateway.send(to(2, 80, 1)).is_drop(DropReason::kNotForUs));
}

// Both lead the client's port to the same real port, by ids of either kind: one connection there.
TEST(WideNat, ATupleThatAnExactServiceHasIsTakenAndTheOtherWayRound) {
  const ServiceCase kind = kServiceCases[4];
  for (const bool exact_first : {true, false}) {
    SnapshotSpec spec = spec_with({wide_service(kind, wide_prefix(kind), 0, whole_prefix(kind))});
    for (ServiceSpec& service : spec.services) {
      if (service.mode == Mode::kNat && service.vip.is_v4()) service.reals.resize(1);
    }
    FakeGateway gateway(spec);
    const PacketBuilder exact = to_vip(kind, 40'000);
    const PacketBuilder wide = to_socket(kind, in_prefix(kind, 1), kind.real_port(), 40'000);
    const auto first = gateway.send(exact_first ? exact : wide);
    ASSERT_TRUE(first.is_forward()) << to_string(first);
    EXPECT_TRUE(gateway.send(exact_first ? wide : exact).is_drop(DropReason::kNatTupleTaken));
    const auto back = gateway.send(answer_to(first, kind.protocol), 1);
    ASSERT_TRUE(back.is_forward()) << to_string(back);
    EXPECT_EQ(tuple_of(back.frame).source, ip(exact_first ? kind.vip() : in_prefix(kind, 1)));
  }
}

// The flow began when its real was reached by the wide service alone.
TEST(WideNat, AFlowOutlivesTheComingOfAnExactServiceWithItsReal) {
  const ServiceCase kind = kServiceCases[4];
  SnapshotSpec spec = spec_with({wide_service(kind, wide_prefix(kind), 0, whole_prefix(kind))});
  const ServiceSpec exact = spec.services[kind.index()];
  std::erase_if(spec.services, [&](const ServiceSpec& each) { return each.index == exact.index; });
  FakeGateway gateway(spec);
  const auto out = gateway.send(to_socket(kind, in_prefix(kind, 1), kind.real_port(), 40'000));
  ASSERT_TRUE(out.is_forward());
  gateway.spec().services.push_back(exact);
  gateway.publish();
  const auto back = gateway.send(answer_to(out, kind.protocol), 1);
  ASSERT_TRUE(back.is_forward()) << to_string(back);
  EXPECT_EQ(tuple_of(back.frame).source, ip(in_prefix(kind, 1)));
}

class WideDirect : public testing::TestWithParam<DirectCase> {};
INSTANTIATE_TEST_SUITE_P(Pipeline, WideDirect, testing::ValuesIn(direct_cases()),
                         [](const auto& test) { return test.param.name(); });

TEST_P(WideDirect, FlowsOfEachPortKeepTheirRealWhenOthersCome) {
  const DirectCase& kind = GetParam();
  SnapshotSpec spec = direct_spec();
  ServiceSpec& service = spec.services[kind.index];
  service.port = 0;
  service.extent = kAnyPort;
  service.flow_id = kWideFlowId + 5;
  FakeGateway gateway(spec);
  const auto packet = [&](uint16_t port, const char* flags) {
    PacketBuilder to = to_vip(kind, 40'000);
    if (kind.protocol == Protocol::kTcp) return to.tcp(40'000, port).flags(flags);
    return to.udp(40'000, port);
  };
  std::map<uint16_t, RealId> reals;
  std::set<uint32_t> different;
  for (uint16_t port = 1; port <= 60; ++port) {
    const auto out = gateway.send(packet(port, "S"));
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    reals[port] = out.verdict.real;
    different.insert(out.verdict.real.index());
  }
  EXPECT_EQ(different.size(), 3u);
  EXPECT_EQ(gateway.flows(), 60u);
  RealSpec more = gateway.spec().services[kind.index].reals[0];
  more.address = ip(kind.real(9));
  more.id = RealId(250, 1);
  gateway.spec().services[kind.index].reals.push_back(more);
  gateway.publish();
  for (const auto& [port, real] : reals) {
    EXPECT_EQ(gateway.send(packet(port, "A")).verdict.real, real);
  }
  EXPECT_EQ(gateway.flows(), 60u);
}

}  // namespace
}  // namespace vipgate::test::pipeline_wide_test
