// What is made of resolvers that answer, and of those that do not.
#include "controlplane/feeds/resolver_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "controlplane/config/config_reader.h"
#include "controlplane/feeds/source_report.h"
#include "tests/controlplane/loop/fake_dataplane.h"

namespace vipgate::resolver_feed_test {
namespace {

// Notes what it is told, and says what it is told to.
class ScriptedChecker : public HealthChecker {
 public:
  void add(std::vector<HealthTarget> targets) override {
    for (HealthTarget& target : targets) {
      ++added;
      checked[target.real] = target.config;
      service = target.service;
    }
  }
  void remove(const ServiceKey& key, const RealKey& real) override {
    EXPECT_EQ(key, service);
    EXPECT_EQ(checked.erase(real), 1u);
  }
  void suspect(const ServiceKey&, const RealKey&) override {}
  int fd() const override { return -1; }
  std::vector<HealthResult> take_results() override { return std::exchange(results, {}); }

  size_t added = 0;
  std::map<RealKey, HealthConfig> checked;
  ServiceKey service;
  std::vector<HealthResult> results;
};

RealKey at(std::string_view address, uint16_t port = 53) {
  return {parse_ip_address(address).value(), port};
}

class ResolverFeedTest : public testing::Test {
 protected:
  static Config config_of(const std::string& resolvers, const std::string& more = "") {
    auto config = parse_config(R"(
ports: [{ name: edge, device: "net_null0", addresses: [10.0.0.1/16], kernel: true }]
snat_pools: [{ name: dns, addresses: [10.0.9.1] }]
dns:
  forward:
    policy: forward
    clients: [10.0.0.0/8]
    resolvers: [)" + resolvers + R"(]
    zones: [{ name: corp.example, resolvers: [10.0.3.1, 10.0.2.1] }]
    snat_pool: dns
)" + more,
                               "test.yaml");
    EXPECT_TRUE(config.ok()) << config.error();
    return *config;
  }
  void start(const Config& config) {
    reconciler_ = std::make_unique<Reconciler>(
        config, dataplane_, [](const NextHop&) { return MacAddress{{2}}; }, DnsHashSecret{},
        RingRunner{});
    ASSERT_TRUE(reconciler_->apply(config, 0).ok());
    auto checker = std::make_unique<ScriptedChecker>();
    checker_ = checker.get();
    feed_ = std::make_unique<ResolverFeed>(std::move(checker), *reconciler_);
    feed_->act(0);
  }
  void reload(const Config& config) {
    ASSERT_TRUE(reconciler_->apply(config, 1).ok());
    feed_->act(1000);
  }
  // Returns what is logged, as "warning: text" lines.
  std::string say(const RealKey& resolver, RealHealth health, const std::string& why) {
    checker_->results.push_back({checker_->service, resolver, health, why});
    testing::internal::CaptureStdout();
    feed_->process(2000);
    std::string line = testing::internal::GetCapturedStdout();
    const size_t level = line.find("] [");
    return level == std::string::npos ? line : line.substr(level + 2);
  }
  // Those that the snapshot in force leaves out.
  std::set<std::string> left_out() const {
    std::set<std::string> all;
    for (const DnsForwardZone& zone : dataplane_.published.back()->dns_policy->forwarding.zones) {
      for (const DnsResolver& resolver : zone.resolvers) {
        if (resolver.is_left_out) all.insert(to_string(resolver.address));
      }
    }
    return all;
  }
  std::map<std::string, std::string> states() const {
    std::vector<SourceReport> sources;
    feed_->add_sources(sources, std::nullopt);
    std::map<std::string, std::string> states;
    for (const SourceReport& source : sources) {
      EXPECT_EQ(source.kind, "resolver");
      states[source.id] = source.state + (source.detail.empty() ? "" : ": " + source.detail);
    }
    return states;
  }
  using Names = std::set<std::string>;

