#include "controlplane/feeds/mesos_store.h"

#include <gtest/gtest.h>

#include "tests/controlplane/feeds/memory_store.h"

namespace vipgate::mesos_store_test {
namespace {

MesosTask make_task(const std::string& id) {
  MesosTask task;
  task.id = id;
  task.name = "redis";
  task.framework_id = "F1";
  task.agent_id = "S1";
  task.state = MesosTaskState::kRunning;
  task.statuses = {{MesosTaskState::kRunning, 1.5, true, {}, {}}};
  task.discovery = MesosDiscovery{"redis", {{30585, "main", "tcp", {{"VIP_0", "/redis:6379"}}}}};
  return task;
}

// A cluster of two tasks "a" and "b/1", as its master tells it.
MesosCluster make_cluster() {
  MesosSubscribed whole;
  whole.state.agents = {{"S1", "agent", "slave(1)@10.0.0.5:5051", "", ""}};
  whole.state.frameworks = {{"F1", "marathon", "", ""}};
  whole.state.tasks = {make_task("a"), make_task("b/1")};
  MesosCluster cluster(MesosClusterOptions{});
  cluster.apply(std::move(whole), 0);
  cluster.set_masters({MesosMaster{"10.0.0.1", 5050}, {{"10.0.0.1", 5050}, {"10.0.0.2", 5051}}});
  return cluster;
}

class MesosStoreTest : public testing::Test {
 protected:
  MesosStoreTest() : cluster_(make_cluster()), saver_(store_, "mesos") {
    saver_.mark(cluster_.take_changes(), cluster_);
  }

  MemoryStore store_;
  MesosCluster cluster_;
  MesosStore saver_;
};

TEST_F(MesosStoreTest, WhatWasSavedIsThereAgainAfterARestart) {
  saver_.save_all(cluster_);
  MesosCluster next(MesosClusterOptions{});
  const auto status = MesosStore(store_, "mesos").restore(next);
  ASSERT_TRUE(status.ok()) << status.error();
  ASSERT_NE(next.task({"F1", "a"}), nullptr);
  ASSERT_NE(next.task({"F1", "b/1"}), nullptr);
  EXPECT_EQ(*next.task({"F1", "a"}), make_task("a"));
  ASSERT_NE(next.agent("S1"), nullptr);
  EXPECT_EQ(next.agent("S1")->pid, "slave(1)@10.0.0.5:5051");
  ASSERT_NE(next.framework("F1"), nullptr);
  EXPECT_EQ(next.masters(), cluster_.masters());
}

TEST_F(MesosStoreTest, ATaskThatWentIsTakenOutOfTheStore) {
  saver_.save_all(cluster_);
  cluster_.apply(MesosTaskUpdated{{"F1", "a"}, MesosTaskState::kKilled, {}}, 1);
  saver_.mark(cluster_.take_changes(), cluster_);
  saver_.save_all(cluster_);
  MesosCluster next(MesosClusterOptions{});
  ASSERT_TRUE(MesosStore(store_, "mesos").restore(next).ok());
  EXPECT_EQ(next.task({"F1", "a"}), nullptr);
  EXPECT_NE(next.task({"F1", "b/1"}), nullptr);
}

TEST_F(MesosStoreTest, AStoreThatIsFarBehindGetsNothingMore) {
  store_.waiting = 1'000'000;
  saver_.save_some(cluster_);
  EXPECT_EQ(store_.batches, 0u);
  EXPECT_TRUE(saver_.waits());
  store_.waiting = 0;
  saver_.save_all(cluster_);
  EXPECT_EQ(store_.rows["mesos/mesos/task"].size(), 2u);
}

TEST_F(MesosStoreTest, OneEntryThatCannotBeReadCostsItselfOnly) {
  saver_.save_all(cluster_);
  store_.rows["mesos/mesos/task"]["F1/a"] = R"({"task_id":17})";
  MesosCluster next(MesosClusterOptions{});
  const auto status = MesosStore(store_, "mesos").restore(next);
  ASSERT_TRUE(status.ok()) << status.error();
  EXPECT_EQ(next.task({"F1", "a"}), nullptr);
  EXPECT_NE(next.task({"F1", "b/1"}), nullptr);
}

TEST_F(MesosStoreTest, AStoreThatCannotBeReadLeavesTheClusterEmpty) {
  store_.fault = "no";
  MesosCluster next(MesosClusterOptions{});
  const auto status = MesosStore(store_, "mesos").restore(next);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error(), "no");
  EXPECT_TRUE(next.tasks().empty());
}

TEST_F(MesosStoreTest, WhatComesAndGoesWhileTheStoreIsAwayDoesNotPileUp) {
  saver_.save_all(cluster_);
  store_.waiting = 1'000'000;
  const auto end = [&](const std::string& id) {
    cluster_.apply(MesosTaskUpdated{{"F1", id}, MesosTaskState::kKilled, {}}, 1);
    saver_.mark(cluster_.take_changes(), cluster_);
    saver_.save_some(cluster_);
  };
  for (int i = 0; i < 5000; ++i) {
    const std::string id = "short." + std::to_string(i);
    cluster_.apply(MesosTaskAdded{make_task(id)}, 1);
    saver_.mark(cluster_.take_changes(), cluster_);
    saver_.save_some(cluster_);
    ASSERT_LE(saver_.unsaved(), 3u);
    end(id);
  }
  // The store has this one: that it went must be said when the store is back.
  end("a");
  store_.waiting = 0;
  saver_.save_some(cluster_);
  EXPECT_FALSE(saver_.waits());
  EXPECT_EQ(store_.rows["mesos/mesos/task"].size(), 1u);
  EXPECT_TRUE(store_.rows["mesos/mesos/task"].contains("F1/b/1"));
}

// A cluster of many tasks, and a store that a crash leaves behind after some of their batches.
class MesosStoreCrashTest : public testing::Test {
 protected:
  static constexpr size_t kTasks = 3500;  // four batches

