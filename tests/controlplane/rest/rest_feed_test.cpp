#include "controlplane/rest/rest_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "controlplane/config/config_reader.h"
#include "controlplane/feeds/feeds.h"
#include "controlplane/monotonic_clock.h"
#include "controlplane/rest/json_document.h"
#include "tests/controlplane/loop/fake_dataplane.h"
#include "tests/controlplane/store/store_directory.h"

namespace vipgate::rest_feed_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kFile[] = R"(
ports:
  - { name: edge, device: "net_null0", addresses: [10.0.0.1/16], kernel: true }
snat_pools:
  - { name: default, addresses: [10.0.9.1] }
dns: { zones: [{ name: l4lb.test, services: true }] }
services:
  - { name: web, vip: auto, port: 80, reals: [{ address: 10.0.1.9, port: 80 }] }
)";

// A gateway's feeds and their store, driven as the control loop does it.
class RestFeedTest : public ::testing::Test {
 protected:
  void start(const std::string& more = {}) {
    // One after the other, as processes are.
    feeds_.reset();
    reconciler_.reset();
    auto config = parse_config(kFile + more + "store: \"sqlite:" + directory_.file() + "\"\n", "f");
    ASSERT_TRUE(config.ok()) << config.error();
    reconciler_ = std::make_unique<Reconciler>(
        *config, dataplane_, [](const NextHop&) { return MacAddress{{2}}; }, DnsHashSecret{},
        RingRunner{});
    auto feeds = Feeds::create(*config, *reconciler_, dataplane_);
    ASSERT_TRUE(feeds.ok()) << feeds.error();
    feeds_ = std::move(*feeds);
    auto resolved = feeds_->resolve(*config);
    ASSERT_TRUE(resolved.ok()) << resolved.error();
    feeds_->adopt(std::move(*resolved));
    feeds_->restore_sources(*config);
    ASSERT_TRUE(reconciler_->apply(*config, monotonic_ms() / 1000).ok());
  }

  static YamlNodePtr json(const std::string& text) {
    Diagnostics diagnostics("body");
    return read_json(text, diagnostics);
  }
  static YamlNodePtr service(const std::string& name, const std::string& vip, int port) {
    return json(R"({"name":")" + name + R"(","vip":")" + vip + R"(","port":)" +
                std::to_string(port) + R"(,"reals":[{"address":"10.0.1.5","port":8080}]})");
  }

  // What a change ends with, as another thread that asks for it sees it.
  RestResult<Done> change(const std::function<RestResult<RestPlan>(RestFeed&)>& plan) {
    std::optional<RestResult<Done>> outcome;
    std::thread([&] {
      feeds_->rest().post([&](RestFeed& feed) {
        auto planned = plan(feed);
        if (auto* problem = std::get_if<RestProblem>(&planned)) {
          outcome = *problem;
        } else {
          feed.apply(std::move(std::get<RestPlan>(planned)),
                     [&](const RestResult<Done>& result) { outcome = result; });
        }
      });
    }).join();
    const int64_t end_ms = monotonic_ms() + 10'000;
    while (!outcome && monotonic_ms() < end_ms) {
      pollfd ready{feeds_->rest().fd(), POLLIN, 0};
      if (poll(&ready, 1, 2) == 1) feeds_->rest().process(monotonic_ms());
      feeds_->act(monotonic_ms());
    }
    EXPECT_TRUE(outcome) << "no answer";
    return outcome.value_or(RestProblem{});
  }
  RestResult<Done> put(const std::string& name, const std::string& vip, int port) {
    return change([&](RestFeed& feed) {
      return feed.services().plan_one(service(name, vip, port), "", feed.config());
    });
  }
  const ModelService* find(const std::string& vip, uint16_t port) const {
    return reconciler_->model().find({*parse_ip_address(vip), port, Protocol::kTcp});
  }

  StoreDirectory directory_;
  FakeDataplane dataplane_;
  std::unique_ptr<Reconciler> reconciler_;
  std::unique_ptr<Feeds> feeds_;
};

TEST_F(RestFeedTest, WhatIsAnsweredIsPublishedAndSurvivesARestart) {
  start();
  const size_t before = dataplane_.published.size();
  ASSERT_TRUE(std::holds_alternative<Done>(put("redis", "10.20.0.1", 6379)));
  EXPECT_GT(dataplane_.published.size(), before);
  ASSERT_NE(find("10.20.0.1", 6379), nullptr);
  EXPECT_THAT(find("10.20.0.1", 6379)->reals, SizeIs(1));
  EXPECT_EQ(find("10.20.0.1", 6379)->config.origin, Origin::kRest);

  start();
  ASSERT_NE(find("10.20.0.1", 6379), nullptr) << "it is there with the first snapshot";
  EXPECT_EQ(dataplane_.published.back()->service_info(find("10.20.0.1", 6379)->index).name,
            "redis");
}

TEST_F(RestFeedTest, WhatIsPostedWaitsForTheNextRoundWhenATurnIsOver) {
  start();
  RestFeed& rest = feeds_->rest();
  std::vector<std::string> done;
  const auto post = [&](const std::string& name, bool is_long) {
    rest.post([&done, name, is_long](RestFeed&) {
      const int64_t end_ns = monotonic_ns() + RestFeed::kTurnNs;
      while (is_long && monotonic_ns() < end_ns) {
      }
      done.push_back(name);
    });
  };
  const auto is_woken = [&] {
    pollfd ready{rest.fd(), POLLIN, 0};
    return poll(&ready, 1, 0) == 1;
  };
  post("first", true);
  post("second", true);
  post("third", false);
  rest.process(monotonic_ms());
  EXPECT_THAT(done, ElementsAre("first"));
  post("fourth", false);
  EXPECT_TRUE(is_woken());
  rest.process(monotonic_ms());
  EXPECT_THAT(done, ElementsAre("first", "second")) << "in their order";
  while (is_woken()) rest.process(monotonic_ms());
  EXPECT_THAT(done, ElementsAre("first", "second", "third", "fourth"));
}

