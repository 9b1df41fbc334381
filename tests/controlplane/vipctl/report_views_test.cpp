#include "controlplane/vipctl/report_views.h"

#include <gmock/gmock.h>

#include "controlplane/vipctl/api_client.h"

namespace vipgate {
namespace {

using ::testing::HasSubstr;
using web::json::value;

value answer(const char* text) { return parse_object(text).value(); }

TEST(VipctlReportViews, EachWorkerHasALineWithItsShareOfTimeSinceTheStartAndNow) {
  EXPECT_EQ(workers_view(answer(R"({"workers":[
{"worker":0,"cpu":3,"packets":12,"busy_s":1.0,"idle_s":1.0,"asleep_s":2.0,"busy_ratio":0.25,
 "cycles_per_packet":80.1,"recent":{"busy_ratio":0.999}},
{"worker":1,"cpu":12,"packets":0,"busy_s":0,"idle_s":0,"asleep_s":0,"busy_ratio":0,
 "cycles_per_packet":0,"recent":{"busy_ratio":0}}]})")),
            "WORKER  CPU  BUSY   ASLEEP  PACKETS  CYCLES/PACKET  BUSY NOW\n"
            "0       3    25.0%  50.0%   12       80.1           99.9%\n"
            "1       12   0.0%   0.0%    0        0              0.0%\n");
}

TEST(VipctlReportViews, EachPortHasALineWithWhatItLost) {
  EXPECT_EQ(ports_view(answer(R"({"ports":[
{"name":"edge","device":"0000:01:00.0","interface":"vg-edge","mac":"02:00:00:00:00:01",
 "link":"down","mtu":1500,"vlan":0,"addresses":[],"counters":{"rx_packets":9,"tx_packets":8,
 "rx_missed":1,"rx_no_buffer":2,"rx_errors":3,"tx_errors":4}},
{"name":"in","device":"net_ring0","interface":null,"mac":"02:00:00:00:00:02","link":"up",
 "mtu":9000,"vlan":0,"addresses":[],"counters":{}}]})")),
            "PORT  LINK  MAC                MTU   RX  TX  MISSED  ERRORS  KERNEL   DEVICE\n"
            "edge  down  02:00:00:00:00:01  1500  9   8   3       7       vg-edge  0000:01:00.0\n"
            "in    up    02:00:00:00:00:02  9000  0   0   0       0       -        net_ring0\n");
}

TEST(VipctlReportViews, BelowTheSourcesStandsWhatIsNotServedAndWhy) {
  EXPECT_EQ(sources_view(answer(R"({"sources":[
{"id":"file","kind":"file","name":"/etc/v.yaml","state":"in_force","age_ms":999,
 "figures":{"services":3},"ignored":0,"ignored_items":[]},
{"id":"mesos.0","kind":"mesos","name":"mesos","state":"stale","detail":"m1: connection refused",
 "age_ms":61000,"figures":{"tasks":5,"agents":2},"ignored":1,"ignored_items":[
 {"kind":"label","item":"VIP_0=x","task":"redis.1","framework":"marathon","why":"no port"}]}],
"refused":[{"service":"11.0.0.1:80:tcp","why":"there is no room"}]})")),
            "SOURCE   KIND   STATE     HEARD OF  IGNORED  HAS                NAME\n"
            "file     file   in_force  999 ms    0        3 services         /etc/v.yaml\n"
            "mesos.0  mesos  stale     61 s      1        5 tasks, 2 agents  mesos\n"
            "\n"
            "mesos.0: m1: connection refused\n"
            "mesos.0: ignored: label VIP_0=x of task redis.1 of marathon: no port\n"
            "refused: 11.0.0.1:80:tcp: there is no room\n");
}

TEST(VipctlReportViews, EachMistakeInTheFileHasALine) {
  EXPECT_THAT(sources_view(answer(R"({"sources":[{"id":"file","kind":"file","state":"refused",
"detail":"v.yaml:1:1: one\nv.yaml:2:1: \u001b[2J","figures":{},"ignored_items":[]}],"refused":[]})")),
              ::testing::EndsWith("\n\nfile: v.yaml:1:1: one\nfile: v.yaml:2:1: \\x1b[2J\n"));
}

TEST(VipctlReportViews, AnAnswerOfDnsIsShownBySectionsThatHaveRecords) {
  EXPECT_EQ(dns_view(answer(R"({"name":"_r._tcp.z.","type":"SRV","client":"127.0.0.1",
"forwarded":false,"rcode":"NOERROR","flags":["aa","rd"],"answer":[
 {"name":"_r._tcp.z.","type":"SRV","ttl_s":5,"data":"0 1 6379 r.z."}],"authority":[],
"additional":[{"name":"r.z.","type":"A","ttl_s":60,"data":"11.0.0.1"}],"message":"00"})")),
            ";; _r._tcp.z. SRV: NOERROR, flags: aa rd\n"
            "\n;; answer\n_r._tcp.z.  5  SRV  0 1 6379 r.z.\n"
            "\n;; additional\nr.z.  60  A  11.0.0.1\n");
  EXPECT_THAT(dns_view(answer(R"({"name":"x.","type":"A","client":"10.0.0.1","forwarded":true})")),
              HasSubstr("x. A: the resolvers of dns.forward would be asked for 10.0.0.1\n"));
}

TEST(VipctlReportViews, AValueInAQueryIsEncoded) {
  EXPECT_EQ(url_text("a&b=c d\\046"), "a%26b%3Dc%20d%5C046");
}

}  // namespace
}  // namespace vipgate
