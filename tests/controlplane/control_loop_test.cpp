#include "controlplane/control_loop.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "controlplane/config_reader.h"
#include "tests/controlplane/fake_dataplane.h"

namespace vipgate {
namespace {

constexpr char kGood[] = R"(
ports:
  - { name: edge, device: net_null0, addresses: [10.0.0.1/16],
      neighbors: [{ address: 10.0.1.1, mac: "02:00:00:00:00:09" }] }
snat_pools: [{ name: default, addresses: [10.0.9.1] }]
dns: { listen: [10.0.0.53], zones: [{ name: z, services: true }] }
services:
  - { name: a, vip: 11.0.0.1, port: 80, protocol: tcp, reals: [{ address: 10.0.1.1, port: 80 }] }
)";

// The loop on a thread of its own, driven by real signals to this process.
class ControlLoopTest : public testing::Test {
 protected:
  void SetUp() override {
    // The thread that the loop runs on, and those it makes, inherit this.
    ControlLoop::block_signals();
    path_ = std::filesystem::temp_directory_path() /
            ("vipgate-control-loop-test-" + std::to_string(getpid()) + ".yaml");
    write(kGood);
    auto config = read_config(path_);
    ASSERT_TRUE(config.ok()) << config.error();
    auto loop = ControlLoop::create({*config, DnsHashSecret{}}, dataplane_);
    ASSERT_TRUE(loop.ok()) << loop.error();
    loop_ = std::move(*loop);
    thread_ = std::thread([this] { status_ = loop_->run(); });
    dataplane_.wait_until([&] { return dataplane_.published.size() == 1; });
    dataplane_.wait_until([&] { return !dataplane_.announced.empty(); });
  }
  void TearDown() override {
    if (thread_.joinable()) stop();
    std::filesystem::remove(path_);
  }
  void write(const std::string& text) { std::ofstream(path_) << text; }
  void stop() {
    kill(getpid(), SIGTERM);
    thread_.join();
  }
  // SIGHUP has the lower number and so is taken first: once the counters are read, it was handled.
  void reload_and_wait() {
    const int before = dataplane_.counters_read;
    kill(getpid(), SIGHUP);
    kill(getpid(), SIGUSR1);
    dataplane_.wait_until([&] { return dataplane_.counters_read > before; });
  }

  std::filesystem::path path_;
  FakeDataplane dataplane_;
  std::unique_ptr<ControlLoop> loop_;
  Status status_ = Error{"did not run"};
  std::thread thread_;
};

TEST_F(ControlLoopTest, SigtermStopsItAndCountsOnceMore) {
  stop();
  EXPECT_TRUE(status_.ok());
  EXPECT_EQ(dataplane_.counters_read, 1);
}

TEST_F(ControlLoopTest, AReloadOfABadFileChangesNothing) {
  write("services: [{ nmae: a }]\n");
  reload_and_wait();
  EXPECT_EQ(dataplane_.published.size(), 1u);
  std::filesystem::remove(path_);
  reload_and_wait();
  EXPECT_EQ(dataplane_.published.size(), 1u);
}

TEST_F(ControlLoopTest, AReloadPublishesWhatTheFileSaysNow) {
  std::string text = kGood;
  text += "  - { name: b, vip: 11.0.0.2, port: 80, protocol: tcp, reals: [] }\n";
  write(text);
  kill(getpid(), SIGHUP);
  // The VIP, then its name.
  dataplane_.wait_until([&] { return dataplane_.published.size() == 3; });
  EXPECT_NE(dataplane_.published[1]->v4.addresses.find(Ipv4Address{Be32(0x0b000002)}), nullptr);
  EXPECT_LT(dataplane_.published[1]->dns->size(), dataplane_.published[2]->dns->size());
  stop();
  EXPECT_TRUE(status_.ok());
}

}  // namespace
}  // namespace vipgate
