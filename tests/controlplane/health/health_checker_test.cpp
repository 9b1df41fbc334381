// The checker against real sockets on the loopback interface. Each target is made suspect, so that
// it is checked at once and not some time within its interval.
#include "controlplane/health/health_checker.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/controlplane/health/scripted_server.h"

namespace vipgate::health_checker_test {
namespace {

using test::bind_datagram;
using test::DatagramServer;
using test::listen_on;
using test::local_endpoint;
using test::read_until;
using test::ScriptedServer;
using test::send_all;
using test::TlsIdentity;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr int kPatienceMs = 20'000;
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

ServiceKey service(uint16_t number) {
  return {parse_ip_address("11.0.0.1").value(), number, Protocol::kTcp};
}

// One result decides, and a check is over soon.
HealthConfig quick(HealthType type) {
  HealthConfig config;
  config.type = type;
  config.interval_s = 3600;
  config.timeout_ms = 10'000;
  config.rise = config.fall = 1;
  return config;
}

class HealthCheckerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // TLS servers write to connections that checks have reset.
    std::signal(SIGPIPE, SIG_IGN);
    auto made = HealthChecker::create({.seed = 1});
    ASSERT_TRUE(made.ok()) << made.error();
    checker_ = std::move(made).value();
  }

  void check(const RealKey& real, const HealthConfig& config, uint16_t number = 1) {
    checker_->add({{service(number), real, config}});
    checker_->suspect(service(number), real);
  }
  std::vector<HealthResult> wait() {
    pollfd ready{checker_->fd(), POLLIN, 0};
    EXPECT_EQ(poll(&ready, 1, kPatienceMs), 1) << "no result";
    return checker_->take_results();
  }
  // "up: status 200"
  static std::string text(const HealthResult& result) {
    const char* names[] = {"unknown: ", "up: ", "down: "};
    return names[static_cast<size_t>(result.health)] + result.why;
  }
  std::string verdict(const RealKey& real, const HealthConfig& config) {
    check(real, config);
    const auto results = wait();
    if (results.size() != 1) return std::to_string(results.size()) + " results";
    EXPECT_EQ(results[0].service, service(1));
    EXPECT_EQ(results[0].real, real);
    return text(results[0]);
  }
  uint64_t counter(const std::string& name) const {
    for (const auto& [key, value] : checker_->counters()) {
      if (key == "health." + name) return value;
    }
    ADD_FAILURE() << "no counter " << name;
    return 0;
  }

  std::unique_ptr<HealthChecker> checker_;
};

// A port of the loopback interface that nobody listens on.
RealKey closed_port(const std::string& address) { return local_endpoint(listen_on(address).get()); }

TEST_F(HealthCheckerTest, TcpIsUpWhenTheRealAccepts) {
  const auto v4 = listen_on("127.0.0.1");
  EXPECT_EQ(verdict(local_endpoint(v4.get()), quick(HealthType::kTcp)), "up: connected");
  const auto v6 = listen_on("::1");
  EXPECT_EQ(verdict(local_endpoint(v6.get()), quick(HealthType::kTcp)), "up: connected");
}

TEST_F(HealthCheckerTest, TcpIsDownWhenTheRealRefuses) {
  EXPECT_EQ(verdict(closed_port("127.0.0.1"), quick(HealthType::kTcp)), "down: connection refused");
  EXPECT_EQ(verdict(closed_port("::1"), quick(HealthType::kTcp)), "down: connection refused");
}

TEST_F(HealthCheckerTest, TcpIsDownWhenTheRealIsSilent) {
  // A listener whose queue is full drops further SYNs.
  const auto listener = listen_on("127.0.0.1", 0);
  const RealKey real = local_endpoint(listener.get());
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &length), 0);
  std::vector<FileDescriptor> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    (void)connect(fillers.back().get(), reinterpret_cast<const sockaddr*>(&name), length);
  }
  pollfd first{fillers[0].get(), POLLOUT, 0};
  ASSERT_EQ(poll(&first, 1, kPatienceMs), 1);
  auto config = quick(HealthType::kTcp);
  config.timeout_ms = 50;
  EXPECT_EQ(verdict(real, config), "down: no connection within 50 ms");
}

