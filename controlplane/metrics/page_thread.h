// Makes long texts, so that neither the control thread nor the API's waits for them.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace vipgate {

class PageThread {
 public:
  PageThread() : thread_([this] { run(); }) {}
  // Ends with the text that is being made; those that wait are not made.
  ~PageThread();
  PageThread(const PageThread&) = delete;
  PageThread& operator=(const PageThread&) = delete;

  // From any thread, in the order of the calls. False: too many wait already.
  bool post(std::function<void()> work);

 private:
  // Each holds figures of all services and reals.
  static constexpr size_t kMaxWaiting = 4;

  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool stop_ = false;
  std::thread thread_;  // the last one: it uses the others
};

}  // namespace vipgate
