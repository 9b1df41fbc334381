#include "controlplane/loop/dns_rate_watch.h"

#include <utility>

namespace vipgate {

std::optional<DnsRateTurn> DnsRateWatch::look(const DnsRateFigures& figures, int64_t now_ms) {
  if (figures == told_) return std::nullopt;
  const bool is_first = told_ == DnsRateFigures{};
  if (!is_first && now_ms < told_ms_ + kBetweenWarningsMs) return std::nullopt;
  const uint64_t dropped = figures.dropped - told_.dropped;
  const uint64_t truncated = figures.truncated - told_.truncated;
  told_ = figures;
  told_ms_ = now_ms;
  std::string detail =
      std::to_string(dropped + truncated) + " DNS replies were over dns.rate_limit" +
      (is_first ? "" : " since it was warned of last") + " (" + std::to_string(dropped) +
      " dropped, " + std::to_string(truncated) +
      " truncated): somebody floods the responder, or asks in the name of those who would be "
      "flooded; if they are clients of yours, add their prefixes to dns.rate_limit.exempt or "
      "raise its responses_per_s and errors_per_s, which a reload applies";
  return DnsRateTurn{dropped, truncated, std::move(detail)};
}

}  // namespace vipgate
