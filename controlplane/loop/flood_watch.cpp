#include "controlplane/loop/flood_watch.h"

#include <algorithm>
#include <utility>

namespace vipgate {

std::optional<FloodTurn> FloodWatch::look(uint64_t counter, uint64_t bound_per_s, int64_t now_ms) {
  const int64_t before_ms = std::exchange(looked_ms_, now_ms);
  const std::optional<uint64_t> before = std::exchange(counter_, counter);
  if (!before || now_ms <= before_ms) return std::nullopt;
  const uint64_t per_s = (counter - *before) * 1000 / static_cast<uint64_t>(now_ms - before_ms);
  const bool is_above = per_s > bound_per_s;
  if (is_above) {
    if (!is_on_ && looks_ == 0) {
      first_counter_ = *before;
      first_ms_ = before_ms;
      most_per_s_ = 0;
    }
    last_counter_ = counter;
    last_ms_ = now_ms;
    most_per_s_ = std::max(most_per_s_, per_s);
  }
  const bool speaks_for_other = is_on_ ? per_s <= bound_per_s / 2 : is_above;
  looks_ = speaks_for_other ? looks_ + 1 : 0;
  if (looks_ < (is_on_ ? kEndLooks : kBeginLooks)) return std::nullopt;
  looks_ = 0;
  is_on_ = !is_on_;
  return FloodTurn{.has_begun = is_on_,
                   .count = last_counter_ - first_counter_,
                   .per_s = most_per_s_,
                   .seconds = static_cast<uint64_t>(last_ms_ - first_ms_) / 1000};
}

}  // namespace vipgate
