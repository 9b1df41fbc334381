#include "controlplane/mesos/mesos_source.h"

#include <atomic>
#include <fstream>
#include <future>
#include <mutex>

#include "common/json_text.h"
#include "tests/controlplane/mesos/mesos_source_fixture.h"
#include "tests/support/test_certificates.h"

namespace vipgate::mesos_source_test {
namespace {

using MesosSourceTest = MesosSourceFixture;

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(MesosSourceTest, SubscribesSaysWhoLeadsAndHandsOnEventsInOrder) {
  ScriptedRequest seen;
  ScriptedHttpServer master([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    seen = request;
    connection.begin_stream();
    const std::string stream = subscribed() + kHeartbeat + agent_removed("A") + agent_removed("B");
    for (const char byte : stream) connection.send_chunk(std::string(1, byte));
    connection.wait_for_close();
  });
  start({master.address()});
  const MesosMaster leader{"127.0.0.1", master.port()};
  EXPECT_EQ(next<MesosMasters>(), (MesosMasters{leader, {leader}}));
  const MesosLink link = next<MesosLink>();
  EXPECT_TRUE(link.connected);
  EXPECT_EQ(link.detail, "subscribed to " + master.address());
  EXPECT_EQ(next<MesosSubscribed>().state.heartbeat_interval_s, 15);
  next<MesosHeartbeat>();
  EXPECT_EQ(next<MesosAgentRemoved>().agent_id, "A");
  EXPECT_EQ(next<MesosAgentRemoved>().agent_id, "B");
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.header("content-type"), "application/json");
  EXPECT_EQ(seen.header("accept"), "application/json");
  EXPECT_EQ(seen.body, R"({"type":"SUBSCRIBE"})");
  const MesosSourceCounters counters = source_->counters();
  EXPECT_EQ(counters.connects, 1U);
  EXPECT_EQ(counters.drops, 0U);
  EXPECT_EQ(counters.records, 4U);
  EXPECT_EQ(counters.bytes,
            (subscribed() + kHeartbeat + agent_removed("A") + agent_removed("B")).size());
}

TEST_F(MesosSourceTest, WhatItTellsByItsQueueItDoesNotLogItself) {
  ScriptedHttpServer master(lead);
  ::testing::internal::CaptureStdout();  // where spdlog writes unless told otherwise
  start({master.address()});
  next<MesosSubscribed>();
  source_.reset();
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
}

TEST_F(MesosSourceTest, RedirectionIsFollowedWithAndWithoutAScheme) {
  for (const char* scheme : {"", "http:"}) {
    ScriptedHttpServer leader(lead);
    ScriptedHttpServer follower([&](const ScriptedRequest&, ScriptedConnection& connection) {
      connection.respond(
          307, "", std::string("Location: ") + scheme + "//" + leader.address() + "/api/v1\r\n");
    });
    start({follower.address()});
    next<MesosSubscribed>();
    source_.reset();
  }
}

TEST_F(MesosSourceTest, RedirectionToAHostThatCannotBeResolvedLeadsToTheOtherListedMasters) {
  ScriptedHttpServer leader(lead);
  ScriptedHttpServer follower([&](const ScriptedRequest&, ScriptedConnection& connection) {
    connection.respond(307, "", "Location: //no-such-master.invalid:5050/api/v1\r\n");
  });
  start({follower.address(), leader.address()});
  EXPECT_NE(link_with("no-such-master.invalid").detail.find("cannot be resolved"),
            std::string::npos);
  next<MesosSubscribed>();
}

TEST_F(MesosSourceTest, MastersThatSendUsAroundInACircleAreAskedAgainLater) {
  std::atomic<int> asked{0};
  std::unique_ptr<ScriptedHttpServer> one;
  ScriptedHttpServer other([&](const ScriptedRequest&, ScriptedConnection& connection) {
    connection.respond(307, "", "Location: //" + one->address() + "/api/v1\r\n");
  });
  one = std::make_unique<ScriptedHttpServer>(
      [&](const ScriptedRequest& request, ScriptedConnection& connection) {
        if (++asked > 10) {
          lead(request, connection);
        } else {
          connection.respond(307, "", "Location: //" + other.address() + "/api/v1\r\n");
        }
      });
  start({one->address()});
  link_with("around in a circle");
  next<MesosSubscribed>();
  source_.reset();
}

TEST_F(MesosSourceTest, MasterThatKnowsNoLeaderOrIsDownOrSilentIsPassedOver) {
  ScriptedHttpServer leader(lead);
  ScriptedHttpServer recovering([](const ScriptedRequest&, ScriptedConnection& connection) {
    connection.respond(503, "Master has not finished recovery");
  });
  ScriptedHttpServer silent(
      [](const ScriptedRequest&, ScriptedConnection& connection) { connection.wait_for_close(); });
  std::string down;
  {
    ScriptedHttpServer gone([](const ScriptedRequest&, ScriptedConnection&) {});
    down = gone.address();
  }
  times_.answer = std::chrono::milliseconds(50);
  times_.backoff_min = times_.backoff_max = std::chrono::hours(1);  // no wait within the list
  start({recovering.address(), down, silent.address(), leader.address()});
  link_with(recovering.address() + " knows no leader");
  link_with("refused");
  link_with("no answer: nothing came for 50 ms");
  EXPECT_TRUE(link_with("subscribed to").connected);
  const MesosMasters masters = [&] {
    source_.reset();
    ScriptedHttpServer again(lead);
    start({recovering.address(), again.address()});
    return next<MesosMasters>();
  }();
  EXPECT_EQ(masters.masters.size(), 2U);
  EXPECT_EQ(masters.leader, masters.masters[1]);
}

TEST_F(MesosSourceTest, ListOfNamesIsResolvedForTheMastersRecords) {
  ScriptedHttpServer leader(lead);
  start({leader.address(), "localhost:5051"});
  EXPECT_EQ(next<MesosMasters>().masters.size(), 1U);
  const MesosMasters masters = next<MesosMasters>();
  ASSERT_EQ(masters.masters.size(), 2U);
  EXPECT_EQ(masters.masters[1].port, 5051);
}

TEST_F(MesosSourceTest, RefusedSubscriptionFallsBackToPollingState) {
  for (const int status : {403, 404, 405, 415, 501}) {
    std::atomic<int> polls{0};
    ScriptedHttpServer master([&](const ScriptedRequest& request, ScriptedConnection& connection) {
      if (is_subscribe(request)) {
        connection.respond(status, "");
        return;
      }
      EXPECT_EQ(request.method + request.target, "GET/state");
      ++polls;
      connection.respond(200, R"({"slaves":[{"id":"S1","pid":"slave(1)@10.0.0.1:5051"}],)"
                              R"("frameworks":[]})");
    });
    times_.poll = std::chrono::milliseconds(1);
    start({master.address()});
    for (int i = 0; i < 3; ++i) EXPECT_EQ(next<MesosState>().agents.size(), 1U) << status;
    EXPECT_GE(polls, 3);
    source_.reset();
    make_queue(1000);
  }
}

TEST_F(MesosSourceTest, PollingIsSpedUpByARequestAndGivesWayToTheStreamAfterAWhile) {
  std::atomic<bool> refuses{true};
  ScriptedHttpServer master([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    if (!is_subscribe(request)) {
      connection.respond(200, R"({"slaves":[],"frameworks":[]})");
    } else if (refuses) {
      connection.respond(405, "");
    } else {
      lead(request, connection);
    }
  });
  start({master.address()});
  EXPECT_TRUE(link_with("polling /state").connected);
  next<MesosState>();
  source_->request_sweep();
  next<MesosState>();
  source_.reset();
  times_.resubscribe = times_.poll = std::chrono::milliseconds(5);
  start({master.address()});
  next<MesosState>();
  refuses = false;
  next<MesosSubscribed>();
}

TEST_F(MesosSourceTest, ThatThereIsALinkIsToldBeforeTheFirstPolledState) {
  ScriptedHttpServer master([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    connection.respond(is_subscribe(request) ? 403 : 200, R"({"slaves":[],"frameworks":[]})");
  });
  start({master.address()});
  bool connected = false;
  while (auto input = next_input()) {
    if (const auto* link = std::get_if<MesosLink>(&input->what)) connected = link->connected;
    if (std::holds_alternative<MesosState>(input->what)) break;
  }
  EXPECT_TRUE(connected);
}

TEST_F(MesosSourceTest, PolledMasterThatNamesAnotherLeaderIsLeftForThatOne) {
  ScriptedHttpServer leader(lead);
  ScriptedHttpServer old([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    connection.respond(
        is_subscribe(request) ? 404 : 200,
        R"({"slaves":[],"frameworks":[],"leader":"master@)" + leader.address() + "\"}");
  });
  start({old.address()});
  next<MesosSubscribed>();
}

