#include "controlplane/mesos/arriving_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include "controlplane/mesos/mesos_stream.h"
#include "tests/support/arriving_pieces.h"

namespace vipgate::arriving_state_test {
namespace {

using test::read_answer_in_pieces;
using test::read_event_in_pieces;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::string padded(std::string_view json) {
  return std::string(json) + std::string(PaddedJson::kPadding, '\0');
}

MesosState state_of(Result<MesosEvent> event) {
  if (!event.ok()) {
    ADD_FAILURE() << event.error();
    return {};
  }
  auto* subscribed = std::get_if<MesosSubscribed>(&*event);
  EXPECT_NE(subscribed, nullptr);
  return subscribed == nullptr ? MesosState{} : std::move(subscribed->state);
}

void expect_same(const MesosState& a, const MesosState& b) {
  EXPECT_EQ(a.tasks, b.tasks);
  EXPECT_EQ(a.agents, b.agents);
  EXPECT_EQ(a.frameworks, b.frameworks);
  EXPECT_EQ(a.recovered_agent_ids, b.recovered_agent_ids);
  EXPECT_EQ(a.heartbeat_interval_s, b.heartbeat_interval_s);
  EXPECT_EQ(a.skipped, b.skipped);
}

// The same whatever the pieces, and as the whole record is read.
MesosState read(std::string_view json) {
  MesosParser parser;
  const MesosState whole = state_of(parser.parse_event(json));
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{61}, size_t{1000}, json.size()}) {
    SCOPED_TRACE(piece);
    expect_same(state_of(read_event_in_pieces(json, piece)), whole);
  }
  return whole;
}

std::string task(const std::string& id, const std::string& state = "TASK_RUNNING") {
  return R"({"name":"web","task_id":{"value":")" + id +
         R"("},"framework_id":{"value":"F"},"agent_id":{"value":"S1"},"state":")" + state + "\"}";
}

std::string subscribed(const std::string& state) {
  return R"({"type":"SUBSCRIBED","subscribed":{"get_state":{)" + state +
         R"(},"heartbeat_interval_seconds":15.0}})";
}

std::vector<std::string> ids(const MesosState& state) {
  std::vector<std::string> all;
  for (const MesosTask& one : state.tasks) all.push_back(one.id.str());
  return all;
}

TEST(ArrivingState, RecordedEventsAreReadInPiecesAsTheyAreReadWhole) {
  std::ifstream file(VIPGATE_SOURCE_DIR "/tests/controlplane/mesos/data/operator-api.jsonl");
  size_t states = 0;
  for (std::string line; std::getline(file, line);) {
    MesosParser parser;
    const auto whole = parser.parse_event(line);
    ASSERT_TRUE(whole.ok());
    for (const size_t piece : {1, 100, 4096}) {
      const auto pieces = read_event_in_pieces(line, piece);
      ASSERT_TRUE(pieces.ok()) << pieces.error();
      EXPECT_EQ(pieces->index(), whole->index());
    }
    if (!std::holds_alternative<MesosSubscribed>(*whole)) continue;
    EXPECT_THAT(read(line).agents, Not(IsEmpty()));
    ++states;
  }
  EXPECT_GT(states, 0u);
}

TEST(ArrivingState, UnreachableTasksComeFirstWhereverTheyStand) {
  const MesosState state =
      read(subscribed(R"("get_tasks":{"tasks":[)" + task("a") + "," +
                      task("done", "TASK_FINISHED") + R"(],"launched_tasks":[)" + task("b") +
                      R"(],"unreachable_tasks":[)" + task("c", "TASK_UNREACHABLE") +
                      R"(]},"get_agents":{"recovered_agents":[{"id":{"value":"S9"}}]})"));
  EXPECT_THAT(ids(state), ElementsAre("c", "a", "b"));
  EXPECT_THAT(state.recovered_agent_ids, ElementsAre("S9"));
  EXPECT_EQ(state.heartbeat_interval_s, 15.0);
}

TEST(ArrivingState, ABadItemCostsItselfAloneAndIsListed) {
  const MesosState state = read(
      subscribed(R"("get_tasks":{"tasks":[1,null,{"name":"x"},)" + task("a") + R"(,"text"]})"));
  EXPECT_THAT(ids(state), ElementsAre("a"));
  EXPECT_THAT(state.skipped, SizeIs(4));
}

TEST(ArrivingState, TextsThatAreNotUtf8AndHugeNumbersAreRepairedItemByItem) {
  const MesosState state =
      read(subscribed(R"("get_tasks":{"tasks":[)" + task("a\xff") + "," +
                      R"({"timestamp":1e999999,)" + task("b").substr(1) + "," + task("c") + "]}"));
  EXPECT_THAT(ids(state), ElementsAre("a?", "b", "c"));
}

TEST(ArrivingState, ListsThatNobodyReadsAreNotKept) {
  std::string others = R"("get_executors":{"executors":[{"x":1})";
  for (int i = 0; i < 1000; ++i) others += R"(,{"x":"0123456789"})";
  const MesosState state = read(subscribed(others + R"(]},"get_tasks":{"completed_tasks":[)" +
                                           task("old") + R"(],"tasks":[)" + task("a") + "]}"));
  EXPECT_THAT(ids(state), ElementsAre("a"));
}

