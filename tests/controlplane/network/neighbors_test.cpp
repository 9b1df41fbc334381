#include "controlplane/network/neighbors.h"

#include <gmock/gmock.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "tests/support/network_namespace.h"

namespace vipgate::neighbors_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr auto kDeadline = std::chrono::seconds(20);
constexpr MacAddress kPeerMac{{0x02, 0, 0, 0, 0, 0x99}};
constexpr MacAddress kOtherMac{{0x02, 0, 0, 0, 0, 0x77}};

NeighborKey near0(const char* address) { return {"near0", *parse_ip_address(address)}; }

// Two namespaces joined by a veth pair: the watcher's end is near0, its peer has 10.9.0.1, fd09::1.
class NeighborWatcherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    near_ = test::NetworkNamespace::create();
    far_ = test::NetworkNamespace::create();
    if (near_ == nullptr || far_ == nullptr) {
      GTEST_SKIP() << "needs root to make network namespaces";
    }
    inside_ = std::make_unique<test::InNamespace>(*near_);
    ASSERT_TRUE(near_->run("ip link add near0 type veth peer name far0 address 02:00:00:00:00:99"));
    ASSERT_TRUE(near_->run("ip link set far0 netns " + far_->path()));
    ASSERT_TRUE(near_->run("ip link set near0 up"));
    ASSERT_TRUE(near_->run("ip addr add 10.9.0.2/24 dev near0"));
    ASSERT_TRUE(near_->run("ip addr add fd09::2/64 dev near0 nodad"));
    ASSERT_TRUE(far_->run("ip link set far0 up"));
    ASSERT_TRUE(far_->run("ip addr add 10.9.0.1/24 dev far0"));
    ASSERT_TRUE(far_->run("ip addr add fd09::1/64 dev far0 nodad"));
  }

  void watch(const std::set<NeighborKey>& neighbors) {
    auto watcher = NeighborWatcher::create({"near0"});
    ASSERT_TRUE(watcher.ok()) << watcher.error();
    watcher_ = std::move(watcher).value();
    watcher_->watch(neighbors);
  }

  // Asks for those that are not known yet, and again when the kernel has given up: right after a
  // link comes up, its questions may be lost.
  bool await_resolved(const std::set<NeighborKey>& neighbors) {
    constexpr auto kKernelGivesUp = std::chrono::seconds(4);
    const auto is_known = [&](const NeighborKey& key) { return watcher_->find(key).has_value(); };
    const auto all_known = [&] {
      return std::all_of(neighbors.begin(), neighbors.end(), is_known);
    };
    for (auto left = kDeadline; left.count() > 0; left -= kKernelGivesUp) {
      for (const NeighborKey& key : neighbors) {
        if (!is_known(key) && !watcher_->resolve(key).ok()) return false;
      }
      if (await(all_known, kKernelGivesUp)) return true;
    }
    return false;
  }

  // Processes events as they come until `done`.
  bool await(const std::function<bool()>& done, std::chrono::seconds deadline = kDeadline) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (!done()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          end - std::chrono::steady_clock::now());
      pollfd readable{watcher_->fd(), POLLIN, 0};
      if (left.count() <= 0 || poll(&readable, 1, static_cast<int>(left.count())) != 1)
        return false;
      changes_ += watcher_->process() ? 1 : 0;
    }
    return true;
  }

  std::unique_ptr<test::NetworkNamespace> near_;
  std::unique_ptr<test::NetworkNamespace> far_;
  std::unique_ptr<test::InNamespace> inside_;
  std::unique_ptr<NeighborWatcher> watcher_;
  int changes_ = 0;
};

TEST_F(NeighborWatcherTest, ResolvesIpv4ByArpAndIpv6ByNeighborDiscovery) {
  watch({near0("10.9.0.1"), near0("fd09::1")});
  EXPECT_THAT(watcher_->table(), IsEmpty());
  EXPECT_TRUE(await_resolved({near0("10.9.0.1"), near0("fd09::1")}));
  EXPECT_THAT(watcher_->table(), UnorderedElementsAre(Pair(near0("10.9.0.1"), kPeerMac),
                                                      Pair(near0("fd09::1"), kPeerMac)));
  EXPECT_EQ(watcher_->find(near0("10.9.0.1")), kPeerMac);
}

TEST_F(NeighborWatcherTest, TableHasWhatTheKernelKnewBefore) {
  ASSERT_TRUE(near_->run("ip neigh add 10.9.0.5 lladdr 02:00:00:00:00:77 dev near0 nud stale"));
  ASSERT_TRUE(near_->run("ip neigh add 10.9.0.6 lladdr 02:00:00:00:00:77 dev near0"));
  watch({near0("10.9.0.5"), near0("10.9.0.6"), near0("10.9.0.7")});
  EXPECT_THAT(watcher_->table(), UnorderedElementsAre(Pair(near0("10.9.0.5"), kOtherMac),
                                                      Pair(near0("10.9.0.6"), kOtherMac)));
}

