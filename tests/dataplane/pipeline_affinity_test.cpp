// Services with `affinity: source`: a client keeps its real.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/direct_net.h"
#include "tests/support/icmp_errors.h"

namespace vipgate::test::pipeline_affinity_test {
namespace {

constexpr unsigned kClients = 60;

// An ICMP error about a frame that was sent, as it arrives at a port: 0 from the client's side.
PacketBuilder error_about(std::span<const uint8_t> frame, uint8_t port) {
  PacketBuilder packet;
  packet.eth(port == 0 ? kClientMac : kRealMac, port == 0 ? kGatewayMac0 : kGatewayMac1);
  if (port == 1) packet.vlan(kRealVlan);
  const IpAddress source = tuple_of(frame).source;
  const ErrorKind kind = error_kinds(source.is_v4() ? 4 : 6)[1];
  if (source.is_v4()) {
    packet.ipv4(ip("198.51.100.9").v4(), source.v4());
  } else {
    packet.ipv6(ip("2001:db8:9::9").v6(), source.v6());
  }
  return packet.icmp(kind.type, kind.code, kind.rest).payload(quoted(frame, 8));
}

class Affinity : public testing::TestWithParam<ServiceCase> {
 protected:
  Affinity() { start({}); }
  void start(const GatewayOptions& options) {
    SnapshotSpec spec = net_spec();
    spec.services[kind().index()].admission.affinity_s = 20;
    gateway_ = std::make_unique<FakeGateway>(spec, options);
  }
  const ServiceCase& kind() const { return GetParam(); }
  ServiceSpec& service() { return gateway_->spec().services[kind().index()]; }
  void publish() { gateway_->publish(); }

  Outcome begin(unsigned client, uint32_t worker = 0) {
    return gateway_->send(to_vip(kind(), next_port_++, client), 0, worker);
  }
  RealId real_of(unsigned client) {
    const Outcome out = begin(client);
    EXPECT_TRUE(out.is_forward()) << to_string(out);
    return out.verdict.real;
  }
  std::map<unsigned, RealId> reals_of_all() {
    std::map<unsigned, RealId> reals;
    for (unsigned client = 1; client <= kClients; ++client) reals[client] = real_of(client);
    return reals;
  }
  // Rows that every client but by chance would be moved by.
  void change_rows() {
    service().reals[0].weight = service().reals[0].weight == 1 ? 50 : 1;
    service().maglev_rows = service().maglev_rows == 251 ? 4093 : 251;
    publish();
  }
  RealSpec& spec_of(RealId id) {
    for (RealSpec& real : service().reals) {
      if (real.id == id) return real;
    }
    throw std::invalid_argument("there is no such real");
  }

