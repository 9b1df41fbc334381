#include "controlplane/naming/host_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "tests/support/address_text.h"

namespace vipgate::host_resolver_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using test::ip;

// Answers as told, from the resolver's thread.
class HostResolverTest : public testing::Test {
 protected:
  HostResolverTest() {
    auto resolver = HostResolver::create([this](const std::string& name) {
      const std::lock_guard lock(mutex_);
      return answers_[name];
    });
    resolver_ = std::move(*resolver);
  }
  void say(const std::string& name, std::vector<IpAddress> addresses) {
    const std::lock_guard lock(mutex_);
    answers_[name] = std::move(addresses);
  }
  std::set<std::string> wait(int64_t now_ms) {
    pollfd event{resolver_->fd(), POLLIN, 0};
    EXPECT_EQ(poll(&event, 1, 10'000), 1);
    return resolver_->take_changes(now_ms);
  }

  std::mutex mutex_;
  std::map<std::string, std::vector<IpAddress>> answers_;
  std::unique_ptr<HostResolver> resolver_;
};

TEST_F(HostResolverTest, ANameIsKnownOnceItWasAnswered) {
  say("m1", {ip("10.0.0.1"), ip("fd00::1")});
  EXPECT_THAT(resolver_->find("m1"), IsEmpty());
  EXPECT_THAT(wait(0), ElementsAre("m1"));
  EXPECT_THAT(resolver_->find("m1"), ElementsAre(ip("10.0.0.1"), ip("fd00::1")));
}

TEST_F(HostResolverTest, ANameThatMovesIsNoticedWhenItIsAskedForAnew) {
  say("m1", {ip("10.0.0.1")});
  resolver_->find("m1");
  wait(0);
  say("m1", {ip("10.0.0.2")});
  EXPECT_EQ(resolver_->next_refresh_ms(), HostResolver::kAnswerMs);
  resolver_->refresh(HostResolver::kAnswerMs);
  EXPECT_THAT(wait(HostResolver::kAnswerMs), ElementsAre("m1"));
  EXPECT_THAT(resolver_->find("m1"), ElementsAre(ip("10.0.0.2")));
}

TEST_F(HostResolverTest, ANameServerThatIsAwayRemovesNothing) {
  say("m1", {ip("10.0.0.1")});
  resolver_->find("m1");
  wait(0);
  say("m1", {});
  resolver_->refresh(HostResolver::kAnswerMs);
  EXPECT_THAT(wait(HostResolver::kAnswerMs), IsEmpty());
  EXPECT_THAT(resolver_->find("m1"), ElementsAre(ip("10.0.0.1")));
  EXPECT_EQ(resolver_->next_refresh_ms(), HostResolver::kAnswerMs + HostResolver::kFailureMs);
}

TEST(HostResolverSystem, LocalhostIsResolved) {
  EXPECT_THAT(HostResolver::system_resolver()("localhost"), testing::Contains(ip("127.0.0.1")));
}

}  // namespace
}  // namespace vipgate::host_resolver_test
