// Usual packets take short ways of their own (usual_vip.h, usual_packets.h). With a VLAN tag they
// take the long ones, on ports that ask for none: what becomes of them must be the same.
// VIPGATE_USUAL_ROUNDS=N asks for more or less than 3,000.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/direct_net.h"
#include "tests/support/test_size.h"

namespace vipgate::test::usual_packets_test {
namespace {

constexpr size_t kTagAt = 12;
constexpr uint8_t kTag[] = {0x81, 0x00, 0x00, 0x05};

Bytes tagged(Bytes frame) {
  frame.insert(frame.begin() + kTagAt, std::begin(kTag), std::end(kTag));
  return frame;
}

Bytes untagged(Bytes frame) {
  if (frame.size() >= kTagAt + 4 && frame[kTagAt] == kTag[0] && frame[kTagAt + 1] == kTag[1]) {
    frame.erase(frame.begin() + kTagAt, frame.begin() + kTagAt + 4);
  }
  return frame;
}

// The answer to an IPv4 packet without options, as the real sends it.
Bytes answer_to(Bytes frame) {
  const auto swap = [&](size_t at, size_t bytes) {
    std::swap_ranges(frame.begin() + at, frame.begin() + at + bytes, frame.begin() + at + bytes);
  };
  swap(0, 6);
  swap(26, 4);
  swap(34, 2);
  return frame;
}

std::vector<Outcome> without_tags(std::vector<Outcome> outcomes) {
  for (Outcome& outcome : outcomes) outcome.frame = untagged(std::move(outcome.frame));
  return outcomes;
}

SnapshotSpec without_tags(SnapshotSpec spec) {
  for (PortEntry& port : spec.ports) port.vlan = 0;
  return spec;
}

// The same packets, by the short ways and by the long ones.
class BothWays {
 public:
  explicit BothWays(const SnapshotSpec& spec, uint32_t workers = 1, size_t flows = 4096)
      : workers_(workers),
        short_{spec, {.workers = workers, .flows = flows}},
        long_{spec, {.workers = workers, .flows = flows}} {}

  // Those that went on, of a burst to `port`, as the short ways left them. The workers receive a
  // burst in turn.
  std::vector<Bytes> send(const std::vector<Bytes>& frames, uint8_t port) {
    receiver_ = (receiver_ + 1) % workers_;
    std::vector<Bytes> with_tags;
    for (const Bytes& frame : frames) with_tags.push_back(tagged(frame));
    const auto outs = without_tags(short_.send_burst(frames, port, receiver_));
    const auto expected = without_tags(long_.send_burst(with_tags, port, receiver_));
    std::vector<Bytes> sent;
    for (size_t i = 0; i < frames.size(); ++i) {
      EXPECT_EQ(to_string(outs[i]), to_string(expected[i])) << describe(frames[i]);
      EXPECT_EQ(outs[i].verdict.real, expected[i].verdict.real);
      EXPECT_EQ(outs[i].worker, expected[i].worker) << describe(frames[i]);
      EXPECT_EQ(outs[i].frame, expected[i].frame) << describe(frames[i]);
      if (outs[i].is_forward()) sent.push_back(outs[i].frame);
    }
    EXPECT_EQ(short_.flows(), long_.flows());
    return sent;
  }
  void pass_seconds(double seconds) {
    short_.pass_seconds(seconds);
    long_.pass_seconds(seconds);
  }
  // By service and by real, too.
  void check_counters() const {
    for (const Event event :
         {Event::kForwardPackets, Event::kReturnPackets, Event::kFlowsCreated, Event::kFlowsExpired,
          Event::kFlowsRebalanced, Event::kHandedOver, Event::kFlowsEvictedClosing,
          Event::kFlowsEvictedEmbryonic, Event::kFlowsEvictedEstablished, Event::kFlowsUntracked}) {
      EXPECT_EQ(short_.count(event), long_.count(event)) << to_string(event);
    }
    const auto of = [this](const FakeGateway& gateway) {
      std::vector<uint64_t> packets;
      for (uint32_t worker = 0; worker < workers_; ++worker) {
        const WorkerMemory& memory = gateway.memory(worker);
        for (const auto& service : memory.services()) {
          packets.push_back(service.forward_packets.value());
          packets.push_back(service.return_packets.value());
          packets.push_back(service.flows_created.value());
        }
        for (const auto& real : memory.reals()) {
          packets.push_back(real.packets.value());
          packets.push_back(real.flows.value());
          packets.push_back(real.flows_created.value());
        }
        for (const auto& real : memory.signals()) packets.push_back(real.opened.value());
      }
      return packets;
    };
    EXPECT_EQ(short_.count(Event::kHandedOver) != 0, workers_ != 1);
    EXPECT_EQ(of(short_), of(long_));
    short_.check_counters();
  }