TEST(ArrivingState, TheFirstOfTwoListsOfOneNameCounts) {
  const MesosState state = read(
      subscribed(R"("get_tasks":{"tasks":[)" + task("a") + R"(],"tasks":[)" + task("b") + "]}"));
  EXPECT_THAT(ids(state), ElementsAre("a"));
}

TEST(ArrivingState, AListOfTheWrongTypeIsAnErrorThatNamesIt) {
  for (const size_t piece : {1, 1000}) {
    const auto event = read_event_in_pieces(subscribed(R"("get_tasks":{"tasks":{"a":1}})"), piece);
    ASSERT_FALSE(event.ok());
    EXPECT_THAT(event.error(), HasSubstr("get_tasks.tasks"));
  }
}

TEST(ArrivingState, AnswersAreReadInPiecesAsTheyAreReadWhole) {
  const std::string tasks = R"("get_tasks":{"unreachable_tasks":[)" + task("c") +
                            R"(],"tasks":[7,)" + task("a") + R"(],"launched_tasks":[)" + task("b") +
                            R"(]},"get_agents":{"recovered_agents":[{"id":{"value":"S9"}}]})";
  const std::string v0 = R"({"leader":"master@10.0.0.1:5050","slaves":[],"frameworks":[{"id":"F",)"
                         R"("name":"marathon","tasks":[{"id":"a","name":"a","slave_id":"S1",)"
                         R"("state":"TASK_RUNNING"}]}]})";
  const std::pair<std::string, size_t> answers[] = {
      {R"({"type":"GET_STATE","get_state":{)" + tasks + "}}", 3}, {"{" + tasks + "}", 3}, {v0, 1}};
  for (const auto& [answer, count] : answers) {
    MesosParser parser;
    auto whole = parser.parse_state(answer);
    ASSERT_TRUE(whole.ok()) << whole.error();
    EXPECT_EQ(whole->tasks.size(), count);
    for (const size_t piece : {size_t{1}, size_t{61}, answer.size()}) {
      SCOPED_TRACE(piece);
      auto pieces = read_answer_in_pieces(answer, piece);
      ASSERT_TRUE(pieces.ok()) << pieces.error();
      expect_same(*pieces, *whole);
    }
  }
}

TEST(ArrivingState, AnAnswerOfUnknownLengthIsReadAsWell) {
  MesosParser parser;
  ArrivingState reader(parser, ArrivingState::Form::kAnswer, 0);
  std::string all;
  for (int i = 0; i < 1000; ++i) all += (i == 0 ? "" : ",") + task("t" + std::to_string(i));
  const std::string answer = R"({"get_state":{"get_tasks":{"tasks":[)" + all + "]}}}";
  const std::string text = padded(answer);
  auto state = reader.finish_answer(PaddedJson{std::string_view(text).substr(0, answer.size())});
  ASSERT_TRUE(state.ok()) << state.error();
  EXPECT_THAT(state->tasks, SizeIs(1000));
}

TEST(ArrivingState, AnAnswerThatEndsTooEarlyIsAnError) {
  const std::string answer = R"({"get_state":{"get_tasks":{"tasks":[)" + task("a") + "]}}}";
  for (size_t size = 0; size < answer.size(); ++size) {
    EXPECT_FALSE(read_answer_in_pieces(answer.substr(0, size), 10).ok()) << size;
  }
}

TEST(ArrivingState, WhatIsNotJsonIsAnError) {
  const std::string good = subscribed(R"("get_tasks":{"tasks":[)" + task("a") + "]}");
  for (const size_t piece : {size_t{1}, size_t{1000}}) {
    // Cut off anywhere.
    for (size_t size = 1; size < good.size(); ++size) {
      EXPECT_FALSE(read_event_in_pieces(good.substr(0, size), piece).ok()) << good.substr(0, size);
    }
    for (const char* tasks : {"[1,]", "[,]", "[{} {}]", "[{\"a\"}]", "[tru]", "[{]}]", "[1]]"}) {
      EXPECT_FALSE(read_event_in_pieces(
                       subscribed(R"("get_tasks":{"tasks":)" + std::string(tasks) + "}"), piece)
                       .ok())
          << tasks;
    }
  }
}

TEST(ArrivingState, AStreamKeepsNoneOfAFirstRecordThatItHasRead) {
  std::string tasks = task("t-0");
  for (int i = 1; i < 20'000; ++i) tasks += "," + task("t-" + std::to_string(i));
  const std::string json = subscribed(R"("get_tasks":{"tasks":[)" + tasks + "]}");
  const std::string bytes =
      std::to_string(json.size()) + "\n" + json + "20\n{\"type\":\"HEARTBEAT\"}";
  MesosParser parser;
  MesosStreamCounters counters;
  std::vector<MesosEvent> events;
  MesosStream stream(json.size(), parser, counters, [&](MesosEvent event, int64_t) {
    events.push_back(std::move(event));
    return true;
  });
  size_t most = 0;
  for (size_t at = 0; at < bytes.size(); at += 4096) {
    ASSERT_TRUE(stream.feed(std::string_view(bytes).substr(at, 4096))) << stream.error();
    most = std::max(most, stream.memory_bytes());
  }
  EXPECT_LT(most, size_t{256} << 10);
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_THAT(std::get<MesosSubscribed>(events[0]).state.tasks, SizeIs(20'000));
  EXPECT_EQ(counters.records, 2u);
  EXPECT_EQ(counters.bytes, bytes.size());
}

}  // namespace
}  // namespace vipgate::arriving_state_test
