#include "controlplane/marathon/marathon_parser.h"

#include <gtest/gtest.h>

#include "controlplane/marathon/sse_decoder.h"

namespace vipgate::marathon_parser_test {
namespace {

TEST(MarathonParser, TaskIsHealthyWhenAllItsChecksAreAndUnknownWithoutResults) {
  MarathonParser parser;
  const auto state = parser.parse_apps(R"({"apps":[
    {"id":"/a","tasks":[
      {"id":"a.1","healthCheckResults":[{"alive":true},{"alive":true}]},
      {"id":"a.2","healthCheckResults":[{"alive":true},{"alive":false}]},
      {"id":"a.3","healthCheckResults":[]},
      {"id":"a.4"}]},
    {"id":"/b","tasks":[{"id":"b.1","healthCheckResults":[{"alive":true}]},{"id":"b.2"}],
     "readinessCheckResults":[{"taskId":"b.1","ready":false},{"taskId":"b.2","ready":true}]}]})");
  ASSERT_TRUE(state.ok()) << state.error();
  EXPECT_EQ(state->health, (MarathonHealth{{"a.1", true}, {"a.2", false}, {"b.1", false}}));
  EXPECT_EQ(state->unready, std::set<std::string>{"b.1"});
}

TEST(MarathonParser, ItemsOfTheWrongTypeCostThemselvesOnly) {
  MarathonParser parser;
  const auto state = parser.parse_apps(R"({"apps":[7,null,{"tasks":3},{"tasks":[
    1,{"id":5},{"id":""},{"id":"x","healthCheckResults":"no"},
    {"id":"y","healthCheckResults":[null,{"alive":"yes"},{"alive":true}]}],
    "readinessCheckResults":{"taskId":"y"}}]})");
  ASSERT_TRUE(state.ok()) << state.error();
  EXPECT_EQ(state->health, (MarathonHealth{{"y", true}}));
}

TEST(MarathonParser, WhatIsNoListOfAppsIsAnError) {
  MarathonParser parser;
  for (const char* json : {"", "{", "[]", "{}", R"({"apps":{}})", "\xff"}) {
    EXPECT_FALSE(parser.parse_apps(json).ok()) << json;
  }
}

TEST(MarathonParser, EventsTellOfHealthOfEndsAndOfWhatHasToBeAskedFor) {
  MarathonParser parser;
  const auto dead = parser.parse_event(
      R"({"eventType":"health_status_changed_event","appId":"/a","taskId":"a.1","alive":false})");
  EXPECT_EQ(dead.change, (MarathonChange{"a.1", false}));
  EXPECT_FALSE(dead.wants_refresh);
  const auto ended = parser.parse_event(
      R"({"eventType":"status_update_event","taskId":"a.1","taskStatus":"TASK_KILLED"})");
  EXPECT_EQ(ended.change, (MarathonChange{"a.1", std::nullopt}));
  const auto running = parser.parse_event(
      R"({"eventType":"status_update_event","taskId":"a.1","taskStatus":"TASK_RUNNING"})");
  EXPECT_FALSE(running.change);
  const auto instance = parser.parse_event(
      R"({"eventType":"instance_health_changed_event","instanceId":"a.x","healthy":true})");
  EXPECT_TRUE(instance.wants_refresh);
  for (const char* json : {"", "[]", "{", R"({"eventType":7})", R"({"eventType":"other"})"}) {
    const auto none = parser.parse_event(json);
    EXPECT_TRUE(!none.change && !none.wants_refresh) << json;
  }
}

TEST(SseDecoder, PiecesOfAnySizeGiveTheSameEvents) {
  const std::string stream =
      ":comment\n\nevent: a\ndata: one\n\nid: 3\r\ndata:two\r\ndata: three\r\n\r\nevent: no\n\n"
      "database: x\n\ndata\n\n";
  for (size_t piece = 1; piece <= stream.size(); ++piece) {
    SseDecoder decoder(1000);
    std::vector<std::string> events;
    for (size_t at = 0; at < stream.size(); at += piece) {
      decoder.feed(std::string_view(stream).substr(at, piece));
      for (auto next = decoder.next(); next.ok() && *next; next = decoder.next()) {
        events.push_back(**next);
      }
    }
    EXPECT_EQ(events, (std::vector<std::string>{"one", "two\nthree", ""})) << piece;
  }
}

TEST(SseDecoder, EventAboveTheLimitIsAnErrorInOneLineAndInMany) {
  SseDecoder line(100);
  line.feed("data: " + std::string(200, 'x'));
  EXPECT_FALSE(line.next().ok());
  SseDecoder lines(100);
  for (int i = 0; i < 50; ++i) lines.feed("data: xxxx\n");
  EXPECT_FALSE(lines.next().ok());
}

}  // namespace
}  // namespace vipgate::marathon_parser_test
