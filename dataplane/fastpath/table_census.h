// Counts the entries of a table that are in use where nothing else tells: those that end by time
// stay in it until another one needs their place. A part of the table at a time, so that no packet
// waits for it, and of a very large one only some places, evenly spread: keys are hashes. One
// worker's own.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vipgate {

class TableCensus {
 public:
  // So many steps make a round at the most.
  static constexpr size_t kSteps = 64;

  // To be called at times: goes on with up to `step` of the table's `places`. in_use(place) says
  // how many entries are in use there.
  template <class InUse>
  void advance(size_t places, size_t step, InUse&& in_use) {
    const size_t stride = places / (kSteps * step) + 1;
    for (; step != 0 && next_ < places; --step, next_ += stride) {
      found_ += static_cast<uint64_t>(in_use(next_));
      ++seen_;
    }
    if (next_ < places || seen_ == 0) return;
    entries_ = found_ * places / seen_;
    next_ = 0;
    found_ = seen_ = 0;
  }

  // As the last round has found it.
  uint64_t entries() const { return entries_; }

 private:
  size_t next_ = 0;
  uint64_t found_ = 0, seen_ = 0, entries_ = 0;
};

}  // namespace vipgate
