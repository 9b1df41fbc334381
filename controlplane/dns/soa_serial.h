// The serial number of the SOA records: one for each generation of the names.
#pragma once

#include <chrono>
#include <cstdint>

namespace vipgate {

// The time in hundredths of a second, modulo 2^32, or one more than the last number where that is
// more: later numbers are greater in the arithmetic of RFC 1982 3.2, over a restart too, as long as
// less than a hundred generations a second are made over a whole run, and no 248 days lie between.
// Nothing has to be stored, and gateways that follow the same clusters have numbers alike.
class SoaSerial {
 public:
  uint32_t next(std::chrono::system_clock::time_point now) {
    using Hundredths = std::chrono::duration<int64_t, std::centi>;
    const auto time = static_cast<uint32_t>(
        std::chrono::duration_cast<Hundredths>(now.time_since_epoch()).count());
    const bool is_later = is_first_ || static_cast<int32_t>(time - last_) > 0;
    is_first_ = false;
    last_ = is_later ? time : last_ + 1;
    return last_;
  }

 private:
  uint32_t last_ = 0;
  bool is_first_ = true;
};

}  // namespace vipgate
