// A warning when clients get fewer DNS replies than they ask for.
#pragma once

#include <cstdint>
#include <string>

#include "common/counters.h"

namespace vipgate {

// Owned and called by the control thread. The first line comes at once, others at least a minute
// later: a flood of questions is no flood of lines.
class DnsRateWatch {
 public:
  static constexpr int64_t kBetweenWarningsMs = 60'000;

  // `figures`: DataplaneControl::dns_rate_figures(). Empty: nothing to say.
  std::string look(const DnsRateFigures& figures, int64_t now_ms);

 private:
  DnsRateFigures told_;  // what lines were about
  int64_t told_ms_ = 0;
};

}  // namespace vipgate
