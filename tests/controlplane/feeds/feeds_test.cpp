#include "controlplane/feeds/feeds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "controlplane/config/config_reader.h"
#include "controlplane/feeds/mesos_store.h"
#include "tests/controlplane/loop/fake_dataplane.h"
#include "tests/controlplane/store/store_directory.h"

namespace vipgate::feeds_test {
namespace {

constexpr char kHead[] = R"(
ports:
  - { name: edge, device: "net_null0", addresses: [10.0.0.1/16], kernel: true }
snat_pools:
  - { name: default, addresses: [10.0.9.1] }
)";
constexpr char kMesos[] = R"(
dns: { zones: [{ name: l4lb.thisdcos.directory, services: true }, { name: mesos }] }
mesos: [{ masters: ["127.0.0.1:1"] }]
)";

const ServiceKey kRedis{*parse_ip_address("11.202.66.36"), 6379, Protocol::kTcp};

MesosCluster make_cluster() {
  MesosTask task;
  task.id = "redis.1";
  task.name = "redis";
  task.framework_id = "F1";
  task.agent_id = "S1";
  task.state = MesosTaskState::kRunning;
  MesosDiscoveryPort port{30585, "main", "tcp", {{"VIP_0", "/redis:6379"}}};
  port.labels.push_back({"network-scope", "host"});
  task.discovery = MesosDiscovery{"redis", {port}};
  MesosSubscribed whole;
  whole.state.agents = {{"S1", "10.0.1.5", "slave(1)@10.0.1.5:5051", "", ""}};
  whole.state.frameworks = {{"F1", "marathon", "", ""}};
  whole.state.tasks = {task};
  MesosCluster cluster(MesosClusterOptions{});
  cluster.apply(std::move(whole), 0);
  return cluster;
}

