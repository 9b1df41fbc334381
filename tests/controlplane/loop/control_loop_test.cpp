#include "controlplane/loop/control_loop.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "controlplane/config/config_reader.h"
#include "controlplane/log_line.h"
#include "tests/controlplane/loop/fake_dataplane.h"
#include "tests/support/network_namespace.h"

namespace vipgate::control_loop_test {
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

constexpr SipKey kBootSecret{{1, 2, 3}};

// The loop on a thread of its own, driven by real signals to that thread: other tests may have left
// threads that take signals to the process.
class ControlLoopTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // The thread that the loop runs on, and those it makes, inherit this.
    ControlLoop::block_signals();
    path_ = std::filesystem::temp_directory_path() /
            ("vipgate-control-loop-test-" + std::to_string(getpid()) + ".yaml");
    write(kGood);
    start();
    dataplane_.wait_until([&] { return dataplane_.published.size() == 1; });
    dataplane_.wait_until([&] { return !dataplane_.announced.empty(); });
  }
  void TearDown() override {
    if (thread_.joinable()) stop();
    std::filesystem::remove(path_);
  }
  void write(const std::string& text) { std::ofstream(path_) << text; }
  // Until it has done all that the links, as they are now, are worth: it has begun to look again.
  void let_it_act() {
    int before = 0;
    dataplane_.wait_until([&] { return before = dataplane_.links_read, true; });
    dataplane_.wait_until([&] { return dataplane_.links_read >= before + 2; });
  }
  // With the file as it is.
  void start() {
    auto config = read_config(path_);
    ASSERT_TRUE(config.ok()) << config.error();
    auto loop = ControlLoop::create({*config, DnsHashSecret{}, kBootSecret}, dataplane_);
    ASSERT_TRUE(loop.ok()) << loop.error();
    loop_ = std::move(*loop);
    thread_ = std::thread([this] { status_ = loop_->run(); });
  }
  void tell(int signal) { pthread_kill(thread_.native_handle(), signal); }
  void stop() {
    tell(SIGTERM);
    thread_.join();
  }
  // SIGHUP has the lower number and so is taken first: once the counters are read, it was handled.
  void reload_and_wait() {
    const int before = dataplane_.counters_read;
    tell(SIGHUP);
    tell(SIGUSR1);
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

TEST_F(ControlLoopTest, SecretsOfCookiesAreThoseOfTheBootOrOfAFileThatEachReloadReads) {
  const auto secrets = [&] {
    std::vector<SipKey> now;
    dataplane_.wait_until([&] {
      now = dataplane_.published.back()->dns_policy->cookie_secrets;
      return true;
    });
    return now;
  };
  EXPECT_EQ(secrets(), std::vector{kBootSecret});
  const std::string file = path_.string() + ".secrets";
  const std::string good = kGood;
  const auto with = [&](const std::string& cookies) {
    const size_t at = good.find("listen:");
    write(good.substr(0, at) + "cookies: {" + cookies + "}, " + good.substr(at));
    reload_and_wait();
  };
  std::ofstream(file) << std::string(32, '0') << "\n";
  with("secret_file: " + file);
  EXPECT_EQ(secrets(), std::vector{SipKey{}});
  std::ofstream(file) << "ff" << std::string(30, '0') << "\n" << std::string(32, '0') << "\n";
  reload_and_wait();
  const std::vector<SipKey> rolled = {SipKey{{0xff}}, SipKey{}};
  EXPECT_EQ(secrets(), rolled);
  std::ofstream(file) << "no secret\n";
  reload_and_wait();
  EXPECT_EQ(secrets(), rolled) << "what is wrong changes nothing";
  std::filesystem::remove(file);
  with("enabled: false");
  EXPECT_TRUE(secrets().empty());
  with("enabled: true");
  EXPECT_EQ(secrets(), std::vector{kBootSecret}) << "the same as before";
}

std::vector<std::string> lines_with(const std::string& part, const std::string& log) {
  std::istringstream stream(log);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    const std::string sentence(PackedLine(line).sentence);
    if (sentence.find(part) != std::string::npos) {
      lines.push_back(sentence.substr(sentence.find(part)));
    }
  }
  return lines;
}

TEST_F(ControlLoopTest, WhatHasNoWayOrNoAddressIsReportedInOneLineAndAgainOnlyWhenItChanges) {
  stop();
  const std::string head = std::string(kGood).substr(0, std::string(kGood).find("  - { name: a"));
  const auto services = [&](int count) {
    std::string reals;
    for (int i = 1; i <= count; ++i) {
      reals += "{ address: 192.0.2." + std::to_string(i) + ", port: 80 }, ";
      reals += "{ address: 10.0.2." + std::to_string(i) + ", port: 80 }, ";
    }
    return head + "  - { name: a, vip: 11.0.0.1, port: 80, protocol: tcp, reals: [" + reals +
           "] }\n";
  };
  ::testing::internal::CaptureStdout();  // where spdlog writes unless told otherwise
  write(services(2));
  start();
  reload_and_wait();
  write(services(200));
  reload_and_wait();
  reload_and_wait();
  stop();
  const std::string log = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(lines_with("no port's prefix", log),
            (std::vector<std::string>{
                "no port's prefix, gateway or route of the kernel leads to 2 reals: "
                "192.0.2.1 (no route), 192.0.2.2 (no route)",
                "no port's prefix, gateway or route of the kernel leads to 200 reals: "
                "192.0.2.1 (no route), 192.0.2.2 (no route), 192.0.2.3 (no route), …"}));
  const auto unknown = lines_with("the link-layer addresses of", log);
  ASSERT_EQ(unknown.size(), 2u);
  EXPECT_EQ(unknown[1],
            "the link-layer addresses of 200 next hops are unknown, as their ports have no kernel "
            "side; add them to the port's `neighbors` or set `kernel: true`: 10.0.2.1 on 'edge', "
            "10.0.2.2 on 'edge', 10.0.2.3 on 'edge', …");
}

