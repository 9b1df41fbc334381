// Numbers that packets in flight may remember: one that was given back rests for a while.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace vipgate {

// How long a flow may go on holding what the snapshot no longer has: the longest time-out, and some
// time for the workers to take the new snapshot.
inline constexpr int64_t kQuarantineSeconds = 14'400 + 60;

// Gives out first … last, lowest first where there is a choice. A plain value; times are monotonic
// seconds and must not go back.
class IdPool {
 public:
  struct Id {
    uint32_t value = 0;
    uint32_t generation = 0;  // how often the value had been given out before, modulo the limit
  };

  IdPool(uint32_t first, uint32_t last, uint32_t generations = 1)
      : first_(first), next_(first), last_(last), generations_(generations) {}

  // Nothing: all are in use or rest.
  std::optional<Id> take(int64_t now_s);
  void give_back(Id id, int64_t now_s);
  // How many take() would give out now.
  uint64_t available(int64_t now_s) const;
  uint64_t capacity() const { return uint64_t{last_} - first_ + 1; }

  // One more than the greatest value that was ever given out. Never becomes less.
  uint32_t end() const { return next_; }
  uint32_t resting() const { return static_cast<uint32_t>(resting_.size()); }
  uint32_t in_use() const { return next_ - first_ - resting(); }

 private:
  struct Resting {
    Id id;
    int64_t until_s;
  };

  uint32_t first_, next_, last_, generations_;
  std::deque<Resting> resting_;  // by time
};

}  // namespace vipgate
