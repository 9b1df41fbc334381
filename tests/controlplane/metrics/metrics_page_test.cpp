#include "controlplane/metrics/metrics_page.h"

#include <gmock/gmock.h>

#include "tests/support/address_text.h"

namespace vipgate::metrics_page_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using test::ip;

TEST(MetricsPage, ServicesAndRealsCarryTheirNamesAndAddresses) {
  MetricsInput input;
  input.traffic.services = {
      {.label = {"redis.marathon", ip("10.20.0.1"), 6379}, .forward_packets = 4, .connections = 2},
      {.label = {"net", ip("2001:db8::"), 0, {kLastPort, 64}, Protocol::kUdp}}};
  input.traffic.reals = {{.service = 0, .address = ip("2001:db8::5"), .port = 31000, .bytes = 600}};
  input.service_reals = {
      {.label = {"redis.marathon", ip("10.20.0.1"), 6379}, .up = 1, .draining = 2, .down = 3}};
  const std::string page = metrics_page(input);
  const std::string redis = R"({service="redis.marathon",vip="10.20.0.1:6379",protocol="tcp")";
  EXPECT_THAT(page, HasSubstr("vipgate_service_forward_packets_total" + redis + "} 4\n"));
  EXPECT_THAT(page, HasSubstr("# TYPE vipgate_service_connections gauge\n"));
  EXPECT_THAT(page, HasSubstr("vipgate_service_connections" + redis + "} 2\n"));
  EXPECT_THAT(page, HasSubstr("vipgate_real_bytes_total" + redis +
                              R"(,real="[2001:db8::5]:31000"} 600)"
                              "\n"));
  EXPECT_THAT(page, HasSubstr("vipgate_service_reals" + redis + R"(,state="up"} 1)"));
  EXPECT_THAT(page, HasSubstr("vipgate_service_reals" + redis + R"(,state="draining"} 2)"));
  EXPECT_THAT(page, HasSubstr("vipgate_service_reals" + redis + R"(,state="down"} 3)"));
  EXPECT_THAT(page, HasSubstr(R"(vip="[2001:db8::/64]:any",protocol="udp"} 0)"));
}

TEST(MetricsPage, WorkersTimeIsInSecondsAndTheirLoopsAreAHistogram) {
  MetricsInput input;
  input.workers.ticks_per_second = 1'000'000'000;
  LoopFigures& worker = input.workers.workers.emplace_back();
  worker.busy.ticks = 3'000'000'000;
  worker.idle.ticks = 500'000'000;
  worker.packets = 9;
  worker.busy.times[LoopTimes::bucket_of(1000)] = 2;  // just below 1,024 ns
  worker.busy.times[LoopTimes::bucket_of(3000)] = 1;
  worker.busy.times[LoopTimes::bucket_of(uint64_t{1} << 39)] = 1;  // above all bounds
  const std::string page = metrics_page(input);
  EXPECT_THAT(page, HasSubstr(R"(vipgate_worker_seconds_total{worker="0",state="busy"} 3)"
                              "\n"));
  EXPECT_THAT(page, HasSubstr(R"(vipgate_worker_seconds_total{worker="0",state="idle"} 0.5)"
                              "\n"));
  EXPECT_THAT(page, HasSubstr(R"(vipgate_worker_packets_total{worker="0"} 9)"
                              "\n"));
  const std::string bucket = R"(vipgate_worker_busy_loop_seconds_bucket{worker="0",le=")";
  EXPECT_THAT(page, HasSubstr(bucket + "5.12e-07\"} 0\n"));
  EXPECT_THAT(page, HasSubstr(bucket + "1.024e-06\"} 2\n"));
  EXPECT_THAT(page, HasSubstr(bucket + "4.096e-06\"} 3\n"));
  EXPECT_THAT(page, HasSubstr(bucket + "+Inf\"} 4\n"));
  EXPECT_THAT(page, HasSubstr(R"(vipgate_worker_busy_loop_seconds_count{worker="0"} 4)"
                              "\n"));
}

