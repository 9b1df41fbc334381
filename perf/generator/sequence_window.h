// Follows the sequence numbers of one flow: which come, in which order, and which come twice.
#pragma once

#include <cstdint>

namespace vipgate::generator {

enum class Arrival : uint8_t {
  kInOrder,    // above all that came before, with or without a gap
  kLate,       // for the first time, after one that was sent later
  kDuplicate,  // once more
  kTooLate,    // so late that it is not known which of the two
};

class SequenceWindow {
 public:
  static constexpr uint32_t kKept = 64;

  Arrival arrive(uint32_t sequence) {
    if (sequence >= next_) {
      const uint32_t steps = sequence - next_ + 1;
      seen_ = (steps < kKept ? seen_ << steps : 0) | 1;
      next_ = sequence + 1;
      return Arrival::kInOrder;
    }
    const uint32_t back = next_ - 1 - sequence;
    if (back >= kKept) return Arrival::kTooLate;
    const uint64_t bit = uint64_t{1} << back;
    if ((seen_ & bit) != 0) return Arrival::kDuplicate;
    seen_ |= bit;
    return Arrival::kLate;
  }
  // The least number that is above all that came.
  uint32_t next() const { return next_; }

 private:
  uint64_t seen_ = 0;  // bit i: next_ - 1 - i came
  uint32_t next_ = 0;
};

}  // namespace vipgate::generator
