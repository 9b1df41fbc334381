// Fragments to reals that answer the client directly: each goes to the flow's real as it is.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/direct_net.h"
#include "tests/support/fragments.h"

namespace vipgate::test::pipeline_fragments_direct_test {
namespace {

class DirectFragments : public testing::TestWithParam<DirectCase> {
 protected:
  ~DirectFragments() override { gateway_.check_counters(); }
  const DirectCase& kind() const { return GetParam(); }
  Bytes question(uint16_t port) const {
    return to_vip(kind(), port).flags("S").payload(Bytes(300, 'q')).build();
  }
  Bytes packet_in(const Outcome& out) const {
    return is_tunnel(kind().mode) ? open_tunnel(out.frame).inner : ip_packet(out.frame);
  }
  FakeGateway gateway_{direct_spec()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, DirectFragments, testing::ValuesIn(direct_cases()),
                         [](const auto& test) { return test.param.name(); });

TEST_P(DirectFragments, GoToTheFlowsRealUnchanged) {
  for (uint16_t port = 1; port <= 20; ++port) {
    auto fragments = fragmented(question(port), 104, port);
    std::reverse(fragments.begin(), fragments.end());
    std::vector<Outcome> outcomes;
    std::vector<Bytes> sent;
    for (const Bytes& fragment : fragments) {
      const auto out = gateway_.send(fragment);
      if (!out.is_held()) {
        outcomes.push_back(out);
        sent.push_back(fragment);
      }
    }
    const auto late = gateway_.take_settled();
    ASSERT_EQ(late.size() + 1, fragments.size());
    const auto whole = gateway_.send(question(port));
    ASSERT_TRUE(outcomes.at(0).is_forward()) << to_string(outcomes[0]);
    EXPECT_EQ(packet_in(outcomes[0]), ip_packet(fragments.back()));
    for (size_t i = 0; i < late.size(); ++i) {
      ASSERT_TRUE(late[i].is_forward()) << to_string(late[i]);
      EXPECT_EQ(packet_in(late[i]), ip_packet(fragments[i]));
      EXPECT_EQ(late[i].verdict.real, whole.verdict.real);
      EXPECT_TRUE(checksums_ok(late[i].frame)) << describe(late[i].frame);
    }
    EXPECT_TRUE(checksums_ok(outcomes[0].frame)) << describe(outcomes[0].frame);
  }
  EXPECT_EQ(gateway_.flows(), 20u);
}

TEST_P(DirectFragments, WithoutARealAreNotAnsweredButTheFirstOfADatagram) {
  gateway_.spec().services[kind().index].reals.clear();
  gateway_.publish();
  const auto fragments = fragmented(question(1), 104, 1);
  const auto first = gateway_.send(fragments[0]);
  if (kind().protocol == Protocol::kUdp) {
    EXPECT_TRUE(first.is_reply(ReplyKind::kPortUnreachable)) << to_string(first);
  } else {
    EXPECT_TRUE(first.is_drop(DropReason::kNoReal)) << to_string(first);
  }
  EXPECT_TRUE(gateway_.send(fragments[1]).is_drop(DropReason::kNoReal));
}

}  // namespace
}  // namespace vipgate::test::pipeline_fragments_direct_test
