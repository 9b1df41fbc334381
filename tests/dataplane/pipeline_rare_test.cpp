// What the gateway answers itself, gives to the kernel or refuses.
#include <gtest/gtest.h>

#include "tests/support/test_net.h"

namespace vipgate::test::pipeline_rare_test {
namespace {

PacketBuilder from_client4(std::string_view destination) {
  return PacketBuilder().eth(kClientMac, kGatewayMac0).ipv4("192.0.2.1", destination);
}
PacketBuilder from_client6(std::string_view destination) {
  return PacketBuilder().eth(kClientMac, kGatewayMac0).ipv6("2001:db8::1", destination);
}
PacketBuilder reply4(std::string_view source) {
  return PacketBuilder().eth(kGatewayMac0, kClientMac).ipv4(source, "192.0.2.1");
}
PacketBuilder reply6(std::string_view source) {
  return PacketBuilder().eth(kGatewayMac0, kClientMac).ipv6(source, "2001:db8::1");
}

class PipelineRare : public testing::Test {
 protected:
  ~PipelineRare() override { gateway_.check_counters(); }
  FakeGateway gateway_{net_spec()};
};

constexpr std::string_view kOurs4[] = {"11.0.0.1", "11.0.0.2", "10.8.0.1", "10.9.0.53",
                                       "10.1.0.254"};
constexpr std::string_view kOurs6[] = {"fd11::1", "fd11::2", "fd08::1", "fd09::53", "fd01::fe"};

TEST_F(PipelineRare, ArpForAddressesOfOursIsAnswered) {
  for (const auto address : kOurs4) {
    for (const uint16_t vlan : {uint16_t{0}, uint16_t{30}}) {
      PacketBuilder question;
      question.arp_request(kClientMac, "192.0.2.1", address);
      PacketBuilder answer;
      answer.arp_reply(kGatewayMac0, address, kClientMac, "192.0.2.1");
      if (vlan != 0) question.vlan(vlan), answer.vlan(vlan);
      const auto out = gateway_.send(question);
      ASSERT_TRUE(out.is_reply(ReplyKind::kArp)) << to_string(out);
      EXPECT_EQ(out.port, 0u);
      EXPECT_EQ(out.frame, answer.build()) << describe(out.frame);
    }
  }
}

TEST_F(PipelineRare, ArpForTheKernelsAddressAndRepliesGoToTheKernel) {
  EXPECT_TRUE(gateway_.send(PacketBuilder().arp_request(kClientMac, "192.0.2.1", "10.9.0.1"))
                  .is_kernel(KernelReason::kArp));
  EXPECT_TRUE(
      gateway_.send(PacketBuilder().arp_reply(kClientMac, "192.0.2.1", kGatewayMac0, "10.9.0.1"))
          .is_kernel(KernelReason::kArp));
  EXPECT_TRUE(gateway_.send(PacketBuilder().arp_request(kClientMac, "192.0.2.1", "10.9.0.77"))
                  .is_drop(DropReason::kNotForUs));
}

TEST_F(PipelineRare, NeighborSolicitationForAddressesOfOursIsAdvertised) {
  for (const auto address : kOurs6) {
    const auto out =
        gateway_.send(PacketBuilder().neighbor_solicitation(kClientMac, "2001:db8::1", address));
    ASSERT_TRUE(out.is_reply(ReplyKind::kNeighborAdvertisement)) << to_string(out);
    Bytes body(24);
    const IpAddress target = ip(address);
    std::copy(target.bytes().begin(), target.bytes().end(), body.begin());
    body[16] = 2;
    body[17] = 1;
    const MacAddress own = mac(kGatewayMac0);
    std::copy(own.bytes.begin(), own.bytes.end(), body.begin() + 18);
    EXPECT_EQ(out.frame, reply6(address).ttl(255).icmp(136, 0, 0x60000000).payload(body).build())
        << describe(out.frame);
  }
}

TEST_F(PipelineRare, DuplicateAddressDetectionIsAnsweredToAllNodes) {
  const auto out =
      gateway_.send(PacketBuilder()
                        .eth(kClientMac, "33:33:ff:00:00:01")
                        .ipv6("::", "ff02::1:ff00:1")
                        .ttl(255)
                        .icmp(135, 0, 0)
                        .payload(Bytes{0xfd, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
  ASSERT_TRUE(out.is_reply(ReplyKind::kNeighborAdvertisement)) << to_string(out);
  EXPECT_TRUE(checksums_ok(out.frame));
  EXPECT_EQ(Bytes(out.frame.begin(), out.frame.begin() + 6), (Bytes{0x33, 0x33, 0, 0, 0, 1}));
  EXPECT_EQ(tuple_of(out.frame).destination, ip("ff02::1"));
  EXPECT_EQ(tuple_of(out.frame).source, ip("fd11::1"));
  EXPECT_EQ(out.frame[14 + 40 + 4], 0x20) << "override, not solicited";
}

TEST_F(PipelineRare, SolicitationThatCameThroughARouterOrIsDamagedIsNotAnswered) {
  PacketBuilder far;
  far.neighbor_solicitation(kClientMac, "2001:db8::1", "fd11::1").ttl(254);
  EXPECT_TRUE(gateway_.send(far).is_kernel(KernelReason::kNeighborDiscovery));
  PacketBuilder bad;
  bad.neighbor_solicitation(kClientMac, "2001:db8::1", "fd11::1").bad_l4_checksum();
  EXPECT_TRUE(gateway_.send(bad).is_kernel(KernelReason::kNeighborDiscovery));
}

TEST_F(PipelineRare, SolicitationForTheKernelsAddressGoesToTheKernel) {
  EXPECT_TRUE(
      gateway_.send(PacketBuilder().neighbor_solicitation(kClientMac, "2001:db8::1", "fd09::1"))
          .is_kernel(KernelReason::kNeighborDiscovery));
}

TEST_F(PipelineRare, EchoToAddressesOfOursIsAnswered) {
  for (const auto address : kOurs4) {
    const auto out = gateway_.send(from_client4(address).icmp_echo(7, 9).payload("odd").ttl(3));
    ASSERT_TRUE(out.is_reply(ReplyKind::kEcho)) << to_string(out);
    EXPECT_EQ(out.frame, reply4(address).icmp_echo_reply(7, 9).payload("odd").build());
  }
  for (const auto address : kOurs6) {
    const auto out = gateway_.send(from_client6(address).icmp_echo(7, 9).payload("odd").ttl(3));
    ASSERT_TRUE(out.is_reply(ReplyKind::kEcho)) << to_string(out);
    EXPECT_EQ(out.frame, reply6(address).icmp_echo_reply(7, 9).payload("odd").build());
  }
  const auto options = gateway_.send(from_client4("11.0.0.1").ip_options(8).icmp_echo(7, 9));
  ASSERT_TRUE(options.is_reply(ReplyKind::kEcho));
  EXPECT_TRUE(checksums_ok(options.frame)) << describe(options.frame);
}

TEST_F(PipelineRare, EchoFromTheUnspecifiedAddressIsNotAnswered) {
  const auto out = gateway_.send(
      PacketBuilder().eth(kClientMac, kGatewayMac0).ipv6("::", "fd11::1").icmp_echo(7, 9));
  EXPECT_TRUE(out.is_drop(DropReason::kMartianSource)) << to_string(out);
}

TEST_F(PipelineRare, EchoRepliesAreRateLimited) {
  int answered = 0;
  for (int i = 0; i < 3000; ++i) {
    const auto out = gateway_.send(from_client4("11.0.0.1").icmp_echo(7, 9));
    answered += out.is_reply(ReplyKind::kEcho);
    if (!out.is_reply(ReplyKind::kEcho)) {
      ASSERT_TRUE(out.is_drop(DropReason::kRateLimited));
    }
  }
  EXPECT_EQ(answered, static_cast<int>(kEchoRepliesPerSecond / 10));
  gateway_.jump_seconds(0.01);
  EXPECT_TRUE(gateway_.send(from_client4("11.0.0.1").icmp_echo(7, 9)).is_reply(ReplyKind::kEcho));
}

TEST_F(PipelineRare, OtherIcmpToAddressesOfOursIsDropped) {
  EXPECT_TRUE(gateway_.send(from_client4("11.0.0.1").icmp(4, 0, 0).payload(Bytes(28)))
                  .is_drop(DropReason::kIcmpNotHandled));
  EXPECT_TRUE(gateway_.send(from_client6("fd11::1").icmp(100, 0, 0).payload(Bytes(48)))
                  .is_drop(DropReason::kIcmpNotHandled));
}

TEST_F(PipelineRare, WhatIsForTheKernelGoesToTheKernelOfThePortItCameFrom) {
  const std::vector<PacketBuilder> packets = {
      from_client4("10.9.0.1").tcp(1, 22), from_client4("10.9.0.1").udp(1, 53),
      from_client4("10.9.0.1").protocol(47), from_client6("fd09::1").tcp(1, 22),
      from_client6("fd09::1").protocol(47)};
  for (const auto& packet : packets) {
    const Bytes frame = packet.build();
    const auto out = gateway_.send(frame);
    EXPECT_TRUE(out.is_kernel(KernelReason::kOwnAddress)) << describe(frame) << to_string(out);
    EXPECT_EQ(out.queue, Outcome::Queue::kKernel);
    EXPECT_EQ(out.port, 0u);
    EXPECT_EQ(out.frame, frame) << "unchanged";
  }
  for (const char* destination : {"fe80::1", "ff02::1", "ff02::5"}) {
    EXPECT_TRUE(
        gateway_.send(from_client6(destination).udp(1, 2)).is_kernel(KernelReason::kLinkLocal));
  }
}

TEST_F(PipelineRare, RoutingAndIcmpAreClassesOfTheirOwnForTheKernel) {
  const auto reason_of = [&](const PacketBuilder& packet) {
    const auto out = gateway_.send(packet);
    EXPECT_EQ(out.queue, Outcome::Queue::kKernel) << to_string(out);
    return out.verdict.kernel;
  };
  for (const bool is_v4 : {true, false}) {
    const auto packet = [&] { return is_v4 ? from_client4("10.9.0.1") : from_client6("fd09::1"); };
    EXPECT_EQ(reason_of(packet().tcp(40'000, 179)), KernelReason::kRouting) << "BGP";
    EXPECT_EQ(reason_of(packet().tcp(179, 40'000)), KernelReason::kRouting) << "BGP";
    EXPECT_EQ(reason_of(packet().udp(179, 40'000)), KernelReason::kOwnAddress) << "not BGP";
    EXPECT_EQ(reason_of(packet().udp(49'152, 3784)), KernelReason::kRouting) << "BFD";
    EXPECT_EQ(reason_of(packet().udp(49'152, 3785)), KernelReason::kRouting) << "BFD echo";
    EXPECT_EQ(reason_of(packet().udp(49'152, 4784)), KernelReason::kRouting) << "BFD, multihop";
    EXPECT_EQ(reason_of(packet().protocol(89)), KernelReason::kRouting) << "OSPF";
    EXPECT_EQ(reason_of(packet().protocol(112)), KernelReason::kRouting) << "VRRP";
    EXPECT_EQ(reason_of(packet().icmp_echo(1, 1)), KernelReason::kIcmp);
  }
  EXPECT_EQ(reason_of(from_client6("ff02::5").protocol(89)), KernelReason::kRouting) << "OSPF";
}

// As a switch delivers it: in a frame to the group.
PacketBuilder to_group(const char* group, uint8_t protocol) {
  const bool is_v4 = std::string_view(group).find(':') == std::string_view::npos;
  PacketBuilder packet = is_v4 ? from_client4(group) : from_client6(group);
  return packet.eth(kClientMac, is_v4 ? "01:00:5e:00:00:05" : "33:33:00:00:00:05")
      .ttl(1)
      .protocol(protocol)
      .payload(Bytes(40));
}

TEST_F(PipelineRare, GroupsOfRoutingDaemonsReachTheKernelInFramesToThem) {
  static constexpr std::pair<const char*, uint8_t> kRouting[] = {
      {"224.0.0.5", kProtocolOspf},  {"224.0.0.6", kProtocolOspf}, {"224.0.0.13", kProtocolPim},
      {"224.0.0.18", kProtocolVrrp}, {"ff02::5", kProtocolOspf},   {"ff02::6", kProtocolOspf},
      {"ff02::d", kProtocolPim},     {"ff02::12", kProtocolVrrp}};
  for (const auto& [group, protocol] : kRouting) {
    const auto packet = to_group(group, protocol);
    const auto out = gateway_.send(packet);
    EXPECT_TRUE(out.is_kernel(KernelReason::kRouting)) << group << " " << to_string(out);
    EXPECT_EQ(out.frame, packet.build()) << "unchanged";
  }
  for (const char* group : {"224.0.0.1", "224.0.0.22", "239.1.2.3"}) {
    EXPECT_TRUE(gateway_.send(to_group(group, kProtocolIgmp)).is_kernel(KernelReason::kLinkLocal))
        << group;
  }
  const auto query = to_group("224.0.0.1", kProtocolIgmp).ipv4("0.0.0.0", "224.0.0.1");
  EXPECT_TRUE(gateway_.send(query).is_kernel(KernelReason::kLinkLocal)) << "of a switch";
}

TEST_F(PipelineRare, AFragmentToAGroupOfRoutingDaemonsIsTheKernelsToo) {
  for (const char* group : {"224.0.0.5", "ff02::5"}) {
    for (const uint16_t offset : {uint16_t{0}, uint16_t{40}}) {
      const auto out = gateway_.send(to_group(group, kProtocolOspf).fragment(offset, true));
      EXPECT_TRUE(out.is_kernel(KernelReason::kRouting)) << group << " " << to_string(out);
    }
  }
}

TEST_F(PipelineRare, OtherFramesToGroupsAreDroppedAsEver) {
  static constexpr std::pair<const char*, uint8_t> kOthers[] = {
      {"224.0.0.5", kProtocolVrrp}, {"224.0.0.18", kProtocolOspf}, {"224.0.0.7", kProtocolOspf},
      {"225.0.0.5", kProtocolOspf}, {"224.0.0.1", kProtocolIcmp},  {"224.0.0.5", 47},
      {"ff02::5", kProtocolVrrp},   {"ff05::5", kProtocolOspf},    {"ff02::12", kProtocolOspf},
      {"ff02::16", kProtocolIgmp},  {"fd09::1", kProtocolOspf},    {"10.9.0.1", kProtocolOspf}};
  for (const auto& [group, protocol] : kOthers) {
    const auto out = gateway_.send(to_group(group, protocol));
    EXPECT_TRUE(out.is_drop(DropReason::kNotOurMac)) << group << " " << to_string(out);
  }
  EXPECT_TRUE(
      gateway_.send(from_client4("224.0.0.251").eth(kClientMac, "01:00:5e:00:00:fb").udp(1, 5353))
          .is_drop(DropReason::kNotOurMac));
}

TEST(KernelRates, AFloodOfOneKindIsCutAndCountedAndStarvesNoOther) {
  SnapshotSpec spec = net_spec();
  spec.kernel_rates[static_cast<size_t>(KernelReason::kIcmp)] = 100;  // bursts of ten
  FakeGateway gateway{spec};
  const auto ping = from_client4("10.9.0.1").icmp_echo(1, 1);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(gateway.send(ping).is_kernel(KernelReason::kIcmp)) << i;
  EXPECT_TRUE(gateway.send(ping).is_drop(DropReason::kKernelRate));
  EXPECT_TRUE(gateway.send(from_client4("10.9.0.1").tcp(1, 179)).is_kernel(KernelReason::kRouting));
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(
        gateway.send(from_client4("10.9.0.1").tcp(1, 22)).is_kernel(KernelReason::kOwnAddress))
        << "no rate: any number";
  }
  gateway.jump_seconds(0.01);
  EXPECT_TRUE(gateway.send(ping).is_kernel(KernelReason::kIcmp)) << "100 a second";
  EXPECT_TRUE(gateway.send(ping).is_drop(DropReason::kKernelRate));
  gateway.check_counters();
}

TEST(KernelRates, AFloodOfFragmentsOfQuestionsStarvesNoQuestionOverTcp) {
  SnapshotSpec spec = net_spec();
  spec.kernel_rates[static_cast<size_t>(KernelReason::kDnsFragment)] = 100;  // bursts of ten
  spec.kernel_rates[static_cast<size_t>(KernelReason::kDns)] = 100;
  FakeGateway gateway{spec};
  const auto fragment = from_client4("10.9.0.53").udp(1, 53).fragment(0, true).payload(Bytes(64));
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(gateway.send(fragment).is_kernel(KernelReason::kDnsFragment)) << i;
  }
  EXPECT_TRUE(gateway.send(fragment).is_drop(DropReason::kKernelRate));
  EXPECT_TRUE(gateway.send(from_client4("10.9.0.53").tcp(1, 53)).is_kernel(KernelReason::kDns));
  gateway.check_counters();
}

TEST_F(PipelineRare, PortWithoutAKernelSideDropsWhatWouldGoThere) {
  EXPECT_TRUE(gateway_
                  .send(PacketBuilder()
                            .eth(kRealMac, kGatewayMac1)
                            .vlan(kRealVlan)
                            .ipv4("10.1.0.1", "10.9.0.1")
                            .tcp(1, 22),
                        1)
                  .is_drop(DropReason::kNoKernelPath));
}

TEST_F(PipelineRare, WhatIsForNobodyHereIsDropped) {
  EXPECT_TRUE(gateway_.send(from_client4("203.0.113.9").tcp(1, 2)).is_drop(DropReason::kNotForUs));
  EXPECT_TRUE(gateway_.send(from_client6("fd99::9").udp(1, 2)).is_drop(DropReason::kNotForUs));
  EXPECT_TRUE(
      gateway_.send(from_client4("203.0.113.9").icmp_echo(1, 2)).is_drop(DropReason::kNotForUs));
}

TEST(Transit, WhatComesByAPortOfRealsHasARateOfItsOwnAndNeedsAKernelSide) {
  SnapshotSpec spec = net_spec();
  spec.transit_ports = 0b11;
  spec.transit_to_kernel = true;
  spec.kernel_rates[static_cast<size_t>(KernelReason::kTransit)] = 100;  // bursts of ten
  FakeGateway gateway{spec};
  const auto transit = from_client4("203.0.113.9").tcp(1, 2);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(gateway.send(transit).is_kernel(KernelReason::kTransit)) << i;
  }
  EXPECT_TRUE(gateway.send(transit).is_drop(DropReason::kKernelRate));
  EXPECT_TRUE(
      gateway.send(from_client4("10.9.0.1").tcp(1, 22)).is_kernel(KernelReason::kOwnAddress));
  EXPECT_TRUE(gateway
                  .send(PacketBuilder()
                            .eth(kRealMac, kGatewayMac1)
                            .vlan(kRealVlan)
                            .ipv4("10.1.0.1", "203.0.113.9")
                            .tcp(1, 22),
                        1)
                  .is_drop(DropReason::kNoKernelPath));
  gateway.check_counters();
}

TEST_F(PipelineRare, OtherProtocolsToAVipAreDroppedWithTheirReason) {
  EXPECT_TRUE(gateway_.send(from_client4("11.0.0.1").protocol(33).payload(Bytes(12)))
                  .is_drop(DropReason::kUnsupportedProtocol));
  EXPECT_TRUE(gateway_.send(from_client6("fd11::1").protocol(33).payload(Bytes(12)))
                  .is_drop(DropReason::kUnsupportedProtocol));
}

// RFC 9293 3.10.7.1.
TEST_F(PipelineRare, SegmentToAServiceWithoutRealsIsReset) {
  struct Case {
    const char* flags;
    std::string_view payload;
    uint32_t sequence, acknowledgment;
    const char* reply_flags;
    uint32_t reply_sequence, reply_acknowledgment;
  };
  const Case cases[] = {
      {"S", "", 1000, 0, "RA", 0, 1001},     {"S", "data", 1000, 0, "RA", 0, 1005},
      {"SF", "", 0xffffffff, 0, "RA", 0, 1}, {"", "data", 5, 0, "RA", 0, 9},
      {"A", "data", 1000, 777, "R", 777, 0}, {"FA", "", 1000, 777, "R", 777, 0},
      {"SA", "", 1000, 777, "R", 777, 0},
  };
  for (const Case& c : cases) {
    for (const bool v6 : {false, true}) {
      for (const size_t options : {size_t{0}, size_t{8}}) {
        for (const uint16_t vlan : {uint16_t{0}, uint16_t{9}}) {
          PacketBuilder packet = v6 ? from_client6("fd11::1") : from_client4("11.0.0.1");
          PacketBuilder wanted = v6 ? reply6("fd11::1") : reply4("11.0.0.1");
          if (!v6) packet.ip_options(options), wanted.dont_fragment();
          if (vlan != 0) packet.vlan(vlan), wanted.vlan(vlan);
          packet.tcp(4000, 99).flags(c.flags).payload(c.payload).sequence(c.sequence);
          packet.acknowledgment(c.acknowledgment).tcp_options(Bytes(options, 1)).pad_to(60);
          wanted.tcp(99, 4000).flags(c.reply_flags).sequence(c.reply_sequence);
          wanted.acknowledgment(c.reply_acknowledgment);
          const auto out = gateway_.send(packet);
          ASSERT_TRUE(out.is_reply(ReplyKind::kTcpReset)) << to_string(out);
          Bytes expected = wanted.build();
          // A reset offers no window.
          EXPECT_TRUE(checksums_ok(out.frame)) << describe(out.frame);
          EXPECT_EQ(describe(out.frame), describe(expected)) << c.flags;
          EXPECT_EQ(out.frame.size(), expected.size());
        }
      }
    }
  }
}

TEST_F(PipelineRare, ResetIsNeverAnsweredWithAReset) {
  for (const char* flags : {"R", "RA"}) {
    EXPECT_TRUE(gateway_.send(from_client4("11.0.0.1").tcp(4000, 99).flags(flags))
                    .is_drop(DropReason::kNoFlow));
  }
  // Nor when the flow's reals have gone in the meantime.
  const ServiceCase& kind = kServiceCases[0];
  ASSERT_TRUE(gateway_.send(to_vip(kind, 4001)).is_forward());
  for (auto& real : gateway_.spec().services[kind.index()].reals) real.state = RealState::kDown;
  gateway_.publish();
  const auto out = gateway_.send(to_vip(kind, 4001).flags("R"));
  EXPECT_TRUE(out.is_drop(DropReason::kNoFlow)) << to_string(out);
  EXPECT_EQ(gateway_.flows(), 0u);
}

TEST_F(PipelineRare, FlowWhoseRealsHaveAllGoneIsReset) {
  const ServiceCase& kind = kServiceCases[0];
  ASSERT_TRUE(gateway_.send(to_vip(kind, 4001)).is_forward());
  for (auto& real : gateway_.spec().services[kind.index()].reals) real.state = RealState::kDown;
  gateway_.publish();
  EXPECT_TRUE(gateway_.send(to_vip(kind, 4001).flags("A")).is_reply(ReplyKind::kTcpReset));
  EXPECT_EQ(gateway_.flows(), 0u);
}

TEST_F(PipelineRare, DatagramToAServiceWithoutRealsGetsPortUnreachable) {
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{100}, size_t{520}, size_t{521}, size_t{1200}, size_t{1400}}) {
    for (const bool v6 : {false, true}) {
      PacketBuilder packet = v6 ? from_client6("fd11::1") : from_client4("11.0.0.1");
      packet.udp(4000, 99).payload(Bytes(size, 7));
      const Bytes frame = packet.build();
      const size_t most = v6 ? 1280 - 48 : 576 - 28;
      Bytes quote(frame.begin() + 14,
                  frame.begin() + static_cast<ptrdiff_t>(14 + std::min(frame.size() - 14, most)));
      PacketBuilder wanted = v6 ? reply6("fd11::1") : reply4("11.0.0.1").dont_fragment();
      wanted.icmp(v6 ? 1 : 3, v6 ? 4 : 3, 0).payload(quote);
      const auto out = gateway_.send(frame);
      ASSERT_TRUE(out.is_reply(ReplyKind::kPortUnreachable)) << to_string(out);
      EXPECT_EQ(out.frame, wanted.build()) << describe(out.frame);
    }
  }
}

TEST_F(PipelineRare, UnreachableForATaggedDatagramWithOptionsQuotesItWhole) {
  const Bytes frame =
      from_client4("11.0.0.1").vlan(8).ip_options(12).udp(4000, 99).payload("x").build();
  const auto out = gateway_.send(frame);
  ASSERT_TRUE(out.is_reply(ReplyKind::kPortUnreachable));
  EXPECT_TRUE(checksums_ok(out.frame));
  EXPECT_EQ(Bytes(out.frame.begin() + 18 + 28, out.frame.end()),
            Bytes(frame.begin() + 18, frame.end()));
}

TEST_F(PipelineRare, ServiceWhosePolicyIsToDropDropsAndCounts) {
  EXPECT_TRUE(
      gateway_.send(from_client4("11.0.0.1").tcp(1, 98).flags("S")).is_drop(DropReason::kNoReal));
  EXPECT_EQ(gateway_.memory().services()[12].no_real.value(), 1u);
}

}  // namespace
}  // namespace vipgate::test::pipeline_rare_test