TEST_F(NeighborWatcherTest, NeighborThatNobodyAnswersForStaysUnresolved) {
  ASSERT_TRUE(near_->run("sysctl -qw net.ipv4.neigh.near0.retrans_time_ms=10"));
  watch({near0("10.9.0.66"), near0("10.9.0.1")});
  ASSERT_TRUE(watcher_->resolve(near0("10.9.0.66")).ok());
  ASSERT_TRUE(watcher_->resolve(near0("10.9.0.1")).ok());
  ASSERT_TRUE(await([&] { return watcher_->find(near0("10.9.0.1")).has_value(); }));
  EXPECT_FALSE(watcher_->find(near0("10.9.0.66")));
}

TEST_F(NeighborWatcherTest, ChangedAddressReplacesAndDeletedNeighborGoes) {
  ASSERT_TRUE(near_->run("ip neigh add 10.9.0.5 lladdr 02:00:00:00:00:77 dev near0"));
  watch({near0("10.9.0.5")});
  ASSERT_EQ(watcher_->find(near0("10.9.0.5")), kOtherMac);
  ASSERT_TRUE(near_->run("ip neigh change 10.9.0.5 lladdr 02:00:00:00:00:99 dev near0"));
  EXPECT_TRUE(await([&] { return watcher_->find(near0("10.9.0.5")) == kPeerMac; }));
  ASSERT_TRUE(near_->run("ip neigh del 10.9.0.5 dev near0"));
  EXPECT_TRUE(await([&] { return !watcher_->find(near0("10.9.0.5")); }));
  EXPECT_EQ(changes_, 2);
}

TEST_F(NeighborWatcherTest, NeighborsThatNobodyWatchesChangeNothing) {
  watch({near0("10.9.0.5")});
  ASSERT_TRUE(near_->run("ip neigh add 10.9.0.6 lladdr 02:00:00:00:00:77 dev near0"));
  EXPECT_FALSE(watcher_->process());
  // It was noted all the same: watching it later needs no event.
  EXPECT_TRUE(watcher_->watch({near0("10.9.0.6")}));
  EXPECT_EQ(watcher_->find(near0("10.9.0.6")), kOtherMac);
  EXPECT_FALSE(watcher_->watch({near0("10.9.0.6")})) << "nothing has changed";
}

TEST_F(NeighborWatcherTest, ResolveConfirmsAStaleEntryAndSeesThatThePeerHasMoved) {
  ASSERT_TRUE(
      near_->run("sysctl -qw net.ipv4.neigh.near0.delay_first_probe_time=0 "
                 "net.ipv4.neigh.near0.retrans_time_ms=10"));
  ASSERT_TRUE(near_->run("ip neigh add 10.9.0.1 lladdr 02:00:00:00:00:77 dev near0 nud stale"));
  watch({near0("10.9.0.1")});
  ASSERT_EQ(watcher_->find(near0("10.9.0.1")), kOtherMac);
  ASSERT_TRUE(watcher_->resolve_all().ok());
  // The old address does not answer; once it has failed, the next call asks everyone.
  EXPECT_TRUE(await([&] {
    if (!watcher_->find(near0("10.9.0.1"))) (void)watcher_->resolve_all();
    return watcher_->find(near0("10.9.0.1")) == kPeerMac;
  }));
}

TEST_F(NeighborWatcherTest, EventsThatTheKernelDroppedAreMadeUpForByReadingTheTable) {
  watch({near0("10.9.0.5"), near0("10.9.77.77")});
  // More events than the socket holds, none read.
  ASSERT_TRUE(near_->run("ip addr add 10.9.1.1/16 dev near0"));
  ASSERT_TRUE(
      near_->run("for i in $(seq 0 39); do for j in $(seq 1 250); do "
                 "echo neigh add 10.9.$((i + 100)).$j lladdr 02:00:00:00:00:77 dev near0; "
                 "done; done | ip -batch -"));
  ASSERT_TRUE(near_->run("ip neigh add 10.9.77.77 lladdr 02:00:00:00:00:77 dev near0"));
  EXPECT_TRUE(watcher_->process());
  EXPECT_THAT(watcher_->table(), UnorderedElementsAre(Pair(near0("10.9.77.77"), kOtherMac)));
}

TEST_F(NeighborWatcherTest, ErrorsNameTheInterface) {
  const auto missing = NeighborWatcher::create({"near0", "vg-none"});
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error(), HasSubstr("no interface vg-none"));
  watch({});
  const Status status = watcher_->resolve({"vg-none", *parse_ip_address("10.9.0.1")});
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error(), HasSubstr("10.9.0.1 on vg-none"));
}

}  // namespace
}  // namespace vipgate::neighbors_test
