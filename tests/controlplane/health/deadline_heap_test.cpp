#include "controlplane/health/deadline_heap.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace vipgate::deadline_heap_test {
namespace {

TEST(DeadlineHeap, AgreesWithASortedMapAfterAnySequenceOfChanges) {
  std::mt19937 random(5);
  DeadlineHeap heap;
  std::map<uint32_t, int64_t> expected;
  for (int step = 0; step < 20'000; ++step) {
    const auto id = static_cast<uint32_t>(random() % 200);
    if (random() % 3 == 0) {
      heap.erase(id);
      expected.erase(id);
    } else {
      const auto deadline_ms = static_cast<int64_t>(random() % 1000);
      heap.set(id, deadline_ms);
      expected[id] = deadline_ms;
    }
    ASSERT_EQ(heap.size(), expected.size());
    if (expected.empty()) continue;
    int64_t least = INT64_MAX;
    for (const auto& [other, deadline_ms] : expected) least = std::min(least, deadline_ms);
    ASSERT_EQ(heap.top().deadline_ms, least);
    ASSERT_EQ(expected.at(heap.top().id), least);
  }
}

}  // namespace
}  // namespace vipgate::deadline_heap_test
