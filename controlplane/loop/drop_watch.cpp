#include "controlplane/loop/drop_watch.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace vipgate {
namespace {

constexpr std::string_view kDropPrefix = "drop.";
constexpr uint64_t kReceivedPerDrop = 1000;
constexpr size_t kReasonsTold = 5;

// Drops of what was never meant for a service.
bool is_noise(std::string_view reason) {
  return reason == "not_for_us" || reason == "port_not_served";
}

std::string reasons_text(const std::map<std::string, uint64_t>& counts) {
  std::vector<std::pair<uint64_t, std::string_view>> reasons;
  for (const auto& [reason, count] : counts) {
    if (!reason.empty() && count != 0) reasons.emplace_back(count, reason);
  }
  std::sort(reasons.rbegin(), reasons.rend());
  reasons.resize(std::min(reasons.size(), kReasonsTold));
  std::string text;
  for (const auto& [count, reason] : reasons) {
    text.append(text.empty() ? "" : ", ").append(reason).append(" ").append(std::to_string(count));
  }
  return text;
}

}  // namespace

std::optional<DropTurn> DropWatch::look(const NamedCounters& counters, int64_t now_ms) {
  Counts now;
  for (const auto& [name, value] : counters) {
    if (name == "rx_packets") now[""] = value;
    if (name.starts_with(kDropPrefix) && !is_noise(name.substr(kDropPrefix.size()))) {
      now[name.substr(kDropPrefix.size())] = value;
    }
  }
  const Counts before = std::exchange(last_, now);
  const int64_t passed_ms = now_ms - std::exchange(last_ms_, now_ms);
  next_look_ms_ = now_ms + kLookMs;
  if (std::exchange(is_first_, false)) return std::nullopt;
  uint64_t dropped = 0;
  for (auto& [reason, count] : now) {
    if (const auto was = before.find(reason); was != before.end()) count -= was->second;
    if (!reason.empty()) dropped += count;
  }
  const bool is_much =
      dropped * 1000 > static_cast<uint64_t>(passed_ms) && dropped * kReceivedPerDrop > now[""];
  if (is_much) {
    for (const auto& [reason, count] : now) untold_[reason] += count;
    untold_ms_ += passed_ms;
  }
  if (untold_.empty() || now_ms < next_line_ms_) return std::nullopt;
  next_line_ms_ = now_ms + kBetweenLinesMs;
  DropTurn turn;
  turn.received = untold_[""];
  turn.seconds = untold_ms_ / 1000;
  for (const auto& [reason, count] : untold_) turn.dropped += reason.empty() ? 0 : count;
  turn.reasons = reasons_text(std::exchange(untold_, {}));
  untold_ms_ = 0;
  return turn;
}

}  // namespace vipgate
