// What health checks cost: the processor time of the checker's thread, in cores, while it checks
// targets on the loopback interface every five seconds. All targets are addresses of 127.0.0.0/8,
// served by one socket of another process. Loopback charges the checker for the kernel's work on
// both ends, so a real network costs it less. HTTPS is with a certificate of P-256, as new ones
// are; HTTP and HTTPS checks share connections as they do by default.
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <unordered_map>

#include "controlplane/health/health_checker.h"
#include "tests/support/test_certificates.h"

namespace vipgate {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint16_t kIntervalS = 5;
constexpr auto kWarmUp = std::chrono::seconds(2 * kIntervalS);
constexpr auto kPatience = std::chrono::seconds(120);
constexpr auto kMeasured = std::chrono::seconds(4 * kIntervalS);

constexpr std::string_view kReply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// What a server does with a connection that is readable. False: it is over.
class PlainReplies {
 public:
  bool answer(int fd) {
    return recv(fd, buffer_.data(), buffer_.size(), 0) > 0 &&
           send(fd, kReply.data(), kReply.size(), MSG_NOSIGNAL) > 0;
  }
  void forget(int) {}

 private:
  std::array<char, 4096> buffer_;
};

class TlsReplies {
 public:
  TlsReplies() : context_(SSL_CTX_new(TLS_server_method())) {
    const test::TestCertificates files;
    if (SSL_CTX_use_certificate_file(context_, files.server_cert().c_str(), SSL_FILETYPE_PEM) !=
            1 ||
        SSL_CTX_use_PrivateKey_file(context_, files.server_key().c_str(), SSL_FILETYPE_PEM) != 1) {
      std::fputs("health_bench: the server's certificate cannot be used\n", stderr);
      std::exit(1);
    }
    SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS);
  }
  // The handshake happens within.
  bool answer(int fd) {
    SSL*& ssl = streams_[fd];
    if (ssl == nullptr) {
      ssl = SSL_new(context_);
      SSL_set_fd(ssl, fd);
      SSL_set_accept_state(ssl);
    }
    const int count = SSL_read(ssl, buffer_.data(), static_cast<int>(buffer_.size()));
    if (count <= 0) return SSL_get_error(ssl, count) == SSL_ERROR_WANT_READ;
    return SSL_write(ssl, kReply.data(), static_cast<int>(kReply.size())) > 0;
  }
  void forget(int fd) {
    if (const auto stream = streams_.extract(fd)) SSL_free(stream.mapped());
  }

 private:
  SSL_CTX* context_;  // ends with the process
  std::unordered_map<int, SSL*> streams_;
  std::array<char, 4096> buffer_;
};

// Accepts, answers whatever comes, and closes when the other side does.
template <class Replies>
[[noreturn]] void serve(int listener, Replies& replies) {
  const int epoll = epoll_create1(0);
  epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  std::array<epoll_event, 256> events;
  for (;;) {
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        for (int client; (client = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
          epoll_event more{.events = EPOLLIN, .data = {.fd = client}};
          epoll_ctl(epoll, EPOLL_CTL_ADD, client, &more);
        }
      } else if (!replies.answer(fd)) {
        replies.forget(fd);
        close(fd);
      }
    }
  }
}

// The server's process; it ends with the object, or with us.
class ServerProcess {
 public:
  explicit ServerProcess(HealthType type) {
    // All targets' connections are open at once.
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0) std::perror("health_bench: limit of open files");
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    socklen_t length = sizeof any;
    if (bind(listener, reinterpret_cast<const sockaddr*>(&any), length) != 0 ||
        listen(listener, 4096) != 0 ||
        getsockname(listener, reinterpret_cast<sockaddr*>(&any), &length) != 0) {
      std::perror("health_bench: server");
      std::exit(1);
    }
    port_ = ntohs(any.sin_port);
    child_ = fork();
    if (child_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
      if (type == HealthType::kHttps) {
        TlsReplies replies;
        serve(listener, replies);
      }
      PlainReplies replies;
      serve(listener, replies);
    }
    close(listener);
  }
  ~ServerProcess() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  uint16_t port() const { return port_; }

 private:
  uint16_t port_ = 0;
  pid_t child_ = 0;
};