// A gateway's feeds, with a store in a file.
class FeedsTest : public testing::Test {
 protected:
  Config parse(const std::string& text) const {
    auto config =
        parse_config(kHead + text + "store: \"sqlite:" + directory_.file() + "\"\n", "test.yaml");
    EXPECT_TRUE(config.ok()) << config.error();
    return config.ok() ? *config : Config{};
  }
  std::unique_ptr<StateStore> open_store() const {
    auto store = StateStore::open("sqlite:" + directory_.file(), "");
    EXPECT_TRUE(store.ok()) << store.error();
    return std::move(*store);
  }
  void store_cluster(const std::string& name) const {
    const auto store = open_store();
    MesosCluster cluster = make_cluster();
    MesosStore saver(*store, name);
    saver.mark(cluster.take_changes(), cluster);
    saver.save_all(cluster);
    ASSERT_TRUE(store->flush(10'000).ok());
  }
  // As the control loop does it.
  void start(const Config& config) {
    reconciler_ = std::make_unique<Reconciler>(
        config, dataplane_, [](const NextHop&) { return MacAddress{{2}}; }, DnsHashSecret{},
        RingRunner{});
    auto feeds = Feeds::create(config, *reconciler_, dataplane_);
    ASSERT_TRUE(feeds.ok()) << feeds.error();
    feeds_ = std::move(*feeds);
    load(config, true);
  }
  void reload(const Config& config) {
    feeds_->require_store(config);
    load(config, false);
    feeds_->follow(reconciler_->config());
    feeds_->act(now_ms_ += 1000);
  }
  void load(Config config, bool is_first) {
    auto resolved = feeds_->resolve(config);
    ASSERT_TRUE(resolved.ok()) << resolved.error();
    if (is_first) {
      feeds_->adopt(std::move(*resolved));
      feeds_->restore_sources(config);
    }
    auto outcome = reconciler_->apply(config, now_ms_ / 1000);
    ASSERT_TRUE(outcome.ok()) << outcome.error();
    EXPECT_THAT(outcome->needs_restart, testing::IsEmpty());
    EXPECT_THAT(outcome->problems, testing::IsEmpty());
    if (!is_first) feeds_->adopt(std::move(*resolved));
  }
  [[nodiscard]] const ModelService& redis() const { return *reconciler_->model().find(kRedis); }
  // The TTLs of all records below the zone `mesos`.
  [[nodiscard]] std::set<uint32_t> task_ttls() const {
    std::set<uint32_t> ttls;
    dataplane_.published.back()->dns->for_each_record([&](const DnsTable::Record& record) {
      if (dns_name_to_text(record.name).ends_with(".mesos.")) ttls.insert(record.ttl_s);
    });
    return ttls;
  }

  StoreDirectory directory_;
  FakeDataplane dataplane_;
  std::unique_ptr<Reconciler> reconciler_;
  std::unique_ptr<Feeds> feeds_;
  int64_t now_ms_ = 1'000'000;
};

TEST_F(FeedsTest, AReloadsTtlTimeoutsAndDefaultsAreThoseOfServicesFromMesosToo) {
  store_cluster("mesos");
  Config config = parse(kMesos);
  start(config);
  ASSERT_NE(reconciler_->model().find(kRedis), nullptr);
  EXPECT_EQ(task_ttls(), std::set<uint32_t>{5});
  const auto real_id = redis().reals.begin()->second.id;

  config.dns.ttl_s = 60;
  config.timeouts.tcp_established_s = 77;
  config.defaults.no_real = NoReal::kDrop;
  config.defaults.admission.new_flows_per_s = 7;
  config.named_vips.mode = Mode::kNat;
  reload(config);
  EXPECT_EQ(task_ttls(), std::set<uint32_t>{60});
  EXPECT_EQ(redis().config.timeouts.tcp_established_s, 77);
  EXPECT_EQ(redis().config.no_real, NoReal::kDrop);
  EXPECT_EQ(redis().config.admission.new_flows_per_s, 7u);
  EXPECT_EQ(redis().config.mode, Mode::kNat);
  // It never went: its address, its reals and their flows are what they were.
  EXPECT_TRUE(redis().is_configured());
  EXPECT_EQ(redis().reals.begin()->second.id.value, real_id.value);
  EXPECT_EQ(redis().reals.begin()->second.id.generation, real_id.generation);
}

TEST_F(FeedsTest, AReloadThatConcernsNothingOfMesosPublishesNothingOfIt) {
  store_cluster("mesos");
  Config config = parse(kMesos);
  start(config);
  feeds_->act(now_ms_ += 1000);
  ASSERT_TRUE(reconciler_->tick(now_ms_ / 1000).ok());
  const size_t published = dataplane_.published.size();
  config.log.level = LogLevel::kDebug;
  reload(config);
  EXPECT_EQ(dataplane_.published.size(), published);
}

TEST_F(FeedsTest, TheFirstNameThatWantsAnAddressOpensTheStoreThoughItComesByAReload) {
  // Named "a" and "b" in a range of two, where both would choose the first address.
  const auto services = [](const std::string& list) {
    return "named_vips: { ipv4: 10.9.9.0-10.9.9.1 }\nservices: [" + list + "]\n";
  };
  const std::string fixed = "{ name: c, vip: 10.8.0.1, port: 80 }";
  const std::string a = ", { name: a, vip: auto, port: 80 }";
  const std::string b = ", { name: b, vip: auto, port: 80 }";
  start(parse(services(fixed)));
  EXPECT_FALSE(std::filesystem::exists(directory_.file()));
  const size_t clients = feeds_->clients().size();
  reload(parse(services(fixed + b)));
  reload(parse(services(fixed + a + b)));
  EXPECT_EQ(feeds_->clients().size(), clients + 1);
  const auto vip_of = [&](const std::string& name) {
    for (const auto& [key, service] : reconciler_->model().services()) {
      if (service.config.name == name && service.is_configured()) return key.vip;
    }
    return IpAddress{};
  };
  const IpAddress vip_a = vip_of("a");
  const IpAddress vip_b = vip_of("b");
  feeds_->flush();
  feeds_.reset();
  EXPECT_TRUE(std::filesystem::exists(directory_.file()));

  // Together the lower name would have chosen first: the order of their coming is remembered.
  start(parse(services(fixed)));
  reload(parse(services(fixed + a + b)));
  EXPECT_EQ(vip_of("a"), vip_a);
  EXPECT_EQ(vip_of("b"), vip_b);
  VipAllocator without_memory(parse(services(fixed)).named_vips);
  without_memory.allocate({"a", "b"}, 4);
  EXPECT_NE(without_memory.address_of("a", 4), vip_a);
}

TEST_F(FeedsTest, WhatTheStoreHasOfAClusterThatIsNoLongerConfiguredGoesAtTheNextStart) {
  store_cluster("mesos");
  store_cluster("old.cluster");
  start(parse(kMesos));
  feeds_->flush();
  feeds_.reset();
  const auto spaces = open_store()->spaces();
  ASSERT_TRUE(spaces.ok()) << spaces.error();
  EXPECT_THAT(*spaces, testing::Contains("mesos/mesos/task"));
  EXPECT_THAT(*spaces, testing::Not(testing::Contains(testing::StartsWith("mesos/old.cluster/"))));
}

TEST_F(FeedsTest, WhatTheStoreHasOfTheLastClusterGoesTooThoughNothingElseNeedsTheStore) {
  store_cluster("mesos");
  start(parse("named_vips: { enabled: false }\n"));
  feeds_->flush();
  feeds_.reset();
  const auto spaces = open_store()->spaces();
  ASSERT_TRUE(spaces.ok()) << spaces.error();
  EXPECT_THAT(*spaces, testing::IsEmpty());
}

}  // namespace
}  // namespace vipgate::feeds_test
