// The engine on the test's own thread: what must not be mistaken for a dead real.
#include "controlplane/health/check_engine.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <algorithm>
#include <mutex>

#include "tests/controlplane/health/scripted_server.h"

namespace vipgate::check_engine_test {
namespace {

using test::listen_on;
using test::local_endpoint;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

HealthConfig quick_tcp() {
  HealthConfig config;
  config.type = HealthType::kTcp;
  config.interval_s = 1;
  config.rise = config.fall = 1;
  return config;
}

class CheckEngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = CheckEngine::create(
        {.seed = 1}, wake_.get(), [this](uint64_t id, RealHealth health, const std::string& why) {
          reports_.push_back(std::to_string(id) + " " + "?ud"[static_cast<size_t>(health)] + " " +
                             why);
        });
    ASSERT_TRUE(made.ok()) << made.error();
    engine_ = std::move(made).value();
  }
  template <class Condition>
  void run_until(const Condition& condition) {
    while (!condition()) ASSERT_TRUE(engine_->run_once().ok());
  }
  const HealthCounters& counters() const { return engine_->counters(); }

  FileDescriptor wake_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::vector<std::string> reports_;
  std::unique_ptr<CheckEngine> engine_;
};

// Lets the process open no more files as long as it lives.
class NoMoreFiles {
 public:
  NoMoreFiles() {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    EXPECT_GE(next, 0);
    close(next);
    const rlimit none{static_cast<rlim_t>(next), before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~NoMoreFiles() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoMoreFiles(const NoMoreFiles&) = delete;
  NoMoreFiles& operator=(const NoMoreFiles&) = delete;

 private:
  rlimit before_{};
};

TEST_F(CheckEngineTest, RunningOutOfFilesSaysNothingAboutAReal) {
  const auto listener = listen_on("127.0.0.1");
  engine_->add(1, local_endpoint(listener.get()), quick_tcp());
  engine_->suspect(1);
  run_until([&] { return !reports_.empty(); });
  ASSERT_THAT(reports_, ElementsAre("1 u connected"));
  {
    const NoMoreFiles limit;
    run_until([&] { return counters().no_verdict.value() == 2; });
  }
  run_until([&] { return counters().alive.value() == 2; });
  EXPECT_THAT(reports_, ElementsAre("1 u connected"));
  EXPECT_EQ(counters().failed.value(), 0u);
}

TEST_F(CheckEngineTest, AProxyHeaderComesBeforeTheQuestionWhereOneIsWanted) {
  std::mutex mutex;
  std::vector<std::string> asked;
  const test::ScriptedServer server([&](int connection) {
    const std::string question = test::read_until(connection, " HTTP/1.1\r\n");
    {
      const std::lock_guard lock(mutex);
      asked.push_back(question);
    }
    test::send_all(connection, "HTTP/1.1 204 x\r\nConnection: close\r\n\r\n");
  });
  HealthConfig config = quick_tcp();
  config.type = HealthType::kHttp;
  engine_->add(1, server.endpoint(), config);
  engine_->add(2, server.endpoint(), config, true);
  engine_->suspect(1);
  engine_->suspect(2);
  run_until([&] { return reports_.size() == 2; });
  EXPECT_EQ(counters().targets.value(), 2u);
  const std::lock_guard lock(mutex);
  ASSERT_EQ(asked.size(), 2u) << "two checks, not a shared one";
  std::sort(asked.begin(), asked.end());
  const std::string header("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16);
  EXPECT_EQ(asked[0].substr(0, 16), header);
  EXPECT_EQ(asked[1].substr(0, 5), "GET /");
}

TEST_F(CheckEngineTest, ConnectionsThatAreKeptGiveTheirFilesToChecks) {
  const auto listener = listen_on("127.0.0.1");
  const test::ScriptedServer server([](int connection) {
    test::read_until(connection, "\r\n\r\n");
    test::send_all(connection, "HTTP/1.1 204 x\r\n\r\n");
  });
  HealthConfig config = quick_tcp();
  config.type = HealthType::kHttp;
  engine_->add(1, server.endpoint(), config);
  run_until([&] { return counters().kept.value() == 1; });
  const NoMoreFiles limit;
  engine_->add(2, local_endpoint(listener.get()), quick_tcp());
  engine_->suspect(2);
  run_until([&] { return reports_.size() == 2; });
  EXPECT_EQ(reports_.back(), "2 u connected");
  EXPECT_EQ(counters().kept.value(), 0u);
  EXPECT_EQ(counters().no_verdict.value(), 0u);
}

TEST_F(CheckEngineTest, AQuestionThatCannotBeWrittenSaysNothingAboutAReal) {
  HealthConfig config = quick_tcp();
  config.type = HealthType::kHttp;
  config.path = "/a b";
  engine_->add(1, {parse_ip_address("127.0.0.1").value(), 9}, config);
  engine_->suspect(1);
  run_until([&] { return counters().no_verdict.value() == 1; });
  EXPECT_THAT(reports_, IsEmpty());
}

TEST_F(CheckEngineTest, ARealWithoutARouteOfOurOwnSaysNothingAboutIt) {
  // A link-local address without an interface: connect() itself fails.
  engine_->add(1, {parse_ip_address("fe80::1").value(), 80}, quick_tcp());
  engine_->suspect(1);
  run_until([&] { return counters().no_verdict.value() == 1; });
  EXPECT_EQ(counters().failed.value(), 0u);
}

TEST_F(CheckEngineTest, FollowsARealDownAndUp) {
  auto listener = std::make_unique<FileDescriptor>(listen_on("127.0.0.1"));
  const RealKey real = local_endpoint(listener->get());
  engine_->add(1, real, quick_tcp());
  engine_->suspect(1);
  run_until([&] { return reports_.size() == 1; });
  listener.reset();
  run_until([&] { return reports_.size() == 2; });
  EXPECT_THAT(reports_, ElementsAre("1 u connected", "1 d connection refused"));
}

TEST_F(CheckEngineTest, ATargetMayLeaveWhileItsCheckIsInFlight) {
  // Accepted by the kernel; nobody will answer.
  const auto listener = listen_on("127.0.0.1");
  const RealKey real = local_endpoint(listener.get());
  HealthConfig config = quick_tcp();
  config.type = HealthType::kHttp;
  config.timeout_ms = 60'000;
  engine_->add(1, real, config);
  engine_->suspect(1);
  run_until([&] { return counters().in_flight.value() == 1; });
  engine_->remove(1);
  engine_->add(2, real, quick_tcp());
  engine_->suspect(2);
  run_until([&] { return !reports_.empty(); });
  EXPECT_THAT(reports_, ElementsAre("2 u connected"));
  EXPECT_EQ(counters().in_flight.value(), 0u);
  EXPECT_EQ(counters().targets.value(), 1u);
}

}  // namespace
}  // namespace vipgate::check_engine_test
