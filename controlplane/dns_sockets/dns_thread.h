// A thread that serves sockets, so that answers do not wait for what the control thread is busy
// with.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <thread>
#include <type_traits>
#include <utility>

namespace vipgate {

// What uses its context is the thread's. Owned by that, as the first of its members.
class DnsThread {
 public:
  DnsThread() = default;
  ~DnsThread() { stop(); }
  DnsThread(const DnsThread&) = delete;
  DnsThread& operator=(const DnsThread&) = delete;

  boost::asio::io_context& context() { return context_; }

  // To be called once, when all that the context calls is there. `name`: of 15 letters at most.
  void start(const char* name);
  // No more calls. To be called before the end of anything that the context calls.
  void stop();

  // Has the thread do it, and waits for that. REQUIRES: it runs, and this is another one.
  template <class Work>
  auto run(Work work) {
    std::packaged_task<std::invoke_result_t<Work>()> task(std::move(work));
    auto done = task.get_future();
    boost::asio::post(context_, [&task] { task(); });
    return done.get();
  }

 private:
  boost::asio::io_context context_{1};
  // Keeps the thread while there is nothing to wait for.
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_ =
      boost::asio::make_work_guard(context_);
  std::thread thread_;
};

}  // namespace vipgate
