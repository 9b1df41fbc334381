#include "controlplane/mesos/mesos_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "controlplane/mesos/recordio.h"

namespace vipgate::mesos_parser_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string data(const std::string& name) {
  std::ifstream file(VIPGATE_SOURCE_DIR "/tests/controlplane/mesos/data/" + name, std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

MesosState parse_state(std::string_view json) {
  MesosParser parser;
  auto state = parser.parse_state(json);
  EXPECT_TRUE(state.ok()) << (state.ok() ? "" : state.error());
  return state.ok() ? *std::move(state) : MesosState{};
}

template <class Event>
Event parse_event(std::string_view json) {
  MesosParser parser;
  auto event = parser.parse_event(json);
  EXPECT_TRUE(event.ok()) << (event.ok() ? "" : event.error());
  if (!event.ok()) return {};
  EXPECT_TRUE(std::holds_alternative<Event>(*event)) << json;
  return std::holds_alternative<Event>(*event) ? std::get<Event>(*std::move(event)) : Event{};
}

// A GET_STATE answer whose only task has these members beside the needed ones.
MesosState state_with_task(const std::string& members) {
  return parse_state(
      R"({"type":"GET_STATE","get_state":{"get_tasks":{"tasks":[{"name":"web","task_id":)"
      R"({"value":"web.1"},"framework_id":{"value":"F"},"agent_id":{"value":"S1"},)"
      R"("state":"TASK_RUNNING",)" +
      members + "}]}}}");
}

TEST(MesosTypes, EveryStateHasItsNameAndOthersAreUnknown) {
  for (int i = 0; i <= static_cast<int>(MesosTaskState::kUnknown); ++i) {
    const auto state = static_cast<MesosTaskState>(i);
    EXPECT_EQ(mesos_task_state(to_string(state)), state);
  }
  EXPECT_EQ(mesos_task_state("TASK_NEW_AND_STRANGE"), MesosTaskState::kUnknown);
  EXPECT_FALSE(is_terminal(MesosTaskState::kUnreachable));
  EXPECT_FALSE(is_terminal(MesosTaskState::kKilling));
  EXPECT_TRUE(is_terminal(MesosTaskState::kGoneByOperator));
}

TEST(MesosParser, EveryRecordOfARealStreamIsAnEvent) {
  RecordIoDecoder decoder(1 << 20);
  decoder.feed(data("recordio-sample.bin"));
  MesosParser parser;
  std::vector<size_t> kinds;
  for (auto next = decoder.next(); next.ok() && *next; next = decoder.next()) {
    const auto event = parser.parse_event(PaddedJson{**next});
    ASSERT_TRUE(event.ok()) << event.error();
    kinds.push_back(event->index());
  }
  EXPECT_THAT(kinds, SizeIs(11));
  EXPECT_EQ(kinds[0], 0u);
  EXPECT_EQ(kinds[1], MesosEvent(MesosHeartbeat{}).index());
}

TEST(MesosParser, SubscribedOfARealMasterNamesRecoveredAgentsAndTheHeartbeat) {
  RecordIoDecoder decoder(1 << 20);
  decoder.feed(data("recordio-sample.bin"));
  const auto record = decoder.next();
  const auto event = parse_event<MesosSubscribed>(**record);
  EXPECT_THAT(event.state.recovered_agent_ids,
              ElementsAre("65fccc5d-35a8-4cae-9eb2-05922043018e-S0"));
  EXPECT_THAT(event.state.agents, IsEmpty());
  EXPECT_EQ(event.state.heartbeat_interval_s, 15.0);
}

TEST(MesosParser, AllEventsOfDcosNetsRecordingAreRead) {
  std::istringstream lines(data("operator-api.jsonl"));
  MesosParser parser;
  size_t updates = 0;
  size_t added = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto event = parser.parse_event(line);
    ASSERT_TRUE(event.ok()) << event.error() << "\n" << line;
    EXPECT_FALSE(std::holds_alternative<MesosUnknownEvent>(*event));
    if (const auto* update = std::get_if<MesosTaskUpdated>(&*event)) {
      ++updates;
      EXPECT_FALSE(update->key.task_id.empty());
      EXPECT_EQ(update->key.framework_id, "30257977-0153-499d-a5b0-35afd842ef4d-0001");
      EXPECT_EQ(update->state, update->status.state);
    }
    added += std::holds_alternative<MesosTaskAdded>(*event) ? 1u : 0u;
  }
  EXPECT_EQ(added, 12u);
  EXPECT_EQ(updates, 24u);
}

TEST(MesosParser, GetStateOfAMasterGivesTasksFrameworksAndAgents) {
  const MesosState state = parse_state(data("master-get-state.json"));
  EXPECT_THAT(state.skipped, IsEmpty());
  ASSERT_THAT(state.tasks, SizeIs(1));
  const MesosTask& task = state.tasks[0];
  EXPECT_EQ(task.id, "app.80eefa01-d956-11e8-8b68-70b3d5800002");
  EXPECT_EQ(task.state, MesosTaskState::kRunning);
  EXPECT_TRUE(task.has_health_check);
  EXPECT_EQ(task.container, MesosContainerType::kDocker);
  EXPECT_THAT(task.resource_ports, ElementsAre(std::pair(6416u, 6417u)));
  ASSERT_THAT(task.statuses, SizeIs(2));
  EXPECT_EQ(task.statuses[1].healthy, true);
  EXPECT_EQ(task.statuses[1].timestamp_s, 1540582635.261834);
  EXPECT_THAT(task.statuses[1].networks.at(0).ip_addresses, ElementsAre("172.17.0.3"));
  ASSERT_THAT(task.discovery->ports, SizeIs(4));
  EXPECT_EQ(task.discovery->ports[0].number, 6416u);
  EXPECT_EQ(task.discovery->ports[0].protocol, "udp");
  EXPECT_THAT(task.discovery->ports[0].labels, ElementsAre(MesosLabel{"VIP_0", "/app:80"}));
  EXPECT_THAT(task.discovery->ports[3].labels, IsEmpty());
  ASSERT_THAT(state.frameworks, SizeIs(2));
  EXPECT_EQ(state.frameworks[1].name, "marathon");
  EXPECT_EQ(state.frameworks[1].hostname, "172.17.0.2");
  ASSERT_THAT(state.agents, SizeIs(1));
  EXPECT_EQ(state.agents[0].hostname, "172.17.0.3");
  EXPECT_THAT(state.agents[0].pid, HasSubstr("@172.17.0.3:5051"));
}

TEST(MesosParser, GetStateOfAnAgentGivesItsLaunchedTasks) {
  const MesosState state = parse_state(data("agent-get-state.json"));
  ASSERT_THAT(state.tasks, SizeIs(1));
  EXPECT_THAT(state.tasks[0].labels, ElementsAre(MesosLabel{"vip_port0", "tcp://def:80"},
                                                 MesosLabel{"vip_port1", "tcp://jkl:80"}));
  EXPECT_THAT(state.tasks[0].resource_ports, ElementsAre(std::pair(9999u, 10002u)));
  EXPECT_EQ(state.frameworks.at(0).name, "marathon");
}

TEST(MesosParser, StateOfTheOldFormGivesTheSame) {
  const MesosState state = parse_state(data("state-v0.json"));
  EXPECT_THAT(state.skipped, IsEmpty());
  ASSERT_FALSE(state.tasks.empty());
  EXPECT_THAT(state.leader, HasSubstr("master@"));
  EXPECT_EQ(state.frameworks.at(0).pid,
            "scheduler-dfcbb50c-a25a-4d07-ab92-ac1ef2029b1b@33.33.33.2:37628");
  const MesosTask& task = state.tasks[0];
  EXPECT_EQ(task.framework_id, state.frameworks[0].id);
  EXPECT_EQ(task.name, "greg");
  EXPECT_THAT(task.labels, ElementsAre(MesosLabel{"vip_PORT0", "tcp://4.3.2.2:1234"}));
  EXPECT_THAT(task.resource_ports, ElementsAre(std::pair(31290u, 31290u)));
  EXPECT_EQ(task.statuses.at(0).networks.at(0).ip_address, "33.33.33.1");
  EXPECT_EQ(state.agents.at(0).pid, "slave(1)@33.33.33.1:5051");
}

TEST(MesosParser, SubscribedAndABareAnswerAreStatesToo) {
  const std::string body =
      R"({"get_agents":{"agents":[{"agent_info":{"id":{"value":"S1"},"hostname":"h"}}]}})";
  EXPECT_THAT(parse_state(body).agents, SizeIs(1));
  EXPECT_THAT(parse_state(R"({"type":"GET_STATE","get_state":)" + body + "}").agents, SizeIs(1));
  EXPECT_THAT(
      parse_state(R"({"subscribed":{"get_state":)" + body + R"(},"type":"SUBSCRIBED"})").agents,
      SizeIs(1));
}

TEST(MesosParser, EmptyListsMayBeLeftOut) {
  const MesosState state = parse_state(R"({"type":"GET_STATE","get_state":{"get_tasks":{}}})");
  EXPECT_THAT(state.tasks, IsEmpty());
  EXPECT_THAT(state.agents, IsEmpty());
}

TEST(MesosParser, TasksWithATerminalStateAreLeftOutAndUnreachableOnesAreNot) {
  const MesosState state = parse_state(
      R"({"get_tasks":{"tasks":[
        {"task_id":{"value":"a"},"framework_id":{"value":"F"},"agent_id":{"value":"S"},
         "state":"TASK_FAILED"}],
       "completed_tasks":[
        {"task_id":{"value":"b"},"framework_id":{"value":"F"},"agent_id":{"value":"S"},
         "state":"TASK_RUNNING"}],
       "unreachable_tasks":[
        {"task_id":{"value":"c"},"framework_id":{"value":"F"},"agent_id":{"value":"S"},
         "state":"TASK_UNREACHABLE"},
        {"task_id":{"value":"d"},"framework_id":{"value":"F"},"agent_id":{"value":"S"},
         "state":"TASK_LOST"}]}})");
  ASSERT_THAT(state.tasks, SizeIs(1));
  EXPECT_EQ(state.tasks[0].id, "c");
  EXPECT_EQ(state.tasks[0].state, MesosTaskState::kUnreachable);
}

