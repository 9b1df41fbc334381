// A change of very many tasks is served first and stored after it: the store must learn of it all
// the same, whatever comes in between.
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <future>
#include <memory>
#include <string>

#include "tests/controlplane/feeds/mesos_feed_fixture.h"

namespace vipgate::many_tasks_stored_test {
namespace {

constexpr size_t kMany = 1000;
constexpr int64_t kStaleMs = 10'000;
constexpr int64_t kLongestMs = 10'000;  // that the store is not told of them

std::string many_task_json(size_t number) {
  const std::string id = "t." + std::to_string(number);
  return R"({"name":"t","task_id":{"value":")" + id +
         R"("},"framework_id":{"value":"F1"},"agent_id":{"value":"S1"},"state":"TASK_RUNNING"})";
}

std::string subscribed_with_many_tasks() {
  std::string json =
      R"({"type":"SUBSCRIBED","subscribed":{"heartbeat_interval_seconds":15,"get_state":{)"
      R"("get_agents":{"agents":[{"agent_info":{"id":{"value":"S1"},"hostname":"10.0.1.5"},)"
      R"("pid":"slave(1)@10.0.1.5:5051"}]},"get_frameworks":{"frameworks":[{"framework_info":)"
      R"({"id":{"value":"F1"},"name":"marathon"}}]},"get_tasks":{"tasks":[)";
  for (size_t i = 0; i < kMany; ++i) json += (i == 0 ? "" : ",") + many_task_json(i);
  return record(json + "]}}}}");
}

// As many tasks again.
std::string many_tasks_added() {
  std::string records;
  for (size_t i = kMany; i < 2 * kMany; ++i) {
    records += record(R"({"type":"TASK_ADDED","task_added":{"task":)" + many_task_json(i) + "}}");
  }
  return records;
}

// A gateway with an empty store, before a cluster of many tasks.
class ManyTasksStoredTest : public MesosFeedFixture {
 protected:
  void SetUp() override {
    master_ = std::make_unique<ScriptedHttpServer>(
        [this](const ScriptedRequest& request, ScriptedConnection& connection) {
          if (!is_subscribe(request)) return lead(request, connection);
          connection.begin_stream();
          connection.send_chunk(subscribed_with_many_tasks());
          if (may_go_on_.get_future().get()) connection.send_chunk(many_tasks_added());
          connection.wait_for_close();
        });
    start(R"(
ports: [{ name: edge, device: "net_null0", addresses: [10.0.0.1/16], kernel: true }]
snat_pools: [{ name: default, addresses: [10.0.9.1] }]
dns: { zones: [{ name: l4lb.thisdcos.directory, services: true }, { name: mesos }] }
mesos: [{ masters: [")" +
          master_->address() +
          R"("], stale_limit_s: 10 }]
)");
  }
  void TearDown() override {
    if (!has_gone_on_) go_on(false);
    feed_.reset();  // before its master
  }

  void go_on(bool with_more_tasks) {
    has_gone_on_ = true;
    may_go_on_.set_value(with_more_tasks);
  }

  void act(int64_t now_ms) {
    feed_->act(now_ms);
    ASSERT_TRUE(reconciler_->commit(now_ms / 1000, 0).ok());
    ASSERT_TRUE(reconciler_->tick(now_ms / 1000).ok());
  }
  void act_until(const std::string& name, uint64_t value) {
    while (counter(name) != value && !HasFailure()) {
      pollfd event{feed_->fd(), POLLIN, 0};
      ASSERT_EQ(poll(&event, 1, 30'000), 1) << "nothing came";
      feed_->process(monotonic_ms());
      act(monotonic_ms());
    }
  }
  void let_workers_pass() {
    dataplane_.workers_pass = true;
    for (int i = 0; i < 10 && !reconciler_->settled(); ++i) {
      ASSERT_TRUE(reconciler_->tick(now_ms_ / 1000).ok());
    }
    ASSERT_TRUE(reconciler_->settled());
  }
  // What the loop does when nothing comes any more: it acts for as long as the feed asks for it.
  void act_while_due() {
    for (int i = 0; i < 20; ++i) {
      now_ms_ = std::max(now_ms_, monotonic_ms()) + 10;
      if (feed_->next_deadline_ms() > now_ms_) return;
      act(now_ms_);
    }
    ADD_FAILURE() << "the feed never rests";
  }
  size_t stored_tasks() { return store_.rows["mesos/mesos/task"].size(); }
  bool is_marked_unfinished() { return !store_.rows["mesos/mesos/unfinished"].empty(); }

  std::promise<bool> may_go_on_;
  bool has_gone_on_ = false;
  int64_t now_ms_ = 0;
  std::unique_ptr<ScriptedHttpServer> master_;
};

TEST_F(ManyTasksStoredTest, TheStoreLearnsOfThemOnceTheyAreServed) {
  dataplane_.workers_pass = false;
  act_until("mesos.0.tasks", kMany);
  for (int i = 0; i < 3; ++i) act(now_ms_ = monotonic_ms() + 10 * i);
  EXPECT_EQ(stored_tasks(), 0u);
  let_workers_pass();
  act_while_due();
  EXPECT_EQ(stored_tasks(), kMany);
  EXPECT_FALSE(is_marked_unfinished());
  feed_.reset();
}

TEST_F(ManyTasksStoredTest, TheStoreLearnsOfThemBeforeLongThoughSomethingIsAlwaysNotServedYet) {
  dataplane_.workers_pass = false;
  act_until("mesos.0.tasks", kMany);
  const int64_t due_ms = monotonic_ms() + kLongestMs;
  act(due_ms - kLongestMs / 2);
  EXPECT_EQ(stored_tasks(), 0u);
  EXPECT_LE(feed_->next_deadline_ms(), due_ms);
  now_ms_ = due_ms;
  act_while_due();
  EXPECT_FALSE(reconciler_->settled());
  EXPECT_EQ(stored_tasks(), kMany);
  feed_.reset();
}

TEST_F(ManyTasksStoredTest, AtTheEndTheStoreGetsThemThoughNoWorkerServesThemYet) {
  dataplane_.workers_pass = false;
  act_until("mesos.0.tasks", kMany);
  EXPECT_EQ(stored_tasks(), 0u);
  feed_->save_all();
  EXPECT_EQ(stored_tasks(), kMany);
  EXPECT_FALSE(is_marked_unfinished());
  feed_.reset();
}

TEST_F(ManyTasksStoredTest, ASecondLotBeforeTheFirstIsServedTakesNothingFromTheStore) {
  dataplane_.workers_pass = false;
  act_until("mesos.0.tasks", kMany);
  go_on(true);
  act_until("mesos.0.tasks", 2 * kMany);
  let_workers_pass();
  act_while_due();
  EXPECT_EQ(stored_tasks(), 2 * kMany);
  feed_.reset();
}

TEST_F(ManyTasksStoredTest, AStreamThatIsLostAndServicesThatExpireLeaveThemToTheStore) {
  dataplane_.workers_pass = false;
  act_until("mesos.0.tasks", kMany);
  go_on(false);
  master_.reset();
  act_until("mesos.0.connected", 0);
  now_ms_ = monotonic_ms() + kStaleMs + 1;
  act(now_ms_);
  let_workers_pass();
  act_while_due();
  EXPECT_EQ(stored_tasks(), kMany);
  feed_.reset();
}

}  // namespace
}  // namespace vipgate::many_tasks_stored_test