TEST_F(RestFeedTest, ARemovedServiceStaysAway) {
  start();
  put("redis", "10.20.0.1", 6379);
  ASSERT_TRUE(std::holds_alternative<Done>(change([](RestFeed& feed) {
    return feed.services().plan_removal("10.20.0.1:6379:tcp", feed.config());
  })));
  EXPECT_FALSE(find("10.20.0.1", 6379)->is_configured());
  start();
  EXPECT_EQ(find("10.20.0.1", 6379), nullptr);
}

TEST_F(RestFeedTest, ANameHasTheSameAddressFromTheFileAndFromTheApi) {
  start();
  const IpAddress web = reconciler_->config().services.front().vip;
  ASSERT_TRUE(std::holds_alternative<Done>(put("web", "auto", 81)));
  ASSERT_TRUE(std::holds_alternative<Done>(put("other", "auto", 80)));
  EXPECT_NE(find(to_string(web), 81), nullptr) << "another port of the same name";
  const IpAddress other = feeds_->rest().services().services().begin()->second.key.vip;
  start();
  EXPECT_EQ(reconciler_->config().services.front().vip, web);
  EXPECT_NE(find(to_string(web), 81), nullptr);
  EXPECT_EQ(feeds_->rest().services().services().begin()->second.key.vip, other);
}

TEST_F(RestFeedTest, WhatFallsBackOnAServiceOfTheFileDoesSoAfterARestart) {
  start();
  const auto document =
      json(R"({"name":"api","vip":"10.20.0.7","port":80,"no_real":{"fallback":"web"},"reals":[]})");
  ASSERT_TRUE(std::holds_alternative<Done>(change(
      [&](RestFeed& feed) { return feed.services().plan_one(document, "", feed.config()); })));
  const auto has_taker = [&] {
    const ModelService* api = find("10.20.0.7", 80);
    return api != nullptr && dataplane_.published.back()->service(api->index).row_count != 0;
  };
  EXPECT_TRUE(has_taker());
  start();
  EXPECT_TRUE(has_taker());
}

TEST_F(RestFeedTest, TheFilesPolicyDecidesAndTheRealsAreUnited) {
  start(
      "  - { name: api, vip: 10.20.0.7, port: 80, mode: nat, reals: [{ address: 10.0.1.8, port: 1 "
      "}] }\n");
  ASSERT_TRUE(std::holds_alternative<Done>(put("api", "10.20.0.7", 80)));
  ASSERT_NE(find("10.20.0.7", 80), nullptr);
  EXPECT_EQ(find("10.20.0.7", 80)->config.mode, Mode::kNat);
  EXPECT_THAT(find("10.20.0.7", 80)->reals, SizeIs(2));
}

TEST_F(RestFeedTest, WhatTheModelHasNoRoomForIsRefusedAndNothingChanges) {
  start("limits: { services: 2 }\n");
  ASSERT_TRUE(std::holds_alternative<Done>(put("a", "10.20.0.1", 80)));
  const auto outcome = put("b", "10.20.0.2", 80);
  ASSERT_TRUE(std::holds_alternative<RestProblem>(outcome));
  EXPECT_EQ(std::get<RestProblem>(outcome).status, 409);
  EXPECT_THAT(std::get<RestProblem>(outcome).detail, HasSubstr("limits.services"));
  EXPECT_EQ(find("10.20.0.2", 80), nullptr);
  EXPECT_THAT(feeds_->rest().services().services(), SizeIs(1));
}

TEST_F(RestFeedTest, AReloadLeavesWhatTheApiMadeInForce) {
  start();
  put("redis", "10.20.0.1", 6379);
  Config next = reconciler_->config();
  next.timeouts.tcp_established_s = 77;
  auto resolved = feeds_->resolve(next);
  ASSERT_TRUE(resolved.ok());
  ASSERT_TRUE(reconciler_->apply(next, monotonic_ms() / 1000).ok());
  feeds_->adopt(std::move(*resolved));
  feeds_->follow(reconciler_->config());
  feeds_->act(monotonic_ms() + 1000);
  ASSERT_NE(find("10.20.0.1", 6379), nullptr);
  EXPECT_TRUE(find("10.20.0.1", 6379)->is_configured());
  EXPECT_EQ(find("10.20.0.1", 6379)->config.timeouts.tcp_established_s, 77u);
}

TEST_F(RestFeedTest, TenThousandServicesComeWithOneSnapshot) {
  start();
  std::string all = "[";
  for (int i = 0; i < 10'000; ++i) {
    all += std::string(i == 0 ? "" : ",") + R"({"name":"s)" + std::to_string(i) +
           R"(","vip":"10.30.)" + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1) +
           R"(","port":80,"reals":[{"address":"10.0.1.5","port":8080}]})";
  }
  const size_t before = dataplane_.published.size();
  ASSERT_TRUE(std::holds_alternative<Done>(change(
      [&](RestFeed& feed) { return feed.services().plan_all(json(all + "]"), feed.config()); })));
  EXPECT_EQ(dataplane_.published.size(), before + 1);
  EXPECT_EQ(reconciler_->model().services().size(), 10'001u);
}

}  // namespace
}  // namespace vipgate::rest_feed_test
