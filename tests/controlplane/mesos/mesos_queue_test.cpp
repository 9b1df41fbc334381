#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <future>
#include <thread>

#include "controlplane/mesos/mesos_source.h"

namespace vipgate::mesos_queue_test {
namespace {

std::unique_ptr<MesosQueue> make_queue(size_t capacity) {
  auto queue = MesosQueue::create(capacity);
  EXPECT_TRUE(queue.ok());
  return std::move(*queue);
}

bool is_readable(const MesosQueue& queue) {
  pollfd event{queue.fd(), POLLIN, 0};
  return poll(&event, 1, 0) == 1;
}

MesosInput input(size_t cluster) { return MesosInput{cluster, MesosLink{true, ""}, 0}; }

TEST(MesosQueue, InputsComeOutInOrderAndTheDescriptorTellsWhetherThereAreAny) {
  const auto queue = make_queue(8);
  EXPECT_FALSE(is_readable(*queue));
  EXPECT_FALSE(queue->try_pop().has_value());
  EXPECT_TRUE(queue->push(input(1)));
  EXPECT_TRUE(queue->push(input(2)));
  EXPECT_EQ(queue->size(), 2U);
  EXPECT_TRUE(is_readable(*queue));
  EXPECT_EQ(queue->try_pop()->cluster, 1U);
  EXPECT_TRUE(is_readable(*queue));
  EXPECT_EQ(queue->try_pop()->cluster, 2U);
  EXPECT_FALSE(is_readable(*queue));
}

TEST(MesosQueue, FullQueueHoldsUpProducersUntilThereIsRoom) {
  const auto queue = make_queue(2);
  constexpr size_t kEach = 500;
  std::vector<std::thread> producers;
  for (size_t producer = 0; producer < 4; ++producer) {
    producers.emplace_back([&, producer] {
      for (size_t i = 0; i < kEach; ++i) EXPECT_TRUE(queue->push(input(producer)));
    });
  }
  std::vector<size_t> counts(4);
  for (size_t popped = 0; popped < 4 * kEach;) {
    pollfd event{queue->fd(), POLLIN, 0};
    ASSERT_EQ(poll(&event, 1, 10'000), 1);
    while (auto next = queue->try_pop()) {
      ++counts[next->cluster];
      ++popped;
    }
  }
  for (std::thread& producer : producers) producer.join();
  EXPECT_EQ(counts, std::vector<size_t>(4, kEach));
}

TEST(MesosQueue, ClosingEndsAWaitAndRefusesWhatComesLater) {
  const auto queue = make_queue(1);
  ASSERT_TRUE(queue->push(input(1)));
  auto blocked = std::async(std::launch::async, [&] { return queue->push(input(2)); });
  queue->close();
  EXPECT_FALSE(blocked.get());
  EXPECT_FALSE(queue->push(input(3)));
  EXPECT_EQ(queue->try_pop()->cluster, 1U);
}

TEST(MesosQueue, ProducerThatGivesUpLeavesTheOthersWaiting) {
  const auto queue = make_queue(1);
  ASSERT_TRUE(queue->push(input(1)));
  std::atomic<bool> gives_up{false};
  auto leaver = std::async(std::launch::async,
                           [&] { return queue->push(input(2), [&] { return gives_up.load(); }); });
  auto stayer = std::async(std::launch::async, [&] { return queue->push(input(3)); });
  gives_up = true;
  queue->wake();
  EXPECT_FALSE(leaver.get());
  EXPECT_EQ(queue->try_pop()->cluster, 1U);
  EXPECT_TRUE(stayer.get());
  EXPECT_EQ(queue->try_pop()->cluster, 3U);
}

}  // namespace
}  // namespace vipgate::mesos_queue_test
