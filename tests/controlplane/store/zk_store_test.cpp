// The shared store, on a real ZooKeeper.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <random>

#include "controlplane/store/state_store.h"
#include "controlplane/store/zk_key.h"
#include "tests/controlplane/store/store_directory.h"
#include "tests/support/zookeeper_server.h"

namespace vipgate::zk_store_test {
namespace {

using test::ZookeeperServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr int kPatienceMs = 30000;
constexpr std::string_view kVip = kVipSpace;
const std::string kVipName(kVipSpace);

// A gateway's store, and what it has been told of others.
class Gateway {
 public:
  explicit Gateway(std::string url) : url_(std::move(url)) { restart(); }

  void move_to(std::string url) {
    url_ = std::move(url);
    restart();
  }
  void restart() {
    store_.reset();
    auto store = StateStore::open(url_, directory_.file());
    ASSERT_TRUE(store.ok()) << store.error();
    store_ = std::move(*store);
  }
  StateStore& store() { return *store_; }
  void stop() { store_.reset(); }
  std::map<std::string, std::string> load(std::string_view space = kVip) {
    auto rows = store_->load(space);
    EXPECT_TRUE(rows.ok()) << rows.error();
    return rows.ok() ? *rows : std::map<std::string, std::string>{};
  }
  void put(const std::string& key, std::optional<std::string> value) {
    store_->write({{kVipName, key, std::move(value)}});
  }
  void flush() {
    const Status done = store_->flush(kPatienceMs);
    EXPECT_TRUE(done.ok()) << done.error();
  }
  // What is written goes to ZooKeeper after all that is there has been read.
  void get_in_step() {
    put("in step", "1");
    flush();
  }
  // Waits until it has been told so.
  void expect_told(const std::string& key, const std::optional<std::string>& value) {
    while (true) {
      for (StoreWrite& change : store_->take_remote_changes()) {
        told_[change.key] = std::move(change.value);
      }
      const auto found = told_.find(key);
      if (found != told_.end() && found->second == value) break;
      pollfd readable{store_->fd(), POLLIN, 0};
      ASSERT_EQ(::poll(&readable, 1, kPatienceMs), 1) << "it was not told of " << key;
    }
    told_.erase(key);
  }
  [[nodiscard]] const std::map<std::string, std::optional<std::string>>& told() const {
    return told_;
  }

 private:
  std::string url_;
  StoreDirectory directory_;
  std::unique_ptr<StateStore> store_;
  std::map<std::string, std::optional<std::string>> told_;
};

class ZkStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const Status here = ZookeeperServer::available(); !here) GTEST_SKIP() << here.error();
    auto server = ZookeeperServer::create();
    ASSERT_TRUE(server.ok()) << server.error();
    server_ = std::move(*server);
    url_ = "zk://" + server_->hosts() + "/a/vipgate";
  }
  ZookeeperServer& server() { return *server_; }
  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  std::unique_ptr<ZookeeperServer> server_;
  std::string url_;
};

TEST_F(ZkStoreTest, TwoGatewaysSeeEachOthersWritesChangesAndRemovals) {
  Gateway a(url());
  Gateway b(url());
  const std::string odd = "11.0.0.1:80/tcp %\n";
  a.put("redis", "11.0.0.1");
  a.put(odd, std::string("\0x", 2));
  a.flush();
  b.expect_told("redis", "11.0.0.1");
  b.expect_told(odd, std::string("\0x", 2));
  b.put("redis", "11.0.0.2");
  b.flush();
  a.expect_told("redis", "11.0.0.2");
  a.put("redis", std::nullopt);
  a.flush();
  b.expect_told("redis", std::nullopt);
  EXPECT_THAT(a.load(), ElementsAre(Pair(odd, std::string("\0x", 2))));
  EXPECT_THAT(b.load(), a.load());
  EXPECT_TRUE(a.store().health().ok) << a.store().health().problem;
}

TEST_F(ZkStoreTest, AGatewayThatStartsIsGivenWhatTheOthersHave) {
  Gateway a(url());
  std::vector<StoreWrite> batch;
  for (int i = 0; i < 700; ++i) batch.push_back({kVipName, std::to_string(i), "v"});
  a.store().write(std::move(batch));
  a.flush();
  Gateway b(url());
  b.get_in_step();
  EXPECT_EQ(b.load().size(), 701u);
  EXPECT_THAT(b.store().take_remote_changes(), IsEmpty());
}

TEST_F(ZkStoreTest, WhatIsNotSharedStaysWithItsGateway) {
  Gateway a(url());
  Gateway b(url());
  a.store().write({{"mesos", "k", "v"}, {kVipName, "k", "shared"}});
  a.flush();
  b.expect_told("k", "shared");
  EXPECT_THAT(b.load("mesos"), IsEmpty());
  a.restart();
  EXPECT_THAT(a.load("mesos"), ElementsAre(Pair("k", "v")));
}

