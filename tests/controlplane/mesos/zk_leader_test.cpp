#include "controlplane/mesos/zk_leader.h"

// The calls that wait for their answer are declared for the threaded library only.
#define THREADED
#include <gtest/gtest.h>
#include <zookeeper/zookeeper.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>

#include "controlplane/mesos/leader.h"
#include "tests/controlplane/mesos/mesos_source_fixture.h"
#include "tests/support/zookeeper_server.h"

namespace vipgate::zk_leader_test {
namespace {

using test::ZookeeperServer;

TEST(ZkLeader, NodesOfMastersAreOrderedByCounterAndOthersAreLeftOut) {
  EXPECT_EQ(master_nodes({"json.info_0000000010", "log_replicas", "info_0000000001",
                          "json.info_0000000009", "json.info_", "json.info_x",
                          "json.info_99999999999999999999999", "json.info_2147483648"}),
            (std::vector<std::string>{"json.info_0000000009", "json.info_0000000010",
                                      "json.info_2147483648"}));
}

// A client that plays the masters.
class Zookeeper {
 public:
  explicit Zookeeper(const std::string& hosts)
      : handle_(
            zookeeper_init2(hosts.c_str(), watch, 10'000, nullptr, this, 0, [](const char*) {})) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return connected_; });
  }
  ~Zookeeper() { zookeeper_close(handle_); }
  Zookeeper(const Zookeeper&) = delete;
  Zookeeper& operator=(const Zookeeper&) = delete;

  void create(const std::string& path, const ACL_vector* acl = &ZOO_OPEN_ACL_UNSAFE) {
    EXPECT_EQ(zoo_create(handle_, path.c_str(), "", 0, acl, ZOO_PERSISTENT, nullptr, 0), ZOK);
  }
  void authenticate(const std::string& credentials) {
    zoo_add_auth(handle_, "digest", credentials.data(), static_cast<int>(credentials.size()),
                 nullptr, nullptr);
  }
  // Its node.
  std::string elect(const std::string& ip, uint16_t port, const std::string& hostname = "m",
                    const ACL_vector* acl = &ZOO_OPEN_ACL_UNSAFE) {
    return put(R"({"address":{"hostname":")" + hostname + R"(","ip":")" + ip + R"(","port":)" +
                   std::to_string(port) + R"(},"hostname":")" + hostname +
                   R"(","id":"x","ip":16777226,"pid":"master@)" + ip + ":" + std::to_string(port) +
                   R"(","port":)" + std::to_string(port) + "}",
               acl);
  }
  std::string put(const std::string& data, const ACL_vector* acl = &ZOO_OPEN_ACL_UNSAFE) {
    char path[256];
    EXPECT_EQ(zoo_create(handle_, "/mesos/json.info_", data.data(), static_cast<int>(data.size()),
                         acl, ZOO_PERSISTENT_SEQUENTIAL, path, sizeof path),
              ZOK);
    return path;
  }
  void remove(const std::string& path) { EXPECT_EQ(zoo_delete(handle_, path.c_str(), -1), ZOK); }

 private:
  static void watch(zhandle_t*, int, int state, const char*, void* context) {
    auto* self = static_cast<Zookeeper*>(context);
    const std::lock_guard lock(self->mutex_);
    self->connected_ = state == ZOO_CONNECTED_STATE;
    self->changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool connected_ = false;
  zhandle_t* handle_;
};

class WithZookeeper : public MesosSourceFixture {
 protected:
  static void SetUpTestSuite() {
    if (!ZookeeperServer::available()) return;
    auto server = ZookeeperServer::create();
    ASSERT_TRUE(server.ok()) << server.error();
    server_ = server->release();
  }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  void SetUp() override {
    if (auto status = ZookeeperServer::available(); !status) GTEST_SKIP() << status.error();
    // Each test has a tree of its own, so that none sees what another one left.
    static int number = 0;
    root_ = "/test" + std::to_string(number++);
    Zookeeper(server_->hosts()).create(root_);
    times_.zookeeper.session = std::chrono::milliseconds(4000);
  }

