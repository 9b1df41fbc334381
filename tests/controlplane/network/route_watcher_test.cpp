#include "controlplane/network/route_watcher.h"

#include <gmock/gmock.h>
#include <poll.h>

#include <chrono>
#include <functional>

#include "controlplane/network/route_keeper.h"
#include "tests/support/network_namespace.h"

namespace vipgate::route_watcher_test {
namespace {

using ::testing::HasSubstr;

constexpr int kDeadlineMs = 20'000;

// A namespace with port0 and port1, which are ports of ours, and other0, which is none.
class RouteWatcherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    here_ = test::NetworkNamespace::create();
    if (here_ == nullptr) GTEST_SKIP() << "needs root to make network namespaces";
    inside_ = std::make_unique<test::InNamespace>(*here_);
    const char* const interfaces[] = {"port0", "port1", "other0"};
    for (int i = 0; i < 3; ++i) {
      const std::string name = interfaces[i];
      const std::string number = std::to_string(i);
      ASSERT_TRUE(here_->run("ip link add " + name + " type veth peer name peer" + number));
      ASSERT_TRUE(here_->run("sysctl -qw net.ipv6.conf." + name + ".accept_dad=0"));
      ASSERT_TRUE(here_->run("ip link set peer" + number + " up"));
      ASSERT_TRUE(here_->run("ip link set " + name + " up"));
      ASSERT_TRUE(here_->run("ip addr add 10.9." + number + ".2/24 dev " + name));
      ASSERT_TRUE(here_->run("ip addr add fd09:" + number + "::2/64 dev " + name + " nodad"));
    }
  }

  void start() {
    auto watcher = RouteWatcher::create({"port0", "port1"});
    ASSERT_TRUE(watcher.ok()) << watcher.error();
    watcher_ = std::move(watcher).value();
  }
  void ip(const std::string& command) { ASSERT_TRUE(here_->run("ip " + command)) << command; }

  // "1:10.9.1.1", by port; "no"; or what kind of route it is.
  std::string to(const std::string& address) const {
    const auto match = watcher_->table().find(*parse_ip_address(address), -1);
    if (!match) return "no";
    if (match->kind == RouteKind::kBlackhole) return "blackhole";
    if (match->kind == RouteKind::kUnreachable) return "unreachable";
    if (match->kind == RouteKind::kProhibit) return "prohibit";
    if (match->kind == RouteKind::kThrow) return "throw";
    if (match->kind == RouteKind::kEncapsulating) return "encapsulating";
    return std::to_string(match->next_hop.port) + ":" + to_string(match->next_hop.address);
  }

  // Takes in events until the address has that way.
  bool await(const std::string& address, const std::string& way) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kDeadlineMs);
    do {
      watcher_->receive();
      ChangedPrefixes changed;
      EXPECT_TRUE(watcher_->commit(changed).ok());
      if (to(address) == way) return true;
      pollfd readable{watcher_->fd(), POLLIN, 0};
      if (poll(&readable, 1, kDeadlineMs) != 1) break;
    } while (std::chrono::steady_clock::now() < end);
    ADD_FAILURE() << address << " goes " << to(address) << " instead of " << way;
    return false;
  }

  std::unique_ptr<test::NetworkNamespace> here_;
  std::unique_ptr<test::InNamespace> inside_;
  std::unique_ptr<RouteWatcher> watcher_;
};

