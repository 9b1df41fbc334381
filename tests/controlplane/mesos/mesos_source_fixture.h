// A MesosSource against servers that a test scripts, with times that fit.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "controlplane/mesos/mesos_source_times.h"
#include "tests/support/scripted_http_server.h"

namespace vipgate {

using test::ScriptedConnection;
using test::ScriptedHttpServer;
using test::ScriptedRequest;
using test::ScriptedTls;

inline std::string record(const std::string& json) {
  return std::to_string(json.size()) + "\n" + json;
}
inline std::string subscribed(double heartbeat_s = 15) {
  return record(
      R"({"type":"SUBSCRIBED","subscribed":{"get_state":{},"heartbeat_interval_seconds":)" +
      std::to_string(heartbeat_s) + "}}");
}
inline std::string agent_removed(const std::string& id) {
  return record(R"({"type":"AGENT_REMOVED","agent_removed":{"agent_id":{"value":")" + id + "\"}}}");
}
inline const std::string kHeartbeat = record(R"({"type":"HEARTBEAT"})");
inline const std::string kGetState = R"({"type":"GET_STATE","get_state":{}})";

inline bool is_subscribe(const ScriptedRequest& request) {
  return request.target == "/api/v1" && request.body.find("SUBSCRIBE") != std::string::npos;
}
// A master as it should be, without events. Sweeps are answered, too.
inline void lead(const ScriptedRequest& request, ScriptedConnection& connection) {
  if (!is_subscribe(request)) {
    connection.respond(200, kGetState);
    return;
  }
  connection.begin_stream();
  connection.send_chunk(subscribed());
  connection.wait_for_close();
}

class MesosSourceFixture : public ::testing::Test {
 protected:
  MesosSourceFixture() {
    // Waits that a test means to see are short; those that it must not depend on would hang it.
    times_.connect = times_.answer = times_.heartbeat = std::chrono::hours(1);
    times_.missed_heartbeats = 3;
    times_.backoff_min = std::chrono::milliseconds(2);
    times_.backoff_max = std::chrono::milliseconds(20);
    times_.sweep = times_.poll = times_.resubscribe = std::chrono::hours(1);
    times_.zookeeper.retry = std::chrono::milliseconds(20);
    make_queue(1000);
  }

  void make_queue(size_t capacity) {
    auto queue = MesosQueue::create(capacity);
    ASSERT_TRUE(queue.ok());
    queue_ = std::move(*queue);
  }

  void start(std::vector<std::string> masters) {
    config_.masters = std::move(masters);
    auto source = start_mesos_source(config_, 7, *queue_, times_);
    ASSERT_TRUE(source.ok()) << source.error();
    source_ = std::move(*source);
  }

  std::optional<MesosInput> next_input() {
    while (true) {
      if (auto input = queue_->try_pop()) {
        EXPECT_EQ(input->cluster, 7U);
        return input;
      }
      pollfd event{queue_->fd(), POLLIN, 0};
      if (poll(&event, 1, 30'000) != 1) return std::nullopt;
    }
  }

  // The next input of this kind; others are passed over. MesosEvents are looked into.
  template <class Kind>
  Kind next() {
    while (auto input = next_input()) {
      if constexpr (std::is_constructible_v<decltype(input->what), Kind> &&
                    !std::is_constructible_v<MesosEvent, Kind>) {
        if (auto* what = std::get_if<Kind>(&input->what)) return std::move(*what);
      } else if (auto* event = std::get_if<MesosEvent>(&input->what)) {
        if (auto* what = std::get_if<Kind>(event)) return std::move(*what);
      }
    }
    ADD_FAILURE() << "nothing came";
    return {};
  }
  // Until the link says something that has `part` in it.
  MesosLink link_with(const std::string& part) {
    while (true) {
      MesosLink link = next<MesosLink>();
      if (link.detail.find(part) != std::string::npos || HasFailure()) return link;
    }
  }

  MesosConfig config_;
  MesosSourceTimes times_;
  std::unique_ptr<MesosQueue> queue_;
  std::unique_ptr<MesosSource> source_;
};

}  // namespace vipgate