TEST_F(ControlLoopTest, ASnatPoolThatRefusesFlowsIsWarnedOf) {
  stop();
  ::testing::internal::CaptureStdout();
  dataplane_.exhausted = {7};
  start();
  reload_and_wait();
  stop();
  const std::string log = ::testing::internal::GetCapturedStdout();
  ASSERT_EQ(lines_with("the SNAT pool", log).size(), 1u) << log;
  EXPECT_EQ(lines_with("the SNAT pool 'default' had no free port for 7 new flows", log).size(), 1u);
}

TEST_F(ControlLoopTest, ALinkThatGoesAndComesIsLoggedOnceEachAndAddressesAreAnnouncedAnew) {
  stop();
  ::testing::internal::CaptureStdout();
  const size_t announced = dataplane_.announced.size();
  start();
  let_it_act();
  dataplane_.wait_until([&] { return dataplane_.announced.size() == 2 * announced; });
  dataplane_.set_down({0});
  let_it_act();
  dataplane_.set_down({});
  dataplane_.wait_until([&] { return dataplane_.announced.size() == 3 * announced; });
  let_it_act();
  stop();
  const std::string log = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(lines_with("port edge: link", log),
            (std::vector<std::string>{"port edge: link down", "port edge: link up"}));
  EXPECT_EQ(lines_with("\"port.edge.link_losses\":1", log).size(), 1u);
}

TEST_F(ControlLoopTest, ErrorsAboutTunnelsAreFetchedFromTheWorkers) {
  dataplane_.note_tunnel_error({.mtu = 1400});
  dataplane_.wait_until([&] { return dataplane_.tunnel_errors.empty(); });
}

// With a table of the kernel's for VIPs' routes.
class ControlLoopAnnounceTest : public ControlLoopTest {
 protected:
  void SetUp() override {
    here_ = test::NetworkNamespace::create();
    if (here_ == nullptr) GTEST_SKIP() << "needs root to make network namespaces";
    inside_ = std::make_unique<test::InNamespace>(*here_);
    ControlLoopTest::SetUp();
    stop();
    write(std::string(kGood) + "announce: { table: 100 }\n");
    start();
  }
  bool has_route() const {
    return here_->run("ip route show table 100 2>/dev/null | grep -q 11.0.0.1");
  }

  std::unique_ptr<test::NetworkNamespace> here_;
  std::unique_ptr<test::InNamespace> inside_;
};

TEST_F(ControlLoopAnnounceTest, VipsHaveNoRouteWhileThePortsOfClientsHaveNoLink) {
  let_it_act();
  EXPECT_TRUE(has_route());
  dataplane_.set_down({0});
  let_it_act();
  EXPECT_FALSE(has_route());
  dataplane_.set_down({});
  let_it_act();
  EXPECT_TRUE(has_route());
}

TEST_F(ControlLoopTest, AReloadBeginsAndEndsAWatchAndLeavesOneThatDidNotChange) {
  EXPECT_TRUE(dataplane_.watches.empty());
  write(std::string(kGood) + "watch: { trace: /t, packets: 3 }\n");
  reload_and_wait();
  reload_and_wait();
  ASSERT_EQ(dataplane_.watches.size(), 1u);
  ASSERT_TRUE(dataplane_.watches[0]);
  EXPECT_EQ(dataplane_.watches[0]->packets, 3u);
  dataplane_.watch_started = Error{"/u: cannot create"};
  write(std::string(kGood) + "watch: { trace: /u, packets: 3 }\n");
  reload_and_wait();
  ASSERT_EQ(dataplane_.watches.size(), 2u);
  write(kGood);
  reload_and_wait();
  ASSERT_EQ(dataplane_.watches.size(), 3u);
  EXPECT_FALSE(dataplane_.watches[2]);
}

TEST_F(ControlLoopTest, AReloadPublishesWhatTheFileSaysNow) {
  std::string text = kGood;
  text += "  - { name: b, vip: 11.0.0.2, port: 80, protocol: tcp, reals: [] }\n";
  write(text);
  tell(SIGHUP);
  // The VIP, then its name.
  dataplane_.wait_until([&] { return dataplane_.published.size() == 3; });
  EXPECT_NE(dataplane_.published[1]->v4.addresses.find(Ipv4Address{Be32(0x0b000002)}), nullptr);
  EXPECT_LT(dataplane_.published[1]->dns->size(), dataplane_.published[2]->dns->size());
  stop();
  EXPECT_TRUE(status_.ok());
}

}  // namespace
}  // namespace vipgate::control_loop_test
