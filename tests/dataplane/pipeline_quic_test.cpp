// QUIC connections that stay with the real that their id names.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/direct_net.h"
#include "tests/support/fragments.h"
#include "tests/support/quic_packets.h"
#include "tests/support/test_net.h"

namespace vipgate::test::pipeline_quic_test {
namespace {

// A UDP service of net_spec() or direct_spec(), whose three reals have ids.
struct QuicCase {
  std::string name;
  SnapshotSpec spec;
  size_t service;
  std::function<PacketBuilder(uint16_t port, unsigned client)> to_vip;
};
void PrintTo(const QuicCase& kind, std::ostream* out) { *out << kind.name; }

constexpr uint32_t kFirstId = 0x9a01;  // of the first real; the others' follow

SnapshotSpec with_ids(SnapshotSpec spec) {
  for (ServiceSpec& service : spec.services) {
    if (service.protocol != Protocol::kUdp) continue;
    service.is_quic = true;
    for (size_t n = 0; n < service.reals.size(); ++n) {
      service.reals[n].quic_id = kFirstId + static_cast<uint32_t>(n);
    }
  }
  return spec;
}

std::vector<QuicCase> quic_cases() {
  std::vector<QuicCase> cases;
  for (const ServiceCase& kind : kServiceCases) {
    if (kind.protocol != Protocol::kUdp) continue;
    cases.push_back(
        {kind.name(), with_ids(net_spec()), kind.index(),
         [kind](uint16_t port, unsigned client) { return to_vip(kind, port, client); }});
  }
  for (const DirectCase& kind : direct_cases()) {
    if (kind.protocol != Protocol::kUdp) continue;
    cases.push_back(
        {kind.name(), with_ids(direct_spec()), kind.index,
         [kind](uint16_t port, unsigned client) { return to_vip(kind, port, client); }});
  }
  return cases;
}

class QuicFlow : public testing::TestWithParam<QuicCase> {
 protected:
  Outcome send(uint16_t port, const Bytes& payload, unsigned client = 1) {
    return gateway_.send(GetParam().to_vip(port, client).payload(payload));
  }
  // To the real at this position, by each layout in turn.
  Bytes named(size_t n) {
    layout_ = layout_ % 3 + 1;
    return quic_short(quic_connection_id(layout_, kFirstId + static_cast<uint32_t>(n)));
  }
  static Bytes initial() { return quic_long(0, Bytes(8, 0x7f)); }
  ServiceSpec& service() { return gateway_.spec().services[GetParam().service]; }
  RealId real(size_t n) { return service().reals[n].id; }
  size_t position(const Outcome& out) {
    for (size_t n = 0; n < 3; ++n) {
      if (real(n) == out.verdict.real) return n;
    }
    ADD_FAILURE() << to_string(out);
    return 0;
  }

