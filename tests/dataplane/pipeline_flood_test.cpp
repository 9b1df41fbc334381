// Floods and random input: what must hold whatever comes.
#include <gtest/gtest.h>

#include <random>

#include "tests/support/test_net.h"

namespace vipgate::test::pipeline_flood_test {
namespace {

class NewConnectionsInAFlood : public testing::TestWithParam<ServiceCase> {};
INSTANTIATE_TEST_SUITE_P(Pipeline, NewConnectionsInAFlood,
                         testing::Values(kServiceCases[0], kServiceCases[4]),
                         [](const auto& test) { return test.param.name(); });

// A full table must go on taking new flows in place of unanswered ones.
TEST_P(NewConnectionsInAFlood, AreNotKeptOut) {
  const ServiceCase& kind = GetParam();
  SnapshotSpec spec = net_spec();
  spec.snat_addresses[0] = {ip("10.8.0.1"), 20'000, 20'999};
  FakeGateway gateway(std::move(spec), {.flows = 1000});
  int forwarded = 0;
  constexpr int kLast = 1000;
  for (int i = 0; i < 20'000 + kLast; ++i) {
    const auto out = gateway.send(
        to_vip(kind, static_cast<uint16_t>(1 + i % 60'000), static_cast<unsigned>(i / 100)));
    if (i >= 20'000) forwarded += out.is_forward();
  }
  EXPECT_EQ(forwarded, kLast);
}

// Frames of every kind that the tests know, good and mangled.
class Anything {
 public:
  explicit Anything(uint32_t seed) : random_(seed) {}

  size_t below(size_t n) { return random_() % n; }

  Bytes valid(uint8_t port) {
    const ServiceCase& kind = kServiceCases[below(8)];
    if (port == 1 && !forwarded.empty()) {
      const auto& [out, protocol] = forwarded[below(forwarded.size())];
      static constexpr const char* kFlags[] = {"SA", "A", "FA", "R", "PA"};
      return answer_to(out, protocol, kFlags[below(5)]).ttl(ttl()).build();
    }
    PacketBuilder packet = to_vip(kind, static_cast<uint16_t>(1 + below(300)));
    packet.ttl(ttl()).payload(Bytes(below(80), 3));
    if (below(4) == 0) packet.vlan(static_cast<uint16_t>(1 + below(100)));
    if (below(4) == 0 && kind.family == 4) packet.ip_options(4 * below(11));
    if (kind.protocol == Protocol::kTcp) {
      static constexpr const char* kFlags[] = {"S", "A", "FA", "R", "PA", "", "SFRA"};
      packet.flags(kFlags[below(7)]);
    }
    static constexpr const char* k4[] = {"11.0.0.1", "10.9.0.1", "10.8.0.1", "10.9.0.53",
                                         "1.2.3.4"};
    static constexpr const char* k6[] = {"fd11::1", "fd09::1", "fd08::1", "fd09::53", "ff02::1"};
    switch (below(12)) {
      case 0:
        packet.ipv4("192.0.2.1", k4[below(5)]).icmp_echo(1, 2);
        break;
      case 1:
        packet.ip_options(0).ipv6("2001:db8::1", k6[below(5)]).icmp_echo(1, 2);
        break;
      case 2:
        packet.ipv4("192.0.2.1", k4[below(5)]).udp(3000, below(2) == 0 ? 53 : 99);
        break;
      case 3:
        packet.ip_options(0).ipv6("2001:db8::1", k6[below(5)]).udp(3000, below(2) == 0 ? 53 : 99);
        break;
      case 4:
        return PacketBuilder().arp_request(kClientMac, "192.0.2.1", k4[below(5)]).build();
      case 5:
        return PacketBuilder().neighbor_solicitation(kClientMac, "fd00::9", k6[below(5)]).build();
      case 6:
        packet.ipv4("192.0.2.1", "11.0.0.1").tcp(7, below(2) == 0 ? 99 : 98);
        break;
      default:
        break;
    }
    return packet.build();
  }

  Bytes mangled(uint8_t port) {
    Bytes frame = valid(port);
    for (size_t i = 1 + below(4); i > 0; --i) {
      frame[below(std::min<size_t>(frame.size(), 80))] = static_cast<uint8_t>(random_());
    }
    if (below(4) == 0) frame.resize(below(frame.size() + 1));
    return frame;
  }

  std::vector<std::pair<Outcome, Protocol>> forwarded;

 private:
  uint8_t ttl() { return static_cast<uint8_t>(below(20) == 0 ? below(3) : 64); }
  std::mt19937 random_;
};

TEST(PipelineAnything, EveryPacketHasOneEndOneCountAndRightChecksumsIfItCameWithThem) {
  for (const uint32_t workers : {1u, 3u}) {
    FakeGateway gateway(net_spec(), {.workers = workers, .flows = 200});
    Anything anything(workers);
    uint64_t sent = 0, transmitted = 0;
    for (int round = 0; round < 3000; ++round) {
      const auto port = static_cast<uint8_t>(anything.below(2));
      std::vector<Bytes> burst;
      for (size_t i = 1 + anything.below(64); i > 0; --i) {
        burst.push_back(anything.below(4) == 0 ? anything.mangled(port) : anything.valid(port));
      }
      sent += burst.size();
      const auto outcomes =
          gateway.send_burst(burst, port, static_cast<uint32_t>(anything.below(workers)));
      for (size_t i = 0; i < burst.size(); ++i) {
        const Outcome& out = outcomes[i];
        if (out.queue != Outcome::Queue::kTransmit) {
          ASSERT_EQ(out.frame, burst[i]) << "what is not sent is left as it came";
          continue;
        }
        ++transmitted;
        const bool is_arp = out.is_reply(ReplyKind::kArp);
        if (!is_arp && checksums_ok(burst[i])) {
          ASSERT_TRUE(checksums_ok(out.frame))
              << describe(burst[i]) << "\n→ " << to_string(out) << "\n"
              << describe(out.frame);
        }
        if (out.is_forward() && !out.verdict.is_return && anything.forwarded.size() < 500) {
          anything.forwarded.emplace_back(out, kServiceCases[out.verdict.service].protocol);
        }
      }
      gateway.pass_seconds(anything.below(50) == 0 ? 20 : 0.01);
      if (round % 400 == 0) {
        auto& reals = gateway.spec().services[anything.below(8)].reals;
        reals[anything.below(3)].state = static_cast<RealState>(anything.below(3));
        gateway.publish();
      }
    }
    EXPECT_GT(transmitted, sent / 4);
    EXPECT_EQ(gateway.count(Event::kRxPackets), sent);
    gateway.check_counters();
    gateway.jump_seconds(3700);
    EXPECT_EQ(gateway.flows(), 0u) << "nothing is left of flows that have ended";
  }
}

}  // namespace
}  // namespace vipgate::test::pipeline_flood_test