  std::unique_ptr<FakeGateway> gateway_;
  uint16_t next_port_ = 1024;
};
INSTANTIATE_TEST_SUITE_P(Pipeline, Affinity, testing::ValuesIn(kServiceCases),
                         [](const auto& test) { return test.param.name(); });

TEST_P(Affinity, AClientKeepsItsRealWhenRowsWeightsAndOtherRealsChange) {
  const auto before = reals_of_all();
  std::set<uint32_t> all;
  for (const auto& [client, real] : before) all.insert(real.index());
  EXPECT_EQ(all.size(), 3u) << "clients are spread over all reals";
  change_rows();
  EXPECT_TRUE(reals_of_all() == before);
  EXPECT_GT(gateway_->count(Event::kFlowsByAffinity), kClients / 4);

  RealSpec added = service().reals[0];
  added.address = ip(kind().real(9));
  added.id = RealId(200, 1);
  if (kind().mode == Mode::kNat) added.return_flow_id = 999;
  added.weight = 100;
  service().reals.push_back(added);
  publish();
  EXPECT_TRUE(reals_of_all() == before);
  EXPECT_NE(real_of(kClients + 1), RealId{}) << "new clients go by the rows";
  gateway_->check_counters();
}

TEST_P(Affinity, AClientThatIsNotSeenForTheTimeOutGoesByTheRowsAgain) {
  const auto before = reals_of_all();
  change_rows();
  gateway_->pass_seconds(18);
  EXPECT_TRUE(reals_of_all() == before) << "each new flow begins the time anew";
  gateway_->pass_seconds(18);
  EXPECT_TRUE(reals_of_all() == before);
  gateway_->pass_seconds(22);
  EXPECT_TRUE(reals_of_all() != before);
}

TEST_P(Affinity, AnyPacketOfAKnownFlowShowsThatTheClientIsThere) {
  service().timeouts.fill(4 * 60);
  publish();
  const uint16_t port = next_port_++;
  const RealId real = gateway_->send(to_vip(kind(), port)).verdict.real;
  for (RealSpec& each : service().reals) each.weight = each.id == real ? 1 : 65'535;
  publish();
  for (int i = 0; i < 5; ++i) {
    gateway_->pass_seconds(15);
    PacketBuilder more = to_vip(kind(), port);
    if (kind().protocol == Protocol::kTcp) more.flags("A");
    ASSERT_EQ(gateway_->send(more).verdict.real, real);
  }
  EXPECT_EQ(real_of(1), real);
  gateway_->pass_seconds(22);
  int elsewhere = 0;
  for (unsigned client = 1; client <= 3; ++client) elsewhere += real_of(client) != real;
  EXPECT_GE(elsewhere, 2) << "hardly a row is this real's";
}

TEST_P(Affinity, ARealThatTakesNoNewFlowsLosesItsClientsForGood) {
  for (const int way : {0, 1, 2}) {
    start({});
    const RealId first = real_of(1);
    RealSpec& real = spec_of(first);
    if (way == 0) real.state = RealState::kDown;
    if (way == 1) real.state = RealState::kDraining;
    if (way == 2) real.weight = 0;
    publish();
    const RealId second = real_of(1);
    EXPECT_NE(second, first);
    spec_of(first).state = RealState::kUp;
    spec_of(first).weight = 1;
    publish();
    EXPECT_EQ(real_of(1), second) << "it stays where it went";
  }
}

TEST_P(Affinity, WhatAFallbackGaveIsNotKept) {
  const ServiceSpec& other = gateway_->spec().services[kind().index()];
  ServiceSpec lender = other;
  lender.index = 40;
  lender.flow_id = 41;
  lender.vip = ip(kind().family == 4 ? "11.0.0.77" : "fd11::77");
  lender.name = "lender";
  for (RealSpec& real : lender.reals) {
    real.id = RealId(real.id.index() + 100, 1);
    real.port = 9999;
    if (real.return_flow_id != 0) real.return_flow_id += 1000;
  }
  gateway_->spec().services.push_back(lender);
  service().no_real = NoReal::kFallback;
  service().fallback = 40;
  for (RealSpec& real : service().reals) real.state = RealState::kDown;
  publish();
  EXPECT_GE(real_of(1).index(), 100u);
  for (RealSpec& real : service().reals) real.state = RealState::kUp;
  publish();
  EXPECT_LT(real_of(1).index(), 100u);
}

TEST_P(Affinity, OneWorkerHasAllFlowsOfAClientAndTheirReturnsWhereverTheyArrive) {
  for (const uint32_t workers : {2u, 5u}) {
    start({.workers = workers});
    std::set<uint32_t> owners;
    for (unsigned client = 1; client <= kClients; ++client) {
      std::set<uint32_t> own, reals;
      for (uint32_t i = 0; i < 8; ++i) {
        if (i == 4) change_rows();
        const auto out = begin(client, i % workers);
        ASSERT_TRUE(out.is_forward()) << to_string(out);
        own.insert(out.worker);
        reals.insert(out.verdict.real.index());
        const auto back =
            gateway_->send(answer_to(out, kind().protocol), 1, (i + client) % workers);
        ASSERT_TRUE(back.is_forward()) << to_string(back);
        EXPECT_EQ(back.worker, out.worker);
        EXPECT_EQ(back.port, 0u);
      }
      EXPECT_EQ(own.size(), 1u);
      EXPECT_EQ(reals.size(), 1u);
      owners.insert(own.begin(), own.end());
    }
    EXPECT_EQ(owners.size(), workers) << "clients are spread";
    gateway_->check_counters();
  }
}

// With every service of the mode having affinity, and with this one alone.
TEST_P(Affinity, ReturnsOfNatFindTheirWorkerWhateverOtherServicesHave) {
  if (kind().mode != Mode::kNat) return;
  for (const bool all : {false, true}) {
    start({.workers = 4});
    if (all) {
      for (ServiceSpec& each : gateway_->spec().services) each.admission.affinity_s = 20;
      publish();
    }
    EXPECT_EQ(gateway_->snapshot().nat_return_owner,
              all ? NatReturnOwner::kClient : NatReturnOwner::kEither);
    for (const ServiceCase& other : kServiceCases) {
      if (other.mode != Mode::kNat) continue;
      for (uint16_t port = 2000; port < 2040; ++port) {
        const auto out = gateway_->send(to_vip(other, port, port % 7u), 0, port % 4u);
        ASSERT_TRUE(out.is_forward()) << to_string(out);
        const auto back = gateway_->send(answer_to(out, other.protocol), 1, (port / 4u) % 4);
        ASSERT_TRUE(back.is_forward()) << to_string(back);
        EXPECT_EQ(back.worker, out.worker);
        const auto error = gateway_->send(error_about(out.frame, 1), 1, (port / 8u) % 4);
        ASSERT_TRUE(error.is_forward()) << to_string(error);
        EXPECT_EQ(error.worker, out.worker);
        const auto from_client = gateway_->send(error_about(back.frame, 0), 0, (port / 2u) % 4);
        ASSERT_TRUE(from_client.is_forward()) << to_string(from_client);
        EXPECT_EQ(from_client.worker, out.worker);
      }
    }
    // What belongs to no flow ends somewhere, too.
    const auto out = gateway_->send(to_vip(kind(), 3000, 1));
    PacketBuilder stray = answer_to(out, kind().protocol);
    const Tuple tuple = tuple_of(out.frame);
    if (kind().protocol == Protocol::kTcp) {
      stray.tcp(tuple.destination_port, 3001).flags("A");
    } else {
      stray.udp(tuple.destination_port, 3001);
    }
    for (uint32_t worker = 0; worker < 4; ++worker) {
      EXPECT_TRUE(gateway_->send(stray, 1, worker).is_drop(DropReason::kNoFlow));
    }
    gateway_->check_counters();
  }
}

TEST_P(Affinity, InAFullTableUnansweredClientsDoNotDisplaceAnsweredOnes) {
  start({.flows = 1 << 16, .affinities = 64});
  constexpr unsigned kKnown = 16;
  std::map<unsigned, RealId> before;
  for (unsigned client = 1; client <= kKnown; ++client) {
    const uint16_t port = next_port_++;
    const auto first = gateway_->send(to_vip(kind(), port, client));
    before[client] = first.verdict.real;
    ASSERT_TRUE(gateway_->send(answer_to(first, kind().protocol), 1).is_forward());
    // The flow is established, and then its client known as answered.
    for (int i = 0; i < 2; ++i) {
      PacketBuilder more = to_vip(kind(), port, client);
      if (kind().protocol == Protocol::kTcp) more.flags("A");
      ASSERT_TRUE(gateway_->send(more).is_forward());
    }
  }
  EXPECT_EQ(gateway_->count(Event::kAffinitiesLost), 0u);
  for (unsigned client = 1000; client < 3000; ++client) begin(client);
  EXPECT_GT(gateway_->count(Event::kAffinitiesLost), 1000u);
  change_rows();
  for (unsigned client = 1; client <= kKnown; ++client) {
    EXPECT_EQ(real_of(client), before[client]) << client;
  }
}

TEST_P(Affinity, TimeThatWrapsRoundBringsNobodyBack) {
  gateway_->pass_seconds(1);
  const auto before = reals_of_all();
  change_rows();
  gateway_->jump_seconds(16'384 - 1);  // in 16 bits of quarter seconds, 1 s before
  EXPECT_TRUE(reals_of_all() != before);
}

TEST(AffinityOfDirectModes, AClientKeepsItsRealWhenRowsChange) {
  for (const DirectCase& kind : direct_cases()) {
    FakeGateway gateway(direct_spec(), {.workers = 3});
    ServiceSpec& service = gateway.spec().services[kind.index];
    service.admission.affinity_s = 20;
    gateway.publish();
    std::map<unsigned, std::set<uint32_t>> reals, workers;
    for (uint16_t round = 0; round < 6; ++round) {
      for (unsigned client = 1; client <= 40; ++client) {
        const auto port = static_cast<uint16_t>(1000 + round);
        const auto out = gateway.send(to_vip(kind, port, client), 0, (client + round) % 3);
        ASSERT_TRUE(out.is_forward()) << kind.name() << to_string(out);
        reals[client].insert(out.verdict.real.index());
        workers[client].insert(out.worker);
      }
      service.reals[round % 3].weight = 1 + round * 10u;
      service.maglev_rows = round % 2 == 0 ? 251 : 4093;
      gateway.publish();
      gateway.pass_seconds(5);
    }
    for (const auto& [client, own] : reals) EXPECT_EQ(own.size(), 1u) << kind.name();
    for (const auto& [client, own] : workers) EXPECT_EQ(own.size(), 1u) << kind.name();
    gateway.check_counters();
  }
}

}  // namespace
}  // namespace vipgate::test::pipeline_affinity_test
