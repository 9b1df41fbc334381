// What an operator is told of services of which too few reals are up.
#include "controlplane/feeds/health_feed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "controlplane/config/config_reader.h"
#include "controlplane/log_line.h"
#include "tests/controlplane/loop/fake_dataplane.h"

namespace vipgate::health_feed_test {
namespace {

const ServiceKey kWeb{*parse_ip_address("11.0.0.1"), 80, Protocol::kTcp};

std::string config_of(size_t services) {
  std::string text = R"(
ports: [{ name: edge, device: "net_null0", addresses: [10.0.0.1/16], kernel: true }]
snat_pools: [{ name: default, addresses: [10.0.9.1] }]
defaults: { health: { type: tcp, interval_s: 600, panic_percent: 60 } }
dns: { zones: [{ name: z, services: true }] }
services:
)";
  for (size_t i = 1; i <= services; ++i) {
    text += "  - { name: web" + std::to_string(i) + ", vip: 11.0.0." + std::to_string(i) +
            ", port: 80, protocol: tcp, reals: [{ address: 192.0.2.1, port: 80 }, "
            "{ address: 192.0.2.2, port: 80 }] }\n";
  }
  return text;
}

class HealthFeedTest : public testing::Test {
 protected:
  void start(size_t services) {
    auto parsed = parse_config(config_of(services), "test.yaml");
    ASSERT_TRUE(parsed.ok()) << parsed.error();
    config_ = *parsed;
    reconciler_ = std::make_unique<Reconciler>(
        config_, dataplane_, [](const NextHop&) { return MacAddress{{2}}; }, DnsHashSecret{},
        RingRunner{});
    ASSERT_TRUE(reconciler_->apply(config_, 0).ok());
    auto checker = HealthChecker::create();
    ASSERT_TRUE(checker.ok()) << checker.error();
    feed_ = std::make_unique<HealthFeed>(std::move(*checker), *reconciler_, dataplane_, pacer_);
  }
  void set(const ServiceKey& key, const std::string& real, RealHealth health) {
    reconciler_->stage_health(key, {*parse_ip_address(real), 80}, health);
  }
  void commit() { ASSERT_TRUE(reconciler_->commit(0, 0).ok()); }
  // "warning: text" lines.
  std::string log_after_act(int64_t now_ms) {
    testing::internal::CaptureStdout();  // where spdlog writes unless told otherwise
    feed_->act(now_ms);
    std::istringstream written(testing::internal::GetCapturedStdout());
    std::string lines;
    for (std::string line; std::getline(written, line);) {
      const size_t level = line.find("] [") + 3;
      const size_t text = line.find("] ", level);
      const std::string said = line.substr(text + 2);
      lines.append(line, level, text - level).append(": ").append(PackedLine(said).sentence) +=
          "\n";
    }
    return lines;
  }
  uint64_t counter(const std::string& sought) const {
    for (const auto& [name, value] : reconciler_->counters()) {
      if (name == sought) return value;
    }
    ADD_FAILURE() << sought << " is no counter";
    return 0;
  }

