// Checks that share a connection: when they do, when they must not, and that none fails for it.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <csignal>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "controlplane/health/check_engine.h"
#include "tests/controlplane/health/scripted_server.h"

namespace vipgate::kept_connection_test {
namespace {

using test::read_until;
using test::ScriptedServer;
using test::send_all;
using test::TlsIdentity;

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Answers `count` requests, then closes.
std::function<void(int)> answers(int count, const std::string& reply) {
  return [count, reply](int connection) {
    for (int i = 0; i < count && read_until(connection, "\r\n\r\n").ends_with("\r\n\r\n"); ++i) {
      send_all(connection, reply);
    }
    shutdown(connection, SHUT_RDWR);
  };
}

class KeptConnectionTest : public ::testing::Test {
 protected:
  void SetUp() override { std::signal(SIGPIPE, SIG_IGN); }

  void serve(ScriptedServer::Serve how) {
    server_ = std::make_unique<ScriptedServer>(std::move(how));
  }
  void start(const RealKey& real, HealthConfig config, HealthCheckerOptions options = many()) {
    auto made = CheckEngine::create(
        options, wake_.get(), [](uint64_t, RealHealth, auto&) {}, 200);
    ASSERT_TRUE(made.ok()) << made.error();
    engine_ = std::move(made).value();
    config.interval_s = 1;
    config.timeout_ms = 900;
    engine_->add(1, real, config);
  }
  void run(uint64_t checks) {
    while (done() < checks) ASSERT_TRUE(engine_->run_once().ok());
    EXPECT_EQ(engine_->counters().alive.value(), done());
  }
  uint64_t done() const {
    const HealthCounters& counters = engine_->counters();
    return counters.alive.value() + counters.failed.value() + counters.no_verdict.value();
  }
  uint64_t connections() const { return engine_->counters().connections.value(); }
  uint64_t kept() const { return engine_->counters().kept.value(); }

  // A connection lasts longer than any test.
  static HealthCheckerOptions many() { return {.max_checks_per_connection = 1'000'000, .seed = 1}; }
  static HealthConfig http() {
    HealthConfig config;
    config.type = HealthType::kHttp;
    return config;
  }

  FileDescriptor wake_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  const TlsIdentity identity_{"shop.example"};
  std::unique_ptr<ScriptedServer> server_;
  // Goes first: a server waits for the end of its connection.
  std::unique_ptr<CheckEngine> engine_;
};

TEST_F(KeptConnectionTest, ChecksShareOne) {
  serve(answers(100, kOk));
  start(server_->endpoint(), http());
  run(3);
  EXPECT_EQ(server_->accepted(), 1);
  EXPECT_EQ(kept(), 1u);
  engine_->remove(1);
  EXPECT_EQ(kept(), 0u);
}

TEST_F(KeptConnectionTest, ABodyThatComesLateIsTakenInBeforeTheNextCheck) {
  serve([](int connection) {
    while (read_until(connection, "\r\n\r\n").ends_with("\r\n\r\n")) {
      send_all(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      send_all(connection, "2\r\nok\r\n");
      send_all(connection, "0\r\n\r\n");
    }
  });
  start(server_->endpoint(), http());
  run(3);
  EXPECT_EQ(server_->accepted(), 1);
}

TEST_F(KeptConnectionTest, AServerThatClosesBetweenChecksIsNoFailure) {
  serve(answers(1, kOk));
  start(server_->endpoint(), http());
  run(3);
  EXPECT_EQ(server_->accepted(), 3);
}

TEST_F(KeptConnectionTest, AServerThatClosesUponTheNextQuestionIsNoFailure) {
  serve([](int connection) {
    read_until(connection, "\r\n\r\n");
    send_all(connection, kOk);
    read_until(connection, "\r\n\r\n");
    shutdown(connection, SHUT_RDWR);
  });
  start(server_->endpoint(), http());
  run(3);
  EXPECT_EQ(connections(), 3u);
  EXPECT_EQ(engine_->counters().checks.value(), 3u);
}

TEST_F(KeptConnectionTest, IsGivenUpWhenTheAnswerSaysSoOrIsNotClean) {
  for (const std::string reply :
       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more", "HTTP/1.1 200 OK\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all of it"}) {
    // The server would go on.
    serve([reply](int connection) {
      read_until(connection, "\r\n\r\n");
      send_all(connection, reply);
    });
    start(server_->endpoint(), http());
    run(2);
    EXPECT_EQ(server_->accepted(), 2) << reply;
  }
}

TEST_F(KeptConnectionTest, ServesNoMoreChecksThanItsLimit) {
  serve(answers(100, kOk));
  HealthCheckerOptions options = many();
  options.max_checks_per_connection = 2;
  start(server_->endpoint(), http(), options);
  run(5);
  EXPECT_GE(server_->accepted(), 3);
}

TEST_F(KeptConnectionTest, IsNotUsedToFindOutAboutASuspicion) {
  serve(answers(100, kOk));
  start(server_->endpoint(), http());
  run(1);
  EXPECT_EQ(kept(), 1u);
  engine_->suspect(1);
  EXPECT_EQ(kept(), 0u);
  run(2);
  EXPECT_EQ(server_->accepted(), 2);
}

TEST_F(KeptConnectionTest, NoneIsKeptWhereFilesAreShort) {
  serve(answers(100, kOk));
  HealthCheckerOptions options = many();
  options.max_kept = 0;
  start(server_->endpoint(), http(), options);
  run(2);
  EXPECT_EQ(server_->accepted(), 2);
}

TEST_F(KeptConnectionTest, AFailedCheckIsFollowedByANewOne) {
  serve(answers(100, "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n"));
  start(server_->endpoint(), http());
  while (done() < 2) ASSERT_TRUE(engine_->run_once().ok());
  EXPECT_EQ(engine_->counters().failed.value(), 2u);
  EXPECT_EQ(connections(), 2u);
}

TEST_F(KeptConnectionTest, HttpsChecksShareOneHandshake) {
  serve([&](int connection) { identity_.serve(connection, kOk, 100); });
  HealthConfig config = http();
  config.type = HealthType::kHttps;
  start(server_->endpoint(), config);
  run(3);
  EXPECT_EQ(server_->accepted(), 1);
}

}  // namespace
}  // namespace vipgate::kept_connection_test
