#include "controlplane/vipctl/views.h"

#include <gmock/gmock.h>

#include "controlplane/vipctl/api_client.h"

namespace vipgate {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using web::json::value;

constexpr char kServices[] = R"({"services":[
{"id":"a","name":"redis","vip":"10.20.0.1","port":6379,"protocol":"tcp","mode":"fullnat",
 "origin":"rest","state":"serving","reals":[
  {"address":"10.0.1.5","port":31000,"weight":1,"state":"up"},
  {"address":"2001:db8::5","port":31001,"weight":0,"state":"draining"}],
 "document":{"name":"redis","vip":"10.20.0.1","port":6379,
             "reals":[{"address":"10.0.1.5","port":31000}]}},
{"id":"b","name":null,"vip":"2001:db8::/64","port":0,"protocol":"udp","mode":"ipip",
 "origin":"yaml","state":"no_real","reals":[]}]})";

value parsed(const char* text) { return parse_object(text).value(); }

size_t array_size(const value& object, const char* name) { return object.at(name).size(); }

TEST(VipctlViews, ServicesStandAboveTheirRealsAsInIpvsadm) {
  EXPECT_EQ(services_view(parsed(kServices)),
            "PROT  VIP:PORT             MODE     STATE     NAME\n"
            "  ->  REAL:PORT            WEIGHT   STATE\n"
            "TCP   10.20.0.1:6379       fullnat  serving   redis\n"
            "  ->  10.0.1.5:31000       1        up\n"
            "  ->  [2001:db8::5]:31001  0        draining\n"
            "UDP   [2001:db8::/64]:any  ipip     no_real\n");
  EXPECT_THAT(services_view(services_in(parsed(kServices), "no_real")), Not(HasSubstr("redis")));
}

TEST(VipctlViews, WideTablesHaveMoreColumnsBehindTheUsualOnes) {
  const ViewStyle wide{.is_wide = true};
  EXPECT_EQ(services_view(services_in(parsed(kServices), "serving"), wide),
            "PROT  VIP:PORT             MODE     STATE     NAME   ORIGIN  REALS UP  DNS NAME\n"
            "  ->  REAL:PORT            WEIGHT   STATE\n"
            "TCP   10.20.0.1:6379       fullnat  serving   redis  rest    1/2\n"
            "  ->  10.0.1.5:31000       1        up\n"
            "  ->  [2001:db8::5]:31001  0        draining\n");
  EXPECT_THAT(reals_view(parsed(kServices), wide), HasSubstr(" rest    fullnat  serving\n"));
}

TEST(VipctlViews, ColoursTellWhatServesFromWhatDoesNot) {
  const std::string text = services_view(parsed(kServices), {.has_colors = true});
  EXPECT_THAT(text, HasSubstr("\x1b[32mserving\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[1;31mno_real\x1b[0m"));
  EXPECT_THAT(services_view(parsed(kServices)), Not(HasSubstr("\x1b")));
}

TEST(VipctlViews, EachRealHasALine) {
  EXPECT_EQ(reals_view(parsed(kServices)),
            "REAL:PORT            WEIGHT  STATE     PROT  VIP:PORT        NAME\n"
            "10.0.1.5:31000       1       up        TCP   10.20.0.1:6379  redis\n"
            "[2001:db8::5]:31001  0       draining  TCP   10.20.0.1:6379  redis\n");
}

TEST(VipctlViews, WhatWasTakenOutStandsWithTheFlowsThatAreLeft) {
  const value drains = parsed(R"({"drains":[
{"real":"10.0.1.5","since":1000,"ends":null,"state":"draining","flows":12,"services":["a","b"]},
{"real":"[fd00::1]:80","since":1060,"ends":1100,"state":"drained","flows":0,"services":[]}]})");
  EXPECT_EQ(drains_view(drains, 1090),
            "REAL          STATE     FLOWS  SINCE  ENDS IN  SERVICES\n"
            "10.0.1.5      draining  12     90 s   never    a b\n"
            "[fd00::1]:80  drained   0      30 s   10 s\n");
  EXPECT_EQ(drain_line(drains.at("drains").at(0)),
            "10.0.1.5: draining, 12 flows left, 2 services\n");
}

TEST(VipctlViews, WhatAProblemQuotesDoesNothingToTheTerminal) {
  EXPECT_EQ(
      problem_text({.status = 422,
                    .body = R"({"detail":"a\u001b[2J","errors":[{"detail":"b\u009bc\nd"}]})"}),
      "a\\x1b[2J\n  b\\x9bc\nd");
  EXPECT_EQ(parse_object("<p>\x1b[31m").error(), "the answer is no JSON object: <p>\\x1b[31m");
}

GatewayStatus good_status() {
  return {.is_ready = true,
          .not_ready_why = "",
          .snapshot = parsed(R"({"version":12,"settled":true})"),
          .counters = parsed(R"({"rx_packets":7,"drop.no_flow":3,"mesos.0.stale":0})")};
}

TEST(VipctlViews, StatusOfAGatewayThatIsWellSaysSoAndWhatPassed) {
  const auto [text, is_wrong] = status_view(good_status(), "http://gw1:8080");
  EXPECT_FALSE(is_wrong);
  EXPECT_THAT(text,
              ::testing::StartsWith("http://gw1:8080: ready, snapshot 12, all workers use it\n"));
  EXPECT_THAT(text, HasSubstr("dropped: no_flow  3\n"));
}

TEST(VipctlViews, StatusPutsWhatIsWrongOnTopWithTheNextCommand) {
  GatewayStatus status = good_status();
  status.is_ready = false;
  status.not_ready_why = "about to stop";
  status.counters = parsed(
      R"({"services.without_real":2,"mesos.1.stale":1,"mesos.1.age_ms":75000,"store.waiting":1})");
  status.sources = parsed(R"({"sources":[{"id":"mesos.0","name":"other.example"},
{"id":"mesos.1","name":"dcos.example"}]})");
  const auto [text, is_wrong] = status_view(status, "http://gw1:8080");
  EXPECT_TRUE(is_wrong);
  EXPECT_THAT(text, ::testing::StartsWith("! not ready: about to stop\n"));
  EXPECT_THAT(text, HasSubstr("! 2 services have no real that takes new flows\n"
                              "    vipctl services --state no_real\n"));
  EXPECT_THAT(text, HasSubstr("! cluster dcos.example (mesos.1) has not been heard of for 75 s"));
  EXPECT_THAT(text, HasSubstr("! 1 change waits for the state store"));
}

