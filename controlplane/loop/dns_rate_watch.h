// A warning when clients get fewer DNS replies than they ask for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/counters.h"

namespace vipgate {

// Replies that were over the limit since they were told of last, and a sentence about them.
struct DnsRateTurn {
  uint64_t dropped = 0, truncated = 0;
  std::string detail;
};

// Owned and called by the control thread. The first line comes at once, others at least a minute
// later: a flood of questions is no flood of lines.
class DnsRateWatch {
 public:
  static constexpr int64_t kBetweenWarningsMs = 60'000;

  // `figures`: DataplaneControl::dns_rate_figures().
  std::optional<DnsRateTurn> look(const DnsRateFigures& figures, int64_t now_ms);

 private:
  DnsRateFigures told_;  // what lines were about
  int64_t told_ms_ = 0;
};

}  // namespace vipgate