TEST(MesosParser, PortMappingsOfBothPlacesAreKeptApart) {
  const MesosState state = state_with_task(
      R"("container":{"type":"DOCKER","docker":{"port_mappings":[{"host_port":1,)"
      R"("container_port":2,"protocol":"udp"}]},"network_infos":[{"port_mappings":[)"
      R"({"host_port":3,"container_port":4}]},{"port_mappings":[{"host_port":5,)"
      R"("container_port":6}]}]})");
  ASSERT_THAT(state.tasks, SizeIs(1));
  EXPECT_THAT(state.tasks[0].docker_port_mappings, ElementsAre(MesosPortMapping{1, 2, "udp"}));
  EXPECT_THAT(state.tasks[0].network_port_mappings,
              ElementsAre(MesosPortMapping{3, 4, ""}, MesosPortMapping{5, 6, ""}));
}

TEST(MesosParser, TaskWithAMemberOfTheWrongTypeCostsItselfOnlyAndIsListed) {
  for (const std::string bad :
       {R"({"task_id":{"value":"bad"},"framework_id":{"value":"F"},"agent_id":{"value":"S"}})",
        R"({"task_id":{"value":"bad"},"framework_id":7,"agent_id":{"value":"S"},"state":"X"})",
        R"({"task_id":{"value":"bad"},"framework_id":{"value":"F"},"agent_id":[],"state":"X"})",
        R"({"task_id":{"value":"bad"},"framework_id":{"value":"F"},"agent_id":{"value":"S"},)"
        R"("state":"TASK_RUNNING","name":{}})",
        R"({"task_id":{"value":17}})", R"(["bad"])", R"("bad")", "null", "12"}) {
    const MesosState state =
        parse_state(R"({"get_tasks":{"tasks":[)" + bad +
                    R"(,{"task_id":{"value":"good"},"framework_id":{"value":"F"},)"
                    R"("agent_id":{"value":"S"},"state":"TASK_RUNNING"}]}})");
    ASSERT_THAT(state.tasks, SizeIs(1)) << bad;
    EXPECT_EQ(state.tasks[0].id, "good");
    ASSERT_THAT(state.skipped, SizeIs(1)) << bad;
    EXPECT_THAT(state.skipped[0].where, HasSubstr("task '"));
  }
}