TEST(VipctlViews, StatusTellsOfAllThatIsNotAsItShouldBe) {
  GatewayStatus status = good_status();
  status.counters = parsed(R"({"reals.down":1,"services.refused":2,"config.refused":1,
"port.edge.without_link":1,"port.edge.link_losses":3,"dns_resolvers.down":1})");
  status.about = parsed(R"({"tables":[
{"table":"reals","entries":89,"capacity":100,"setting":"limits.reals"},
{"table":"services","entries":90,"capacity":100,"setting":"limits.services"},
{"table":"drains","entries":1000,"capacity":1000,"setting":""}]})");
  const auto [text, is_wrong] = status_view(status, "http://gw1:8080");
  EXPECT_TRUE(is_wrong);
  EXPECT_THAT(text, ::testing::StartsWith(
                        "! 1 real is down\n"
                        "    vipctl reals --state down\n"
                        "! 2 services are not served as they are wanted\n"
                        "    vipctl sources\n"
                        "! the configuration file has a mistake: what is in force is older\n"
                        "    vipctl sources\n"
                        "! 1 resolver of dns.forward does not answer\n"
                        "    vipctl sources\n"
                        "! port edge has no link\n"
                        "    vipctl ports; vipctl doctor\n"
                        "! the table services has 90 of 100 entries\n"
                        "    raise limits.services in /etc/vipgate/vipgated.yaml, and restart\n"
                        "! the table drains has 1000 of 1000 entries\n"
                        "    journalctl -u vipgated | grep limit_near\n"
                        "http://gw1:8080: ready"));
}

TEST(VipctlViews, WhatWasTakenOutIsNothingWrongButIsTold) {
  GatewayStatus status = good_status();
  status.counters = parsed(R"({"rest.drains":2})");
  const auto [text, is_wrong] = status_view(status, "http://gw1:8080");
  EXPECT_FALSE(is_wrong);
  EXPECT_THAT(text, HasSubstr("taken out: drains  2\n"));
}

TEST(VipctlViews, RealsInAStateAreLeftWithTheirServices) {
  EXPECT_EQ(reals_view(reals_in(parsed(kServices), "draining")),
            "REAL:PORT            WEIGHT  STATE     PROT  VIP:PORT        NAME\n"
            "[2001:db8::5]:31001  0       draining  TCP   10.20.0.1:6379  redis\n");
  EXPECT_EQ(array_size(reals_in(parsed(kServices), "down"), "services"), 0u);
  EXPECT_EQ(array_size(services_in(parsed(kServices), "serving"), "services"), 1u);
}

TEST(VipctlViews, ExportHasTheDocumentsOfTheApiAlone) {
  const auto text = export_view(parsed(kServices));
  ASSERT_TRUE(text.ok());
  EXPECT_THAT(*text, ::testing::StartsWith("services:\n"));
  EXPECT_THAT(*text, HasSubstr("name: redis\n"));
  EXPECT_THAT(*text, HasSubstr("10.0.1.5"));
  EXPECT_THAT(*text, Not(HasSubstr("2001:db8::/64")));
  EXPECT_EQ(*export_view(parsed(R"({"services":[]})")), "services: []\n");
}

TEST(VipctlViews, ExportIsAlsoTheSameTreeForPrograms) {
  const value all = export_document(parsed(kServices));
  ASSERT_EQ(array_size(all, "services"), 1u);
  EXPECT_EQ(all.at("services").at(0), parsed(kServices).at("services").at(0).at("document"));
  EXPECT_EQ(export_document(parsed(R"({"services":[]})")).serialize(), R"({"services":[]})");
}

TEST(VipctlViews, ExportQuotesAStringThatIsNoStringWithoutQuotes) {
  const auto text = export_view(parsed(
      R"({"services":[{"document":{"name":"123","a":"true","b":"null","c":"web","d":80,"e":true,
          "f":[],"g":{}}}]})"));
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text,
            "services:\n  - name: \"123\"\n    a: \"true\"\n    b: \"null\"\n    c: web\n"
            "    d: 80\n    e: true\n    f:\n      []\n    g:\n      {}\n");
}

TEST(VipctlViews, ProblemsAreToldWithTheirFields) {
  EXPECT_EQ(problem_text({.status = 422, .body = R"({"detail":"not valid","errors":[
                            {"field":"port","detail":"port: 99999 is no port"}]})"}),
            "not valid\n  port: 99999 is no port");
  EXPECT_THAT(problem_text({.status = 401, .body = R"({"detail":"who are you?"})"}),
              HasSubstr("--token-file"));
  EXPECT_EQ(problem_text({.status = 502, .body = "<html>"}), "HTTP status 502");
}

}  // namespace
}  // namespace vipgate