TEST_F(MesosSourceTest, SweepsComeByThemselvesAndOnRequestBesideTheStream) {
  std::atomic<int> sweeps{0};
  ScriptedHttpServer master([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    if (!is_subscribe(request)) {
      EXPECT_EQ(request.method + request.target, "POST/api/v1");
      EXPECT_EQ(request.body, R"({"type":"GET_STATE"})");
      ++sweeps;
    }
    lead(request, connection);
  });
  start({master.address()});
  next<MesosSubscribed>();
  source_->request_sweep();
  const auto input = next_input();
  ASSERT_TRUE(input && std::holds_alternative<MesosState>(input->what));
  EXPECT_GT(input->asked_ns, 0);
  EXPECT_GE(input->received_ns, input->asked_ns);
  EXPECT_EQ(sweeps, 1);
  source_.reset();
  times_.sweep = std::chrono::milliseconds(2);
  start({master.address()});
  for (int i = 0; i < 3; ++i) next<MesosState>();
  EXPECT_EQ(source_->counters().drops, 0U);
}

TEST_F(MesosSourceTest, SweepThatFailsIsCountedAndTheStreamGoesOn) {
  std::promise<void> swept;
  ScriptedHttpServer master([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    if (!is_subscribe(request)) {
      connection.respond(503, "");
      swept.set_value();
      return;
    }
    connection.begin_stream();
    connection.send_chunk(subscribed());
    swept.get_future().wait();
    connection.send_chunk(agent_removed("A"));
    connection.wait_for_close();
  });
  start({master.address()});
  next<MesosSubscribed>();
  source_->request_sweep();
  EXPECT_EQ(next<MesosAgentRemoved>().agent_id, "A");
  EXPECT_EQ(source_->counters().connects, 1U);
  EXPECT_EQ(source_->counters().drops, 0U);
}

