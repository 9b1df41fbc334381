// The events of the stream. Each trap of the operator API has a test that names it.
#include "controlplane/mesos/mesos_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/mesos/cluster_words.h"

namespace vipgate::mesos_cluster_test {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using State = MesosTaskState;

class MesosClusterTest : public ::testing::Test {
 protected:
  MesosClusterTest() {
    cluster.apply(MesosSubscribed{state({agent("S1"), agent("S2")}, {framework("F")},
                                        {task("a", "S1"), task("b", "S2")})},
                  0);
    cluster.take_changes();
  }

  MesosCluster cluster{MesosClusterOptions{}};
};

TEST_F(MesosClusterTest, SubscribedTellsTheWholeCluster) {
  EXPECT_THAT(ids(cluster), ElementsAre("a", "b"));
  EXPECT_EQ(cluster.agent("S1")->hostname, "host-S1");
  EXPECT_EQ(cluster.framework("F")->name, "name-F");
  EXPECT_EQ(cluster.task(key("a"))->agent_id, "S1");
  EXPECT_EQ(cluster.task(key("x")), nullptr);
  EXPECT_EQ(cluster.agent("x"), nullptr);
  EXPECT_EQ(cluster.framework("x"), nullptr);
}

TEST_F(MesosClusterTest, ChangesNameWhatChangedAndNothingElse) {
  cluster.apply(MesosTaskAdded{task("c", "S1")}, 1);
  cluster.apply(updated("a", State::kRunning, 7), 1);
  EXPECT_THAT(cluster.take_changes().tasks, ElementsAre(key("a"), key("c")));
  EXPECT_TRUE(cluster.take_changes().empty());
}

TEST_F(MesosClusterTest, RepeatsOfWhatIsKnownChangeNothing) {
  cluster.apply(MesosTaskAdded{task("a", "S1")}, 1);
  cluster.apply(MesosAgentAdded{agent("S1")}, 1);
  cluster.apply(MesosFrameworkAdded{framework("F")}, 1);
  cluster.apply(MesosHeartbeat{}, 1);
  cluster.apply(MesosUnknownEvent{"NEW"}, 1);
  cluster.apply(MesosAgentRemoved{"S9"}, 1);
  cluster.apply(MesosFrameworkRemoved{"F9"}, 1);
  cluster.apply(MesosSubscribed{state({agent("S1"), agent("S2")}, {framework("F")},
                                      {task("a", "S1"), task("b", "S2")})},
                2);
  cluster.set_masters({});
  EXPECT_TRUE(cluster.take_changes().empty());
  cluster.apply(updated("a", State::kRunning, 7), 3);
  cluster.take_changes();
  cluster.apply(updated("a", State::kRunning, 7), 4);
  EXPECT_TRUE(cluster.take_changes().empty());
}

// Trap 1.
TEST_F(MesosClusterTest, UnreachableAgentIsSeenByItsTasksAloneAndTheyAreKept) {
  cluster.apply(updated("a", State::kUnreachable, 7), 1);
  ASSERT_NE(cluster.task(key("a")), nullptr);
  EXPECT_EQ(cluster.task(key("a"))->state, State::kUnreachable);
  EXPECT_NE(cluster.agent("S1"), nullptr);
  EXPECT_THAT(cluster.take_changes().tasks, ElementsAre(key("a")));
  cluster.apply(updated("b", State::kLost, 7), 2);
  EXPECT_EQ(cluster.task(key("b")), nullptr);
}

TEST_F(MesosClusterTest, AgentThatAnOperatorMarkedGoneLosesItsTasksOneByOne) {
  cluster.apply(updated("a", State::kGoneByOperator, 7), 1);
  EXPECT_THAT(ids(cluster), ElementsAre("b"));
}

TEST_F(MesosClusterTest, OrderlyRemovalOfAnAgentTakesWhatIsLeftOnIt) {
  cluster.apply(MesosAgentRemoved{"S1"}, 1);
  EXPECT_EQ(cluster.agent("S1"), nullptr);
  EXPECT_THAT(ids(cluster), ElementsAre("b"));
  const MesosChanges changes = cluster.take_changes();
  EXPECT_THAT(changes.agents, ElementsAre("S1"));
  EXPECT_THAT(changes.tasks, ElementsAre(key("a")));
}

// Trap 2: no event tells of a drain but the ends of tasks, nor that the agent is gone afterwards.
TEST_F(MesosClusterTest, DrainedAgentKeepsItsTasksUntilTheyEndAndASweepWithoutItTakesItAway) {
  cluster.apply_sweep(
      state({agent("S1"), agent("S2")}, {framework("F")}, {task("a", "S1"), task("b", "S2")}), 10,
      11);
  EXPECT_TRUE(cluster.take_changes().empty());
  cluster.apply(updated("a", State::kKilled, 7), 12);
  EXPECT_THAT(ids(cluster), ElementsAre("b"));
  EXPECT_NE(cluster.agent("S1"), nullptr);
  cluster.take_changes();
  cluster.apply_sweep(state({agent("S2")}, {framework("F")}, {task("b", "S2")}), 20, 21);
  EXPECT_EQ(cluster.agent("S1"), nullptr);
  EXPECT_THAT(ids(cluster), ElementsAre("b"));
  EXPECT_THAT(cluster.take_changes().agents, ElementsAre("S1"));
}

// Trap 3.
TEST_F(MesosClusterTest, AgentThatComesBackIsReplacedAndSoAreItsTasks) {
  cluster.apply(updated("a", State::kUnreachable, 7), 1);
  cluster.take_changes();
  MesosTask back = task("a", "S1");
  back.name = "renamed";
  cluster.apply(MesosTaskAdded{back}, 2);
  MesosAgent moved = agent("S1");
  moved.pid = "slave(1)@10.9.9.9:5051";
  cluster.apply(MesosAgentAdded{moved}, 2);
  EXPECT_EQ(cluster.task(key("a"))->state, State::kRunning);
  EXPECT_EQ(cluster.task(key("a"))->name, "renamed");
  EXPECT_EQ(cluster.agent("S1")->pid, moved.pid);
  const MesosChanges changes = cluster.take_changes();
  EXPECT_THAT(changes.agents, ElementsAre("S1"));
  EXPECT_THAT(changes.tasks, ElementsAre(key("a")));
}

TEST_F(MesosClusterTest, TaskThatComesBeforeItsAgentWaitsForIt) {
  cluster.apply(MesosTaskAdded{task("c", "S3")}, 1);
  EXPECT_EQ(cluster.waiting_tasks(), 1u);
  EXPECT_EQ(cluster.task(key("c")), nullptr);
  EXPECT_TRUE(cluster.take_changes().empty());
  cluster.apply(MesosAgentAdded{agent("S3")}, 1);
  EXPECT_EQ(cluster.waiting_tasks(), 0u);
  EXPECT_NE(cluster.task(key("c")), nullptr);
  EXPECT_THAT(cluster.take_changes().tasks, ElementsAre(key("c")));
}

TEST_F(MesosClusterTest, TaskThatComesBeforeItsFrameworkWaitsForIt) {
  cluster.apply(MesosTaskAdded{task("c", "S1", "G")}, 1);
  EXPECT_EQ(cluster.waiting_tasks(), 1u);
  // What is told of it meanwhile counts, too.
  cluster.apply(updated("c", State::kKilling, 7, "G"), 1);
  EXPECT_TRUE(cluster.take_changes().empty());
  cluster.apply(MesosFrameworkAdded{framework("G")}, 1);
  ASSERT_NE(cluster.task(key("c", "G")), nullptr);
  EXPECT_EQ(cluster.task(key("c", "G"))->state, State::kKilling);
  EXPECT_THAT(cluster.take_changes().tasks, ElementsAre(key("c", "G")));
}

TEST_F(MesosClusterTest, TaskThatWaitsCanEndWithoutEverBeingSeen) {
  cluster.apply(MesosTaskAdded{task("c", "S3")}, 1);
  cluster.apply(updated("c", State::kFailed, 7), 1);
  EXPECT_EQ(cluster.waiting_tasks(), 0u);
  cluster.apply(MesosAgentAdded{agent("S3")}, 1);
  EXPECT_THAT(ids(cluster), ElementsAre("a", "b"));
}

// Trap 4.
TEST_F(MesosClusterTest, SweepShowsANewAddressThatTheStreamDidNotTell) {
  MesosState seen =
      state({agent("S1"), agent("S2")}, {framework("F")}, {task("a", "S1"), task("b", "S2")});
  seen.tasks[0].statuses[0].networks = {{{"10.7.7.7"}, "", {}}};
  cluster.apply_sweep(seen, 10, 11);
  EXPECT_THAT(cluster.task(key("a"))->statuses.at(0).networks.at(0).ip_addresses,
              ElementsAre("10.7.7.7"));
  EXPECT_THAT(cluster.take_changes().tasks, ElementsAre(key("a")));
}

// Trap 5.
TEST_F(MesosClusterTest, UpdateIsMergedIntoWhatWasKnownOfTheTask) {
  MesosTask added = task("c", "S1");
  added.state = State::kStaging;
  added.statuses.clear();
  added.labels = {{"VIP_0", "/c:80"}};
  cluster.apply(MesosTaskAdded{added}, 1);
  cluster.apply(updated("c", State::kRunning, 7), 2);
  const MesosTask* known = cluster.task(key("c"));
  EXPECT_EQ(known->state, State::kRunning);
  EXPECT_THAT(known->labels, SizeIs(1));
  EXPECT_THAT(known->statuses, SizeIs(1));
  EXPECT_EQ(known->statuses[0].timestamp_s, 7);
}

TEST_F(MesosClusterTest, StateOfTheUpdateMayBeAheadOfItsStatus) {
  MesosTaskUpdated update = updated("a", State::kRunning, 7);
  update.state = State::kKilling;
  cluster.apply(update, 1);
  EXPECT_EQ(cluster.task(key("a"))->state, State::kKilling);
  update.state = State::kFinished;
  cluster.apply(update, 2);
  EXPECT_EQ(cluster.task(key("a")), nullptr);
}

TEST_F(MesosClusterTest, TerminalStateIsNeverLeft) {
  cluster.apply(updated("a", State::kFinished, 7), 1);
  cluster.apply(updated("a", State::kRunning, 8), 2);
  EXPECT_EQ(cluster.task(key("a")), nullptr);
  EXPECT_EQ(cluster.waiting_tasks(), 0u);
  // Nor by a sweep that was under way.
  cluster.apply_sweep(
      state({agent("S1"), agent("S2")}, {framework("F")}, {task("a", "S1"), task("b", "S2")}), 1,
      3);
  EXPECT_THAT(ids(cluster), ElementsAre("b"));
}

TEST_F(MesosClusterTest, UpdateOfATaskThatIsNotKnownMakesNone) {
  cluster.apply(updated("ghost", State::kRunning, 7), 1);
  EXPECT_EQ(cluster.task(key("ghost")), nullptr);
  EXPECT_EQ(cluster.waiting_tasks(), 0u);
}

// Trap 6.
TEST_F(MesosClusterTest, TaskIsDroppedAtEachTerminalState) {
  for (int i = 0; i <= static_cast<int>(State::kUnknown); ++i) {
    const auto ended = static_cast<State>(i);
    cluster.apply(MesosTaskAdded{task("t", "S1")}, 1);
    cluster.apply(updated("t", ended, 7), 2);
    EXPECT_EQ(cluster.task(key("t")) == nullptr, is_terminal(ended)) << to_string(ended);
  }
}

TEST_F(MesosClusterTest, TaskThatIsAddedAsEndedIsDropped) {
  MesosTask ended = task("a", "S1");
  ended.state = State::kFailed;
  cluster.apply(MesosTaskAdded{ended}, 1);
  EXPECT_THAT(ids(cluster), ElementsAre("b"));
}

// Trap 7.
TEST_F(MesosClusterTest, TeardownOfAFrameworkTakesItAndItsTasks) {
  cluster.apply(MesosFrameworkAdded{framework("G")}, 1);
  cluster.apply(MesosTaskAdded{task("g", "S1", "G")}, 1);
  cluster.apply(updated("a", State::kKilled, 7), 2);
  cluster.apply(updated("b", State::kKilled, 7), 2);
  cluster.apply(MesosFrameworkRemoved{"F"}, 2);
  EXPECT_EQ(cluster.framework("F"), nullptr);
  EXPECT_THAT(ids(cluster), ElementsAre("g"));
  cluster.apply(MesosFrameworkRemoved{"G"}, 3);
  EXPECT_THAT(ids(cluster), IsEmpty());
}

TEST_F(MesosClusterTest, TasksOfAFrameworkThatDisconnectedRunOn) {
  MesosFramework disconnected = framework("F");
  disconnected.pid = "";
  cluster.apply(MesosFrameworkAdded{disconnected}, 1);
  EXPECT_THAT(ids(cluster), ElementsAre("a", "b"));
}

TEST_F(MesosClusterTest, FrameworkThatChangedConcernsAllOfItsTasks) {
  MesosFramework renamed = framework("F");
  renamed.name = "renamed";
  cluster.apply(MesosFrameworkAdded{renamed}, 1);
  const MesosChanges changes = cluster.take_changes();
  EXPECT_THAT(changes.frameworks, ElementsAre("F"));
  EXPECT_THAT(changes.tasks, ElementsAre(key("a"), key("b")));
}

// Trap 8.
TEST_F(MesosClusterTest, NewestStatusAndNewestRunningOneAreKept) {
  MesosTask added = task("c", "S1");
  added.statuses = {status(State::kStarting, 1), status(State::kRunning, 2),
                    status(State::kRunning, 4), status(State::kRunning, 3),
                    status(State::kKilling, 5)};
  cluster.apply(MesosTaskAdded{added}, 1);
  EXPECT_THAT(cluster.task(key("c"))->statuses,
              ElementsAre(status(State::kRunning, 4), status(State::kKilling, 5)));
  cluster.apply(updated("c", State::kRunning, 6), 2);
  EXPECT_THAT(cluster.task(key("c"))->statuses, ElementsAre(status(State::kRunning, 6)));
}

TEST_F(MesosClusterTest, StatusThatComesLaterIsNewerWhateverTheAgentsClockSays) {
  cluster.apply(updated("a", State::kRunning, 1000), 1);
  cluster.apply(updated("a", State::kRunning, 900), 2);
  EXPECT_THAT(cluster.task(key("a"))->statuses, ElementsAre(status(State::kRunning, 900)));
}

// Trap 11 and the like: what the master shows is all there is.
TEST_F(MesosClusterTest, SubscribedThatIsEmptyIsTheTruthIfNoAgentIsRecovered) {
  cluster.apply(MesosSubscribed{}, 1);
  EXPECT_THAT(ids(cluster), IsEmpty());
  EXPECT_EQ(cluster.waiting_tasks(), 0u);
  EXPECT_THAT(cluster.agents(), IsEmpty());
  EXPECT_THAT(cluster.frameworks(), IsEmpty());
  EXPECT_THAT(cluster.take_changes().tasks, SizeIs(2));
}

TEST_F(MesosClusterTest, TaskThatMovedToAnotherAgentFollowsIt) {
  cluster.apply(MesosTaskAdded{task("a", "S2")}, 1);
  cluster.apply(MesosAgentRemoved{"S1"}, 2);
  EXPECT_THAT(ids(cluster), ElementsAre("a", "b"));
  cluster.apply(MesosTaskAdded{task("a", "S7")}, 3);
  EXPECT_THAT(ids(cluster), ElementsAre("b"));
  EXPECT_EQ(cluster.waiting_tasks(), 1u);
}

TEST_F(MesosClusterTest, MastersThatChangedAreAChange) {
  cluster.set_masters({MesosMaster{"10.0.0.1", 5050}, {{"10.0.0.1", 5050}}});
  EXPECT_TRUE(cluster.take_changes().masters);
  cluster.set_masters({MesosMaster{"10.0.0.1", 5050}, {{"10.0.0.1", 5050}}});
  EXPECT_TRUE(cluster.take_changes().empty());
  EXPECT_EQ(cluster.masters().leader->ip, "10.0.0.1");
}

}  // namespace
}  // namespace vipgate::mesos_cluster_test