TEST(MesosParser, BadPortLabelOrStatusCostsNeitherItsNeighboursNorTheTask) {
  const MesosState state = state_with_task(
      R"("labels":{"labels":[{"key":"a","value":"1"},{"key":5},7,{"key":"b"}]},)"
      R"("statuses":[{"state":"TASK_RUNNING","timestamp":"then"},{"state":"TASK_RUNNING",)"
      R"("timestamp":2,"container_status":{"network_infos":[{"ip_addresses":[{"ip_address":9},)"
      R"({"protocol":"IPv4"},{"ip_address":"10.0.0.1"}]},"x"]}}],)"
      R"("discovery":{"name":"web","ports":{"ports":[{"number":-1},{"number":80.5},)"
      R"({"number":"80"},{"number":8080.0,"protocol":"tcp"},{"number":99999999999}]}},)"
      R"("resources":[{"name":"ports","ranges":{"range":[{"begin":5,"end":4},)"
      R"({"begin":6,"end":7},{"end":9}]}},{"name":"cpus"},5])");
  ASSERT_THAT(state.tasks, SizeIs(1));
  const MesosTask& task = state.tasks[0];
  EXPECT_THAT(task.labels, ElementsAre(MesosLabel{"a", "1"}, MesosLabel{"b", ""}));
  ASSERT_THAT(task.statuses, SizeIs(1));
  EXPECT_THAT(task.statuses[0].networks.at(0).ip_addresses, ElementsAre("10.0.0.1"));
  ASSERT_THAT(task.discovery->ports, SizeIs(1));
  EXPECT_EQ(task.discovery->ports[0].number, 8080u);
  EXPECT_THAT(task.resource_ports, ElementsAre(std::pair(6u, 7u)));
  EXPECT_THAT(state.skipped, SizeIs(11));
  for (const MesosSkipped& skipped : state.skipped) EXPECT_EQ(skipped.where, "task 'web.1'");
}

