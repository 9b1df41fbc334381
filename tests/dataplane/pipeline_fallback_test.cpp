// What a new flow gets when its service has no real: one of another service.
#include <gtest/gtest.h>

#include "tests/support/direct_net.h"

namespace vipgate::test::pipeline_fallback_test {
namespace {

// The service falls back on a second one, which has a VIP and a real of its own.
SnapshotSpec with_fallback(SnapshotSpec spec, uint32_t index, const std::string& vip,
                           const std::string& real) {
  ServiceSpec& service = spec.services[index];
  service.no_real = NoReal::kFallback;
  service.fallback = 40;
  ServiceSpec spare = service;
  spare.index = 40;
  spare.flow_id = 41;
  spare.name = "spare";
  spare.vip = ip(vip);
  spare.no_real = NoReal::kDrop;
  spare.fallback = kNone;
  spare.reals.resize(1);
  spare.reals[0].address = ip(real);
  spare.reals[0].id = RealId(200, 1);
  if (spare.reals[0].return_flow_id != 0) spare.reals[0].return_flow_id = 900;
  spec.services.push_back(spare);
  return spec;
}

void set_state(SnapshotSpec& spec, uint32_t service, RealState state) {
  for (ServiceSpec& each : spec.services) {
    if (each.index != service) continue;
    for (RealSpec& real : each.reals) real.state = state;
  }
}

class Fallback : public testing::TestWithParam<ServiceCase> {
 protected:
  const ServiceCase& kind() const { return GetParam(); }
  std::string spare_vip() const { return kind().family == 4 ? "11.0.0.40" : "fd11::40"; }
  FakeGateway gateway_{with_fallback(net_spec(), kind().index(), spare_vip(), kind().real(40))};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, Fallback, testing::ValuesIn(kServiceCases),
                         [](const auto& test) { return test.param.name(); });

TEST_P(Fallback, TakesTheNewFlowsAndAnswersAsTheVip) {
  set_state(gateway_.spec(), kind().index(), RealState::kDown);
  gateway_.publish();
  const auto out = gateway_.send(to_vip(kind(), 40'000));
  ASSERT_TRUE(out.is_forward()) << to_string(out);
  EXPECT_EQ(out.verdict.service, kind().index());
  EXPECT_EQ(tuple_of(out.frame).destination, ip(kind().real(40)));
  EXPECT_TRUE(checksums_ok(out.frame));
  const auto back = gateway_.send(answer_to(out, kind().protocol), 1);
  ASSERT_TRUE(back.is_forward()) << to_string(back);
  EXPECT_EQ(tuple_of(back.frame),
            (Tuple{ip(kind().vip()), ip(kind().client()), kind().port(), 40'000}));
}

TEST_P(Fallback, KeepsItsFlowsWhenTheServiceHasRealsAgain) {
  const auto before = gateway_.send(to_vip(kind(), 1));
  ASSERT_TRUE(before.is_forward());
  EXPECT_NE(tuple_of(before.frame).destination, ip(kind().real(40)));
  set_state(gateway_.spec(), kind().index(), RealState::kDraining);
  gateway_.publish();
  EXPECT_EQ(tuple_of(gateway_.send(to_vip(kind(), 1).flags("A")).frame), tuple_of(before.frame))
      << "a real that drains keeps its flows";
  const auto spare = gateway_.send(to_vip(kind(), 2));
  EXPECT_EQ(tuple_of(spare.frame).destination, ip(kind().real(40)));
  set_state(gateway_.spec(), kind().index(), RealState::kUp);
  gateway_.publish();
  EXPECT_EQ(tuple_of(gateway_.send(to_vip(kind(), 2).flags("A")).frame), tuple_of(spare.frame));
  EXPECT_NE(tuple_of(gateway_.send(to_vip(kind(), 3)).frame).destination, ip(kind().real(40)));
}

TEST_P(Fallback, WithoutRealsLeavesTheClientRefused) {
  set_state(gateway_.spec(), kind().index(), RealState::kDown);
  set_state(gateway_.spec(), 40, RealState::kDown);
  gateway_.publish();
  const auto out = gateway_.send(to_vip(kind(), 40'000));
  EXPECT_TRUE(out.is_reply(kind().protocol == Protocol::kTcp ? ReplyKind::kTcpReset
                                                             : ReplyKind::kPortUnreachable))
      << to_string(out);
}

class DirectFallback : public testing::TestWithParam<DirectCase> {};
INSTANTIATE_TEST_SUITE_P(Pipeline, DirectFallback, testing::ValuesIn(direct_cases()),
                         [](const auto& test) { return test.param.name(); });

TEST_P(DirectFallback, TakesTheNewFlows) {
  const DirectCase& kind = GetParam();
  FakeGateway gateway(with_fallback(direct_spec(), kind.index,
                                    kind.family == 4 ? "11.0.2.40" : "fd11::2:40", kind.real(40)));
  set_state(gateway.spec(), kind.index, RealState::kDown);
  gateway.publish();
  const auto out = gateway.send(to_vip(kind, 40'000));
  ASSERT_TRUE(out.is_forward()) << to_string(out);
  EXPECT_EQ(out.verdict.real, RealId(200, 1));
  EXPECT_EQ(out.verdict.service, kind.index);
}

}  // namespace
}  // namespace vipgate::test::pipeline_fallback_test