  MesosStoreCrashTest() : cluster_(MesosClusterOptions{}), saver_(store_, "mesos") {
    MesosSubscribed whole;
    whole.state.agents = {{"S1", "agent", "slave(1)@10.0.0.5:5051", "", ""}};
    whole.state.frameworks = {{"F1", "marathon", "", ""}};
    for (size_t i = 0; i < kTasks; ++i) {
      whole.state.tasks.push_back(make_task("t" + std::to_string(i)));
    }
    whole_ = whole;
    cluster_.apply(std::move(whole), 0);
    saver_.mark(cluster_.take_changes(), cluster_);
    saver_.told_whole();
  }

  MesosStore::Restored restored(MesosStore& store) {
    next_ = std::make_unique<MesosCluster>(MesosClusterOptions{});
    const auto result = store.restore(*next_);
    EXPECT_TRUE(result.ok()) << result.error();
    return result.ok() ? *result : MesosStore::Restored{};
  }
  MesosStore::Restored restored() {
    MesosStore store(store_, "mesos");
    return restored(store);
  }

  MemoryStore store_;
  MesosSubscribed whole_;
  MesosCluster cluster_;
  MesosStore saver_;
  std::unique_ptr<MesosCluster> next_;
};

TEST_F(MesosStoreCrashTest, OfAFirstSaveThatDidNotComeToItsEndARestartSaysHowMuchItHas) {
  size_t batches = 0;
  while (saver_.waits()) {
    saver_.save_some(cluster_);
    ++batches;
    const auto tasks_of = restored().tasks_of;
    if (saver_.waits()) {
      ASSERT_TRUE(tasks_of) << batches;
      EXPECT_EQ(*tasks_of, kTasks);
      EXPECT_LT(next_->tasks().size(), kTasks);
    } else {
      EXPECT_FALSE(tasks_of);
      EXPECT_EQ(next_->tasks().size(), kTasks);
    }
  }
  EXPECT_EQ(batches, 4u);
}

TEST_F(MesosStoreCrashTest, APartStaysAPartUntilTheClusterHasToldAllOfItselfAndThatIsStored) {
  saver_.save_some(cluster_);
  MesosStore successor(store_, "mesos");
  ASSERT_TRUE(restored(successor).tasks_of);
  // Something small is stored before the cluster answers.
  MesosCluster cluster = std::move(*next_);
  cluster.set_masters({MesosMaster{"10.0.0.1", 5050}, {}});
  successor.mark(cluster.take_changes(), cluster);
  successor.save_all(cluster);
  EXPECT_TRUE(restored().tasks_of);

  cluster.apply(std::move(whole_), 1);
  successor.mark(cluster.take_changes(), cluster);
  successor.told_whole();
  successor.save_all(cluster);
  EXPECT_FALSE(restored().tasks_of);
  EXPECT_EQ(next_->tasks().size(), kTasks);
}

TEST_F(MesosStoreTest, WhatTheStoreHasOfOtherClustersIsForgotten) {
  saver_.save_all(cluster_);
  for (const char* name : {"old", "mesos#1"}) {
    MesosStore other(store_, name);
    MesosCluster cluster = make_cluster();
    other.mark(cluster.take_changes(), cluster);
    other.save_all(cluster);
  }
  store_.rows["vip"]["name/redis.marathon 4"] = "11.0.0.1";
  const size_t own = store_.rows["mesos/mesos/task"].size();
  Config config;
  config.mesos.resize(1);
  const auto forgotten = forget_other_clusters(store_, config);
  ASSERT_TRUE(forgotten.ok()) << forgotten.error();
  EXPECT_EQ(*forgotten, (std::set<std::string>{"mesos#1", "old"}));
  for (const auto& [space, rows] : store_.rows) {
    EXPECT_TRUE(space == "vip" || space.starts_with("mesos/mesos/")) << space;
  }
  EXPECT_EQ(store_.rows["mesos/mesos/task"].size(), own);
  EXPECT_EQ(store_.rows["vip"].size(), 1u);
}

}  // namespace
}  // namespace vipgate::mesos_store_test
