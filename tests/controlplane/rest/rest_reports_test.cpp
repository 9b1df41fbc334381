#include "controlplane/rest/rest_reports.h"

#include <gmock/gmock.h>

#include "controlplane/loop/worker_window.h"

namespace vipgate::rest_reports_test {
namespace {

using ::testing::HasSubstr;

// A worker that has been at work for so many of 1,000 ticks a second, of 1,000 that have passed.
WorkerFigures one_second(uint64_t busy_ticks, uint64_t packets) {
  WorkerFigures figures{.ticks_per_second = 1000, .workers = std::vector<LoopFigures>(1)};
  figures.workers[0].busy.ticks = busy_ticks;
  figures.workers[0].asleep_ticks = 1000 - busy_ticks;
  figures.workers[0].packets = packets;
  return figures;
}

WorkerFigures sum(WorkerFigures a, const WorkerFigures& b) {
  a.workers[0].busy.ticks += b.workers[0].busy.ticks;
  a.workers[0].asleep_ticks += b.workers[0].asleep_ticks;
  a.workers[0].packets += b.workers[0].packets;
  return a;
}

TEST(RestReports, AWorkersTimeIsToldSinceTheStartAndOfLate) {
  const WorkerFigures first = one_second(1000, 50);
  const WorkerFigures second = sum(first, one_second(0, 0));
  const WorkerFigures now = sum(second, one_second(250, 10));
  WorkerWindow window;
  window.note(first);
  window.note(second);
  const std::string text = workers_text({now, window.until(now), {7}});
  EXPECT_THAT(text, HasSubstr("{\"worker\":0,\"cpu\":7,\"packets\":60,\"busy_s\":1.250000,"
                              "\"idle_s\":0.000000,\"asleep_s\":1.750000,\"busy_ratio\":0.4167,"
                              "\"cycles_per_packet\":20.8,"));
  EXPECT_THAT(text, HasSubstr("\"recent\":{\"packets\":10,\"busy_s\":0.250000,"
                              "\"idle_s\":0.000000,\"asleep_s\":1.750000,\"busy_ratio\":0.1250,"
                              "\"cycles_per_packet\":25.0,"));
}

TEST(RestReports, WhatWasOfLateIsAllThatWasUntilThereAreTwoIntervals) {
  WorkerWindow window;
  const WorkerFigures now = one_second(500, 4);
  EXPECT_EQ(window.until(now).workers[0].packets, 4u);
  window.note(now);
  EXPECT_EQ(window.until(now).workers[0].packets, 4u);
  window.note(now);
  EXPECT_EQ(window.until(now).workers[0].packets, 0u);
}

TEST(RestReports, APortHasItsOwnCountersAndNotThoseOfOneWhoseNameBeginsAlike) {
  const NamedCounters all = {{"rx_packets", 9},
                             {"port.a.rx_missed", 1},
                             {"port.a.b.rx_missed", 2},
                             {"port.ab.rx_missed", 3},
                             {"port.a.link_losses", 4}};
  EXPECT_EQ(counters_of_port(all, "a"), (NamedCounters{{"rx_missed", 1}, {"link_losses", 4}}));
  EXPECT_EQ(counters_of_port(all, "a.b"), (NamedCounters{{"rx_missed", 2}}));
}

TEST(RestReports, APortSaysWhichDeviceItIsAndWhetherItHasLink) {
  PortReport port{.name = "edge",
                  .device = "0000:01:00.0",
                  .interface = "",
                  .mac = MacAddress{{2, 0, 0, 0, 0, 9}},
                  .is_up = false,
                  .mtu = 9000,
                  .vlan = 12};
  port.addresses = {*parse_ip_prefix("10.0.0.2/24"), *parse_ip_prefix("fd00::2/64")};
  port.counters = {{"rx_missed", 3}};
  EXPECT_EQ(ports_text({port}),
            "{\"ports\":[\n{\"name\":\"edge\",\"device\":\"0000:01:00.0\",\"interface\":null,"
            "\"mac\":\"02:00:00:00:00:09\",\"link\":\"down\",\"mtu\":9000,\"vlan\":12,"
            "\"addresses\":[\"10.0.0.2/24\",\"fd00::2/64\"],\"counters\":{\"rx_missed\":3}}\n]}\n");
  port.is_up = true;
  port.interface = "vg-edge";
  EXPECT_THAT(ports_text({port}), HasSubstr("\"interface\":\"vg-edge\""));
  EXPECT_THAT(ports_text({port}), HasSubstr("\"link\":\"up\""));
}

TEST(RestReports, ASourceSaysWhatItsIgnoredItemsAreAndWhy) {
  SourceReport mesos{.id = "mesos.0", .kind = "mesos", .name = "mesos", .state = "stale"};
  mesos.detail = "connection refused";
  mesos.age_ms = 70'000;
  mesos.figures = {{"tasks", 5}};
  mesos.ignored = 2;
  mesos.ignored_items = {{"label", "marathon", "redis.1", "VIP_0=\"", "it has no port"}};
  const std::string text = sources_text({{mesos}, {{"11.0.0.1:80:tcp", "no room"}}});
  EXPECT_EQ(text,
            "{\"sources\":[\n{\"id\":\"mesos.0\",\"kind\":\"mesos\",\"name\":\"mesos\","
            "\"state\":\"stale\",\"detail\":\"connection refused\",\"age_ms\":70000,"
            "\"figures\":{\"tasks\":5},\"ignored\":2,\"ignored_items\":[\n"
            "{\"kind\":\"label\",\"item\":\"VIP_0=\\\"\",\"task\":\"redis.1\","
            "\"framework\":\"marathon\",\"why\":\"it has no port\"}\n]}\n],\"refused\":[\n"
            "{\"service\":\"11.0.0.1:80:tcp\",\"why\":\"no room\"}\n]}\n");
}

}  // namespace
}  // namespace vipgate::rest_reports_test
