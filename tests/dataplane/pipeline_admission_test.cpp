// What a service decides of new flows: whom it takes them from, how many, and by which fields they
// are spread; and what becomes of packets to a VIP's port that no service has.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/direct_net.h"

namespace vipgate::test::pipeline_admission_test {
namespace {

IpPrefix prefix(std::string_view text) { return parse_ip_prefix(text).value(); }

class AdmittingService : public testing::TestWithParam<ServiceCase> {
 protected:
  const ServiceCase& kind() const { return GetParam(); }
  ServiceSpec& service() { return gateway_.spec().services[kind().index()]; }
  IpPrefix host(unsigned client) const {
    const IpAddress address = ip(kind().client(client));
    return {address, address.bits()};
  }
  Outcome send(uint16_t port, unsigned client = 1) {
    return gateway_.send(to_vip(kind(), port, client));
  }
  FakeGateway gateway_{net_spec()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, AdmittingService, testing::ValuesIn(kServiceCases),
                         [](const auto& test) { return test.param.name(); });

TEST_P(AdmittingService, DeniedSourcesGetNoNewFlowButKeepTheirOld) {
  ASSERT_TRUE(send(1000, 1).is_forward());
  service().admission.deny_sources = {host(1)};
  gateway_.publish();
  EXPECT_TRUE(send(1000, 1).is_forward()) << "a flow that is there already stays";
  EXPECT_TRUE(send(1001, 1).is_drop(DropReason::kSourceDenied));
  EXPECT_TRUE(send(1001, 2).is_forward());
  service().admission = {};
  gateway_.publish();
  EXPECT_TRUE(send(1001, 1).is_forward());
  gateway_.check_counters();
}

TEST_P(AdmittingService, OnlyAllowedSourcesGetNewFlowsAndADenialCountsMore) {
  service().admission.allow_sources = {host(1), host(2)};
  service().admission.deny_sources = {host(2)};
  gateway_.publish();
  EXPECT_TRUE(send(1000, 1).is_forward());
  EXPECT_TRUE(send(1000, 2).is_drop(DropReason::kSourceDenied));
  EXPECT_TRUE(send(1000, 3).is_drop(DropReason::kSourceDenied));
}

TEST_P(AdmittingService, PrefixesOfTheOtherFamilyAllowNobody) {
  service().admission.allow_sources = {prefix(kind().family == 4 ? "::/0" : "0.0.0.0/0")};
  gateway_.publish();
  EXPECT_TRUE(send(1000).is_drop(DropReason::kSourceDenied));
}

TEST_P(AdmittingService, DeniedSourcesAreNotToldThatThereIsNoReal) {
  service().admission.deny_sources = {host(1)};
  service().reals.clear();
  gateway_.publish();
  EXPECT_TRUE(send(1000, 1).is_drop(DropReason::kSourceDenied));
}

TEST_P(AdmittingService, NewFlowsAboveTheRateAreDroppedAndKnownOnesAreNot) {
  service().admission.new_flows_per_s = 50;
  gateway_.publish();
  gateway_.jump_seconds(10);
  int taken = 0;
  for (uint16_t port = 1; port <= 100; ++port) {
    const Outcome out = send(port);
    EXPECT_TRUE(out.is_forward() || out.is_drop(DropReason::kNewFlowLimit)) << to_string(out);
    taken += out.is_forward();
  }
  EXPECT_EQ(taken, 5) << "a tenth of a second's worth at once";
  for (uint16_t port = 1; port <= 5; ++port) EXPECT_TRUE(send(port).is_forward());

  for (int tenth = 0; tenth < 20; ++tenth) {
    gateway_.jump_seconds(0.1);
    for (uint16_t i = 0; i < 20; ++i) {
      taken += send(static_cast<uint16_t>(1000 + tenth * 20 + i)).is_forward();
    }
  }
  EXPECT_EQ(taken, 5 + 20 * 5);
  service().admission.new_flows_per_s = 0;
  gateway_.publish();
  for (uint16_t port = 5000; port < 5100; ++port) ASSERT_TRUE(send(port).is_forward());
}

TEST_P(AdmittingService, HashOfTheSourceSendsAClientToOneReal) {
  service().hash = HashFields::kSource;
  gateway_.publish();
  std::set<uint32_t> all;
  for (unsigned client = 1; client <= 40; ++client) {
    std::set<uint32_t> own;
    for (uint16_t port = 1000; port < 1020; ++port) {
      own.insert(send(port, client).verdict.real.index());
    }
    EXPECT_EQ(own.size(), 1u) << "client " << client;
    all.insert(own.begin(), own.end());
  }
  EXPECT_EQ(all.size(), 3u) << "clients are spread over all reals";
}

TEST(PipelineAdmission, HashOfTheSourceIsOneForAllVipsAndWithTheDestinationItIsNot) {
  for (const HashFields fields : {HashFields::kSource, HashFields::kSourceDestination}) {
    FakeGateway gateway{net_spec()};
    const ServiceCase tcp = kServiceCases[4], udp = kServiceCases[5];
    for (const ServiceCase& kind : {tcp, udp}) {
      ServiceSpec& service = gateway.spec().services[kind.index()];
      service.hash = fields;
      for (RealSpec& real : service.reals) real.port = 8000;  // equal reals
    }
    gateway.spec().services[udp.index()].vip = ip("11.0.0.3");
    gateway.publish();
    int same = 0;
    for (unsigned client = 1; client <= 100; ++client) {
      const auto first = gateway.send(to_vip(tcp, 1000, client));
      PacketBuilder other;
      other.eth(kClientMac, kGatewayMac0).ipv4(udp.client(client), "11.0.0.3").udp(7, udp.port());
      const auto second = gateway.send(other);
      ASSERT_TRUE(first.is_forward() && second.is_forward());
      same += tuple_of(first.frame).destination == tuple_of(second.frame).destination;
    }
    if (fields == HashFields::kSource) {
      EXPECT_EQ(same, 100);
    } else {
      EXPECT_LT(same, 60) << "a third by chance";
    }
  }
}

TEST(PipelineAdmission, ServicesWithoutFlowRecordsAreGuardedToo) {
  for (const DirectCase& kind : direct_cases()) {
    FakeGateway gateway{direct_spec()};
    ServiceSpec& service = gateway.spec().services[kind.index];
    service.admission.deny_sources = {prefix(kind.family == 4 ? "0.0.0.0/0" : "::/0")};
    gateway.publish();
    EXPECT_TRUE(gateway.send(to_vip(kind, 1)).is_drop(DropReason::kSourceDenied)) << kind.name();
    service.admission = {.allow_sources = {}, .deny_sources = {}, .new_flows_per_s = 10};
    gateway.publish();
    EXPECT_TRUE(gateway.send(to_vip(kind, 1)).is_forward()) << kind.name();
    EXPECT_TRUE(gateway.send(to_vip(kind, 2)).is_drop(DropReason::kNewFlowLimit)) << kind.name();
  }
}

class UnservedPorts : public testing::TestWithParam<int> {
 protected:
  PacketBuilder packet() const {
    PacketBuilder packet;
    packet.eth(kClientMac, kGatewayMac0);
    if (GetParam() == 4) return packet.ipv4("192.0.2.1", "11.0.0.1");
    return packet.ipv6("2001:db8::1", "fd11::1");
  }
  void set(UnservedPort policy) {
    gateway_.spec().unserved_port = policy;
    gateway_.publish();
  }
  FakeGateway gateway_{net_spec()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, UnservedPorts, testing::Values(4, 6),
                         [](const auto& test) { return "V" + std::to_string(test.param); });

TEST_P(UnservedPorts, AreDroppedUnlessThePolicySaysOtherwise) {
  EXPECT_TRUE(gateway_.send(packet().tcp(5, 81).flags("S")).is_drop(DropReason::kPortNotServed));
  EXPECT_TRUE(gateway_.send(packet().udp(5, 81)).is_drop(DropReason::kPortNotServed));
}

TEST_P(UnservedPorts, AreRefusedByResetAndPortUnreachable) {
  set(UnservedPort::kReject);
  const auto reset = gateway_.send(packet().tcp(5, 81).flags("S"));
  ASSERT_TRUE(reset.is_reply(ReplyKind::kTcpReset)) << to_string(reset);
  const Tuple tuple = tuple_of(reset.frame);
  EXPECT_EQ(tuple.source_port, 81);
  EXPECT_EQ(tuple.destination_port, 5);
  EXPECT_EQ(tuple.destination, ip(GetParam() == 4 ? "192.0.2.1" : "2001:db8::1"));
  EXPECT_TRUE(gateway_.send(packet().udp(5, 81)).is_reply(ReplyKind::kPortUnreachable));
  gateway_.check_counters();
}

TEST_P(UnservedPorts, NeverAnswerAResetNorWhatClaimsToComeFromOurselves) {
  set(UnservedPort::kReject);
  EXPECT_TRUE(gateway_.send(packet().tcp(5, 81).flags("R")).is_drop(DropReason::kPortNotServed));
  PacketBuilder forged;
  forged.eth(kClientMac, kGatewayMac0);
  if (GetParam() == 4) {
    forged.ipv4("11.0.0.1", "11.0.0.1");
  } else {
    forged.ipv6("fd11::1", "fd11::1");
  }
  EXPECT_TRUE(gateway_.send(forged.tcp(5, 81).flags("S")).is_drop(DropReason::kPortNotServed));
}

TEST_P(UnservedPorts, RefuseADatagramOnceNotEachOfItsFragments) {
  set(UnservedPort::kReject);
  const auto fragment = [&](uint16_t offset, bool more) {
    return gateway_.send(
        packet().ip_id(7).udp(5, 81).payload(std::string(64, 'x')).fragment(offset, more));
  };
  EXPECT_TRUE(fragment(0, true).is_reply(ReplyKind::kPortUnreachable));
  EXPECT_TRUE(fragment(72, false).is_drop(DropReason::kPortNotServed));
}

TEST(PipelineAdmission, AServiceWithoutRealsNeverAnswersAReset) {
  for (const DirectCase& kind : direct_cases()) {
    if (kind.protocol != Protocol::kTcp) continue;
    FakeGateway gateway{direct_spec()};
    gateway.spec().services[kind.index].reals.clear();
    gateway.publish();
    EXPECT_TRUE(gateway.send(to_vip(kind, 1)).is_reply(ReplyKind::kTcpReset)) << kind.name();
    EXPECT_TRUE(gateway.send(to_vip(kind, 1).flags("R")).is_drop(DropReason::kNoReal))
        << kind.name();
  }
}

TEST_P(UnservedPorts, GoToTheKernelWhereThePortHasOne) {
  set(UnservedPort::kKernel);
  EXPECT_TRUE(gateway_.send(packet().udp(5, 81)).is_kernel(KernelReason::kUnservedPort));
  PacketBuilder other = packet();
  other.eth(kRealMac, kGatewayMac1).vlan(kRealVlan).udp(5, 81);
  EXPECT_TRUE(gateway_.send(other, 1).is_drop(DropReason::kNoKernelPath));
}

}  // namespace
}  // namespace vipgate::test::pipeline_admission_test