TEST(MesosParser, OldPortsResourceLosesBadRangesOnly) {
  const MesosState state =
      state_with_task(R"("resources":{"ports":"[31000-31001, 5, 7-x, 9-8, 31005-31005]"})");
  EXPECT_THAT(state.tasks.at(0).resource_ports,
              ElementsAre(std::pair(31000u, 31001u), std::pair(31005u, 31005u)));
  EXPECT_THAT(state.skipped, SizeIs(3));
}

TEST(MesosParser, NullIsAsGoodAsAbsent) {
  const MesosState state =
      state_with_task(R"("labels":null,"discovery":null,"statuses":null,"health_check":null)");
  ASSERT_THAT(state.tasks, SizeIs(1));
  EXPECT_THAT(state.skipped, IsEmpty());
  EXPECT_FALSE(state.tasks[0].discovery.has_value());
  EXPECT_FALSE(state.tasks[0].has_health_check);
}

TEST(MesosParser, OfDuplicateKeysTheLastCounts) {
  const MesosState state =
      state_with_task(R"("labels":[{"key":"a","value":"1"}],"labels":[{"key":"b","value":"2"}])");
  EXPECT_THAT(state.tasks.at(0).labels, ElementsAre(MesosLabel{"b", "2"}));
}

TEST(MesosParser, OctetsThatAreNotUtf8AndHugeNumbersCostTheirValueOnly) {
  const MesosState state = state_with_task(
      "\"labels\":[{\"key\":\"a\xff\xc3\",\"value\":\"\xc3\xa9\"}],"
      R"("x":1e999,"y":123456789012345678901234567890,"statuses":[{"state":"TASK_RUNNING",)"
      R"("timestamp":1e400}])");
  EXPECT_THAT(state.tasks.at(0).labels, ElementsAre(MesosLabel{"a??", "\xc3\xa9"}));
  EXPECT_EQ(state.tasks[0].statuses.at(0).timestamp_s, 0);
}

TEST(MesosParser, ListOfTheWrongTypeRefusesTheDocumentSinceTheRestIsNotTheCluster) {
  MesosParser parser;
  for (const std::string_view json :
       {R"({"get_tasks":[]})", R"({"get_tasks":{"tasks":{"a":1}},"get_agents":{}})",
        R"({"get_state":[]})", R"({"frameworks":{}})", R"({"frameworks":[],"slaves":"none"})",
        R"({"get_agents":{"agents":"none"}})", R"({"get_frameworks":7})"}) {
    EXPECT_FALSE(parser.parse_state(json).ok()) << json;
  }
}

TEST(MesosParser, WhatIsNoStateIsRefused) {
  MesosParser parser;
  for (const std::string_view json :
       {"", " ", "{}", "[]", "null", "{", R"({"type":"HEARTBEAT"})", "<html></html>",
        R"({"get_tasks":{"tasks":[}})", R"({"type":"GET_STATE"})"}) {
    EXPECT_FALSE(parser.parse_state(json).ok()) << json;
  }
}

TEST(MesosParser, DeepNestingIsRefused) {
  MesosParser parser;
  EXPECT_FALSE(parser.parse_state("{\"leader\":" + std::string(5000, '[')).ok());
  EXPECT_FALSE(
      parser.parse_state("{\"leader\":" + std::string(200, '[') + std::string(200, ']') + "}")
          .ok());
}

TEST(MesosParser, ListOfWhatWasSkippedIsCappedAndSaysHowMuchMore) {
  std::string json = R"({"get_tasks":{"tasks":[0)";
  for (int i = 0; i < 1500; ++i) json += ",0";
  const MesosState state = parse_state(json + "]}}");
  ASSERT_THAT(state.skipped, SizeIs(1001));
  EXPECT_EQ(state.skipped.back().why, "501 more could not be read");
}

