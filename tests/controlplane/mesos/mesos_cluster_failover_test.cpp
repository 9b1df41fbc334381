// What a new leader does not know yet, what a sweep knows better, and what the store remembers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/mesos/mesos_cluster.h"
#include "tests/controlplane/mesos/cluster_words.h"

namespace vipgate::mesos_cluster_failover_test {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using State = MesosTaskState;

// Two agents with two tasks each; then another master leads, which knows the agents by name only.
class MesosFailoverTest : public ::testing::Test {
 protected:
  static constexpr int64_t kFailover = 100'000;
  static constexpr int64_t kTimeout = kFailover + 600'000;

  MesosFailoverTest() {
    cluster.apply(MesosSubscribed{state(
                      {agent("S1"), agent("S2")}, {framework("F")},
                      {task("a1", "S1"), task("b1", "S1"), task("a2", "S2"), task("b2", "S2")})},
                  0);
    cluster.take_changes();
    cluster.apply(MesosSubscribed{state({}, {}, {}, {"S1", "S2"})}, kFailover);
  }

  MesosCluster cluster{MesosClusterOptions{}};
};

// Trap 9.
TEST_F(MesosFailoverTest, TasksOfRecoveredAgentsStayAsIfNothingHadHappened) {
  EXPECT_TRUE(cluster.take_changes().empty());
  EXPECT_THAT(ids(cluster), ElementsAre("a1", "a2", "b1", "b2"));
  EXPECT_EQ(cluster.recovered_agents(), 2u);
  EXPECT_NE(cluster.agent("S1"), nullptr);
  EXPECT_NE(cluster.framework("F"), nullptr);
  EXPECT_EQ(cluster.next_deadline_ms(), kTimeout);
}

TEST_F(MesosFailoverTest, TasksOfAnAgentThatIsNotRecoveredGoAtOnce) {
  cluster.apply(MesosSubscribed{state({}, {}, {}, {"S1"})}, kFailover + 1);
  EXPECT_THAT(ids(cluster), ElementsAre("a1", "b1"));
  EXPECT_EQ(cluster.agent("S2"), nullptr);
}

TEST_F(MesosFailoverTest, AgentThatComesBackWithAllItsTasksChangesNothing) {
  cluster.apply(MesosAgentAdded{agent("S1")}, kFailover + 1);
  cluster.apply(MesosFrameworkAdded{framework("F")}, kFailover + 1);
  cluster.apply(MesosTaskAdded{task("a1", "S1")}, kFailover + 1);
  cluster.apply(MesosTaskAdded{task("b1", "S1")}, kFailover + 1);
  cluster.apply(MesosHeartbeat{}, kFailover + 50'000);
  EXPECT_TRUE(cluster.take_changes().empty());
  EXPECT_EQ(cluster.recovered_agents(), 1u);
}

TEST_F(MesosFailoverTest, TaskThatDidNotComeBackWithItsAgentGoesWithALaterHeartbeat) {
  // The framework is known by now: its tasks come before the agent.
  cluster.apply(MesosFrameworkAdded{framework("F")}, kFailover + 1);
  cluster.apply(MesosTaskAdded{task("a1", "S1")}, kFailover + 1);
  cluster.apply(MesosAgentAdded{agent("S1")}, kFailover + 1);
  cluster.apply(MesosHeartbeat{}, kFailover + 2);
  EXPECT_THAT(ids(cluster), ElementsAre("a1", "a2", "b1", "b2"));
  cluster.apply(MesosHeartbeat{}, kFailover + 5'001);
  EXPECT_THAT(ids(cluster), ElementsAre("a1", "a2", "b2"));
  EXPECT_THAT(cluster.take_changes().tasks, ElementsAre(key("b1")));
}

TEST_F(MesosFailoverTest, SilenceAfterAnAgentCameBackTakesNothingAway) {
  cluster.apply(MesosAgentAdded{agent("S1")}, kFailover + 1);
  cluster.advance(kFailover + 60'000);
  EXPECT_THAT(ids(cluster), ElementsAre("a1", "a2", "b1", "b2"));
}

TEST_F(MesosFailoverTest, SweepThatShowsTheAgentWithoutATaskTakesTheTaskAtOnce) {
  cluster.apply(MesosAgentAdded{agent("S1")}, kFailover + 1);
  cluster.apply_sweep(state({agent("S1")}, {framework("F")}, {task("a1", "S1")}, {"S2"}),
                      kFailover + 2, kFailover + 3);
  EXPECT_THAT(ids(cluster), ElementsAre("a1", "a2", "b2"));
}

TEST_F(MesosFailoverTest, SweepFromBeforeTheAgentCameBackDoesNotTakeItsTasks) {
  cluster.apply(MesosFrameworkAdded{framework("F")}, kFailover + 5);
  cluster.apply(MesosTaskAdded{task("a1", "S1")}, kFailover + 5);
  cluster.apply(MesosAgentAdded{agent("S1")}, kFailover + 5);
  cluster.apply_sweep(state({}, {}, {}, {"S1", "S2"}), kFailover + 4, kFailover + 6);
  EXPECT_THAT(ids(cluster), ElementsAre("a1", "a2", "b1", "b2"));
  EXPECT_EQ(cluster.recovered_agents(), 1u);
}

TEST_F(MesosFailoverTest, UpdateOfAHeldTaskShowsThatTheMasterKnowsIt) {
  cluster.apply(MesosAgentAdded{agent("S1")}, kFailover + 1);
  cluster.apply(updated("a1", State::kRunning, 9), kFailover + 2);
  cluster.apply(MesosHeartbeat{}, kFailover + 15'000);
  EXPECT_THAT(ids(cluster), ElementsAre("a1", "a2", "b2"));
}

TEST_F(MesosFailoverTest, AgentThatLeavesTheListWithoutComingBackTakesItsTasksAlong) {
  cluster.apply_sweep(state({}, {}, {}, {"S2"}), kFailover + 1, kFailover + 2);
  EXPECT_THAT(ids(cluster), ElementsAre("a2", "b2"));
  EXPECT_EQ(cluster.agent("S1"), nullptr);
  EXPECT_NE(cluster.framework("F"), nullptr);
  cluster.apply_sweep(state({}, {}, {}), kFailover + 3, kFailover + 4);
  EXPECT_THAT(ids(cluster), IsEmpty());
  EXPECT_EQ(cluster.framework("F"), nullptr);
  EXPECT_EQ(cluster.recovered_agents(), 0u);
}

TEST_F(MesosFailoverTest, RecoveredAgentsTimeOut) {
  cluster.take_changes();
  EXPECT_FALSE(cluster.advance(kTimeout - 1));
  EXPECT_TRUE(cluster.advance(kTimeout));
  EXPECT_THAT(ids(cluster), IsEmpty());
  EXPECT_THAT(cluster.agents(), IsEmpty());
  EXPECT_THAT(cluster.frameworks(), IsEmpty());
  EXPECT_EQ(cluster.next_deadline_ms(), INT64_MAX);
  EXPECT_THAT(cluster.take_changes().tasks, SizeIs(4));
  EXPECT_FALSE(cluster.advance(kTimeout + 1));
}

TEST_F(MesosFailoverTest, SweepDoesNotGiveRecoveredAgentsMoreTimeButAnotherFailoverDoes) {
  cluster.apply_sweep(state({}, {}, {}, {"S1", "S2"}), kFailover + 1, kFailover + 2);
  EXPECT_EQ(cluster.next_deadline_ms(), kTimeout);
  cluster.apply(MesosSubscribed{state({}, {}, {}, {"S1", "S2"})}, kFailover + 500);
  EXPECT_EQ(cluster.next_deadline_ms(), kTimeout + 500);
}

TEST_F(MesosFailoverTest, NothingTimesOutWhileTheSourceIsOutOfTouch) {
  cluster.lost_touch();
  EXPECT_EQ(cluster.next_deadline_ms(), INT64_MAX);
  EXPECT_FALSE(cluster.advance(kTimeout + 1));
  EXPECT_THAT(ids(cluster), SizeIs(4));
  cluster.apply(MesosSubscribed{state({}, {}, {}, {"S1"})}, kTimeout + 2);
  EXPECT_THAT(ids(cluster), ElementsAre("a1", "b1"));
  EXPECT_EQ(cluster.next_deadline_ms(), kTimeout + 2 + 600'000);
}

TEST_F(MesosFailoverTest, AgentThatIsRemovedOrRegisteredAnewUnderAnotherIdGoes) {
  cluster.apply(MesosAgentRemoved{"S1"}, kFailover + 1);
  EXPECT_THAT(ids(cluster), ElementsAre("a2", "b2"));
  EXPECT_EQ(cluster.recovered_agents(), 1u);
}

TEST_F(MesosFailoverTest, FrameworkThatIsTornDownTakesHeldTasksAlong) {
  cluster.apply(MesosFrameworkRemoved{"F"}, kFailover + 1);
  EXPECT_THAT(ids(cluster), IsEmpty());
}

TEST_F(MesosFailoverTest, SecondFailoverHoldsWhatTheFirstDid) {
  cluster.apply(MesosSubscribed{state({agent("S1")}, {framework("F")},
                                      {task("a1", "S1"), task("b1", "S1")}, {"S2"})},
                kFailover + 1);
  cluster.apply(MesosSubscribed{state({}, {}, {}, {"S1", "S2"})}, kFailover + 2);
  EXPECT_THAT(ids(cluster), ElementsAre("a1", "a2", "b1", "b2"));
  EXPECT_TRUE(cluster.take_changes().empty());
}

class MesosSweepTest : public ::testing::Test {
 protected:
  MesosSweepTest() {
    cluster.apply(MesosSubscribed{seen()}, 0);
    cluster.take_changes();
  }
  static MesosState seen() { return state({agent("S1")}, {framework("F")}, {task("a", "S1")}); }

  MesosCluster cluster{MesosClusterOptions{}};
};

TEST_F(MesosSweepTest, HealsWhatTheStreamLost) {
  MesosState other = state({agent("S2")}, {framework("G")}, {task("b", "S2", "G")});
  other.skipped = {{"task 'x'", "it has no state"}};
  cluster.apply_sweep(other, 10, 11);
  EXPECT_THAT(ids(cluster), ElementsAre("b"));
  EXPECT_EQ(cluster.agent("S1"), nullptr);
  EXPECT_EQ(cluster.framework("F"), nullptr);
  EXPECT_EQ(cluster.skipped(), other.skipped);
  const MesosChanges changes = cluster.take_changes();
  EXPECT_THAT(changes.tasks, ElementsAre(key("a"), key("b", "G")));
  EXPECT_THAT(changes.agents, ElementsAre("S1", "S2"));
  EXPECT_THAT(changes.frameworks, ElementsAre("F", "G"));
}

TEST_F(MesosSweepTest, WhatTheStreamToldAtOrAfterTheAskingIsNewer) {
  cluster.apply(MesosAgentAdded{agent("S2")}, 10);
  cluster.apply(MesosFrameworkAdded{framework("G")}, 10);
  cluster.apply(MesosTaskAdded{task("b", "S2", "G")}, 10);
  cluster.apply(updated("a", State::kKilling, 5), 10);
  cluster.apply_sweep(seen(), 10, 12);
  EXPECT_THAT(ids(cluster), ElementsAre("a", "b"));
  EXPECT_EQ(cluster.task(key("a"))->state, State::kKilling);
  // A sweep that was asked for later knows better.
  cluster.apply_sweep(seen(), 11, 13);
  EXPECT_THAT(ids(cluster), ElementsAre("a"));
  EXPECT_EQ(cluster.task(key("a"))->state, State::kRunning);
}

TEST_F(MesosSweepTest, WhatTheStreamTookAwayIsNotBroughtBackByAnOlderSweep) {
  cluster.apply(MesosAgentRemoved{"S1"}, 10);
  cluster.apply(MesosFrameworkRemoved{"F"}, 10);
  cluster.apply_sweep(seen(), 9, 11);
  EXPECT_THAT(ids(cluster), IsEmpty());
  EXPECT_THAT(cluster.agents(), IsEmpty());
  EXPECT_THAT(cluster.frameworks(), IsEmpty());
  EXPECT_EQ(cluster.waiting_tasks(), 0u);
  cluster.apply_sweep(seen(), 12, 13);
  EXPECT_THAT(ids(cluster), ElementsAre("a"));
}

TEST_F(MesosSweepTest, OneThatWasAskedForBeforeTheLastSubscribedIsPassedOver) {
  cluster.apply(MesosSubscribed{}, 10);
  cluster.apply_sweep(seen(), 9, 11);
  EXPECT_THAT(ids(cluster), IsEmpty());
}

TEST_F(MesosSweepTest, UnreachableTaskWaitsWhenItsAgentIsGoneAndIsSeenWhenItIsBack) {
  MesosState without = state({}, {framework("F")}, {task("a", "S1")});
  without.tasks[0].state = State::kUnreachable;
  cluster.apply_sweep(without, 10, 11);
  EXPECT_THAT(ids(cluster), IsEmpty());
  EXPECT_EQ(cluster.waiting_tasks(), 1u);
  cluster.apply(MesosTaskAdded{task("a", "S1")}, 20);
  cluster.apply(MesosAgentAdded{agent("S1")}, 20);
  EXPECT_EQ(cluster.task(key("a"))->state, State::kRunning);
}

TEST_F(MesosSweepTest, TwoTasksOfOneIdAreBothKept) {
  MesosState twice = seen();
  twice.tasks.push_back(twice.tasks[0]);  // the same once more is one
  twice.tasks.push_back(twice.tasks[0]);
  twice.tasks.back().name = "other";
  for (int64_t at = 10; at < 12; ++at) {
    cluster.apply_sweep(twice, at, at);
    std::set<std::string> names;
    for (const auto& [key, task] : cluster.tasks()) names.insert(task.id.str() + " " + task.name);
    EXPECT_THAT(names, ElementsAre("a name-a", "a other"));
    EXPECT_EQ(cluster.take_changes().empty(), at == 11);
  }
  cluster.apply_sweep(seen(), 13, 13);
  EXPECT_THAT(cluster.tasks(), SizeIs(1));
}

TEST(MesosRestore, StoredClusterIsServedUntilTheMasterTells) {
  MesosCluster cluster{MesosClusterOptions{}};
  cluster.restore(
      state({agent("S1"), agent("S2")}, {framework("F")}, {task("a", "S1"), task("b", "S2")}));
  EXPECT_THAT(ids(cluster), ElementsAre("a", "b"));
  EXPECT_EQ(cluster.recovered_agents(), 2u);
  EXPECT_THAT(cluster.take_changes().tasks, SizeIs(2));
  EXPECT_FALSE(cluster.advance(1'000'000'000));
  EXPECT_EQ(cluster.next_deadline_ms(), INT64_MAX);
  // The master is in a failover itself: one agent is back, the other is not.
  cluster.apply(MesosSubscribed{state({agent("S1")}, {framework("F")}, {}, {"S2"})}, 5);
  EXPECT_THAT(ids(cluster), ElementsAre("b"));
  EXPECT_EQ(cluster.next_deadline_ms(), 600'005);
}

TEST(MesosRestore, StoredClusterThatIsStillTrueIsNoChange) {
  const MesosState stored = state({agent("S1")}, {framework("F")}, {task("a", "S1")});
  MesosCluster cluster{MesosClusterOptions{}};
  cluster.restore(stored);
  cluster.take_changes();
  cluster.apply(MesosSubscribed{stored}, 5);
  EXPECT_TRUE(cluster.take_changes().empty());
  EXPECT_EQ(cluster.recovered_agents(), 0u);
}

}  // namespace
}  // namespace vipgate::mesos_cluster_failover_test
