// Streams that break, and ends at any moment.
#include <future>

#include "tests/controlplane/mesos/mesos_source_fixture.h"

namespace vipgate::mesos_source_faults_test {
namespace {

class MesosSourceFaults : public MesosSourceFixture {
 protected:
  // A master whose first stream is `bytes` after its SUBSCRIBED, and then as `ending` says; the
  // second one is as it should be and removes agent "healed".
  ScriptedHttpServer::Handler break_once(const std::string& bytes, bool closes,
                                         double heartbeat_s = 15) {
    return [this, bytes, closes, heartbeat_s](const ScriptedRequest& request,
                                              ScriptedConnection& connection) {
      if (!is_subscribe(request)) return;
      connection.begin_stream();
      if (subscriptions_++ > 0) {
        connection.send_chunk(subscribed() + agent_removed("healed"));
        connection.wait_for_close();
        return;
      }
      connection.send_chunk(subscribed(heartbeat_s) + bytes);
      if (!closes) connection.wait_for_close();
    };
  }
  // That the source was dropped for `why`, came back, and handed on nothing in between.
  void expect_healed(const std::string& why) {
    next<MesosSubscribed>();
    const MesosLink link = link_with(why);
    EXPECT_FALSE(link.connected);
    EXPECT_TRUE(next<MesosLink>().connected);
    next<MesosSubscribed>();
    EXPECT_EQ(next<MesosAgentRemoved>().agent_id, "healed");
    EXPECT_EQ(source_->counters().connects, 2U);
    EXPECT_EQ(source_->counters().drops, 1U);
  }

