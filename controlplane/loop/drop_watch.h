// Tells of packets that are dropped, where they are more than the noise of the net.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/named_counters.h"

namespace vipgate {

struct DropTurn {
  uint64_t dropped = 0;   // packets
  uint64_t received = 0;  // meanwhile
  int64_t seconds = 0;
  std::string reasons;  // "no_real 120, tx_full 3": those that had the most
};

// Owned and called by the control thread. The rule is the dashboard's: more than one packet a
// second and than a thousandth of those that come in, without what was never meant for a service.
class DropWatch {
 public:
  static constexpr int64_t kLookMs = 10'000;
  static constexpr int64_t kBetweenLinesMs = 60'000;

  // Not when it is asked for the first time.
  bool is_due(int64_t now_ms) {
    if (next_look_ms_ == INT64_MIN) next_look_ms_ = now_ms + kLookMs;
    return now_ms >= next_look_ms_;
  }
  // `counters`: of the data plane, from the start. What is to be told, once in kBetweenLinesMs at
  // the most. To be called when it is due.
  std::optional<DropTurn> look(const NamedCounters& counters, int64_t now_ms);

 private:
  using Counts = std::map<std::string, uint64_t>;  // by reason; "": packets that came in

  Counts last_;    // at the last look
  Counts untold_;  // of the looks that found too many, since the last line
  int64_t last_ms_ = 0;
  int64_t untold_ms_ = 0;  // how long these were
  int64_t next_look_ms_ = INT64_MIN;
  int64_t next_line_ms_ = INT64_MIN;
  bool is_first_ = true;
};

}  // namespace vipgate
