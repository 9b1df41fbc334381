// Unix time on the packet path, without a system call.
#pragma once

#include <atomic>
#include <cstdint>

namespace vipgate {

// The worker's monotonic time, which is the time of its burst, and how far the wall clock was ahead
// of that when the control thread last looked: it does so several times a second, so a step of the
// clock is followed within that time. Plain value, copied with the pipeline.
class WallClock {
 public:
  // Without an offset, the worker's time is Unix time: so it is in replays of captures.
  explicit WallClock(const std::atomic<int64_t>* offset_ns) : offset_ns_(offset_ns) {}

  uint64_t unix_ns(uint64_t now_ns) const {
    return offset_ns_ == nullptr
               ? now_ns
               : now_ns + static_cast<uint64_t>(offset_ns_->load(std::memory_order_relaxed));
  }

 private:
  const std::atomic<int64_t>* offset_ns_;
};

}  // namespace vipgate