  std::string hosts() const { return server_->hosts() + root_; }
  std::string url(const std::string& credentials = "") const {
    return "zk://" + credentials + server_->hosts() + root_ + "/mesos";
  }
  // What the watcher calls, in order.
  struct Heard {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::vector<ZkMaster>> masters;
    std::deque<std::string> states;
  };
  std::unique_ptr<ZkLeader> watch(const std::string& url) {
    return ZkLeader::start(
        *parse_zookeeper_url(url), times_.zookeeper,
        [this](const std::vector<ZkMaster>& masters) {
          const std::lock_guard lock(heard_.mutex);
          heard_.masters.push_back(masters);
          heard_.changed.notify_all();
        },
        [this](bool, const std::string& detail) {
          const std::lock_guard lock(heard_.mutex);
          heard_.states.push_back(detail);
          heard_.changed.notify_all();
        });
  }
  std::vector<ZkMaster> heard_masters() {
    std::unique_lock lock(heard_.mutex);
    const bool came = heard_.changed.wait_for(lock, std::chrono::seconds(60),
                                              [&] { return !heard_.masters.empty(); });
    EXPECT_TRUE(came);
    if (!came) return {};
    auto masters = std::move(heard_.masters.front());
    heard_.masters.pop_front();
    return masters;
  }
  bool hears(const std::string& part, std::chrono::seconds time) {
    std::unique_lock lock(heard_.mutex);
    return heard_.changed.wait_for(lock, time, [&] {
      while (!heard_.states.empty()) {
        const std::string state = std::move(heard_.states.front());
        heard_.states.pop_front();
        if (state.find(part) != std::string::npos) return true;
      }
      return false;
    });
  }
  void wait_for_state(const std::string& part) {
    EXPECT_TRUE(hears(part, std::chrono::seconds(60))) << part;
  }

