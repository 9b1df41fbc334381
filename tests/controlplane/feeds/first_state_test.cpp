// From which moment on a gateway knows that a name does not exist: clusters that speak for the
// first time, or fall silent for too long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <future>
#include <map>
#include <set>

#include "tests/controlplane/feeds/mesos_feed_fixture.h"

namespace vipgate::first_state_test {
namespace {

using ::testing::UnorderedElementsAre;

constexpr char kRecoveringState[] =
    R"({"type":"SUBSCRIBED","subscribed":{"heartbeat_interval_seconds":15,"get_state":{)"
    R"("get_agents":{"recovered_agents":[{"id":{"value":"S1"},"hostname":"a"}]}}}})";

// A master that says nothing before it may, and then `first`.
struct Master {
  explicit Master(std::string first)
      : server([this, text = std::move(first)](const ScriptedRequest& request,
                                               ScriptedConnection& connection) {
          if (!is_subscribe(request)) return lead(request, connection);
          may_speak.get_future().wait();
          connection.begin_stream();
          connection.send_chunk(text);
          if (!then.empty()) {
            may_go_on.get_future().wait();
            connection.send_chunk(then);
          }
          connection.wait_for_close();
        }) {}

  std::promise<void> may_speak, may_go_on;
  std::string then;
  ScriptedHttpServer server;
};

class FirstStateTest : public MesosFeedFixture {
 protected:
  void start(const std::vector<Master*>& masters) {
    std::string text = R"(
ports: [{ name: edge, device: "net_null0", addresses: [10.0.0.1/16], kernel: true }]
snat_pools: [{ name: default, addresses: [10.0.9.1] }]
dns:
  zones: [{ name: l4lb.thisdcos.directory, services: true, aliases: [l4lb.alias] },
          { name: mesos }, { name: part.mesos }, { name: other }, { name: static.test }]
mesos:
)";
    const char* domains[] = {"mesos", "other"};
    for (size_t i = 0; i < masters.size(); ++i) {
      text += "  - { masters: [\"" + masters[i]->server.address() + "\"], domain: " + domains[i] +
              ", stale_limit_s: 10 }\n";
    }
    MesosFeedFixture::start(text);
  }

  void act(int64_t now_ms) {
    feed_->process(now_ms);
    feed_->act(now_ms);
    ASSERT_TRUE(reconciler_->commit(now_ms / 1000, 0).ok());
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(reconciler_->tick(now_ms / 1000).ok());
  }
  void act_until(const std::string& name, uint64_t value) {
    while (counter(name) != value && !HasFailure()) {
      pollfd event{feed_->fd(), POLLIN, 0};
      ASSERT_EQ(poll(&event, 1, 30'000), 1) << "nothing came";
      act(monotonic_ms());
    }
  }
  std::set<std::string> incomplete() const {
    std::set<std::string> names;
    for (const DnsZone& zone : dataplane_.published.back()->dns->zones()) {
      if (zone.is_incomplete) names.insert(dns_name_to_text(zone.name));
    }
    return names;
  }
};

TEST_F(FirstStateTest, AZoneIsIncompleteUntilEveryClusterThatFeedsItHasToldItsState) {
  Master first(subscribed());
  Master second(subscribed());
  start({&first, &second});
  EXPECT_THAT(incomplete(),
              UnorderedElementsAre("l4lb.thisdcos.directory.", "mesos.", "part.mesos.", "other."));
  first.may_speak.set_value();
  act_until("mesos.0.whole_states", 1);
  EXPECT_THAT(incomplete(), UnorderedElementsAre("l4lb.thisdcos.directory.", "other."));
  second.may_speak.set_value();
  act_until("mesos.1.whole_states", 1);
  EXPECT_THAT(incomplete(), UnorderedElementsAre());
  feed_.reset();
}

TEST_F(FirstStateTest, AZoneIsIncompleteWhileAgentsOfTheFirstStateAreStillToComeBack) {
  Master master(record(kRecoveringState));
  master.then = agent_removed("S1");
  start({&master});
  master.may_speak.set_value();
  act_until("mesos.0.whole_states", 1);
  EXPECT_TRUE(incomplete().contains("mesos."));
  master.may_go_on.set_value();
  act_until("mesos.0.agents_recovered", 0);
  EXPECT_THAT(incomplete(), UnorderedElementsAre());
  feed_.reset();
}

TEST_F(FirstStateTest, AZoneIsIncompleteAgainOnceAStateIsDroppedForItsAge) {
  auto master = std::make_unique<Master>(subscribed());
  start({master.get()});
  master->may_speak.set_value();
  act_until("mesos.0.whole_states", 1);
  EXPECT_THAT(incomplete(), UnorderedElementsAre());
  master.reset();
  act_until("mesos.0.connected", 0);
  const int64_t lost_ms = monotonic_ms();
  EXPECT_THAT(incomplete(), UnorderedElementsAre());
  act(lost_ms + 10'001);
  EXPECT_TRUE(incomplete().contains("mesos."));
}

}  // namespace
}  // namespace vipgate::first_state_test
