// Several workers: whoever owns a flow gets all its packets, wherever they arrive.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <utility>

#include "tests/support/test_net.h"

namespace vipgate::test::pipeline_handover_test {
namespace {

struct HandoverCase {
  ServiceCase kind;
  uint32_t workers;
};

class Handover : public testing::TestWithParam<HandoverCase> {};

std::vector<HandoverCase> handover_cases() {
  std::vector<HandoverCase> cases;
  for (const ServiceCase& kind : kServiceCases) {
    for (const uint32_t workers : {2u, 3u, 7u}) cases.push_back({kind, workers});
  }
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Pipeline, Handover, testing::ValuesIn(handover_cases()),
                         [](const auto& test) {
                           return test.param.kind.name() + "By" +
                                  std::to_string(test.param.workers);
                         });

TEST_P(Handover, OwnerOfTheForwardPacketsGetsTheReturnsWhereverTheyArrive) {
  const auto& [kind, workers] = GetParam();
  FakeGateway gateway(net_spec(), {.workers = workers});
  std::mt19937 random(workers);
  const auto anyone = [&, workers = workers] { return static_cast<uint32_t>(random() % workers); };
  std::set<uint32_t> owners;
  constexpr int kFlows = 1000;
  for (int i = 0; i < kFlows; ++i) {
    const auto port = static_cast<uint16_t>(1024 + random() % 60'000);
    const auto question = to_vip(kind, port, static_cast<unsigned>(random() % 2000));
    const auto first = gateway.send(question, 0, anyone());
    ASSERT_TRUE(first.is_forward()) << to_string(first);
    owners.insert(first.worker);
    const auto again = gateway.send(question, 0, anyone());
    ASSERT_EQ(again.worker, first.worker);
    ASSERT_EQ(tuple_of(again.frame), tuple_of(first.frame));
    const auto back = gateway.send(answer_to(first, kind.protocol), 1, anyone());
    ASSERT_TRUE(back.is_forward()) << to_string(back);
    ASSERT_EQ(back.worker, first.worker);
    ASSERT_EQ(back.port, 0u) << "the ingress port survives the hand-over";
    ASSERT_TRUE(checksums_ok(back.frame));
  }
  EXPECT_EQ(owners.size(), workers) << "the flows are spread";
  gateway.check_counters();
}

TEST(HandoverOfAMixedBurst, ProcessesEachPacketOnce) {
  FakeGateway gateway(net_spec(), {.workers = 4});
  std::vector<Bytes> burst;
  for (uint16_t i = 0; i < 64; ++i) {
    burst.push_back(to_vip(kServiceCases[i % 8], static_cast<uint16_t>(i + 1)).build());
  }
  const auto outcomes = gateway.send_burst(burst, 0, 2);
  for (const auto& out : outcomes) EXPECT_TRUE(out.is_forward()) << to_string(out);
  EXPECT_EQ(gateway.count(Event::kRxPackets), 64u);
  EXPECT_EQ(gateway.count(Event::kForwardPackets), 64u);
  gateway.check_counters();
}

TEST(HandoverOfABurst, KeepsTheOrderWithinEachFlow) {
  FakeGateway gateway(net_spec(), {.workers = 4});
  const auto flow_of = [](size_t i) { return std::pair(i / 3 % 4, i % 3 + i / 12 % 2); };
  std::vector<Bytes> burst;
  for (size_t i = 0; i < 64; ++i) {
    const auto [service, client] = flow_of(i);
    burst.push_back(to_vip(kServiceCases[service], static_cast<uint16_t>(client + 1)).build());
  }
  for (uint32_t worker = 0; worker < 4; ++worker) {
    const auto outcomes = gateway.send_burst(burst, 0, worker);
    std::map<std::pair<size_t, size_t>, uint64_t> last;
    for (size_t i = 0; i < burst.size(); ++i) {
      ASSERT_TRUE(outcomes[i].is_forward()) << to_string(outcomes[i]);
      const auto [known, is_first] = last.try_emplace(flow_of(i), outcomes[i].place);
      if (!is_first) {
        EXPECT_GT(outcomes[i].place, known->second) << "packet " << i;
      }
      known->second = outcomes[i].place;
    }
  }
  EXPECT_GT(gateway.count(Event::kHandedOver), 64u);
  gateway.check_counters();
}

// What is usual is looked up before the rest, but not handed over before it.
TEST(HandoverOfABurst, KeepsTheOrderOfUsualAndUnusualPacketsOfAFlow) {
  FakeGateway gateway(net_spec(), {.workers = 4});
  std::vector<Bytes> burst;
  for (uint16_t i = 0; i < 32; ++i) {
    PacketBuilder packet;
    packet.eth(kClientMac, kGatewayMac0).ipv4("192.0.2.1", "11.0.0.1");
    if (i % 3 == 1) packet.ip_options(Bytes(4, 1));
    burst.push_back(packet.tcp(static_cast<uint16_t>(1 + i % 2), 80).flags("A").build());
  }
  for (int round = 0; round < 3; ++round) {
    for (uint32_t worker = 0; worker < 4; ++worker) {
      const auto outcomes = gateway.send_burst(burst, 0, worker);
      for (size_t i = 0; i < burst.size(); ++i) {
        ASSERT_TRUE(outcomes[i].is_forward()) << to_string(outcomes[i]);
        if (i >= 2) {
          EXPECT_GT(outcomes[i].place, outcomes[i - 2].place) << "packet " << i;
        }
      }
    }
  }
  EXPECT_GE(gateway.count(Event::kHandedOver), 3u * 3u * 32u);
  gateway.check_counters();
}

TEST(HandoverOfRarePackets, DoesNotHappen) {
  FakeGateway gateway(net_spec(), {.workers = 4});
  PacketBuilder arp;
  arp.arp_request(kClientMac, "192.0.2.1", "11.0.0.1");
  for (uint32_t worker = 0; worker < 4; ++worker) {
    EXPECT_EQ(gateway.send(arp, 0, worker).worker, worker);
  }
  EXPECT_EQ(gateway.count(Event::kHandedOver), 0u);
}

}  // namespace
}  // namespace vipgate::test::pipeline_handover_test