TEST_F(HealthCheckerTest, AnotherPortThanTheRealsMayBeChecked) {
  const auto other = listen_on("127.0.0.1");
  auto config = quick(HealthType::kTcp);
  config.port = local_endpoint(other.get()).port;
  EXPECT_EQ(verdict(closed_port("127.0.0.1"), config), "up: connected");
}

struct HttpRow {
  std::string name;
  std::function<void(int)> serve;
  std::string expected;
  uint16_t timeout_ms = 10'000;
};

class HttpRows : public HealthCheckerTest, public ::testing::WithParamInterface<HttpRow> {};

TEST_P(HttpRows, HaveTheVerdict) {
  const ScriptedServer server(GetParam().serve);
  auto config = quick(HealthType::kHttp);
  config.timeout_ms = GetParam().timeout_ms;
  EXPECT_EQ(verdict(server.endpoint(), config), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Http, HttpRows,
    ::testing::Values(
        HttpRow{"Good", [](int c) { send_all(c, kOk); }, "up: status 200"},
        HttpRow{"Bad", [](int c) { send_all(c, "HTTP/1.1 503 x\r\n\r\n"); }, "down: status 503"},
        HttpRow{"InPieces",
                [](int c) {
                  read_until(c, "\r\n\r\n");
                  for (const char byte : kOk) send_all(c, {&byte, 1});
                },
                "up: status 200"},
        HttpRow{"Silent", [](int) {}, "down: no reply within 50 ms", 50},
        HttpRow{"StopsInTheMiddle", [](int c) { send_all(c, "HTTP/1.1 200 OK\r\n"); },
                "down: no reply within 50 ms", 50},
        HttpRow{"Closes",
                [](int c) {
                  read_until(c, "\r\n\r\n");
                  send_all(c, "HTTP/1.1 200 OK\r\n");
                  shutdown(c, SHUT_WR);
                },
                "down: connection closed before the reply was complete"},
        HttpRow{"Garbage", [](int c) { send_all(c, "\x16\x03\x01garbage\r\n\r\n"); },
                "down: not an HTTP/1 reply"},
        HttpRow{"OversizeHead",
                [](int c) { send_all(c, "HTTP/1.1 200 OK\r\nA: " + std::string(1 << 20, 'x')); },
                "down: head of the reply exceeds 16384 bytes"}),
    [](const auto& test) { return test.param.name; });

TEST_F(HealthCheckerTest, HttpAsksForPathAndHost) {
  std::mutex mutex;
  std::string request;
  const ScriptedServer server([&](int connection) {
    const std::string got = read_until(connection, "\r\n\r\n");
    {
      const std::lock_guard lock(mutex);
      request = got;
    }
    send_all(connection, kOk);
  });
  auto config = quick(HealthType::kHttp);
  config.path = "/ready";
  config.host = "shop.example";
  EXPECT_EQ(verdict(server.endpoint(), config), "up: status 200");
  const std::lock_guard lock(mutex);
  EXPECT_THAT(request, StartsWith("GET /ready HTTP/1.1\r\nHost: shop.example\r\n"));
}

TEST_F(HealthCheckerTest, ResetsItsConnectionsSoThatNoneLingers) {
  std::atomic<int> error{0};
  std::atomic<bool> is_over{false};
  const ScriptedServer server([&](int connection) {
    char byte;
    if (recv(connection, &byte, 1, 0) < 0) error = errno;
    is_over = true;
    is_over.notify_all();
  });
  EXPECT_EQ(verdict(server.endpoint(), quick(HealthType::kTcp)), "up: connected");
  is_over.wait(false);
  EXPECT_EQ(error, ECONNRESET);
}

class HttpsCheckerTest : public HealthCheckerTest {
 protected:
  // What trusts this identity: the environment is read when the first check verifies.
  void SetUp() override {
    setenv("SSL_CERT_FILE", trusted_.file().c_str(), 1);
    HealthCheckerTest::SetUp();
  }
  void TearDown() override { unsetenv("SSL_CERT_FILE"); }

  std::string verdict_of(const TlsIdentity& identity, const std::string& host, bool verify) {
    const ScriptedServer server(
        [&](int connection) { asked_name_ = identity.serve(connection, kOk).asked_name; });
    auto config = quick(HealthType::kHttps);
    config.host = host;
    config.verify = verify;
    return verdict(server.endpoint(), config);
  }

  TlsIdentity trusted_{"shop.example"};
  TlsIdentity stranger_{"shop.example.stranger"};
  std::string asked_name_;  // of the last server, once it is gone
};

TEST_F(HttpsCheckerTest, UnverifiedTakesAnyCertificateAndAsksForTheHost) {
  EXPECT_EQ(verdict_of(stranger_, "shop.example:443", false), "up: status 200");
  EXPECT_EQ(asked_name_, "shop.example");
}

TEST_F(HttpsCheckerTest, AnAddressIsNoServerName) {
  EXPECT_EQ(verdict_of(stranger_, "", false), "up: status 200");
  EXPECT_EQ(asked_name_, "");
}

TEST_F(HttpsCheckerTest, VerifiedTakesTheCertificateOfATrustedServer) {
  EXPECT_EQ(verdict_of(trusted_, "shop.example", true), "up: status 200");
}

TEST_F(HttpsCheckerTest, VerifiedTakesACertificateForTheAddress) {
  EXPECT_EQ(verdict_of(trusted_, "", true), "up: status 200");
}

TEST_F(HttpsCheckerTest, VerifiedRefusesAStranger) {
  EXPECT_THAT(verdict_of(stranger_, "shop.example.stranger", true),
              StartsWith("down: certificate: self"));
}

TEST_F(HttpsCheckerTest, VerifiedRefusesTheCertificateOfAnotherName) {
  EXPECT_EQ(verdict_of(trusted_, "other.example", true), "down: certificate: hostname mismatch");
}

// Three checks of a server that answers the second with 500: which of them came with a session.
TEST_F(HttpsCheckerTest, ASessionIsResumedUnlessTheCheckBeforeFailedOrTheCertificateMatters) {
  constexpr std::string_view kError = "HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n";
  std::array<std::vector<bool>, 2> resumed;
  {
    std::vector<std::unique_ptr<ScriptedServer>> servers;
    for (const bool verify : {false, true}) {
      std::vector<bool>& seen = resumed[verify];
      servers.push_back(std::make_unique<ScriptedServer>([&seen, this](int connection) {
        const bool is_second = seen.size() == 1;
        seen.push_back(trusted_.serve(connection, is_second ? kError : kOk).is_resumed);
        shutdown(connection, SHUT_RDWR);  // keeps none open for the next check
      }));
      auto config = quick(HealthType::kHttps);
      config.interval_s = 1;
      config.verify = verify;
      check(servers.back()->endpoint(), config);
    }
    for (size_t changes = 0; changes < 6;) changes += wait().size();
  }
  for (std::vector<bool>& seen : resumed) seen.resize(3);  // a fourth may have come
  EXPECT_THAT(resumed[false], ElementsAre(false, true, false));
  EXPECT_THAT(resumed[true], ElementsAre(false, false, false));
}

TEST_F(HttpsCheckerTest, AServerWithoutTlsIsDown) {
  const ScriptedServer server([](int connection) { send_all(connection, kOk); });
  EXPECT_THAT(verdict(server.endpoint(), quick(HealthType::kHttps)), StartsWith("down: TLS: "));
}

TEST_F(HttpsCheckerTest, AServerThatEndsTheHandshakeIsDown) {
  const ScriptedServer server([](int connection) { shutdown(connection, SHUT_RDWR); });
  EXPECT_THAT(verdict(server.endpoint(), quick(HealthType::kHttps)), StartsWith("down: TLS: "));
}

TEST_F(HealthCheckerTest, DnsIsUpWhenTheServerAnswers) {
  const auto answer = [](std::string question) {
    question[2] = static_cast<char>(0x84);
    question[3] = 3;  // NXDOMAIN
    return question;
  };
  auto config = quick(HealthType::kDns);
  config.host = "redis.mesos";
  const DatagramServer v4(answer);
  EXPECT_EQ(verdict(v4.endpoint(), config), "up: no such name");
  const DatagramServer v6(answer, "::1");
  EXPECT_EQ(verdict(v6.endpoint(), config), "up: no such name");
}

TEST_F(HealthCheckerTest, DnsIsDownWhenNothingListensOrAnswers) {
  const RealKey nobody = local_endpoint(bind_datagram("127.0.0.1").get());
  EXPECT_EQ(verdict(nobody, quick(HealthType::kDns)), "down: connection refused");
  const DatagramServer silent([](const std::string&) { return std::string(); });
  auto config = quick(HealthType::kDns);
  config.timeout_ms = 50;
  EXPECT_EQ(verdict(silent.endpoint(), config), "down: no reply within 50 ms");
}

TEST_F(HealthCheckerTest, GrpcIsUpWhenTheServerServes) {
  const ScriptedServer server([](int connection) {
    // SETTINGS, headers with ":status: 200", HealthCheckResponse{SERVING}.
    send_all(connection, std::string("\0\0\0\4\0\0\0\0\0", 9));
    read_until(connection, std::string_view("\0\0\0\0\0", 5));
    send_all(connection, std::string("\0\0\1\1\4\0\0\0\1\x88", 10));
    send_all(connection, std::string("\0\0\7\0\0\0\0\0\1\0\0\0\0\2\x08\1", 16));
  });
  EXPECT_EQ(verdict(server.endpoint(), quick(HealthType::kGrpc)), "up: serving");
}

TEST_F(HealthCheckerTest, OneCheckServesAllWhoAskTheSame) {
  const ScriptedServer server([](int connection) { send_all(connection, kOk); });
  const auto config = quick(HealthType::kHttp);
  checker_->add({{service(1), server.endpoint(), config}, {service(2), server.endpoint(), config}});
  checker_->suspect(service(2), server.endpoint());
  std::vector<HealthResult> results;
  while (results.size() < 2) {
    for (HealthResult& result : wait()) results.push_back(std::move(result));
  }
  EXPECT_NE(results[0].service, results[1].service);
  EXPECT_EQ(text(results[0]), "up: status 200");
  EXPECT_EQ(text(results[1]), "up: status 200");
  EXPECT_EQ(server.accepted(), 1);

  // A third one learns at once what is known.
  checker_->add({{service(3), server.endpoint(), config}});
  results = wait();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].service, service(3));
  EXPECT_EQ(text(results[0]), "up: status 200");
  EXPECT_EQ(server.accepted(), 1);
}