// Nanoseconds on a processor of this process's thread `name`.
double thread_time_ns(std::string_view name) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string comm;
    std::getline(std::ifstream(task.path() / "comm"), comm);
    if (comm != name) continue;
    double ns = 0;
    std::ifstream(task.path() / "schedstat") >> ns;
    return ns;
  }
  return 0;
}

std::vector<HealthTarget> make_targets(HealthType type, uint32_t count, uint16_t port) {
  std::vector<HealthTarget> targets;
  for (uint32_t i = 0; i < count; ++i) {
    HealthTarget target;
    target.service = {Ipv4Address{Be32(0x0b000001)}, 80, Protocol::kTcp};
    target.real = {Ipv4Address{Be32(0x7f010001 + i)}, port};
    target.config.type = type;
    target.config.interval_s = kIntervalS;
    targets.push_back(std::move(target));
  }
  return targets;
}

uint64_t counter(const HealthChecker& checker, std::string_view name) {
  for (const auto& [key, value] : checker.counters()) {
    if (key == name) return value;
  }
  return 0;
}

// Takes results, as the control thread would, until `end`.
void run_until(HealthChecker& checker, Clock::time_point end) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return;
    pollfd ready{checker.fd(), POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(left)) == 1) {
      benchmark::DoNotOptimize(checker.take_results());
    }
  }
}

void health_checks(benchmark::State& state, HealthType type) {
  const ServerProcess server(type);
  auto checker = HealthChecker::create({.seed = 1});
  if (!checker) return state.SkipWithError(checker.error().c_str());
  HealthChecker& health = **checker;
  health.add(make_targets(type, static_cast<uint32_t>(state.range(0)), server.port()));
  for (auto _ : state) {
    // Until the connections of the beginning are made, however long a busy machine takes for it.
    const Clock::time_point give_up = Clock::now() + kPatience;
    run_until(health, Clock::now() + kWarmUp);
    while (counter(health, "health.alive") < 2 * static_cast<uint64_t>(state.range(0))) {
      if (Clock::now() > give_up) return state.SkipWithError("the checks do not get on");
      run_until(health, Clock::now() + std::chrono::seconds(1));
    }
    const auto begin = Clock::now();
    const double begin_ns = thread_time_ns("vg-health");
    const uint64_t begin_checks = counter(health, "health.checks");
    const uint64_t begin_connections = counter(health, "health.connections");
    run_until(health, begin + kMeasured);
    const double used_ns = thread_time_ns("vg-health") - begin_ns;
    const auto checks = static_cast<double>(counter(health, "health.checks") - begin_checks);
    const double wall_ns = std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
    state.counters["cores"] = used_ns / wall_ns;
    state.counters["checks_per_s"] = checks / (wall_ns / 1e9);
    state.counters["us_per_check"] = used_ns / 1e3 / checks;
    state.counters["connections_per_check"] =
        static_cast<double>(counter(health, "health.connections") - begin_connections) / checks;
    state.counters["failed"] = static_cast<double>(counter(health, "health.failed"));
    state.counters["no_verdict"] = static_cast<double>(counter(health, "health.no_verdict"));
  }
}

BENCHMARK_CAPTURE(health_checks, tcp, HealthType::kTcp)->Arg(10'000)->Iterations(1)->UseRealTime();
BENCHMARK_CAPTURE(health_checks, http, HealthType::kHttp)
    ->Arg(10'000)
    ->Iterations(1)
    ->UseRealTime();
BENCHMARK_CAPTURE(health_checks, https, HealthType::kHttps)
    ->Arg(10'000)
    ->Iterations(1)
    ->UseRealTime();

}  // namespace
}  // namespace vipgate
