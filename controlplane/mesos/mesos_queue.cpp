#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "common/system_error.h"
#include "controlplane/file_descriptor.h"
#include "controlplane/mesos/mesos_source.h"

namespace vipgate {
namespace {

// A lock and a condition rather than tbb::concurrent_bounded_queue: abort() of that one misses a
// producer that is about to wait, so a source could not be ended while the queue is full.
class LockedQueue final : public MesosQueue {
 public:
  LockedQueue(size_t capacity, FileDescriptor event)
      : capacity_(capacity), event_(std::move(event)) {}

  bool push(MesosInput input, const GiveUp& give_up) override {
    std::unique_lock lock(mutex_);
    bool has_given_up = false;
    room_.wait(lock, [&] {
      has_given_up = give_up && give_up();
      return has_given_up || closed_ || inputs_.size() < capacity_;
    });
    if (has_given_up || closed_) return false;
    inputs_.push_back(std::move(input));
    if (inputs_.size() == 1) signal();
    return true;
  }

  std::optional<MesosInput> try_pop() override {
    const std::lock_guard lock(mutex_);
    if (inputs_.empty()) return std::nullopt;
    std::optional<MesosInput> input(std::move(inputs_.front()));
    inputs_.pop_front();
    if (inputs_.empty()) clear();
    room_.notify_all();  // one alone might be woken that gives up, and leave the others waiting
    return input;
  }

  void close() override {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    room_.notify_all();
  }

  size_t size() const override {
    const std::lock_guard lock(mutex_);
    return inputs_.size();
  }

  void wake() override {
    // With the lock: a producer is before its look at `give_up`, or is waiting.
    const std::lock_guard lock(mutex_);
    room_.notify_all();
  }

  int fd() const override { return event_.get(); }

 private:
  // Neither can fail: the counter goes from 0 to 1 and back, under the lock.
  void signal() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t length = write(event_.get(), &one, sizeof one);
  }
  void clear() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t length = read(event_.get(), &count, sizeof count);
  }

  const size_t capacity_;
  const FileDescriptor event_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<MesosInput> inputs_;
  bool closed_ = false;
};

}  // namespace

Result<std::unique_ptr<MesosQueue>> MesosQueue::create(size_t capacity) {
  FileDescriptor event(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (event.get() < 0) return system_error("eventfd");
  return std::unique_ptr<MesosQueue>(
      std::make_unique<LockedQueue>(std::max<size_t>(capacity, 1), std::move(event)));
}

}  // namespace vipgate
