// gRPC checks of a real server: Debian's python3-grpcio, in grpc_health_server.py.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "controlplane/health/health_checker.h"

namespace vipgate::grpc_server_test {
namespace {

// Debian's own, which has Debian's packages; another may come first in PATH.
constexpr const char* kPython = "/usr/bin/python3";
constexpr int kPatienceMs = 20'000;

bool has_grpc() {
  return std::system((std::string(kPython) + " -c 'import grpc' 2>/dev/null").c_str()) == 0;
}

// The program, which ends with its standard input.
class GrpcServer {
 public:
  GrpcServer() {
    std::array<int, 2> input{};
    std::array<int, 2> output{};
    if (pipe2(input.data(), O_CLOEXEC) != 0 || pipe2(output.data(), O_CLOEXEC) != 0) return;
    child_ = fork();
    if (child_ == 0) {
      dup2(input[0], STDIN_FILENO);
      dup2(output[1], STDOUT_FILENO);
      const std::string program =
          std::string(VIPGATE_SOURCE_DIR) + "/tests/controlplane/health/grpc_health_server.py";
      execl(kPython, kPython, program.c_str(), nullptr);
      _exit(127);
    }
    close(input[0]);
    close(output[1]);
    input_ = input[1];
    FILE* said = fdopen(output[0], "r");
    if (std::fscanf(said, "%hu %hu", &health_port_, &bare_port_) != 2) health_port_ = 0;
    std::fclose(said);
  }
  ~GrpcServer() {
    close(input_);
    waitpid(child_, nullptr, 0);
  }
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  uint16_t health_port() const { return health_port_; }
  // Of the server without a health service.
  uint16_t bare_port() const { return bare_port_; }

 private:
  int input_ = -1;
  pid_t child_ = -1;
  uint16_t health_port_ = 0;
  uint16_t bare_port_ = 0;
};

class GrpcServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_grpc()) GTEST_SKIP() << "python3-grpcio is not installed (make deps installs it)";
    server_ = std::make_unique<GrpcServer>();
    ASSERT_NE(server_->health_port(), 0) << "the gRPC server did not start";
    auto made = HealthChecker::create({.seed = 1});
    ASSERT_TRUE(made.ok()) << made.error();
    checker_ = std::move(made).value();
  }

  // "up: serving"
  std::string verdict(uint16_t port, const std::string& path, uint16_t timeout_ms = 10'000) {
    const RealKey real{Ipv4Address{Be32(0x7f000001)}, port};
    HealthConfig config;
    config.type = HealthType::kGrpc;
    config.path = path;
    config.interval_s = 3600;
    config.timeout_ms = timeout_ms;
    config.rise = config.fall = 1;
    const ServiceKey service{Ipv4Address{Be32(0x0b000001)}, ++services_, Protocol::kTcp};
    checker_->add({{service, real, config}});
    checker_->suspect(service, real);
    pollfd ready{checker_->fd(), POLLIN, 0};
    if (poll(&ready, 1, kPatienceMs) != 1) return "no result";
    const auto results = checker_->take_results();
    if (results.size() != 1 || results[0].service != service) return "another result";
    return (results[0].health == RealHealth::kUp ? "up: " : "down: ") + results[0].why;
  }

  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<HealthChecker> checker_;
  uint16_t services_ = 0;
};

TEST_F(GrpcServerTest, IsUpIfTheServiceIsServing) {
  EXPECT_EQ(verdict(server_->health_port(), "/"), "up: serving");
  EXPECT_EQ(verdict(server_->health_port(), "/shop.Cart"), "up: serving");
}

TEST_F(GrpcServerTest, IsDownIfTheServiceIsNotServingOrNotKnown) {
  EXPECT_EQ(verdict(server_->health_port(), "/down"), "down: health status 2");
  EXPECT_EQ(verdict(server_->health_port(), "/unknown"),
            "down: gRPC call ended without a health status");
}

TEST_F(GrpcServerTest, IsDownIfTheServerHasNoHealthService) {
  EXPECT_EQ(verdict(server_->bare_port(), "/"), "down: gRPC call ended without a health status");
}

TEST_F(GrpcServerTest, IsDownIfTheAnswerIsNotThereInTime) {
  EXPECT_EQ(verdict(server_->health_port(), "/slow", 300), "down: no reply within 300 ms");
}

}  // namespace
}  // namespace vipgate::grpc_server_test