  std::atomic<int> subscriptions_{0};
};

TEST_F(MesosSourceFaults, StreamCutInMidRecordIsSubscribedAgain) {
  ScriptedHttpServer master(break_once(agent_removed("half").substr(0, 20), true));
  start({master.address()});
  expect_healed("closed in the middle");
  EXPECT_EQ(source_->counters().garbage, 0U);
}

// Trap 10: to the oldest of too many subscribers, too.
TEST_F(MesosSourceFaults, StreamThatTheMasterEndsInOrderIsSubscribedAgain) {
  ScriptedHttpServer master([this](const ScriptedRequest& request, ScriptedConnection& connection) {
    if (subscriptions_++ > 0) {
      break_once("", false)(request, connection);
      return;
    }
    connection.begin_stream();
    connection.send_chunk(subscribed());
    connection.send("0\r\n\r\n");
    connection.wait_for_close();
  });
  start({master.address()});
  expect_healed("has ended the event stream");
}

TEST_F(MesosSourceFaults, LengthThatIsNoNumberDropsTheConnection) {
  ScriptedHttpServer master(break_once("garbage!" + agent_removed("after"), false));
  start({master.address()});
  expect_healed("no record length");
  EXPECT_EQ(source_->counters().garbage, 1U);
  EXPECT_EQ(source_->counters().oversize, 0U);
}

TEST_F(MesosSourceFaults, RecordThatIsNoJsonDropsTheConnection) {
  ScriptedHttpServer master(break_once(record("{\"type\":") + agent_removed("after"), false));
  start({master.address()});
  expect_healed("cannot be read");
  EXPECT_EQ(source_->counters().garbage, 1U);
}

TEST_F(MesosSourceFaults, RecordAboveTheLimitDropsTheConnectionBeforeItHasCome) {
  config_.max_record_mb = 1;
  ScriptedHttpServer master(break_once("1048577\n{", false));
  start({master.address()});
  expect_healed("more than the limit of 1048576");
  EXPECT_EQ(source_->counters().oversize, 1U);
  EXPECT_EQ(source_->counters().garbage, 0U);
}

TEST_F(MesosSourceFaults, MissedHeartbeatsDropTheConnection) {
  ScriptedHttpServer master(break_once("", false, 0.02));
  start({master.address()});
  expect_healed("nothing came for 60 ms");
}

TEST_F(MesosSourceFaults, StreamThatDoesNotBeginWithSubscribedIsNotBelieved) {
  ScriptedHttpServer master([this](const ScriptedRequest&, ScriptedConnection& connection) {
    connection.begin_stream();
    connection.send_chunk(subscriptions_++ > 0 ? subscribed() : agent_removed("A") + subscribed());
    connection.wait_for_close();
  });
  start({master.address()});
  link_with("does not begin with SUBSCRIBED");
  next<MesosSubscribed>();
  EXPECT_EQ(source_->counters().garbage, 1U);
}

TEST_F(MesosSourceFaults, MasterThatComesUpLaterIsFound) {
  std::atomic<int> tries{0};
  ScriptedHttpServer master([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    if (++tries < 8) return;  // closes
    lead(request, connection);
  });
  start({master.address()});
  next<MesosSubscribed>();
  EXPECT_EQ(source_->counters().connects, 1U);
  EXPECT_EQ(source_->counters().drops, 0U);
}

// With waits of an hour, each of these hangs unless the end interrupts what is under way.

TEST_F(MesosSourceFaults, EndsWhileWaitingForAnAnswer) {
  std::promise<void> asked;
  ScriptedHttpServer master([&](const ScriptedRequest&, ScriptedConnection& connection) {
    asked.set_value();
    connection.wait_for_close();
  });
  start({master.address()});
  asked.get_future().wait();
  source_.reset();
}

TEST_F(MesosSourceFaults, EndsWhileConnectingToAMasterThatTakesNoConnections) {
  // Packets to TEST-NET-1 (RFC 5737) are answered by nobody, or refused at once: both are fine.
  start({"192.0.2.1:5050"});
  source_.reset();
}

TEST_F(MesosSourceFaults, EndsInATlsHandshakeThatNobodyAnswers) {
  ScriptedHttpServer master(
      [](const ScriptedRequest&, ScriptedConnection& connection) { connection.wait_for_close(); });
  start({"https://" + master.address()});
  source_.reset();
}

TEST_F(MesosSourceFaults, EndsWhileStreaming) {
  ScriptedHttpServer master(lead);
  start({master.address()});
  next<MesosSubscribed>();
  source_.reset();
}

TEST_F(MesosSourceFaults, EndsInMidRecord) {
  ScriptedHttpServer master(break_once("1000\n{", false));
  start({master.address()});
  next<MesosSubscribed>();
  source_.reset();
}

TEST_F(MesosSourceFaults, EndsWhileBackingOff) {
  times_.backoff_min = times_.backoff_max = std::chrono::hours(1);
  ScriptedHttpServer master(
      [](const ScriptedRequest&, ScriptedConnection& connection) { connection.respond(503, ""); });
  start({master.address()});
  link_with("knows no leader");
  source_.reset();
}

TEST_F(MesosSourceFaults, EndsBetweenPolls) {
  ScriptedHttpServer master([](const ScriptedRequest& request, ScriptedConnection& connection) {
    connection.respond(is_subscribe(request) ? 404 : 200, R"({"slaves":[],"frameworks":[]})");
  });
  start({master.address()});
  next<MesosState>();
  source_.reset();
}

TEST_F(MesosSourceFaults, EndsWithinASweepThatGetsNoAnswer) {
  std::promise<void> asked;
  ScriptedHttpServer master([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    if (is_subscribe(request)) {
      lead(request, connection);
      return;
    }
    asked.set_value();
    connection.wait_for_close();
  });
  start({master.address()});
  next<MesosSubscribed>();
  source_->request_sweep();
  asked.get_future().wait();
  source_.reset();
}

TEST_F(MesosSourceFaults, EndsWhileTheQueueIsFull) {
  ScriptedHttpServer master([](const ScriptedRequest&, ScriptedConnection& connection) {
    connection.begin_stream();
    connection.send_chunk(subscribed());
    while (connection.send_chunk(agent_removed("A"))) {
    }
  });
  make_queue(1);
  start({master.address()});
  pollfd event{queue_->fd(), POLLIN, 0};
  ASSERT_EQ(poll(&event, 1, 30'000), 1);
  source_.reset();
}

}  // namespace
}  // namespace vipgate::mesos_source_faults_test