TEST(MetricsPage, TimesOfPublishingCountEachEventOnceAndAddUp) {
  MetricsInput input;
  input.received_to_published.record(2'000'000);
  input.received_to_published.record(4'000'000);
  const std::string page = metrics_page(input);
  EXPECT_THAT(page, HasSubstr("vipgate_event_to_published_seconds_count 2\n"));
  EXPECT_THAT(page, HasSubstr("vipgate_event_to_published_seconds_sum 0.006"));
  EXPECT_THAT(page, HasSubstr("vipgate_published_to_passed_seconds_count 0\n"));
}

TEST(MetricsPage, TablesTellHowFullTheyAre) {
  MetricsInput input;
  input.tables = {{"services", 3, 100}};
  const std::string page = metrics_page(input);
  EXPECT_THAT(page, HasSubstr(R"(vipgate_table_entries{table="services"} 3)"
                              "\n"));
  EXPECT_THAT(page, HasSubstr(R"(vipgate_table_capacity{table="services"} 100)"
                              "\n"));
}

TEST(MetricsPage, EachTableOfEachWorkerHasItsUseAndItsRoom) {
  MetricsInput input;
  input.worker_tables.resize(2);
  input.worker_tables[1].ipv6.nat_records = {7, 1024};
  input.worker_tables[0].fragments = {5, 64};
  const std::string page = metrics_page(input);
  EXPECT_THAT(page, HasSubstr(R"(entries{worker="0",table="fragments",family="both"} 5)"));
  const std::string labels = R"({worker="1",table="nat_records",family="ipv6"})";
  EXPECT_THAT(page, HasSubstr("vipgate_worker_table_entries" + labels + " 7\n"));
  EXPECT_THAT(page, HasSubstr("vipgate_worker_table_capacity" + labels + " 1024\n"));
  EXPECT_THAT(page, Not(HasSubstr(R"(table="snat_records")"))) << "a worker without them";
  EXPECT_THAT(page, Not(HasSubstr("vipgate_dns_answers_evicted_total"))) << "nothing is kept";
}

TEST(MetricsPage, SnatPoolsTellTheirPortsAndTheRealThatHasTheMostFlows) {
  MetricsInput input;
  input.snat_pools = {{.pool = "10.0.0.1", .ports = 64512, .flows = 90, .busiest_real = 60}};
  const std::string page = metrics_page(input);
  EXPECT_THAT(page, HasSubstr(R"(vipgate_snat_pool_ports{pool="10.0.0.1"} 64512)"));
  EXPECT_THAT(page, HasSubstr(R"(vipgate_snat_pool_flows{pool="10.0.0.1"} 90)"));
  EXPECT_THAT(page, HasSubstr(R"(vipgate_snat_pool_busiest_real_flows{pool="10.0.0.1"} 60)"));
}

TEST(MetricsPage, TimesOfHealthChecksAreAHistogramOfSeconds) {
  CheckTimer timer;
  timer.record(1'000'000);
  timer.record(3'000'000'000);
  MetricsInput input;
  input.check_times = timer.times();
  const std::string page = metrics_page(input);
  EXPECT_THAT(page, HasSubstr("# TYPE vipgate_health_check_seconds histogram\n"));
  EXPECT_THAT(page, HasSubstr("vipgate_health_check_seconds_sum 3.001"));
  EXPECT_THAT(page, HasSubstr("vipgate_health_check_seconds_bucket{le=\"0.000524288\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("vipgate_health_check_seconds_bucket{le=\"0.001048576\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("vipgate_health_check_seconds_bucket{le=\"+Inf\"} 2\n"));
}

// A label's value may be any text that a configuration may have as a name.
TEST(MetricsPage, QuotesInNamesAreEscaped) {
  MetricsInput input;
  input.traffic.services = {{.label = {"a\"b\\c\nd", ip("10.0.0.1"), 1}}};
  EXPECT_THAT(metrics_page(input), HasSubstr(R"(service="a\"b\\c\nd")"));
}

}  // namespace
}  // namespace vipgate::metrics_page_test
