#include "controlplane/metrics/page_thread.h"

#include <gtest/gtest.h>

#include <future>
#include <vector>

namespace vipgate::page_thread_test {
namespace {

TEST(PageThread, WorkIsDoneInOrderOnAnotherThread) {
  PageThread pages;
  std::vector<int> done;
  std::promise<std::thread::id> last;
  ASSERT_TRUE(pages.post([&] { done.push_back(1); }));
  ASSERT_TRUE(pages.post([&] {
    done.push_back(2);
    last.set_value(std::this_thread::get_id());
  }));
  EXPECT_NE(last.get_future().get(), std::this_thread::get_id());
  EXPECT_EQ(done, (std::vector<int>{1, 2}));
}

TEST(PageThread, TakesNoMoreThanItCanKeepWhileItIsBusy) {
  std::promise<void> begun, go;
  int done = 0;
  size_t taken = 0;
  {
    PageThread pages;
    ASSERT_TRUE(pages.post([&] {
      begun.set_value();
      go.get_future().wait();
      ++done;
    }));
    begun.get_future().wait();
    while (taken < 100 && pages.post([&] { ++done; })) ++taken;
    EXPECT_GT(taken, 0u);
    EXPECT_LT(taken, 100u);
    go.set_value();
  }
  EXPECT_GE(done, 1) << "what was begun is ended";
}

}  // namespace
}  // namespace vipgate::page_thread_test
