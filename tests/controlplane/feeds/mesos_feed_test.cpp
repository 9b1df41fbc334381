#include "controlplane/feeds/mesos_feed.h"

#include <gtest/gtest.h>

#include "controlplane/config/config_reader.h"
#include "controlplane/feeds/source_report.h"
#include "tests/controlplane/feeds/memory_store.h"
#include "tests/controlplane/loop/fake_dataplane.h"

namespace vipgate::mesos_feed_test {
namespace {

constexpr char kConfig[] = R"(
ports:
  - { name: edge, device: "net_null0", addresses: [10.0.0.1/16], kernel: true }
snat_pools:
  - { name: default, addresses: [10.0.9.1] }
dns: { zones: [{ name: l4lb.thisdcos.directory, services: true }, { name: mesos }] }
mesos: [{ masters: ["10.0.0.9:5050"], stale_limit_s: 10 }]
)";

const ServiceKey kRedis{*parse_ip_address("11.202.66.36"), 6379, Protocol::kTcp};

MesosCluster make_cluster() {
  MesosTask task;
  task.id = "redis.1";
  task.name = "redis";
  task.framework_id = "F1";
  task.agent_id = "S1";
  task.state = MesosTaskState::kRunning;
  task.resource_ports = {{30585, 30585}};
  MesosDiscoveryPort port{30585, "main", "tcp", {{"VIP_0", "/redis:6379"}}};
  port.labels.push_back({"network-scope", "host"});
  port.labels.push_back({"VIP_1", "/redis:0"});
  task.discovery = MesosDiscovery{"redis", {port}};
  MesosSubscribed whole;
  whole.state.agents = {{"S1", "10.0.1.5", "slave(1)@10.0.1.5:5051", "", ""}};
  whole.state.frameworks = {{"F1", "marathon", "", ""}};
  whole.state.tasks = {task};
  MesosCluster cluster(MesosClusterOptions{});
  cluster.apply(std::move(whole), 0);
  cluster.set_masters({MesosMaster{"m1.example", 5050}, {}});
  return cluster;
}

// A gateway that starts with a stored state and never reaches its cluster.
class MesosFeedTest : public testing::Test {
 protected:
  void SetUp() override {
    auto parsed = parse_config(kConfig, "test.yaml");
    ASSERT_TRUE(parsed.ok()) << parsed.error();
    config_ = *parsed;
    MesosCluster cluster = make_cluster();
    MesosStore saver(store_, "mesos");
    saver.mark(cluster.take_changes(), cluster);
    saver.save_all(cluster);
    stored_ = store_.rows;
    store_.batches = 0;
    allocator_ = std::make_unique<VipAllocator>(config_.named_vips);
    reconciler_ = std::make_unique<Reconciler>(
        config_, dataplane_, [](const NextHop&) { return MacAddress{{2}}; }, DnsHashSecret{},
        RingRunner{});
    const MesosFeed::Lookups lookups{[this](const std::string& host) { return hosts_[host]; }};
    feed_ =
        std::make_unique<MesosFeed>(config_, *allocator_, lookups, store_, *reconciler_, pacer_);
    feed_->restore();
    ASSERT_TRUE(reconciler_->apply(config_, 0).ok());
  }

  [[nodiscard]] bool serves() const {
    const ModelService* service = reconciler_->model().find(kRedis);
    return service != nullptr && service->is_configured() && !service->reals.empty();
  }
  void act(int64_t now_ms) {
    feed_->act(now_ms);
    ASSERT_TRUE(reconciler_->commit(now_ms / 1000, 0).ok());
  }

  Config config_;
  std::map<std::string, std::vector<IpAddress>> hosts_;
  MemoryStore store_;
  std::map<std::string, std::map<std::string, std::string>> stored_;
  FakeDataplane dataplane_;
  CommitPacer pacer_;
  std::unique_ptr<VipAllocator> allocator_;
  std::unique_ptr<Reconciler> reconciler_;
  std::unique_ptr<MesosFeed> feed_;
};

TEST_F(MesosFeedTest, TheStoredStateIsServedAndNotWrittenAgain) {
  EXPECT_TRUE(serves());
  for (int64_t now_ms = 0; now_ms < 1000; now_ms += 100) act(now_ms);
  EXPECT_TRUE(serves());
  EXPECT_EQ(store_.batches, 0u);
}

TEST_F(MesosFeedTest, AStoredStateThatTheClusterHasNotConfirmedIsStaleAndHasAnAge) {
  std::map<std::string, uint64_t> counters;
  for (const auto& [name, value] : feed_->counters()) counters[name] = value;
  EXPECT_EQ(counters.at("mesos.0.stale"), 1u);
  EXPECT_GT(counters.at("mesos.0.age_ms"), 0u);
}

TEST_F(MesosFeedTest, WhatIsIgnoredOfAClusterIsToldWithItsTaskAndTheReason) {
  act(1);
  std::vector<SourceReport> sources;
  feed_->add_sources(sources, 2);
  ASSERT_EQ(sources.size(), 1u);
  EXPECT_EQ(sources[0].id, "mesos.0");
  EXPECT_EQ(sources[0].name, "mesos");
  EXPECT_EQ(sources[0].state, "stale");
  EXPECT_EQ(sources[0].figures.front(), (std::pair<std::string, uint64_t>("tasks", 1)));
  EXPECT_EQ(sources[0].ignored, 3u) << "its framework and its master have no address, either";
  ASSERT_EQ(sources[0].ignored_items.size(), 2u);
  EXPECT_EQ(sources[0].ignored_items[1].task, "redis.1");
  EXPECT_EQ(sources[0].ignored_items[1].item, "VIP_1=/redis:0");
  EXPECT_NE(sources[0].ignored_items[1].why, "");

  act(10'000);
  sources.clear();
  feed_->add_sources(sources, 0);
  EXPECT_EQ(sources[0].state, "withdrawn");
  EXPECT_TRUE(sources[0].ignored_items.empty());
  sources.clear();
  feed_->add_sources(sources, std::nullopt);
  EXPECT_EQ(sources[0].state, "withdrawn");
  EXPECT_EQ(sources[0].ignored, 0u) << "not looked for";
}

TEST_F(MesosFeedTest, AfterTheStaleLimitServicesAreWithdrawnAndTheStoreKeepsThem) {
  act(9'999);
  EXPECT_TRUE(serves());
  act(10'000);
  EXPECT_FALSE(serves());
  feed_->save_all();
  EXPECT_EQ(store_.rows, stored_);
}

TEST_F(MesosFeedTest, AMasterWhoseAddressBecameKnownHasItsNameWhateverBecomesKnownAfterIt) {
  act(1);
  const size_t names = reconciler_->dns_table().names();
  hosts_["m1.example"] = {*parse_ip_address("10.0.0.9")};
  feed_->touch_hosts({"m1.example"});
  feed_->touch_hosts({"another.example"});
  act(2);
  EXPECT_EQ(reconciler_->dns_table().names(), names + 3);  // leader, master, master0
}

TEST_F(MesosFeedTest, ATaskThatItsSchedulerFindsUnhealthyIsTouchedWithoutBeingStoredAgain) {
  feed_->touch("marathon", "redis.1");
  act(1);
  feed_->touch("chronos", "redis.1");
  feed_->touch("marathon", "nobody");
  act(2);
  EXPECT_TRUE(serves());
  EXPECT_EQ(store_.batches, 0u);
}

}  // namespace
}  // namespace vipgate::mesos_feed_test
