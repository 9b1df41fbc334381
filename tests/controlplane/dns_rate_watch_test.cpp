#include "controlplane/dns_rate_watch.h"

#include <gtest/gtest.h>

namespace vipgate::dns_rate_watch_test {
namespace {

constexpr int64_t kStartMs = 5'000;

TEST(DnsRateWatchTest, NothingIsSaidWhereNothingIsOverTheLimit) {
  DnsRateWatch watch;
  EXPECT_EQ(watch.look({}, kStartMs), "");
  EXPECT_EQ(watch.look({}, kStartMs + 100'000), "");
}

TEST(DnsRateWatchTest, WarningSaysHowManyAndNamesTheMend) {
  DnsRateWatch watch;
  EXPECT_EQ(watch.look({7, 5}, kStartMs),
            "12 DNS replies were over dns.rate_limit (7 dropped, 5 truncated): somebody floods the "
            "responder, or asks in the name of those who would be flooded; if they are clients of "
            "yours, add their prefixes to dns.rate_limit.exempt or raise its responses_per_s and "
            "errors_per_s, which a reload applies");
}

TEST(DnsRateWatchTest, FurtherWarningsComeOnceAMinuteWithAllSinceTheLastOne) {
  DnsRateWatch watch;
  EXPECT_NE(watch.look({1, 0}, kStartMs), "");
  EXPECT_EQ(watch.look({100, 0}, kStartMs + 1'000), "");
  EXPECT_EQ(watch.look({101, 9}, kStartMs + 59'999), "");
  const std::string line = watch.look({101, 9}, kStartMs + 60'000);
  EXPECT_NE(line.find("109 DNS replies were over dns.rate_limit since it was warned of last (100 "
                      "dropped, 9 truncated)"),
            std::string::npos)
      << line;
  EXPECT_EQ(watch.look({101, 9}, kStartMs + 200'000), "");
}

}  // namespace
}  // namespace vipgate::dns_rate_watch_test
