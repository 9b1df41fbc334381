#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

#include "controlplane/mesos/json_repair.h"
#include "controlplane/mesos/mesos_parser.h"

namespace vipgate::mesos_json_test {
namespace {

std::string data(const std::string& name) {
  std::ifstream file(VIPGATE_SOURCE_DIR "/tests/controlplane/mesos/data/" + name, std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

TEST(MesosJson, TasksAgentsAndFrameworksOfRealStatesComeBackAsTheyWere) {
  MesosParser parser;
  size_t items = 0;
  for (const char* name : {"master-get-state.json", "agent-get-state.json", "state-v0.json"}) {
    const auto state = parser.parse_state(data(name));
    ASSERT_TRUE(state.ok()) << state.error();
    for (const MesosTask& task : state->tasks) {
      const auto event = parser.parse_event(R"({"type":"TASK_ADDED","task_added":{"task":)" +
                                            to_json(task) + "}}");
      ASSERT_TRUE(event.ok()) << event.error();
      EXPECT_EQ(std::get<MesosTaskAdded>(*event).task, task) << to_json(task);
      ++items;
    }
    for (const MesosAgent& agent : state->agents) {
      const auto event = parser.parse_event(R"({"type":"AGENT_ADDED","agent_added":{"agent":)" +
                                            to_json(agent) + "}}");
      ASSERT_TRUE(event.ok()) << event.error();
      EXPECT_EQ(std::get<MesosAgentAdded>(*event).agent, agent);
      ++items;
    }
    for (const MesosFramework& framework : state->frameworks) {
      const auto event =
          parser.parse_event(R"({"type":"FRAMEWORK_ADDED","framework_added":{"framework":)" +
                             to_json(framework) + "}}");
      ASSERT_TRUE(event.ok()) << event.error();
      EXPECT_EQ(std::get<MesosFrameworkAdded>(*event).framework, framework);
      ++items;
    }
  }
  EXPECT_GT(items, 8u);
}

TEST(MesosJson, EveryMemberOfATaskComesBack) {
  MesosTask task;
  task.id = "a\"b\\c\n\x01\xc3\xa9";
  task.name = "n";
  task.framework_id = "F";
  task.agent_id = "S";
  task.state = MesosTaskState::kGoneByOperator;
  task.has_health_check = true;
  task.container = MesosContainerType::kMesos;
  MesosTaskStatus status;
  status.state = MesosTaskState::kRunning;
  status.timestamp_s = 1413572371.0432101;
  status.healthy = false;
  status.labels = {{"k", "v"}, {"", ""}};
  status.networks = {{{"10.0.0.1", "fd00::1"}, "10.0.0.2", {{1, 2, "tcp"}}}, {}};
  task.statuses = {status, {}};
  task.labels = {{"VIP_0", "/x:80"}};
  task.discovery = MesosDiscovery{"d",
                                  {{80, "http", "tcp", {{"VIP_0", "/y:1"}}},
                                   {std::nullopt, "", std::nullopt, {}},
                                   {4294967295, "x", "", {}}}};
  task.docker_port_mappings = {{7, 8, ""}};
  task.network_port_mappings = {{9, 10, "udp"}, {11, 12, "tcp"}};
  task.resource_ports = {{1, 2}, {5, 5}};
  MesosParser parser;
  const auto event =
      parser.parse_event(R"({"type":"TASK_ADDED","task_added":{"task":)" + to_json(task) + "}}");
  ASSERT_TRUE(event.ok()) << event.error();
  EXPECT_EQ(std::get<MesosTaskAdded>(*event).task, task) << to_json(task);
}

TEST(JsonRepair, ReplacesOnlyWhatNoParserTakes) {
  std::string good = R"({"a":"\"1e999 \u00e9 é","b":[1,-2.5e10,1234567890.123456]})";
  const std::string before = good;
  EXPECT_FALSE(repair_json(good));
  EXPECT_EQ(good, before);
  std::string bad = "{\"a\":\"x\xff\\\xc3\xa9\",\"b\":1e999,\"c\":-1234567890123456789012}";
  EXPECT_TRUE(repair_json(bad));
  EXPECT_EQ(bad, "{\"a\":\"x?\\\xc3\xa9\",\"b\":null ,\"c\":null                   }");
}

void mutate(std::string& text, std::mt19937& random) {
  static constexpr std::string_view kPieces[] = {
      "{",    "}",     "[",       "]",          ":",   ",",  "\"", "\\",   "\\u",
      "null", "true",  "1e999",   "-",          "0.5", "{}", "[]", "\xff", "\xc3",
      "\"\"", "99999", "\\ud800", "4294967296", "-1",  "\0", " ",  "\n",   "{\"value\":7}"};
  const auto below = [&](size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(random);
  };
  if (text.empty()) text = "{";
  const size_t at = below(text.size());
  switch (below(6)) {
    case 0:
      text.erase(at, 1 + below(40));
      break;
    case 1:
      text.insert(at, kPieces[below(std::size(kPieces))]);
      break;
    case 2:
      text[at] = static_cast<char>(below(256));
      break;
    case 3:
      text.insert(below(text.size()), text.substr(at, below(300)));
      break;
    case 4:
      text.resize(at);
      break;
    case 5: {  // another value, of whichever type
      const size_t colon = text.find(':', at);
      const size_t end = text.find_first_of(",}]", colon == std::string::npos ? at : colon);
      if (colon == std::string::npos || end == std::string::npos) break;
      text.replace(colon + 1, end - colon - 1, kPieces[below(std::size(kPieces))]);
      break;
    }
  }
}

TEST(MesosParser, NoMutationOfRealInputMakesItCrashOrThrow) {
  std::mt19937 random(20260302);
  MesosParser parser;
  std::vector<std::string> events;
  std::istringstream lines(data("operator-api.jsonl"));
  for (std::string line; std::getline(lines, line);) events.push_back(line);
  const std::string states[] = {data("master-get-state.json"), data("agent-get-state.json"),
                                data("state-v0.json")};
  size_t good = 0;
  size_t refused = 0;
  for (int i = 0; i < 6000; ++i) {
    const bool is_state = i % 3 == 0;
    std::string text = is_state ? states[random() % 3] : events[random() % events.size()];
    for (size_t n = 1 + random() % 4; n > 0; --n) mutate(text, random);
    const bool is_good = is_state ? parser.parse_state(text).ok() : parser.parse_event(text).ok();
    ++(is_good ? good : refused);
  }
  // Both must be met, or the mutations test nothing.
  EXPECT_GT(good, 500u);
  EXPECT_GT(refused, 500u);
}

}  // namespace
}  // namespace vipgate::mesos_json_test