TEST_F(HealthCheckerTest, HealthStaysWhatItWasUntilANewConfigurationHasAVerdict) {
  const auto listener = listen_on("127.0.0.1");
  const RealKey real = local_endpoint(listener.get());
  ASSERT_EQ(verdict(real, quick(HealthType::kTcp)), "up: connected");
  auto other = quick(HealthType::kTcp);
  other.timeout_ms = 9'000;
  check(real, other);  // is up, too: nothing to report
  other.port = closed_port("127.0.0.1").port;
  EXPECT_EQ(verdict(real, other), "down: connection refused");
}

TEST_F(HealthCheckerTest, WithoutACheckATargetIsUnknownAgain) {
  const RealKey real = closed_port("127.0.0.1");
  ASSERT_EQ(verdict(real, quick(HealthType::kTcp)), "down: connection refused");
  EXPECT_EQ(verdict(real, quick(HealthType::kNone)), "unknown: no longer checked");
}

TEST_F(HealthCheckerTest, ARemovedTargetIsForgotten) {
  const RealKey real = closed_port("127.0.0.1");
  check(real, quick(HealthType::kTcp));
  pollfd ready{checker_->fd(), POLLIN, 0};
  ASSERT_EQ(poll(&ready, 1, kPatienceMs), 1);
  checker_->remove(service(1), real);
  EXPECT_THAT(checker_->take_results(), IsEmpty()) << "a result that was under way";
  EXPECT_EQ(verdict(real, quick(HealthType::kTcp)), "down: connection refused")
      << "what is added again is new";
  checker_->remove(service(1), real);
  checker_->remove(service(7), real);
  checker_->suspect(service(7), real);
}

TEST_F(HealthCheckerTest, CountsWhatItDoes) {
  ASSERT_EQ(verdict(closed_port("127.0.0.1"), quick(HealthType::kTcp)), "down: connection refused");
  EXPECT_EQ(counter("checks"), 1u);
  EXPECT_EQ(counter("failed"), 1u);
  EXPECT_EQ(counter("alive"), 0u);
  EXPECT_EQ(counter("changes"), 1u);
  EXPECT_EQ(counter("targets"), 1u);
}

}  // namespace
}  // namespace vipgate::health_checker_test
