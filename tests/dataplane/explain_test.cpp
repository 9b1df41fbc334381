#include "dataplane/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dataplane/replay_fixture.h"

namespace vipgate::test::explain_test {
namespace {

std::string text_of(const ExplainOptions& options) { return explanation_text(explain(options)); }

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

ExplainOptions packet(Protocol protocol, const std::string& source, uint16_t source_port,
                      const std::string& destination, uint16_t destination_port) {
  ExplainOptions options;
  options.snapshot = replay_world();
  options.port_names = {"edge", "cluster"};
  options.services = 4;
  options.reals = 8;
  options.packet.protocol = protocol;
  options.packet.source = ip(source);
  options.packet.source_port = source_port;
  options.packet.destination = ip(destination);
  options.packet.destination_port = destination_port;
  return options;
}

TEST(Explain, AForwardedPacketNamesServiceRealRowAndWhatLeaves) {
  EXPECT_THAT(
      text_of(packet(Protocol::kTcp, "192.0.2.1", 40'000, "11.202.66.36", 6379)),
      MatchesRegex("packet   tcp 192.0.2.1:40000 > 11.202.66.36:6379 \\(SYN\\), received by edge\n"
                   "service  redis.marathon 11.202.66.36:6379/tcp, fullnat\n"
                   "real     10.9.1.1[123]:[0-9]+, weight 1, by row [0-9]+ of [0-9]+ "
                   "\\(five_tuple\\)\n"
                   "table    4093 rows for 3 reals, checksum [0-9a-f]{16}\n"
                   "worker   0 of 1\n"
                   "verdict  forward\n"
                   "out      tcp 10.9.1.100:[0-9]+ > 10.9.1.1[123]:[0-9]+, by cluster\n"));
}

TEST(Explain, AServiceWithAffinitySaysWhatItHoldsAClientTo) {
  SnapshotSpec spec = replay_spec();
  spec.services[0].admission.affinity_s = 300;
  auto options = packet(Protocol::kTcp, "192.0.2.1", 40'000, "11.202.66.36", 6379);
  EXPECT_THAT(text_of(options), Not(HasSubstr("affinity")));
  options.snapshot = SnapshotBuilder().build(spec);
  EXPECT_THAT(text_of(options),
              HasSubstr("\naffinity a client that was seen in the last 300 s goes to the real that "
                        "it had, if that takes new flows\n"));
}

TEST(Explain, TheRowIsTheOneThatChoseTheReal) {
  for (uint16_t port = 1; port <= 50; ++port) {
    const auto options = packet(Protocol::kTcp, "192.0.2.1", port, "11.202.66.36", 6379);
    const std::string text = text_of(options);
    const auto row = static_cast<size_t>(std::stoul(text.substr(text.find("by row ") + 7)));
    const ServiceEntry& service = options.snapshot->service(0);
    const RealEntry& real = *options.snapshot->real(service.reals[service.rows[row]]);
    EXPECT_THAT(text,
                HasSubstr("real     " + endpoint_to_string(real.address, real.port.host()) + ","));
  }
}

TEST(Explain, AServiceOfAPrefixIsShownAsSuch) {
  const std::string text = text_of(packet(Protocol::kUdp, "192.0.2.1", 7, "11.20.0.9", 4711));
  EXPECT_THAT(text, HasSubstr("service  tenants 11.20.0.0/24:any/udp, fullnat\n"
                              "real     10.9.1.15, weight 1, by row "));
  EXPECT_THAT(text, HasSubstr(" > 10.9.1.15:4711, by cluster\n"));
}

TEST(Explain, ARealOfTheFallbackIsNamedAsSuch) {
  EXPECT_THAT(
      text_of(packet(Protocol::kTcp, "192.0.2.1", 7, "11.0.0.4", 80)),
      MatchesRegex("(.|\n)*service  leaning 11.0.0.4:80/tcp, fullnat\n"
                   "real     10.9.1.1[123]:[0-9]+ of the fallback redis.marathon, weight 1, "
                   "by row [0-9]+ of [0-9]+ (.|\n)*verdict  forward\n(.|\n)*"));
}

TEST(Explain, Ipv6AndUdpAreFollowedToo) {
  const std::string v6 = text_of(packet(Protocol::kTcp, "2001:db8::1", 7, "fd01:c::1", 80));
  EXPECT_THAT(v6, HasSubstr("verdict  forward\nout      tcp [fd09:1::100]:"));
  EXPECT_THAT(v6, HasSubstr(" > [fd09:1::11]:8080, by cluster\n"));
  const std::string udp = text_of(packet(Protocol::kUdp, "192.0.2.1", 7, "11.0.0.2", 7));
  EXPECT_THAT(udp, HasSubstr("packet   udp 192.0.2.1:7 > 11.0.0.2:7, received by edge\n"));
  EXPECT_THAT(udp, HasSubstr("verdict  forward\n"));
}

TEST(Explain, SctpIsAskedForByAnInit) {
  SnapshotSpec spec = replay_spec();
  spec.services[0].protocol = Protocol::kSctp;
  auto options = packet(Protocol::kSctp, "192.0.2.1", 7, "11.202.66.36", 6379);
  EXPECT_THAT(text_of(options), HasSubstr("verdict  drop: port_not_served\n"));
  options.snapshot = SnapshotBuilder().build(spec);
  const std::string text = text_of(options);
  EXPECT_THAT(text, HasSubstr("packet   sctp 192.0.2.1:7 > 11.202.66.36:6379 (INIT), received"));
  EXPECT_THAT(text, HasSubstr(":6379/sctp, fullnat\n"));
  EXPECT_THAT(text, HasSubstr("verdict  forward\nout      sctp 10.9.1.100:"));
}

TEST(Explain, WhatIsNotForwardedSaysWhy) {
  const std::string no_real = text_of(packet(Protocol::kTcp, "192.0.2.1", 7, "11.0.0.3", 80));
  EXPECT_THAT(no_real, HasSubstr("service  empty 11.0.0.3:80/tcp, fullnat\n"));
  EXPECT_THAT(no_real, HasSubstr("verdict  reply: tcp_reset\n"
                                 "because  nothing takes it: no real of the service"));
  EXPECT_THAT(no_real, HasSubstr("out      tcp 11.0.0.3:80 > 192.0.2.1:7, by edge\n"));

  const std::string port = text_of(packet(Protocol::kTcp, "192.0.2.1", 7, "11.202.66.36", 80));
  EXPECT_THAT(port, HasSubstr("verdict  drop: port_not_served\nbecause  the VIP has no service"));
  EXPECT_THAT(port, Not(HasSubstr("out ")));

  EXPECT_THAT(text_of(packet(Protocol::kTcp, "192.0.2.1", 7, "203.0.113.1", 80)),
              HasSubstr("verdict  drop: not_for_us\nbecause  the destination is no VIP"));
  EXPECT_THAT(text_of(packet(Protocol::kTcp, "192.0.2.1", 7, "10.9.0.2", 22)),
              HasSubstr("verdict  kernel: own_address\n"));
}

TEST(Explain, SeveralWorkersShareTheFlowsAndItsOwnerIsNamed) {
  bool other_than_first = false;
  for (uint16_t port = 1; port <= 50; ++port) {
    auto options = packet(Protocol::kTcp, "192.0.2.1", port, "11.202.66.36", 6379);
    options.workers = 2;
    const std::string text = text_of(options);
    EXPECT_THAT(text, HasSubstr("verdict  forward\n"));
    other_than_first |= text.find("worker   1 of 2\n") != std::string::npos;
  }
  EXPECT_TRUE(other_than_first);
}

}  // namespace
}  // namespace vipgate::test::explain_test