TEST(MesosParser, UpdateKeepsStateAndStatusApart) {
  const auto event = parse_event<MesosTaskUpdated>(
      R"({"task_updated":{"framework_id":{"value":"F"},"state":"TASK_FINISHED","status":)"
      R"({"task_id":{"value":"T"},"state":"TASK_RUNNING","healthy":false}},"type":"TASK_UPDATED"})");
  EXPECT_EQ(event.key, (MesosTaskKey{"F", "T"}));
  EXPECT_EQ(event.state, MesosTaskState::kFinished);
  EXPECT_EQ(event.status.state, MesosTaskState::kRunning);
  EXPECT_EQ(event.status.healthy, false);
}

TEST(MesosParser, RemovalsAndUnknownTypesAreRead) {
  EXPECT_EQ(parse_event<MesosAgentRemoved>(
                R"({"type":"AGENT_REMOVED","agent_removed":{"agent_id":{"value":"S1"}}})")
                .agent_id,
            "S1");
  EXPECT_EQ(parse_event<MesosFrameworkRemoved>(
                R"({"type":"FRAMEWORK_REMOVED","framework_removed":{"framework_info":)"
                R"({"id":{"value":"F1"},"name":"n"}}})")
                .framework_id,
            "F1");
  EXPECT_EQ(parse_event<MesosUnknownEvent>(R"({"type":"NEW_THING","new_thing":{}})").type,
            "NEW_THING");
}

TEST(MesosParser, EventOfNoUseIsAnErrorThatSaysWhy) {
  MesosParser parser;
  for (const std::string_view json :
       {"", "{}", "[]", R"({"type":5})", R"({"type":"SUBSCRIBED"})", R"({"type":"TASK_ADDED"})",
        R"({"type":"TASK_ADDED","task_added":{"task":{}}})",
        R"({"type":"TASK_UPDATED","task_updated":{"task_id":{"value":"T"}}})",
        R"({"type":"AGENT_REMOVED","agent_removed":{}})",
        R"({"type":"FRAMEWORK_ADDED","framework_added":{"framework":7}})"}) {
    const auto event = parser.parse_event(json);
    ASSERT_FALSE(event.ok()) << json;
    EXPECT_FALSE(event.error().empty());
  }
}

// Its tasks run on: deactivated means that it is offered no more of them.
TEST(MesosParser, DeactivatedAgentIsAnAgentLikeAnyOther) {
  const auto event = parse_event<MesosAgentAdded>(
      R"({"type":"AGENT_ADDED","agent_added":{"agent":{"pid":"slave(1)@10.0.0.1:5051",)"
      R"("active":false,"deactivated":true,"drain_info":{"state":"DRAINING"},)"
      R"("agent_info":{"hostname":"h","id":{"value":"S1"}}}}})");
  EXPECT_EQ(event.agent, (MesosAgent{"S1", "h", "slave(1)@10.0.0.1:5051", "", ""}));
}

TEST(MesosParser, FaultDomainOfAnAgentIsItsRegionAndZone) {
  const auto event = parse_event<MesosAgentAdded>(
      R"({"type":"AGENT_ADDED","agent_added":{"agent":{"pid":"slave(1)@10.0.0.1:5051",)"
      R"("agent_info":{"hostname":"h","id":{"value":"S1"},"domain":{"fault_domain":{"region":)"
      R"({"name":"eu"},"zone":{"name":"eu-1a"}}}}}}})");
  EXPECT_EQ(event.agent, (MesosAgent{"S1", "h", "slave(1)@10.0.0.1:5051", "eu", "eu-1a"}));
}

TEST(MesosParser, MasterInfoGivesAddressIpAndElseThePackedOne) {
  MesosParser parser;
  const auto master = parser.parse_master_info(
      R"({"address":{"hostname":"m1","ip":"10.0.0.7","port":5051},"ip":16777226,"port":5050})");
  ASSERT_TRUE(master.ok());
  EXPECT_EQ(*master, (MesosMaster{"10.0.0.7", 5051}));
  const auto packed = parser.parse_master_info(R"({"hostname":"m1","ip":16777226,"port":5050})");
  ASSERT_TRUE(packed.ok());
  EXPECT_EQ(*packed, (MesosMaster{"10.0.0.1", 5050}));
  EXPECT_FALSE(parser.parse_master_info(R"({"address":{"ip":"10.0.0.7","port":0}})").ok());
  EXPECT_FALSE(parser.parse_master_info(R"({"address":{"ip":"m1"},"port":5050})").ok());
  EXPECT_FALSE(parser.parse_master_info("info").ok());
}

}  // namespace
}  // namespace vipgate::mesos_parser_test
