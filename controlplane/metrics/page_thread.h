// Makes and reads long texts, so that neither the control thread nor the API's waits for them.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace vipgate {

class PageThread {
 public:
  // `name`: of the thread. At most so many wait: each may hold much.
  explicit PageThread(const char* name = "vg-pages", size_t most_waiting = 4)
      : name_(name), most_waiting_(most_waiting), thread_([this] { run(); }) {}
  // Ends with the text that is being made; those that wait are not made.
  ~PageThread();
  PageThread(const PageThread&) = delete;
  PageThread& operator=(const PageThread&) = delete;

  // From any thread, in the order of the calls. False: too many wait already.
  bool post(std::function<void()> work);

 private:
  void run();

  const char* const name_;
  const size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool stop_ = false;
  std::thread thread_;  // the last one: it uses the others
};

}  // namespace vipgate