  Config config_;
  FakeDataplane dataplane_;
  CommitPacer pacer_;
  std::unique_ptr<Reconciler> reconciler_;
  std::unique_ptr<HealthFeed> feed_;
};

TEST_F(HealthFeedTest, AServiceThatEntersPanicIsWarnedOfOnceAndToldOfWhenItLeaves) {
  start(2);
  EXPECT_EQ(log_after_act(0), "");
  set(kWeb, "192.0.2.1", RealHealth::kDown);
  commit();
  EXPECT_EQ(counter("health.services_in_panic"), 1u);
  EXPECT_EQ(
      log_after_act(1),
      "warning: web1 (11.0.0.1:80/tcp) is in panic: fewer than panic_percent of its reals are "
      "up, so all get flows\n");
  set(kWeb, "192.0.2.2", RealHealth::kDown);
  commit();
  EXPECT_EQ(log_after_act(2), "");
  set(kWeb, "192.0.2.1", RealHealth::kUp);
  set(kWeb, "192.0.2.2", RealHealth::kUp);
  commit();
  EXPECT_EQ(counter("health.services_in_panic"), 0u);
  EXPECT_EQ(
      log_after_act(3),
      "info: web1 (11.0.0.1:80/tcp) is no longer in panic: reals that are down get no flows\n");
}

TEST_F(HealthFeedTest, PanicThatEndsBeforeItCouldBeToldIsNot) {
  start(1);
  set(kWeb, "192.0.2.1", RealHealth::kDown);
  commit();
  set(kWeb, "192.0.2.1", RealHealth::kUp);
  commit();
  EXPECT_EQ(log_after_act(1), "");
}

TEST_F(HealthFeedTest, AServiceThatGoesWhileInPanicCountsNoMore) {
  start(2);
  set(kWeb, "192.0.2.1", RealHealth::kDown);
  commit();
  feed_->act(1);
  config_.services.erase(config_.services.begin());
  ASSERT_TRUE(reconciler_->apply(config_, 0).ok());
  EXPECT_EQ(counter("health.services_in_panic"), 0u);
  EXPECT_EQ(log_after_act(2), "");
}

TEST_F(HealthFeedTest, PanicOfVeryManyServicesTakesAFewLines) {
  start(30);
  for (const ServiceConfig& service : config_.services) {
    set({service.vip, 80, Protocol::kTcp}, "192.0.2.1", RealHealth::kDown);
  }
  commit();
  EXPECT_EQ(counter("health.services_in_panic"), 30u);
  const std::string lines = log_after_act(1);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 10);
  const int64_t due_ms = feed_->next_deadline_ms();
  EXPECT_LE(due_ms, 1001);
  EXPECT_EQ(log_after_act(1001), "warning: 20 more services have entered or left panic\n");
}

TEST_F(HealthFeedTest, RealsThatAreDownAreCountedButForThoseOfAServiceInPanic) {
  start(2);
  EXPECT_EQ(counter("reals.down"), 0u);
  for (ServiceConfig& service : config_.services) service.health.panic_percent = 0;
  ASSERT_TRUE(reconciler_->apply(config_, 0).ok());
  set(kWeb, "192.0.2.1", RealHealth::kDown);
  set(kWeb, "192.0.2.2", RealHealth::kDown);
  commit();
  EXPECT_EQ(counter("reals.down"), 2u);
  set(kWeb, "192.0.2.2", RealHealth::kUp);
  commit();
  EXPECT_EQ(counter("reals.down"), 1u);
  config_.services[0].reals[0].weight = 0;  // taken out
  ASSERT_TRUE(reconciler_->apply(config_, 0).ok());
  EXPECT_EQ(counter("reals.down"), 0u);
  config_.services[0].reals[0].weight = 1;
  config_.services[0].health.panic_percent = 60;
  ASSERT_TRUE(reconciler_->apply(config_, 0).ok());
  EXPECT_EQ(counter("reals.down"), 0u);
  config_.services[0].health.panic_percent = 0;
  ASSERT_TRUE(reconciler_->apply(config_, 0).ok());
  EXPECT_EQ(counter("reals.down"), 1u);
  config_.services.erase(config_.services.begin());
  ASSERT_TRUE(reconciler_->apply(config_, 0).ok());
  EXPECT_EQ(counter("reals.down"), 0u);
}

TEST_F(HealthFeedTest, AServiceWithoutARealThatTakesFlowsIsCounted) {
  start(2);
  EXPECT_EQ(counter("services.without_real"), 0u);
  for (ServiceConfig& service : config_.services) service.health.panic_percent = 0;
  ASSERT_TRUE(reconciler_->apply(config_, 0).ok());
  set(kWeb, "192.0.2.1", RealHealth::kDown);
  commit();
  EXPECT_EQ(counter("services.without_real"), 0u);
  set(kWeb, "192.0.2.2", RealHealth::kDown);
  commit();
  EXPECT_EQ(counter("services.without_real"), 1u);
  EXPECT_EQ(counter("health.services_in_panic"), 0u);
  set(kWeb, "192.0.2.2", RealHealth::kUp);
  commit();
  EXPECT_EQ(counter("services.without_real"), 0u);
  config_.services[1].reals[0].weight = config_.services[1].reals[1].weight = 0;
  ASSERT_TRUE(reconciler_->apply(config_, 0).ok());
  EXPECT_EQ(counter("services.without_real"), 1u);
}

}  // namespace
}  // namespace vipgate::health_feed_test