TEST_F(RouteWatcherTest, TheTableHasWhatTheKernelHadBefore) {
  ip("route add 10.20.0.0/16 via 10.9.0.1");
  ip("route add 10.21.0.0/16 dev port1");
  ip("route add 10.22.0.0/16 via inet6 fd09:1::1 dev port1");
  ip("route add 10.23.0.0/16 via 10.9.2.1");
  ip("route add 10.24.0.0/16 via 10.9.0.1 table 77");
  ip("route add 10.25.0.0/16 tos 0x10 via 10.9.0.1");
  ip("route add blackhole 10.26.0.0/16");
  ip("route add unreachable 10.27.0.0/16");
  ip("route add prohibit 10.28.0.0/16");
  ip("route add throw 10.29.0.0/16");
  ip("route add default via 10.9.1.254 metric 9");
  ip("route add 2001:db8:20::/48 via fd09:0::1");
  ip("route add 2001:db8:21::/48 via fe80::1 dev port1");
  ip("route add blackhole 2001:db8:26::/48");
  start();
  EXPECT_EQ(to("10.20.0.1"), "0:10.9.0.1");
  EXPECT_EQ(to("10.21.0.1"), "1:10.21.0.1");
  EXPECT_EQ(to("10.22.0.1"), "1:fd09:1::1") << "a gateway of the other family";
  EXPECT_EQ(to("10.23.0.1"), "1:10.9.1.254") << "by another interface: the default route";
  EXPECT_EQ(to("10.24.0.1"), "1:10.9.1.254") << "another table";
  EXPECT_EQ(to("10.25.0.1"), "1:10.9.1.254") << "of one type of service only";
  EXPECT_EQ(to("10.26.0.1"), "blackhole");
  EXPECT_EQ(to("10.27.0.1"), "unreachable");
  EXPECT_EQ(to("10.28.0.1"), "prohibit");
  EXPECT_EQ(to("10.29.0.1"), "throw");
  EXPECT_EQ(to("10.9.1.77"), "1:10.9.1.77") << "the connected route";
  EXPECT_EQ(to("10.9.1.2"), "1:10.9.1.2");
  EXPECT_EQ(to("2001:db8:20::1"), "0:fd09::1");
  EXPECT_EQ(to("2001:db8:21::1"), "1:fe80::1");
  EXPECT_EQ(to("2001:db8:26::1"), "blackhole");
  EXPECT_EQ(to("2001:db8:99::1"), "no");
}

TEST_F(RouteWatcherTest, RoutesAreFollowedAsTheyComeChangeAndGo) {
  start();
  ip("route add 10.20.0.0/16 via 10.9.0.1");
  ip("route add 2001:db8::/32 via fd09:0::1");
  EXPECT_TRUE(await("10.20.0.1", "0:10.9.0.1"));
  EXPECT_TRUE(await("2001:db8::1", "0:fd09::1"));
  ip("route replace 10.20.0.0/16 via 10.9.1.1");
  ip("route replace 2001:db8::/32 via fd09:1::1");
  EXPECT_TRUE(await("10.20.0.1", "1:10.9.1.1"));
  EXPECT_TRUE(await("2001:db8::1", "1:fd09:1::1"));
  ip("route add blackhole 10.20.0.0/24");
  EXPECT_TRUE(await("10.20.0.1", "blackhole"));
  ip("route del blackhole 10.20.0.0/24");
  EXPECT_TRUE(await("10.20.0.1", "1:10.9.1.1"));
  ip("route replace 10.20.0.0/16 via 10.9.2.1");
  EXPECT_TRUE(await("10.20.0.1", "no"));
  ip("route del 2001:db8::/32");
  EXPECT_TRUE(await("2001:db8::1", "no"));
}

TEST_F(RouteWatcherTest, HopsOfOneRouteComeAndGo) {
  start();
  ip("route add 10.20.0.0/16 nexthop via 10.9.0.1 nexthop via 10.9.2.1");
  EXPECT_TRUE(await("10.20.0.1", "0:10.9.0.1")) << "the other one is not ours";
  ip("route add 2001:db8::/32 via fd09:0::1");
  EXPECT_TRUE(await("2001:db8::1", "0:fd09::1"));
  ip("route append 2001:db8::/32 via fd09:1::1");
  ip("route del 2001:db8::/32 via fd09:0::1");
  EXPECT_TRUE(await("2001:db8::1", "1:fd09:1::1"));
  ip("route append 10.20.0.0/16 via 10.9.1.1");
  ip("route del 10.20.0.0/16 nexthop via 10.9.0.1 nexthop via 10.9.2.1");
  EXPECT_TRUE(await("10.20.0.1", "1:10.9.1.1"));
}

TEST_F(RouteWatcherTest, NextHopObjectsAreFollowed) {
  ip("nexthop add id 7 via 10.9.0.1 dev port0");
  ip("route add 10.20.0.0/16 nhid 7");
  start();
  EXPECT_EQ(to("10.20.0.1"), "0:10.9.0.1");
  ip("nexthop replace id 7 via 10.9.1.1 dev port1");
  EXPECT_TRUE(await("10.20.0.1", "1:10.9.1.1"));
}