  FakeGateway gateway_{GetParam().spec};
  int layout_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Pipeline, QuicFlow, testing::ValuesIn(quic_cases()),
                         [](const auto& test) { return test.param.name; });

TEST_P(QuicFlow, ConnectionIdsLeadToTheirRealFromAnyAddress) {
  for (unsigned client = 1; client <= 8; ++client) {
    for (size_t n = 0; n < 3; ++n) {
      const auto port = static_cast<uint16_t>(1000 + n);
      const Outcome out = send(port, named(n), client);
      ASSERT_TRUE(out.is_forward()) << to_string(out);
      EXPECT_EQ(out.verdict.real, real(n));
      // Where its flow is from now on.
      const Outcome next = send(port, initial(), client);
      EXPECT_EQ(next.verdict.real, real(n));
    }
  }
  EXPECT_EQ(gateway_.count(Event::kFlowsByQuicId), 24u);
  EXPECT_EQ(gateway_.count(Event::kFlowsCreated), 24u);
  gateway_.check_counters();
}

TEST_P(QuicFlow, AConnectionSurvivesAChangeOfItsClientsAddress) {
  const size_t chosen = position(send(4000, initial()));
  EXPECT_EQ(position(send(4000, quic_long(2, quic_connection_id(
                                                 1, kFirstId + static_cast<uint32_t>(chosen))))),
            chosen);
  for (unsigned client = 2; client < 40; ++client) {
    EXPECT_EQ(position(send(static_cast<uint16_t>(4000 + client), named(chosen), client)), chosen);
  }
}

TEST_P(QuicFlow, ItsNewAddressMayHaveBeenAnotherConnections) {
  const size_t before = position(send(4000, initial()));
  const size_t other = (before + 1) % 3;
  EXPECT_EQ(position(send(4000, named(other))), other);
  EXPECT_EQ(position(send(4000, initial())), other) << "the flow has moved";
  EXPECT_EQ(gateway_.flows(),
            GetParam().spec.services[GetParam().service].mode == Mode::kNat ? 2u : 1u);
  EXPECT_EQ(gateway_.count(Event::kFlowsByQuicId), 1u);
}

TEST_P(QuicFlow, APacketOfABurstGoesByItsOwnId) {
  std::vector<Bytes> frames;
  std::vector<size_t> wanted;
  for (size_t i = 0; i < 30; ++i) {
    wanted.push_back(i % 3);
    frames.push_back(GetParam().to_vip(4000, 1).payload(named(i % 3)).build());
  }
  const auto outcomes = gateway_.send_burst(frames);
  for (size_t i = 0; i < frames.size(); ++i) {
    ASSERT_TRUE(outcomes[i].is_forward());
    EXPECT_EQ(position(outcomes[i]), wanted[i]) << i;
  }
  gateway_.check_counters();
}

TEST_P(QuicFlow, AnUnknownIdGoesByFlowAndIsCounted) {
  std::set<size_t> reals;
  for (uint16_t port = 1; port <= 60; ++port) {
    const Outcome first = send(port, initial());
    const Outcome out = send(port, quic_short(quic_connection_id(2, 0x123456)));
    EXPECT_EQ(out.verdict.real, first.verdict.real);
    reals.insert(position(out));
  }
  EXPECT_EQ(reals.size(), 3u);
  EXPECT_EQ(gateway_.count(Event::kQuicIdsUnknown), 60u);
  EXPECT_EQ(gateway_.count(Event::kFlowsByQuicId), 0u);
}

TEST_P(QuicFlow, ADrainingRealKeepsItsConnectionsAndADeadOneDoesNot) {
  service().reals[1].state = RealState::kDraining;
  gateway_.publish();
  EXPECT_EQ(send(4001, named(1)).verdict.real, real(1));
  service().reals[1].state = RealState::kDown;
  gateway_.publish();
  const Outcome out = send(4001, named(1));
  ASSERT_TRUE(out.is_forward());
  EXPECT_NE(out.verdict.real, real(1));
  EXPECT_GE(gateway_.count(Event::kQuicIdsUnknown), 1u);
  for (RealSpec& each : service().reals) each.state = RealState::kDraining;
  gateway_.publish();
  EXPECT_EQ(send(4002, named(2)).verdict.real, real(2)) << "no real takes new connections";
  EXPECT_FALSE(send(4003, initial()).is_forward());
}

TEST_P(QuicFlow, WhatTheSourceMayNotIsNotGotRoundByAnId) {
  service().admission.deny_sources = {IpPrefix{
      service().vip.is_v4() ? ip("192.0.2.0") : ip("2001:db8::"), service().vip.is_v4() ? 24 : 64}};
  gateway_.publish();
  EXPECT_TRUE(send(4000, named(0)).is_drop(DropReason::kSourceDenied));
}

TEST_P(QuicFlow, PayloadsOfAnyLengthAreForwarded) {
  const Bytes whole = quic_long(2, quic_connection_id(3, kFirstId));
  for (size_t length = 0; length <= whole.size(); ++length) {
    const Bytes payload(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
    EXPECT_TRUE(send(static_cast<uint16_t>(5000 + length), payload).is_forward());
  }
  gateway_.check_counters();
}

TEST_P(QuicFlow, FragmentsFollowTheFirstOnesId) {
  Bytes payload = named(2);
  payload.resize(400, 0xcc);
  const Bytes whole = GetParam().to_vip(4100, 1).payload(payload).build();
  for (const Bytes& fragment : fragmented(whole, 160, 5)) {
    const Outcome out = gateway_.send(fragment);
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    EXPECT_EQ(position(out), 2u);
  }
}

TEST_P(QuicFlow, EveryWorkerKnowsTheIds) {
  FakeGateway several(GetParam().spec, {.workers = 3});
  for (uint16_t port = 1; port <= 60; ++port) {
    const size_t n = port % 3;
    const Outcome out = several.send(GetParam().to_vip(port, 1).payload(named(n)), 0, port % 3u);
    ASSERT_TRUE(out.is_forward());
    EXPECT_EQ(position(out), n);
  }
  several.check_counters();
}

TEST_P(QuicFlow, AClientsAffinityYieldsToTheId) {
  service().admission.affinity_s = 60;
  gateway_.publish();
  const size_t kept = position(send(4000, initial()));
  const size_t other = (kept + 1) % 3;
  EXPECT_EQ(position(send(4001, initial())), kept);
  EXPECT_EQ(position(send(4002, named(other))), other);
  EXPECT_EQ(position(send(4003, initial())), kept) << "the client's real is what it was";
}

}  // namespace
}  // namespace vipgate::test::pipeline_quic_test
