// A real that is a client of its own service, and is chosen: `nat` keeps the client's address,
// which here is the real's, so such a flow is one of `fullnat`.
#include <gtest/gtest.h>

#include "tests/support/icmp_errors.h"
#include "tests/support/wide_net.h"

namespace vipgate::test::pipeline_hairpin_test {
namespace {

class Hairpin : public testing::TestWithParam<ServiceCase> {
 protected:
  ~Hairpin() override { gateway_.check_counters(); }
  const ServiceCase& kind() const { return GetParam(); }
  IpAddress snat() const { return ip(kind().family == 4 ? "10.8.0.1" : "fd08::1"); }
  // From the first real to the VIP, as it arrives on port 1.
  PacketBuilder from_real(const std::string& vip, uint16_t port, uint16_t client_port) const {
    PacketBuilder packet = to_socket(kind(), vip, port, client_port);
    packet.eth(kRealMac, kGatewayMac1).vlan(kRealVlan);
    if (kind().family == 4) {
      packet.ipv4(kind().real(1), vip);
    } else {
      packet.ipv6(kind().real(1), vip);
    }
    return packet;
  }
  // The first flow whose real is the client itself, and its client port.
  std::pair<Outcome, uint16_t> hairpin(const std::string& vip, uint16_t port) {
    for (uint16_t client_port = 40'000; client_port < 40'200; ++client_port) {
      auto out = gateway_.send(from_real(vip, port, client_port), 1);
      EXPECT_TRUE(out.is_forward()) << to_string(out);
      if (tuple_of(out.frame).destination == ip(kind().real(1))) return {out, client_port};
      EXPECT_EQ(tuple_of(out.frame).source, ip(kind().real(1))) << "of another real: as ever";
    }
    ADD_FAILURE() << "no flow came back to its client";
    return {};
  }
  FakeGateway gateway_{[this] {
    SnapshotSpec spec = net_spec();
    spec.services.push_back(wide_service(kind(), wide_prefix(kind()), 0, whole_prefix(kind())));
    return spec;
  }()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, Hairpin,
                         testing::Values(kServiceCases[4], kServiceCases[5], kServiceCases[6],
                                         kServiceCases[7]),
                         [](const auto& test) { return test.param.name(); });

TEST_P(Hairpin, FlowComesFromTheSnatAddressAndItsAnswerFromTheVip) {
  for (const bool is_wide : {false, true}) {
    const std::string vip = is_wide ? in_prefix(kind(), 3) : kind().vip();
    const auto [out, client_port] = hairpin(vip, kind().port());
    ASSERT_TRUE(out.is_forward());
    EXPECT_TRUE(checksums_ok(out.frame));
    EXPECT_EQ(tuple_of(out.frame).source, snat());
    EXPECT_EQ(tuple_of(out.frame).destination_port, is_wide ? kind().port() : kind().real_port());
    const auto back = gateway_.send(answer_to(out, kind().protocol), 1);
    ASSERT_TRUE(back.is_forward()) << to_string(back);
    EXPECT_TRUE(checksums_ok(back.frame));
    EXPECT_EQ(back.port, 1u) << "where the real is";
    EXPECT_EQ(tuple_of(back.frame),
              (Tuple{ip(vip), ip(kind().real(1)), kind().port(), client_port}));
    const auto next = gateway_.send(from_real(vip, kind().port(), client_port).flags("A"), 1);
    EXPECT_EQ(tuple_of(next.frame), tuple_of(out.frame)) << "the same flow";
  }
}

TEST_P(Hairpin, ErrorsAboutItReachItsClient) {
  const auto [out, client_port] = hairpin(kind().vip(), kind().port());
  ASSERT_TRUE(out.is_forward());
  const ErrorKind error = error_kinds(kind().family)[0];
  PacketBuilder packet;
  packet.eth(kRealMac, kGatewayMac1).vlan(kRealVlan);
  if (kind().family == 4) {
    packet.ipv4("10.77.0.9", "10.8.0.1");
  } else {
    packet.ipv6("fd77::9", "fd08::1");
  }
  packet.icmp(error.type, error.code, error.rest).payload(quoted(out.frame, 16));
  const auto at_client = gateway_.send(packet, 1);
  ASSERT_TRUE(at_client.is_forward()) << to_string(at_client);
  EXPECT_EQ(at_client.port, 1u);
  EXPECT_TRUE(checksums_ok(at_client.frame));
}

TEST_P(Hairpin, WithoutASnatPoolIsRefusedAndOtherFlowsAreNot) {
  for (ServiceSpec& service : gateway_.spec().services) {
    if (service.index == kind().index()) service.snat_count = 0;
  }
  gateway_.publish();
  int refused = 0;
  for (uint16_t client_port = 40'000; client_port < 40'060; ++client_port) {
    const auto out = gateway_.send(from_real(kind().vip(), kind().port(), client_port), 1);
    if (out.is_forward()) {
      EXPECT_NE(tuple_of(out.frame).destination, ip(kind().real(1)));
      continue;
    }
    EXPECT_TRUE(out.is_drop(DropReason::kSnatExhausted)) << to_string(out);
    ++refused;
  }
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, 60);
}

}  // namespace
}  // namespace vipgate::test::pipeline_hairpin_test