TEST_F(MesosSourceTest, SweepLargerThanTheLimitIsAFailedSweepAndTheStreamGoesOn) {
  config_.max_record_mb = 1;
  std::promise<void> cut_off_twice;
  int times = 0;
  ScriptedHttpServer master([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    if (is_subscribe(request)) return lead(request, connection);
    connection.begin_stream();
    connection.send_chunk(R"({"get_state":{"get_tasks":{"tasks":[)");
    while (connection.send_chunk(std::string(10'000, ' '))) {
    }
    if (++times == 2) cut_off_twice.set_value();
  });
  times_.sweep = std::chrono::milliseconds(2);
  start({master.address()});
  next<MesosSubscribed>();
  cut_off_twice.get_future().wait();
  // One has been counted before the second was asked for.
  EXPECT_GE(source_->counters().failed_sweeps, 1U);
  EXPECT_EQ(source_->counters().sweeps, 0U);
  EXPECT_EQ(source_->counters().drops, 0U);
}

TEST_F(MesosSourceTest, FullQueueHoldsUpTheSourceAndLosesNothing) {
  constexpr int kEvents = 20'000;
  ScriptedHttpServer master([](const ScriptedRequest&, ScriptedConnection& connection) {
    connection.begin_stream();
    std::string stream = subscribed(0.02);
    for (int i = 0; i < kEvents; ++i) stream += agent_removed("S" + std::to_string(i));
    connection.send_chunk(stream);
    // From here on, heartbeats: what holds us up must not look like a dead master.
    while (connection.send_chunk(kHeartbeat)) {
    }
  });
  make_queue(3);
  start({master.address()});
  for (int i = 0; i < kEvents; ++i) {
    ASSERT_EQ(next<MesosAgentRemoved>().agent_id, "S" + std::to_string(i));
  }
  EXPECT_EQ(source_->counters().connects, 1U);
}

TEST_F(MesosSourceTest, TlsWithOurAuthorityAndCertificateAndIamLoginThatExpires) {
  const test::TestCertificates files;
  config_.tls = {files.ca(), files.client_cert(), files.client_key()};
  const std::string iam = files.ca() + ".iam";
  config_.auth = {MesosAuthType::kIam, "", "", iam};
  std::mutex mutex;
  int logins = 0;
  const ScriptedTls tls{files.server_cert(), files.server_key(), files.ca()};
  ScriptedHttpServer master(
      [&](const ScriptedRequest& request, ScriptedConnection& connection) {
        const std::lock_guard lock(mutex);
        if (request.target == "/login") {
          ++logins;
          connection.respond(200, R"({"token":"t)" + std::to_string(logins) + "\"}");
        } else if (request.header("authorization") != "token=t2") {
          connection.respond(401, "");
        } else {
          connection.begin_stream();
          connection.send_chunk(subscribed());
          connection.wait_for_close();
        }
      },
      &tls);
  std::ofstream(iam) << "{\"uid\":\"gw\",\"private_key\":" << json_quote(read(files.client_key()))
                     << ",\"login_endpoint\":\"https://" << master.address() << "/login\"}";
  start({"https://" + master.address()});
  next<MesosSubscribed>();
  source_.reset();
  EXPECT_EQ(logins, 2);
}

TEST_F(MesosSourceTest, CredentialsThatAreRefusedTwiceAreReportedAndNotTriedInALoop) {
  std::atomic<int> asked{0};
  ScriptedHttpServer master([&](const ScriptedRequest&, ScriptedConnection& connection) {
    ++asked;
    connection.respond(401, "");
  });
  const test::TestCertificates files;
  std::ofstream(files.ca() + ".secret") << "wrong";
  config_.auth = {MesosAuthType::kBasic, "gw", files.ca() + ".secret", ""};
  times_.backoff_min = times_.backoff_max = std::chrono::hours(1);
  start({master.address()});
  link_with("wants other credentials (401)");
  source_.reset();
  EXPECT_EQ(asked, 2);
}

TEST_F(MesosSourceTest, ConfigurationThatCannotBeUsedIsRefusedAtTheStart) {
  const auto error = [&](const MesosConfig& config) {
    auto source = MesosSource::start(config, 0, *queue_);
    return source ? std::string("accepted") : source.error();
  };
  MesosConfig config;
  EXPECT_NE(error(config).find("mesos[0]: `masters` names no master"), std::string::npos);
  config.masters = {"zk://h:2181"};
  EXPECT_NE(error(config).find("has no path"), std::string::npos);
  config.masters = {"h:99999"};
  EXPECT_NE(error(config).find("port"), std::string::npos);
  config.masters = {"h:5050"};
  config.tls.ca_file = "/nowhere/ca.pem";
  EXPECT_NE(error(config).find("tls.ca_file '/nowhere/ca.pem'"), std::string::npos);
}

}  // namespace
}  // namespace vipgate::mesos_source_test
