// Says when packets are due, at an even rate by the time stamp counter.
#pragma once

#include <cstdint>

namespace vipgate::generator {

class Pacer {
 public:
  // `backlog`: of packets that are late at most so many are made up for; those beyond are put off,
  // so that a generator that was held up does not flood what it measures. REQUIRES: rate > 0.
  Pacer(double per_second, double ticks_per_second, uint32_t backlog, uint64_t start)
      : interval_(ticks_per_second / per_second), backlog_(backlog), start_(start) {}

  // How many packets to send at `now`, which never goes back; at most `most`.
  uint32_t due(uint64_t now, uint32_t most) {
    const double reached = static_cast<double>(now - start_) / interval_ - put_off_;
    // The first is due at once.
    double waiting = reached + 1 - static_cast<double>(sent_);
    if (waiting < 1) return 0;
    if (waiting > backlog_) {
      put_off_ += waiting - backlog_;
      waiting = backlog_;
    }
    const uint32_t count = waiting < most ? static_cast<uint32_t>(waiting) : most;
    sent_ += count;
    return count;
  }
  // Packets that would have been sent in time that has passed, and were not.
  double put_off() const { return put_off_; }

 private:
  double interval_;  // ticks between packets
  double backlog_;
  uint64_t start_;
  uint64_t sent_ = 0;
  double put_off_ = 0;
};

}  // namespace vipgate::generator
