#include "controlplane/marathon/marathon_source.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <functional>
#include <future>
#include <mutex>

#include "tests/support/scripted_http_server.h"

namespace vipgate::marathon_source_test {
namespace {

using test::ScriptedConnection;
using test::ScriptedHttpServer;
using test::ScriptedRequest;

std::string apps(bool alive) {
  return std::string(R"({"apps":[{"tasks":[{"id":"a.1","healthCheckResults":[{"alive":)") +
         (alive ? "true" : "false") + "}]}]}]}";
}
std::string health_event(const std::string& task, bool alive) {
  return "event: health_status_changed_event\ndata: {\"eventType\":\"health_status_changed_event\","
         "\"taskId\":\"" +
         task + "\",\"alive\":" + (alive ? "true" : "false") + "}\n\n";
}

class MarathonSourceTest : public ::testing::Test {
 protected:
  MarathonSourceTest() {
    // What a test must not wait for would hang it.
    times_.connect = times_.answer = times_.silence = times_.refresh = std::chrono::hours(1);
    times_.refresh_gap = std::chrono::milliseconds(0);
    times_.backoff_min = std::chrono::milliseconds(2);
    times_.backoff_max = std::chrono::milliseconds(20);
  }
  void start(std::vector<std::string> urls) {
    MarathonConfig config;
    config.urls = std::move(urls);
    auto source = MarathonSource::start(config, 0, times_);
    ASSERT_TRUE(source.ok()) << source.error();
    source_ = std::move(*source);
  }
  // Takes and applies updates until it is so.
  void wait_until(const std::function<bool()>& is_so) {
    while (!is_so()) {
      pollfd event{source_->fd(), POLLIN, 0};
      ASSERT_EQ(poll(&event, 1, 30'000), 1) << "nothing came";
      MarathonUpdate update = source_->take();
      if (update.health) health_ = std::move(*update.health);
      for (const MarathonChange& change : update.changes) {
        if (change.healthy) {
          health_[change.task_id] = *change.healthy;
        } else {
          health_.erase(change.task_id);
        }
      }
      if (update.connected) link_ = {*update.connected, update.detail};
    }
  }

  MarathonSourceTimes times_;
  std::unique_ptr<MarathonSource> source_;
  MarathonHealth health_;
  std::pair<bool, std::string> link_;
};

TEST_F(MarathonSourceTest, StateIsReadAtTheStartAndEventsChangeIt) {
  std::promise<void> read;
  std::atomic<bool> told{false};
  ScriptedHttpServer marathon([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    if (request.target == "/v2/apps?embed=apps.tasks&embed=apps.readiness") {
      // One that is read after the event tells the same.
      connection.respond(
          200, told ? R"({"apps":[{"tasks":[{"id":"b.1","healthCheckResults":[{"alive":true}]}]}]})"
                    : apps(true));
      return;
    }
    EXPECT_EQ(request.target, "/v2/events");
    EXPECT_EQ(request.header("accept"), "text/event-stream");
    connection.begin_stream();
    read.get_future().wait();
    told = true;
    connection.send_chunk(health_event("b.1", true));
    connection.wait_for_close();
  });
  start({"http://" + marathon.address() + "/"});
  wait_until([&] { return health_.contains("a.1") && link_.first; });
  EXPECT_EQ(link_.second, "reads the health of tasks from " + marathon.address());
  read.set_value();
  wait_until([&] { return health_.contains("b.1"); });
}

TEST_F(MarathonSourceTest, EventThatDoesNotTellAllMakesTheStateBeReadAgain) {
  std::atomic<bool> alive{true};
  std::promise<void> read;
  ScriptedHttpServer marathon([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    if (request.target != "/v2/events") {
      connection.respond(200, apps(alive));
      return;
    }
    connection.begin_stream();
    read.get_future().wait();
    alive = false;
    connection.send_chunk("data: {\"eventType\":\"instance_health_changed_event\"}\n\n");
    connection.wait_for_close();
  });
  start({"http://" + marathon.address()});
  wait_until([&] { return health_["a.1"]; });
  read.set_value();
  wait_until([&] { return !health_["a.1"]; });
}

TEST_F(MarathonSourceTest, LostEventStreamIsFollowedAgainAndTheStateReadForWhatWasMissed) {
  std::atomic<int> streams{0};
  ScriptedHttpServer marathon([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    if (request.target != "/v2/events") {
      connection.respond(200, apps(streams < 3));
      return;
    }
    const int number = ++streams;
    connection.begin_stream();
    if (number >= 3) connection.wait_for_close();
  });
  start({"http://" + marathon.address()});
  wait_until([&] { return health_.contains("a.1") && !health_["a.1"]; });
}

TEST_F(MarathonSourceTest, MarathonThatFailsIsReportedAndTheNextOneAsked) {
  ScriptedHttpServer bad(
      [](const ScriptedRequest&, ScriptedConnection& connection) { connection.respond(503, ""); });
  ScriptedHttpServer good([](const ScriptedRequest& request, ScriptedConnection& connection) {
    if (request.target != "/v2/events") connection.respond(200, apps(true));
  });
  times_.backoff_min = times_.backoff_max = std::chrono::milliseconds(200);
  start({"http://" + bad.address(), "http://" + good.address()});
  wait_until([&] { return link_.second.find("answered 503") != std::string::npos; });
  EXPECT_FALSE(link_.first);
  wait_until([&] { return health_.contains("a.1"); });
}

TEST_F(MarathonSourceTest, EndsWhileNobodyAnswers) {
  ScriptedHttpServer silent(
      [](const ScriptedRequest&, ScriptedConnection& connection) { connection.wait_for_close(); });
  start({"http://" + silent.address()});
  source_.reset();
}

TEST_F(MarathonSourceTest, ConfigurationThatCannotBeUsedIsRefusedAtTheStart) {
  EXPECT_FALSE(MarathonSource::start({}, 0).ok());
  MarathonConfig config;
  config.urls = {"marathon:8080"};
  const auto source = MarathonSource::start(config, 0);
  ASSERT_FALSE(source.ok());
  EXPECT_NE(source.error().find("marathon[0]: `urls`"), std::string::npos);
}

}  // namespace
}  // namespace vipgate::marathon_source_test
