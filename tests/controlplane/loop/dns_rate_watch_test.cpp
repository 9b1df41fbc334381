#include "controlplane/loop/dns_rate_watch.h"

#include <gtest/gtest.h>

namespace vipgate::dns_rate_watch_test {
namespace {

constexpr int64_t kStartMs = 5'000;

std::string look(DnsRateWatch& watch, const DnsRateFigures& figures, int64_t now_ms) {
  const auto turn = watch.look(figures, now_ms);
  return turn ? turn->detail : "";
}

TEST(DnsRateWatchTest, NothingIsSaidWhereNothingIsOverTheLimit) {
  DnsRateWatch watch;
  EXPECT_EQ(look(watch, {}, kStartMs), "");
  EXPECT_EQ(look(watch, {}, kStartMs + 100'000), "");
}

TEST(DnsRateWatchTest, WarningSaysHowManyAndNamesTheMend) {
  DnsRateWatch watch;
  EXPECT_EQ(look(watch, {7, 5}, kStartMs),
            "12 DNS replies were over dns.rate_limit (7 dropped, 5 truncated): somebody floods the "
            "responder, or asks in the name of those who would be flooded; if they are clients of "
            "yours, add their prefixes to dns.rate_limit.exempt or raise its responses_per_s and "
            "errors_per_s, which a reload applies");
}

TEST(DnsRateWatchTest, FurtherWarningsComeOnceAMinuteWithAllSinceTheLastOne) {
  DnsRateWatch watch;
  EXPECT_NE(look(watch, {1, 0}, kStartMs), "");
  EXPECT_EQ(look(watch, {100, 0}, kStartMs + 1'000), "");
  EXPECT_EQ(look(watch, {101, 9}, kStartMs + 59'999), "");
  const std::string line = look(watch, {101, 9}, kStartMs + 60'000);
  EXPECT_NE(line.find("109 DNS replies were over dns.rate_limit since it was warned of last (100 "
                      "dropped, 9 truncated)"),
            std::string::npos)
      << line;
  EXPECT_EQ(look(watch, {101, 9}, kStartMs + 200'000), "");
}

}  // namespace
}  // namespace vipgate::dns_rate_watch_test
