#include "controlplane/metrics/counter_metrics.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "common/counters.h"
#include "controlplane/config/config_reader.h"
#include "controlplane/feeds/feeds.h"
#include "tests/controlplane/loop/fake_dataplane.h"

namespace vipgate::counter_metrics_test {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

const MetricFamily* find(const std::vector<MetricFamily>& families, const std::string& name) {
  const auto found = std::find_if(families.begin(), families.end(),
                                  [&](const MetricFamily& family) { return family.name == name; });
  return found == families.end() ? nullptr : &*found;
}

// The value of the sample whose only label has this value; without one: ""; -1: there is none.
double value_of(const std::vector<MetricFamily>& families, const std::string& name,
                const std::string& label = "") {
  const MetricFamily* family = find(families, name);
  if (family == nullptr) return -1;
  for (const auto& sample : family->metric) {
    if ((sample.label.empty() ? "" : sample.label[0].value) != label) continue;
    return family->type == MetricType::Counter ? sample.counter.value : sample.gauge.value;
  }
  return -1;
}

TEST(CounterMetrics, WhatWorkersCountIsThereWithZeroBeforeItHappens) {
  const auto families = counter_families({});
  for (size_t i = 0; i < kCountOf<DropReason>; ++i) {
    const std::string reason(to_string(static_cast<DropReason>(i)));
    EXPECT_EQ(value_of(families, "vipgate_dropped_packets_total", reason), 0) << reason;
  }
  for (size_t i = 0; i < kCountOf<DnsOutcome>; ++i) {
    const std::string outcome(to_string(static_cast<DnsOutcome>(i)));
    EXPECT_EQ(value_of(families, "vipgate_dns_queries_total", outcome), 0) << outcome;
  }
  for (size_t i = 0; i < kCountOf<Event>; ++i) {
    const std::string event(to_string(static_cast<Event>(i)));
    EXPECT_EQ(value_of(families, "vipgate_" + event + "_total"), 0) << event;
  }
}

TEST(CounterMetrics, CountersBecomeSamplesWithTheirLabels) {
  const auto families = counter_families({{"drop.no_flow", 3},
                                          {"rx_packets", 5},
                                          {"dns.answer", 7},
                                          {"dns.names", 11},
                                          {"mesos.1.tasks", 13},
                                          {"mesos.1.tasks_waiting", 17},
                                          {"mesos.0.age_ms", 1500},
                                          {"marathon[2].connected", 1},
                                          {"source.mesos.0.in_force", 1},
                                          {"source.mesos.0.age_ms", 2500},
                                          {"port.edge.left.rx_missed", 19},
                                          {"snat_pool.10.0.0.1.exhausted", 23},
                                          {"dns_type.AAAA", 37},
                                          {"dns_tcp.queries", 29},
                                          {"dns_tcp.closed_idle", 31},
                                          {"dns_udp.queries", 41},
                                          {"dns_udp.truncated", 43}});
  EXPECT_EQ(value_of(families, "vipgate_dropped_packets_total", "no_flow"), 3);
  EXPECT_EQ(value_of(families, "vipgate_rx_packets_total"), 5);
  EXPECT_EQ(value_of(families, "vipgate_dns_queries_total", "answer"), 7);
  EXPECT_EQ(value_of(families, "vipgate_dns_names"), 11);
  EXPECT_EQ(value_of(families, "vipgate_mesos_tasks", "1"), 13);
  EXPECT_EQ(value_of(families, "vipgate_mesos_tasks_waiting", "1"), 17);
  EXPECT_DOUBLE_EQ(value_of(families, "vipgate_mesos_age_seconds", "0"), 1.5);
  EXPECT_EQ(value_of(families, "vipgate_marathon_connected", "2"), 1);
  EXPECT_EQ(value_of(families, "vipgate_source_in_force", "mesos.0"), 1);
  EXPECT_DOUBLE_EQ(value_of(families, "vipgate_source_age_seconds", "mesos.0"), 2.5);
  EXPECT_EQ(value_of(families, "vipgate_port_rx_missed_packets_total", "edge.left"), 19);
  EXPECT_EQ(value_of(families, "vipgate_snat_exhausted_total", "10.0.0.1"), 23);
  EXPECT_EQ(value_of(families, "vipgate_dns_tcp_queries_total"), 29);
  EXPECT_EQ(value_of(families, "vipgate_dns_tcp_events_total", "closed_idle"), 31);
  EXPECT_EQ(value_of(families, "vipgate_dns_udp_queries_total"), 41);
  EXPECT_EQ(value_of(families, "vipgate_dns_udp_events_total", "truncated"), 43);
  EXPECT_EQ(value_of(families, "vipgate_dns_questions_total", "AAAA"), 37);
  EXPECT_EQ(find(families, "vipgate_other"), nullptr);
}

TEST(CounterMetrics, DropsOfAPortAndOfAWorkerAreToldByReasonFromTheStart) {
  const auto families = counter_families({{"port.edge.left.dropped", 43},
                                          {"port.edge.left.dropped_no_flow", 41},
                                          {"port.edge.left.dropped_ttl_expired", 2},
                                          {"worker.3.dropped", 0}});
  const auto drops = [&](const std::string& metric, const std::string& whose,
                         const std::string& reason) {
    const MetricFamily* family = find(families, metric);
    if (family == nullptr) return -1.0;
    for (const auto& sample : family->metric) {
      if (sample.label[0].value == whose && sample.label[1].value == reason) {
        return sample.counter.value;
      }
    }
    return -1.0;
  };
  EXPECT_EQ(drops("vipgate_port_dropped_packets_total", "edge.left", "no_flow"), 41);
  EXPECT_EQ(drops("vipgate_port_dropped_packets_total", "edge.left", "no_real"), 0);
  EXPECT_EQ(drops("vipgate_worker_dropped_packets_total", "3", "no_flow"), 0);
}

// Those of feeds that are there before they start, and of the reconciler.
TEST(CounterMetrics, EachCounterOfTheControlPlaneHasARule) {
  const auto config = parse_config(R"(
ports: [{ name: p, device: net_ring0, addresses: [10.0.0.1/16] }]
snat_pools: [{ name: default, addresses: [10.0.9.1] }]
dns: { listen: [10.0.0.53], zones: [{ name: mesos }, { name: l4lb.thisdcos.directory, services: true }] }
mesos: [{ masters: ["http://127.0.0.1:1"], domain: mesos }]
store: none
)",
                                   "f");
  ASSERT_TRUE(config.ok()) << config.error();
  FakeDataplane dataplane;
  Reconciler reconciler(
      *config, dataplane, [](const NextHop&) { return std::nullopt; }, DnsHashSecret{},
      RingRunner{});
  const auto feeds = Feeds::create(*config, reconciler, dataplane);
  ASSERT_TRUE(feeds.ok()) << feeds.error();
  NamedCounters counters = (*feeds)->counters();
  for (auto& counter : reconciler.counters()) counters.push_back(std::move(counter));
  std::set<std::string> kinds;
  for (const auto& [name, value] : counters) kinds.insert(name.substr(0, name.find_first_of(".[")));
  EXPECT_THAT(kinds, ::testing::IsSupersetOf(
                         {"mesos", "hosts", "health", "store", "rest", "vips", "dns", "maglev"}));
  const auto families = counter_families(counters);
  const MetricFamily* other = find(families, "vipgate_other");
  EXPECT_EQ(other, nullptr) << other->metric[0].label[0].value;
}

TEST(CounterMetrics, CounterWithoutARuleIsStillTold) {
  EXPECT_EQ(value_of(counter_families({{"new.thing", 2}}), "vipgate_other", "new.thing"), 2);
}

TEST(CounterMetrics, EachFamilyStandsOnceAndEndsInTotalIfItRises) {
  std::set<std::string> names;
  for (const MetricFamily& family :
       counter_families({{"routes.changes", 1}, {"store.waiting", 1}})) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    EXPECT_EQ(family.type == MetricType::Counter, family.name.ends_with("_total")) << family.name;
    EXPECT_FALSE(family.help.empty()) << family.name;
  }
}

}  // namespace
}  // namespace vipgate::counter_metrics_test
