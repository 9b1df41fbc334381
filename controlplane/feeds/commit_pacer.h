// How often to publish: at once when little happens, seldom when very much does, so that a storm of
// ten thousand updates makes a few dozen snapshots.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace vipgate {

// Counts what was staged and waits to be committed. Owned by the control loop, told by its clients;
// control thread only. Times are monotonic.
class CommitPacer {
 public:
  static constexpr int64_t kShortestMs = 2;
  static constexpr int64_t kLongestMs = 100;
  // At more than so many updates a millisecond, each commit takes more of them than the one before
  // and is followed by a longer wait, up to kLongestMs; below, each is committed within
  // kShortestMs.
  static constexpr size_t kUpdatesPerMs = 2;

  // So many updates were staged, the first of them received then.
  void note(size_t updates, int64_t received_ns) {
    oldest_ns_ = updates_ == 0 ? received_ns : std::min(oldest_ns_, received_ns);
    updates_ += updates;
  }
  [[nodiscard]] bool has_work() const { return updates_ > 0; }
  // When what is there now may be committed.
  [[nodiscard]] int64_t due_ms() const { return due_ms_; }
  // When the oldest update that waits was received. REQUIRES: has_work()
  [[nodiscard]] int64_t oldest_received_ns() const { return oldest_ns_; }

  void committed(int64_t now_ms) {
    const auto wait = static_cast<int64_t>(updates_ / kUpdatesPerMs);
    due_ms_ = now_ms + std::clamp(wait, kShortestMs, kLongestMs);
    updates_ = 0;
    ++commits_;
  }
  // How many there have been.
  [[nodiscard]] uint64_t commits() const { return commits_; }

 private:
  size_t updates_ = 0;
  uint64_t commits_ = 0;
  int64_t oldest_ns_ = 0;
  int64_t due_ms_ = std::numeric_limits<int64_t>::min();
};

}  // namespace vipgate