 private:
  uint32_t workers_, receiver_ = 0;
  FakeGateway short_, long_;
};

class Random {
 public:
  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(engine_); }
  bool once_in(size_t n) { return below(n) == 0; }

  // A packet of one of a few flows, now and then with something odd about it.
  Bytes packet(const std::string& vip, uint16_t port, Protocol protocol, size_t flows) {
    PacketBuilder packet;
    packet.eth(kClientMac, kGatewayMac0).ipv4("192.0.2.1", vip);
    packet.ttl(static_cast<uint8_t>(once_in(20) ? below(3) : 64))
        .tos(static_cast<uint8_t>(below(4)));
    const auto client_port = static_cast<uint16_t>(40'000 + below(flows));
    if (protocol == Protocol::kTcp) {
      const char* const kFlags[] = {"S", "F", "R", "PA", "SA"};
      packet.tcp(client_port, port).flags(once_in(8) ? kFlags[below(5)] : "A");
      if (once_in(3)) packet.tcp_options(Bytes(12, 1));
    } else {
      packet.udp(client_port, port);
      if (once_in(4)) packet.no_udp_checksum();
    }
    packet.payload(Bytes(below(40), 'x'));
    return spoil(packet.pad_to(60).build());
  }
  // One that begins a flow of one of many clients, or now and then does not.
  Bytes beginning(const std::string& vip, uint16_t port, Protocol protocol) {
    const auto client = "192.0." + std::to_string(2 + below(12)) + "." + std::to_string(below(250));
    PacketBuilder packet;
    packet.eth(kClientMac, kGatewayMac0).ipv4(once_in(40) ? vip : client, vip);
    packet.ttl(static_cast<uint8_t>(once_in(30) ? below(3) : 64));
    const auto client_port = static_cast<uint16_t>(40'000 + below(8));
    if (protocol == Protocol::kTcp) {
      const char* const kFlags[] = {"A", "F", "R", "SF", "SA"};
      packet.tcp(client_port, port).flags(once_in(16) ? kFlags[below(5)] : "S");
    } else {
      packet.udp(client_port, port);
    }
    packet.payload(Bytes(once_in(20) ? 1440 : below(20), 'x'));
    return packet.pad_to(60).build();
  }
  Bytes spoil(Bytes frame) {
    for (size_t i = once_in(8) ? below(3) : 0; i > 0; --i) {
      frame[below(frame.size())] = static_cast<uint8_t>(below(256));
    }
    // The tag that the long way needs is not to be made by chance.
    if (frame[kTagAt] == kTag[0]) frame[kTagAt] = 0x08;
    return frame;
  }

 private:
  std::mt19937 engine_{7};
};

const uint64_t kUsualRounds = from_environment("VIPGATE_USUAL_ROUNDS", 3'000);

// Among several workers, those that are another one's are handed over.
class UsualPackets : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Workers, UsualPackets, testing::Values(1, 3));

TEST_P(UsualPackets, OfTranslatedFlowsAndTheirReturnsGetWhatTheLongWayGivesThem) {
  BothWays gateways(without_tags(net_spec()), GetParam());
  Random random;
  size_t returned = 0;
  for (uint64_t round = 0; round < kUsualRounds; ++round) {
    std::vector<Bytes> burst;
    const ServiceCase* kind = &kServiceCases[0];
    for (size_t i = 1 + random.below(8); i > 0; --i) {
      const ServiceCase* const kinds[] = {&kServiceCases[0], &kServiceCases[1], &kServiceCases[4]};
      if (random.once_in(4)) kind = kinds[random.below(3)];
      burst.push_back(random.packet(kind->vip(), kind->port(), kind->protocol, 30));
    }
    std::vector<Bytes> answers;
    for (const Bytes& sent : gateways.send(burst, 0)) {
      if (sent[14] == 0x45) answers.push_back(random.spoil(answer_to(sent)));
    }
    if (!answers.empty()) returned += gateways.send(answers, 1).size();
    if (random.once_in(10)) gateways.pass_seconds(static_cast<double>(random.below(300)) / 10);
    if (HasFailure()) return;
  }
  EXPECT_GT(returned, kUsualRounds * 5 / 3);
  gateways.check_counters();
}

// The flows of what comes from a real that is known are looked for while it is parsed.
TEST_P(UsualPackets, FromARealOfNatToNoClientOfItsGetWhatTheLongWayGivesThem) {
  const SnapshotSpec spec = without_tags(net_spec());
  std::vector<IpAddress> others = {ip("198.51.100.9"), ip("192.0.2.1")};
  for (const ServiceSpec& service : spec.services) others.push_back(service.vip);
  for (const OwnAddress& own : spec.own) others.push_back(own.address);
  for (const SnatAddress& snat : spec.snat_addresses) others.push_back(snat.address);
  std::erase_if(others, [](const IpAddress& address) { return !address.is_v4(); });
  for (const ServiceCase& kind : {kServiceCases[4], kServiceCases[5]}) {
    BothWays gateways(spec, GetParam());
    Random random;
    const auto sent = gateways.send({random.packet(kind.vip(), kind.port(), kind.protocol, 1)}, 0);
    ASSERT_EQ(sent.size(), 1u);
    const Bytes answer = answer_to(sent.front());
    // Each worker comes to know the real.
    for (uint32_t round = 0; round < 2 * GetParam(); ++round) {
      ASSERT_EQ(gateways.send({answer, answer}, 1).size(), 2u);
      std::vector<Bytes> burst{answer};
      for (const IpAddress& other : others) {
        Bytes frame = answer;
        const Ipv4Address destination = other.v4();
        std::memcpy(&frame[30], &destination, sizeof destination);
        burst.push_back(frame);
        frame[37] ^= 1;  // another port of the client's
        burst.push_back(frame);
      }
      gateways.send(burst, 1);
    }
    gateways.check_counters();
  }
}

TEST_P(UsualPackets, ToRealsThatAnswerDirectlyGetWhatTheLongWayGivesThem) {
  SnapshotSpec spec = without_tags(direct_spec());
  std::vector<DirectCase> kinds;
  for (const DirectCase& kind : direct_cases()) {
    if (kind.family == 4) kinds.push_back(kind);
  }
  // One with a DSCP of its own, one that changes its packets.
  spec.services[direct_case(Mode::kGre).index].tunnel.dscp = 46;
  spec.services[direct_case(Mode::kIpip).index].tunnel.mss_clamp = 1000;
  BothWays gateways(spec, GetParam());
  Random random;
  size_t sent = 0;
  for (uint64_t round = 0; round < 2 * kUsualRounds; ++round) {
    std::vector<Bytes> burst;
    const DirectCase* kind = &kinds[random.below(kinds.size())];
    for (size_t i = 1 + random.below(8); i > 0; --i) {
      if (random.once_in(6)) kind = &kinds[random.below(kinds.size())];
      burst.push_back(random.packet(kind->vip(), kDirectPort, kind->protocol, 20));
    }
    sent += gateways.send(burst, 0).size();
    if (random.once_in(10)) gateways.pass_seconds(static_cast<double>(random.below(300)) / 10);
    if (HasFailure()) return;
  }
  EXPECT_GT(sent, kUsualRounds * 10 / 3);
  gateways.check_counters();
}

// Bursts in which most packets begin a flow, in tables that have no room for them: each pushes out
// another one, maybe of this very burst.
template <class Kind>
void begin_flows(BothWays& gateways, const std::vector<Kind>& kinds,
                 uint16_t (*port)(const Kind&)) {
  Random random;
  size_t sent = 0, all = 0;
  for (uint64_t round = 0; round < kUsualRounds / 3; ++round) {
    std::vector<Bytes> burst;
    const Kind* kind = &kinds[random.below(kinds.size())];
    for (size_t i = 10 + random.below(54); i > 0; --i) {
      if (random.once_in(12)) kind = &kinds[random.below(kinds.size())];
      // The same packet once more: its flow has begun with the one before.
      burst.push_back(!burst.empty() && random.once_in(12)
                          ? burst[random.below(burst.size())]
                          : random.beginning(kind->vip(), port(*kind), kind->protocol));
    }
    all += burst.size();
    sent += gateways.send(burst, 0).size();
    if (random.once_in(4)) gateways.pass_seconds(static_cast<double>(random.below(30)) / 10);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(sent, all * 3 / 4);
  gateways.check_counters();
}

TEST_P(UsualPackets, ThatBeginTranslatedFlowsGetWhatTheLongWayGivesThem) {
  SnapshotSpec spec = without_tags(net_spec());
  for (PortEntry& port : spec.ports) port.mtu = 1400;  // some packets are larger
  BothWays gateways(spec, GetParam(), 64);
  const std::vector<ServiceCase> kinds = {kServiceCases[0], kServiceCases[1], kServiceCases[4]};
  begin_flows<ServiceCase>(gateways, kinds, [](const ServiceCase& kind) { return kind.port(); });
}

TEST_P(UsualPackets, ThatBeginFlowsToRealsThatAnswerDirectlyGetWhatTheLongWayGivesThem) {
  std::vector<DirectCase> kinds;
  for (const DirectCase& kind : direct_cases()) {
    if (kind.family == 4) kinds.push_back(kind);
  }
  BothWays gateways(without_tags(direct_spec()), GetParam(), 64);
  begin_flows<DirectCase>(gateways, kinds, [](const DirectCase&) { return kDirectPort; });
}

}  // namespace
}  // namespace vipgate::test::usual_packets_test