// Most kernels tell of some of these routes only.
TEST_F(RouteWatcherTest, RoutesThatGoWithAnInterfaceOrAnAddressGoHereToo) {
  ip("route add 10.20.0.0/16 via 10.9.0.1");
  ip("addr add 10.9.1.3/24 dev port1");
  ip("route add 10.21.0.0/16 via 10.9.1.1 src 10.9.1.3");
  start();
  EXPECT_EQ(to("10.21.0.1"), "1:10.9.1.1");
  ip("link set port0 down");
  EXPECT_TRUE(await("10.20.0.1", "no"));
  ip("addr del 10.9.1.3/24 dev port1");
  EXPECT_TRUE(await("10.21.0.1", "no"));
  ip("link set port0 up");
  ip("route add 10.20.0.0/16 via 10.9.0.1");
  EXPECT_TRUE(await("10.20.0.1", "0:10.9.0.1"));
}

TEST_F(RouteWatcherTest, EventsThatTheKernelDroppedAreMadeUpForByReadingTheTable) {
  ip("route add 10.20.0.0/16 via 10.9.0.1");
  start();
  // More events than the socket holds, none read.
  ASSERT_TRUE(
      here_->run("for i in $(seq 0 99); do for j in $(seq 0 255); do "
                 "echo route add 11.$i.$j.0/24 via 10.9.0.1; done; done | ip -batch -"));
  ip("route replace 10.20.0.0/16 via 10.9.1.1");
  watcher_->receive();
  EXPECT_TRUE(watcher_->is_urgent());
  ChangedPrefixes changed;
  ASSERT_TRUE(watcher_->commit(changed).ok());
  EXPECT_EQ(to("10.20.0.1"), "1:10.9.1.1");
  EXPECT_EQ(to("11.99.255.1"), "0:10.9.0.1");
  EXPECT_EQ(changed.longest(*parse_ip_address("10.20.0.1")), 16);
  EXPECT_GT(changed.size(), 25'000u);
}

TEST_F(RouteWatcherTest, ErrorsNameTheInterface) {
  const auto missing = RouteWatcher::create({"port0", "", "vg-none"});
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error(), HasSubstr("no interface vg-none"));
}

TEST_F(RouteWatcherTest, ARouteIsInForceOnceItsGatewayIsKnown) {
  auto made = RouteKeeper::create({"port0", ""});
  ASSERT_TRUE(made.ok()) << made.error();
  RouteKeeper& keeper = **made;
  const NextHop gateway{0, *parse_ip_address("10.9.0.1")};
  std::optional<MacAddress> mac;
  const auto lookup = [&](const NextHop& asked) { return asked == gateway ? mac : std::nullopt; };
  ip("route add 10.20.0.0/16 via 10.9.0.1");
  pollfd readable{keeper.fd(), POLLIN, 0};
  ASSERT_EQ(poll(&readable, 1, kDeadlineMs), 1);
  keeper.process(1000);
  EXPECT_EQ(keeper.awaited(), std::set<NextHop>{gateway});
  EXPECT_FALSE(keeper.advance(lookup, 1001));
  EXPECT_FALSE(keeper.find(*parse_ip_address("10.20.0.1"), -1));
  mac = MacAddress{{2, 0, 0, 0, 0, 9}};
  const auto changed = keeper.advance(lookup, 1002);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->longest(*parse_ip_address("10.20.0.1")), 16);
  EXPECT_EQ(keeper.find(*parse_ip_address("10.20.0.1"), -1)->next_hop, gateway);
  EXPECT_TRUE(keeper.awaited().empty());
}

TEST(RouteKeeper, WithoutAKernelSideThereAreNoRoutes) {
  auto keeper = RouteKeeper::create({"", ""});
  ASSERT_TRUE(keeper.ok());
  EXPECT_LT((*keeper)->fd(), 0);
  EXPECT_FALSE((*keeper)->find(*parse_ip_address("10.20.0.1"), -1));
  EXPECT_FALSE((*keeper)->advance({}, 0));
}

}  // namespace
}  // namespace vipgate::route_watcher_test