  static ZookeeperServer* server_;
  std::string root_;
  Heard heard_;
};
ZookeeperServer* WithZookeeper::server_ = nullptr;

ZkMaster master(const char* ip, uint16_t port, const char* hostname = "m") {
  return ZkMaster{MesosMaster{ip, port}, hostname};
}

TEST_F(WithZookeeper, LowestNodeLeadsAndTheNextOneWhenItGoes) {
  Zookeeper zookeeper(hosts());
  zookeeper.create("/mesos");
  zookeeper.create("/mesos/log_replicas");
  const std::string first = zookeeper.elect("10.0.0.1", 5050, "m1");
  const auto leader = watch(url());
  EXPECT_EQ(heard_masters(), (std::vector<ZkMaster>{master("10.0.0.1", 5050, "m1")}));
  zookeeper.elect("10.0.0.2", 5051, "m2");
  EXPECT_EQ(heard_masters(), (std::vector<ZkMaster>{master("10.0.0.1", 5050, "m1"),
                                                    master("10.0.0.2", 5051, "m2")}));
  zookeeper.remove(first);
  EXPECT_EQ(heard_masters(), (std::vector<ZkMaster>{master("10.0.0.2", 5051, "m2")}));
}

TEST_F(WithZookeeper, PathThatDoesNotExistYetIsWaitedFor) {
  const auto leader = watch(url());
  wait_for_state("there is no node /");
  Zookeeper zookeeper(hosts());
  zookeeper.create("/mesos");
  zookeeper.elect("10.0.0.1", 5050);
  EXPECT_EQ(heard_masters(), (std::vector<ZkMaster>{master("10.0.0.1", 5050)}));
}

TEST_F(WithZookeeper, LeaderThatIsNotFollowedByAnotherOneStaysKnown) {
  Zookeeper zookeeper(hosts());
  zookeeper.create("/mesos");
  const std::string first = zookeeper.elect("10.0.0.1", 5050);
  const auto leader = watch(url());
  heard_masters();
  zookeeper.remove(first);
  wait_for_state("no master leads");
  zookeeper.elect("10.0.0.3", 5050);
  EXPECT_EQ(heard_masters(), (std::vector<ZkMaster>{master("10.0.0.3", 5050)}))
      << "an empty list was told";
}

TEST_F(WithZookeeper, LeadersNodeThatMakesNoSenseIsReportedAndTheNextGoodOneTaken) {
  Zookeeper zookeeper(hosts());
  zookeeper.create("/mesos");
  const std::string bad = zookeeper.put("\x08garbage");
  zookeeper.elect("10.0.0.2", 5050);
  const auto leader = watch(url());
  wait_for_state("is no master's");
  zookeeper.remove(bad);
  EXPECT_EQ(heard_masters(), (std::vector<ZkMaster>{master("10.0.0.2", 5050)}));
}

TEST_F(WithZookeeper, ExpiredSessionIsReplacedByANewOne) {
  Zookeeper zookeeper(hosts());
  zookeeper.create("/mesos");
  const std::string first = zookeeper.elect("10.0.0.1", 5050);
  const auto leader = watch(url());
  heard_masters();
  // A client that is quick takes its session back: until it was not.
  bool has_expired = false;
  for (int tries = 0; tries < 60 && !has_expired; ++tries) {
    server_->expire_sessions();
    has_expired = hears("has expired", std::chrono::seconds(1));
  }
  ASSERT_TRUE(has_expired);
  Zookeeper again(hosts());
  again.elect("10.0.0.2", 5050);
  again.remove(first);
  while (heard_masters() != std::vector<ZkMaster>{master("10.0.0.2", 5050)} && !HasFailure()) {
  }
}

TEST_F(WithZookeeper, ServerThatGoesAndComesBackIsFollowedAgain) {
  std::string first;
  {
    Zookeeper zookeeper(hosts());
    zookeeper.create("/mesos");
    first = zookeeper.elect("10.0.0.1", 5050);
  }
  const auto leader = watch(url());
  heard_masters();
  server_->stop();
  wait_for_state("connection is lost");
  ASSERT_TRUE(server_->start().ok());
  Zookeeper zookeeper(hosts());
  zookeeper.elect("10.0.0.2", 5050);
  zookeeper.remove(first);
  while (heard_masters() != std::vector<ZkMaster>{master("10.0.0.2", 5050)} && !HasFailure()) {
  }
}

TEST_F(WithZookeeper, DigestOfTheUrlOpensNodesThatOthersMayNotRead) {
  Zookeeper zookeeper(hosts());
  zookeeper.authenticate("user:secret");
  zookeeper.create("/mesos", &ZOO_CREATOR_ALL_ACL);
  zookeeper.elect("10.0.0.1", 5050, "m", &ZOO_CREATOR_ALL_ACL);
  {
    const auto stranger = watch(url());
    wait_for_state("cannot be read: not authenticated");
  }
  const auto leader = watch(url("user:secret@"));
  EXPECT_EQ(heard_masters(), (std::vector<ZkMaster>{master("10.0.0.1", 5050)}));
}

TEST_F(WithZookeeper, EndsWhileItsServersCannotBeReachedOrResolved) {
  watch("zk://no-such-host.invalid:2181/mesos").reset();
  watch("zk://192.0.2.1:2181/mesos").reset();
  server_->pause();
  watch(url()).reset();
  server_->resume();
}

// The source with ZooKeeper

TEST_F(WithZookeeper, SourceFollowsTheLeaderThatZookeeperNames) {
  ScriptedHttpServer one(lead);
  ScriptedHttpServer other(lead);
  Zookeeper zookeeper(hosts());
  zookeeper.create("/mesos");
  start({url()});
  link_with("no master is known");
  const std::string first = zookeeper.elect("127.0.0.1", one.port());
  link_with("subscribed to " + one.address());
  next<MesosSubscribed>();
  const MesosMaster second{"127.0.0.1", other.port()};
  zookeeper.elect(second.ip, second.port);
  EXPECT_EQ(next<MesosMasters>().masters.size(), 2U);
  zookeeper.remove(first);  // the stream to it is alive, and is left all the same
  EXPECT_EQ(next<MesosMasters>(), (MesosMasters{second, {second}}));
  link_with("subscribed to " + other.address());
  next<MesosSubscribed>();
}

TEST_F(WithZookeeper, SourceStaysSubscribedWhileZookeeperIsGone) {
  std::promise<void> event;
  ScriptedHttpServer one([&](const ScriptedRequest&, ScriptedConnection& connection) {
    connection.begin_stream();
    connection.send_chunk(subscribed());
    event.get_future().wait();
    connection.send_chunk(agent_removed("A"));
    connection.wait_for_close();
  });
  {
    Zookeeper zookeeper(hosts());
    zookeeper.create("/mesos");
    zookeeper.elect("127.0.0.1", one.port());
  }
  start({url()});
  next<MesosSubscribed>();
  server_->stop();
  event.set_value();
  EXPECT_EQ(next<MesosAgentRemoved>().agent_id, "A");
  EXPECT_EQ(source_->counters().drops, 0U);
  ASSERT_TRUE(server_->start().ok());
}

TEST_F(WithZookeeper, RedirectionToAnUnresolvableHostGoesToTheAddressThatZookeeperKnows) {
  ScriptedHttpServer leader(lead);
  ScriptedHttpServer follower([&](const ScriptedRequest&, ScriptedConnection& connection) {
    connection.respond(307, "",
                       "Location: //m2.invalid:" + std::to_string(leader.port()) + "/api/v1\r\n");
  });
  Zookeeper zookeeper(hosts());
  zookeeper.create("/mesos");
  zookeeper.elect("127.0.0.1", follower.port(), "m1.invalid");
  zookeeper.elect("127.0.0.1", leader.port(), "m2.invalid");
  start({url()});
  link_with("subscribed to m2.invalid:" + std::to_string(leader.port()));
  next<MesosSubscribed>();
}

}  // namespace
}  // namespace vipgate::zk_leader_test
