// Tells when a flood begins and when it is over: each once, however long it lasts.
#pragma once

#include <cstdint>
#include <optional>

namespace vipgate {

// What a watch saw turn.
struct FloodTurn {
  bool has_begun = false;  // else it is over
  uint64_t count = 0;      // of what is counted, since the first look that was above the bound
  uint64_t per_s = 0;      // at the most, within one look
  uint64_t seconds = 0;    // since that look; of a flood that is over: how long it lasted
};

// Owned and called by the control thread. A flood begins with kBeginLooks looks in a row, each of
// which finds more a second than `bound`, and is over after kEndLooks that find less than half of
// it: one that comes and goes is one flood.
class FloodWatch {
 public:
  static constexpr int kBeginLooks = 3;
  static constexpr int kEndLooks = 10;

  // `counter`: how often it has happened since the start. To be called about once a second.
  std::optional<FloodTurn> look(uint64_t counter, uint64_t bound_per_s, int64_t now_ms);
  bool is_on() const { return is_on_; }

 private:
  std::optional<uint64_t> counter_;  // of the last look
  int64_t looked_ms_ = 0;
  bool is_on_ = false;
  int looks_ = 0;  // in a row that speak for the other state
  uint64_t first_counter_ = 0;
  int64_t first_ms_ = 0, last_ms_ = 0;  // the looks before the first, and with the last, of a flood
  uint64_t last_counter_ = 0;
  uint64_t most_per_s_ = 0;
};

}  // namespace vipgate