  FakeDataplane dataplane_;
  std::unique_ptr<Reconciler> reconciler_;
  ScriptedChecker* checker_ = nullptr;
  std::unique_ptr<ResolverFeed> feed_;
};

TEST_F(ResolverFeedTest, EachResolverIsAskedOnceForWhatItIsThereFor) {
  start(config_of("10.0.1.1, '10.0.1.2:5353', 10.0.2.1",
                  "    health: {interval_s: 7, timeout_ms: 300, fall: 4}\n"));
  ASSERT_EQ(checker_->checked.size(), 4u);
  EXPECT_EQ(checker_->added, 4u);
  for (const auto& [key, check] : checker_->checked) {
    EXPECT_EQ(check.type, HealthType::kDns);
    EXPECT_EQ(check.interval_s, 7);
    EXPECT_EQ(check.timeout_ms, 300);
    EXPECT_EQ(check.fall, 4);
    EXPECT_EQ(check.rise, 1) << "one answer is enough";
  }
  EXPECT_EQ(checker_->checked.at(at("10.0.1.2", 5353)).host, ".");
  EXPECT_EQ(checker_->checked.at(at("10.0.2.1")).host, ".") << "also of a zone";
  EXPECT_EQ(checker_->checked.at(at("10.0.3.1")).host, "corp.example");
  reload(config_of("10.0.1.1", "    health: {name: probe.example}\n"));
  ASSERT_EQ(checker_->checked.size(), 3u);
  for (const auto& [key, check] : checker_->checked) EXPECT_EQ(check.host, "probe.example");
}

TEST_F(ResolverFeedTest, OneThatIsDownIsLeftOutUntilItAnswersAgain) {
  start(config_of("10.0.1.1, 10.0.1.2"));
  EXPECT_EQ(say(at("10.0.1.1"), RealHealth::kUp, "answer"), "") << "as was expected";
  EXPECT_EQ(left_out(), Names{});
  EXPECT_THAT(
      say(at("10.0.1.1"), RealHealth::kDown, "timeout"),
      testing::StartsWith("[warning] dns.forward: the resolver 10.0.1.1:53 is down: timeout"));
  EXPECT_EQ(left_out(), Names{"10.0.1.1"});
  EXPECT_EQ(reconciler_->down_resolvers(), std::set<RealKey>{at("10.0.1.1")});
  EXPECT_EQ(states(), (std::map<std::string, std::string>{{"resolver.10.0.1.1:53", "down: timeout"},
                                                          {"resolver.10.0.1.2:53", "unknown"},
                                                          {"resolver.10.0.2.1:53", "unknown"},
                                                          {"resolver.10.0.3.1:53", "unknown"}}));
  EXPECT_EQ(feed_->counters(),
            (NamedCounters{
                {"dns_resolvers.up", 0}, {"dns_resolvers.down", 1}, {"dns_resolvers.unknown", 3}}));
  const size_t published = dataplane_.published.size();
  EXPECT_EQ(say(at("10.0.1.1"), RealHealth::kDown, "timeout"), "") << "nothing new";
  EXPECT_EQ(dataplane_.published.size(), published);
  EXPECT_THAT(say(at("10.0.1.1"), RealHealth::kUp, "answer"),
              testing::StartsWith("[info] dns.forward: the resolver 10.0.1.1:53 is up again"));
  EXPECT_EQ(left_out(), Names{});
  EXPECT_EQ(states().at("resolver.10.0.1.1:53"), "up");
}

TEST_F(ResolverFeedTest, WhenAllOfAListAreDownAllOfItAreTried) {
  start(config_of("10.0.1.1, 10.0.2.1"));
  say(at("10.0.1.1"), RealHealth::kDown, "timeout");
  say(at("10.0.2.1"), RealHealth::kDown, "timeout");
  EXPECT_EQ(left_out(), Names{"10.0.2.1"}) << "of corp.example, which has another one";
  say(at("10.0.3.1"), RealHealth::kDown, "timeout");
  EXPECT_EQ(left_out(), Names{});
}

TEST_F(ResolverFeedTest, ReloadKeepsWhatIsKnownOfThoseThatStay) {
  start(config_of("10.0.1.1, 10.0.1.2, 10.0.1.3"));
  say(at("10.0.1.1"), RealHealth::kDown, "timeout");
  say(at("10.0.1.2"), RealHealth::kDown, "timeout");
  const size_t added = checker_->added;
  reload(config_of("10.0.1.3, 10.0.1.1, 10.0.1.4"));
  EXPECT_EQ(checker_->added, added + 1) << "the new one";
  EXPECT_EQ(left_out(), Names{"10.0.1.1"});
  EXPECT_EQ(reconciler_->down_resolvers(), std::set<RealKey>{at("10.0.1.1")});
  EXPECT_FALSE(states().contains("resolver.10.0.1.2:53"));
  // What was under way when it went.
  checker_->results.push_back({checker_->service, at("10.0.1.2"), RealHealth::kUp, "answer"});
  feed_->process(3000);
  EXPECT_FALSE(states().contains("resolver.10.0.1.2:53"));
  reload(config_of("10.0.1.1, 10.0.1.2"));
  EXPECT_EQ(states().at("resolver.10.0.1.2:53"), "unknown") << "it is new again";
  EXPECT_EQ(left_out(), Names{"10.0.1.1"});
}

TEST_F(ResolverFeedTest, WithoutChecksNobodyIsAskedOrLeftOut) {
  start(config_of("10.0.1.1, 10.0.1.2"));
  say(at("10.0.1.1"), RealHealth::kDown, "timeout");
  reload(config_of("10.0.1.1, 10.0.1.2", "    health: {interval_s: 0}\n"));
  EXPECT_TRUE(checker_->checked.empty());
  EXPECT_TRUE(states().empty());
  EXPECT_EQ(left_out(), Names{});
  EXPECT_TRUE(resolver_checks(DnsForwardConfig{}).empty());
}

}  // namespace
}  // namespace vipgate::resolver_feed_test
