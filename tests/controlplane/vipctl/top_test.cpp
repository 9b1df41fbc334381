#include <gmock/gmock.h>

#include "controlplane/vipctl/api_client.h"
#include "controlplane/vipctl/top_figures.h"
#include "controlplane/vipctl/top_view.h"

namespace vipgate {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using web::json::value;

TopSample sample(int at_s, const char* counters, const char* workers) {
  TopSample made;
  made.at = std::chrono::steady_clock::time_point(std::chrono::seconds(at_s));
  made.status.is_ready = true;
  made.status.snapshot = parse_object(R"({"version":7,"settled":true})").value();
  made.status.counters = parse_object(counters).value();
  made.workers = parse_object(workers).value();
  return made;
}

// 2 s, in which worker 0 took 1,000 packets by 0.5 busy seconds of 1e8 cycles each.
TopSample before() {
  return sample(10, R"({"rx_packets":5000,"tx_packets":4000,"flows_created":10,"drop.no_flow":7,
"drop.no_real":100,"dns.answer":50,"port.edge.rx_missed":3})",
                R"({"workers":[{"worker":0,"cpu":1,"packets":1000,"busy_s":100,"idle_s":900,
"asleep_s":0,"cycles_per_packet":10000000}]})");
}
TopSample after() {
  return sample(12, R"({"rx_packets":9000,"tx_packets":7000,"flows_created":30,"drop.no_flow":27,
"drop.no_real":100,"dns.answer":60,"dns.cached":4,"dns.names":9,"port.edge.rx_missed":5})",
                R"({"workers":[{"worker":0,"cpu":1,"packets":2000,"busy_s":100.5,"idle_s":901.5,
"asleep_s":0,"cycles_per_packet":5025000}]})");
}

TEST(VipctlTop, RatesAreDifferencesByTheTimeBetweenTheTwo) {
  const TopFigures figures = top_figures(before(), after());
  EXPECT_FALSE(figures.is_restarted);
  EXPECT_EQ(figures.seconds, 2);
  EXPECT_EQ(figures.up_s, 1002);
  EXPECT_EQ(figures.rx_s, 2000);
  EXPECT_EQ(figures.tx_s, 1500);
  EXPECT_EQ(figures.flows_s, 10);
  EXPECT_EQ(figures.dropped_s, 10);
  EXPECT_EQ(figures.dns_s, 7);  // a counter that was not there before was 0
  ASSERT_EQ(figures.workers.size(), 1u);
  EXPECT_EQ(figures.workers[0].packets_s, 500);
  EXPECT_EQ(figures.workers[0].busy_ratio, 0.25);
  EXPECT_NEAR(figures.workers[0].cycles_per_packet, 0.5 * 1e8 / 1000, 0.01);
}

TEST(VipctlTop, WhatIsDroppedMostNowStandsFirst) {
  const TopFigures figures = top_figures(before(), after());
  ASSERT_EQ(figures.drops.size(), 2u);
  EXPECT_EQ(figures.drops[0].name, "no_flow");
  EXPECT_EQ(figures.drops[0].per_s, 10);
  EXPECT_EQ(figures.drops[1].name, "no_real");
  EXPECT_EQ(figures.drops[1].per_s, 0);
  EXPECT_EQ(figures.drops[1].total, 100u);
}

TEST(VipctlTop, WhatIsWrongStandsBeforeAllElse) {
  TopSample now = after();
  now.status.counters["services.without_real"] = value::number(2);
  TopFigures figures = top_figures(before(), now);
  figures.workers[0].busy_ratio = 0.99;
  const std::string page = top_view(figures, now, "http://gw");
  EXPECT_THAT(page, StartsWith("! 2 services have no real that takes new flows\n"));
  EXPECT_THAT(page, HasSubstr("! worker 0 (CPU 1) is busy 99.0% of the time"));
  EXPECT_THAT(page, HasSubstr("! port edge.rx_missed: 1 packets a second are lost"));
  EXPECT_LT(page.rfind("! "), page.find("http://gw: ready, snapshot 7, up 16 min\n"));
}

TEST(VipctlTop, AGatewayThatIsWellHasItsFiguresFirst) {
  TopSample now = after();
  now.status.counters["port.edge.rx_missed"] = value::number(3);
  const std::string page = top_view(top_figures(before(), now), now, "http://gw");
  EXPECT_EQ(page,
            "http://gw: ready, snapshot 7, up 16 min\n"
            "in 2.00k/s   out 1.50k/s   dropped 10/s   new flows 10/s   DNS 7/s\n"
            "\n"
            "WORKER  CPU  PACKETS/s  CYCLES/PACKET  BUSY   ASLEEP\n"
            "0       1    500        50.0k          25.0%  0.0%\n"
            "\n"
            "DROPPED BECAUSE  PACKETS/s  SINCE THE START\n"
            "no_flow          10         27\n"
            "no_real          0          100\n");
}

TEST(VipctlTop, ARestartIsToldAndGivesNoRates) {
  TopSample now = sample(12, R"({"rx_packets":9000})",
                         R"({"workers":[{"worker":0,"cpu":1,"packets":2000,"busy_s":1,"idle_s":1,
"asleep_s":0,"cycles_per_packet":80}]})");
  const TopFigures figures = top_figures(before(), now);
  EXPECT_TRUE(figures.is_restarted);
  const std::string page = top_view(figures, now, "http://gw");
  EXPECT_THAT(page, StartsWith("! the gateway started 2 s ago\n"));
  EXPECT_THAT(page, Not(HasSubstr("PACKETS/s")));
  EXPECT_TRUE(top_json(figures, now).at("restarted").as_bool());
}

TEST(VipctlTop, ASilentGatewayIsToldWithItsReason) {
  EXPECT_THAT(silent_view("http://gw does not\x1b answer", 3),
              StartsWith("! for 3 s: http://gw does not\\x1b answer\n"));
}

TEST(VipctlTop, NumbersAreShort) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(0.5), "0.50");
  EXPECT_EQ(short_number(812), "812");
  EXPECT_EQ(short_number(999.6), "1.00k");
  EXPECT_EQ(short_number(12'345), "12.3k");
  EXPECT_EQ(short_number(1'200'000), "1.20M");
  EXPECT_EQ(short_number(148.8e6), "149M");
}

TEST(VipctlTop, APageIsCutToTheTerminalWithItsColoursClosed) {
  EXPECT_EQ(fitted("abcdef\nghi\njkl\n", 4, 2), "abcd\nghi\n");
  EXPECT_EQ(fitted("\x1b[1mabcdef\x1b[0m\n", 4, 9), "\x1b[1mabcd\x1b[0m\x1b[0m\n");
  EXPECT_EQ(fitted("éèüö\n", 2, 9), "éè\n");
}

}  // namespace
}  // namespace vipgate