TEST_F(ZkStoreTest, TheFirstToMakeAKeyWinsAndTheOtherIsTold) {
  Gateway a(url());
  Gateway b(url());
  a.load();
  b.load();
  a.put("marker", "both are in step");
  a.flush();
  b.expect_told("marker", "both are in step");
  server().pause();
  a.put("redis", "a");
  b.put("redis", "b");
  server().resume();
  a.flush();
  b.flush();
  const std::string winner = a.load().at("redis");
  EXPECT_EQ(b.load().at("redis"), winner);
  // load() tells it as well: only a gateway that has not asked must be told.
  EXPECT_THAT(winner, ::testing::AnyOf("a", "b"));
}

TEST_F(ZkStoreTest, AWriteOfTheLoserComesBackAsARemoteChange) {
  Gateway a(url());
  a.put("redis", "a");
  a.flush();
  server().pause();
  Gateway b(url());
  b.put("redis", "b");  // it cannot have seen the other one yet
  server().resume();
  b.expect_told("redis", "a");
  EXPECT_THAT(b.load(), ElementsAre(Pair("redis", "a")));
  b.put("redis", "b");  // now it knows what it replaces
  b.flush();
  a.expect_told("redis", "b");
}

TEST_F(ZkStoreTest, WithoutZookeeperNothingIsLostAndWritesGoThereLater) {
  Gateway a(url());
  Gateway b(url());
  a.put("old", "1");
  a.put("changing", "1");
  a.put("going", "1");
  a.flush();
  b.expect_told("going", "1");
  server().stop();
  a.put("new", "2");
  a.put("changing", "2");
  a.put("going", std::nullopt);
  EXPECT_FALSE(a.store().flush(200).ok());
  EXPECT_GE(a.store().health().waiting, 3u);
  // Even a restart without ZooKeeper finds all of it.
  a.restart();
  EXPECT_THAT(a.load(), ElementsAre(Pair("changing", "2"), Pair("new", "2"), Pair("old", "1")));
  EXPECT_FALSE(a.store().health().ok);
  const Status again = server().start();
  ASSERT_TRUE(again.ok()) << again.error();
  a.flush();
  b.expect_told("new", "2");
  b.expect_told("changing", "2");
  b.expect_told("going", std::nullopt);
  EXPECT_THAT(b.load(), ElementsAre(Pair("changing", "2"), Pair("new", "2"), Pair("old", "1")));
  EXPECT_TRUE(a.store().health().ok) << a.store().health().problem;
}

TEST_F(ZkStoreTest, AfterTheSessionExpiredBothAreInStepAgain) {
  Gateway a(url());
  Gateway b(url());
  a.put("k", "1");
  a.flush();
  b.expect_told("k", "1");
  ASSERT_GE(server().expire_sessions(), 1u);
  a.put("k", "2");
  a.flush();
  b.expect_told("k", "2");
  server().expire_sessions();
  b.put("m", "3");
  b.flush();
  a.expect_told("m", "3");
}

TEST_F(ZkStoreTest, AZookeeperThatLostEverythingIsGivenItAnew) {
  Gateway a(url());
  a.put("k", "1");
  a.flush();
  auto other = ZookeeperServer::create();
  ASSERT_TRUE(other.ok()) << other.error();
  const std::string empty = "zk://" + (*other)->hosts() + "/x";
  Gateway b(url());
  b.get_in_step();
  b.load();  // so that it has been told of all
  // Another, empty server: as if the first one's disk had been replaced.
  a.move_to(empty);
  b.move_to(empty);
  a.flush();
  b.flush();
  a.put("seen", "1");
  a.flush();
  b.expect_told("seen", "1");
  EXPECT_THAT(b.load(), ElementsAre(Pair("in step", "1"), Pair("k", "1"), Pair("seen", "1")));
  EXPECT_EQ(a.load().at("k"), "1");
}

TEST_F(ZkStoreTest, APasswordKeepsOthersOut) {
  const std::string path = server().hosts() + "/secret";
  Gateway a("zk://user:pass@" + path);
  a.put("k", "1");
  a.flush();
  Gateway b("zk://user:pass@" + path);
  b.get_in_step();
  EXPECT_EQ(b.load().at("k"), "1");
  Gateway stranger("zk://" + path);
  stranger.put("k", "2");
  const Status status = stranger.store().flush(1500);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error(), HasSubstr("refuses /secret: not authenticated"));
  EXPECT_THAT(status.error(), ::testing::Not(HasSubstr("pass@")));
}

TEST(ZkKey, EveryKeyIsANodeNameAndComesBack) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string key(static_cast<size_t>(round % 7), '\0');
    for (char& c : key) c = static_cast<char>("./%a\0\xff-2"[random() % 8]);
    const std::string node = zk_node_from_key(key);
    EXPECT_EQ(node.find('/'), std::string::npos);
    EXPECT_NE(node, "");
    EXPECT_NE(node.find_first_not_of('.'), std::string::npos) << node;
    EXPECT_EQ(zk_key_from_node(node), key) << node;
  }
}

}  // namespace
}  // namespace vipgate::zk_store_test
