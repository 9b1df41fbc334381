#include "controlplane/metrics/metrics_page.h"

#include <cmath>
#include <iterator>
#include <span>

#include "controlplane/metrics/counter_metrics.h"
#include "prometheus/text_serializer.h"

namespace vipgate {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Families = std::vector<MetricFamily>;
using Labels = std::vector<ClientMetric::Label>;

ClientMetric counter_sample(Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = value;
  return metric;
}

ClientMetric gauge_sample(Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  return metric;
}

// One bucket for each power of two units from 2^first to 2^last, of which Prometheus can make
// quantiles; the source's are finer. `unit`: in seconds.
template <class Buckets>
ClientMetric histogram_of(Labels labels, std::span<const uint64_t, Buckets::kBuckets> counts,
                          double sum, double unit, int first, int last) {
  ClientMetric metric;
  metric.label = std::move(labels);
  ClientMetric::Histogram& histogram = metric.histogram;
  histogram.sample_sum = sum * unit;
  uint64_t seen = 0;
  size_t bucket = 0;
  for (int power = first; power <= last; ++power) {
    const uint64_t bound = uint64_t{1} << power;
    while (bucket < Buckets::kBuckets && Buckets::upper_end(bucket) < bound) {
      seen += counts[bucket++];
    }
    histogram.bucket.push_back({seen, static_cast<double>(bound) * unit});
  }
  while (bucket < Buckets::kBuckets) seen += counts[bucket++];
  histogram.sample_count = seen;
  histogram.bucket.push_back({seen, INFINITY});
  return metric;
}

void add_gateway(Families& families, const MetricsInput& input) {
  families.push_back({"vipgate_build_info",
                      "Which version runs on which node.",
                      MetricType::Gauge,
                      {gauge_sample({{"version", input.version}, {"node", input.node}}, 1)}});
  families.push_back({"vipgate_ready",
                      "1 while all workers serve.",
                      MetricType::Gauge,
                      {gauge_sample({}, input.is_ready ? 1 : 0)}});
  families.push_back({"vipgate_snapshots_total",
                      "Look-up tables that were published.",
                      MetricType::Counter,
                      {counter_sample({}, static_cast<double>(input.snapshot))}});
  MetricFamily use{
      "vipgate_table_entries", "Entries in use of a table of fixed size.", MetricType::Gauge, {}};
  MetricFamily room{
      "vipgate_table_capacity", "Entries that the table has room for.", MetricType::Gauge, {}};
  for (const TableUse& table : input.tables) {
    const Labels labels{{"table", std::string(table.table)}};
    use.metric.push_back(gauge_sample(labels, static_cast<double>(table.entries)));
    room.metric.push_back(gauge_sample(labels, static_cast<double>(table.capacity)));
  }
  families.push_back(std::move(use));
  families.push_back(std::move(room));
}

// Each table of each worker, also where one limit is for several of them.
void add_worker_tables(Families& families, const std::vector<WorkerTables>& workers) {
  MetricFamily use{"vipgate_worker_table_entries",
                   "Entries in use of a table of the worker's own.",
                   MetricType::Gauge,
                   {}};
  MetricFamily room{"vipgate_worker_table_capacity",
                    "Entries that the worker's table has room for.",
                    MetricType::Gauge,
                    {}};
  MetricFamily evicted{"vipgate_dns_answers_evicted_total",
                       "Answers of resolvers that gave way to others before their time.",
                       MetricType::Counter,
                       {}};
  for (size_t i = 0; i < workers.size(); ++i) {
    const auto add = [&](const char* table, const char* family, const TableFill& fill) {
      if (fill.capacity == 0) return;
      const Labels labels{{"worker", std::to_string(i)}, {"table", table}, {"family", family}};
      use.metric.push_back(gauge_sample(labels, static_cast<double>(fill.entries)));
      room.metric.push_back(gauge_sample(labels, static_cast<double>(fill.capacity)));
    };
    const auto add_family = [&](const char* family, const WorkerTables::Family& tables) {
      add("flows", family, tables.flows);
      add("wide_flows", family, tables.wide_flows);
      add("nat_records", family, tables.nat_records);
      add("snat_records", family, tables.snat_records);
      add("affinities", family, tables.affinities);
    };
    add_family("ipv4", workers[i].ipv4);
    add_family("ipv6", workers[i].ipv6);
    add("fragments", "both", workers[i].fragments);
    add("held_fragments", "both", workers[i].held_fragments);
    add("dns_rates", "both", workers[i].dns_rates);
    add("dns_answers", "both", workers[i].dns_answers);
    add("dns_questions", "both", workers[i].dns_questions);
    if (workers[i].dns_answers.capacity == 0) continue;
    evicted.metric.push_back(counter_sample({{"worker", std::to_string(i)}},
                                            static_cast<double>(workers[i].dns_answers_evicted)));
  }
  families.push_back(std::move(use));
  families.push_back(std::move(room));
  families.push_back(std::move(evicted));
}

void add_snat_pools(Families& families, const std::vector<SnatPoolUse>& pools) {
  const auto add = [&](const char* name, const char* help, uint64_t SnatPoolUse::*value) {
    MetricFamily family{name, help, MetricType::Gauge, {}};
    for (const SnatPoolUse& pool : pools) {
      family.metric.push_back(
          gauge_sample({{"pool", pool.pool}}, static_cast<double>(pool.*value)));
    }
    families.push_back(std::move(family));
  };
  add("vipgate_snat_pool_ports", "Ports of the pool: the flows that one real may have by it.",
      &SnatPoolUse::ports);
  add("vipgate_snat_pool_flows", "Flows by the pool, to all reals.", &SnatPoolUse::flows);
  add("vipgate_snat_pool_busiest_real_flows",
      "Flows by the pool to the real that has the most: the pool is exhausted for it at "
      "vipgate_snat_pool_ports.",
      &SnatPoolUse::busiest_real);
}

void add_check_times(Families& families, const CheckTimes& times) {
  // From 65 microseconds to a minute.
  families.push_back({"vipgate_health_check_seconds",
                      "How long health checks took to their verdict, time-outs too.",
                      MetricType::Histogram,
                      {histogram_of<CheckTimes::Buckets>(
                          {}, times.counts, static_cast<double>(times.sum_ns), 1e-9, 16, 36)}});
}

void add_publishing(Families& families, const MetricsInput& input) {
  const auto add = [&](const char* name, const char* help, const Histogram& histogram) {
    // From a microsecond to half a minute.
    families.push_back(
        {name,
         help,
         MetricType::Histogram,
         {histogram_of<Histogram::Buckets>({}, histogram.counts(),
                                           static_cast<double>(histogram.sum()), 1e-9, 10, 35)}});
  };
  add("vipgate_event_to_published_seconds", "From a source's event to the tables that show it.",
      input.received_to_published);
  add("vipgate_published_to_passed_seconds", "From tables to when all workers use them.",
      input.published_to_passed);
}

void add_workers(Families& families, const WorkerFigures& figures) {
  if (figures.ticks_per_second == 0) return;
  const double tick_s = 1.0 / static_cast<double>(figures.ticks_per_second);
  MetricFamily seconds{"vipgate_worker_seconds_total",
                       "What a worker's core did with its time: loops with work, without, sleep.",
                       MetricType::Counter,
                       {}};
  MetricFamily packets{
      "vipgate_worker_packets_total", "Packets that the worker took in.", MetricType::Counter, {}};
  MetricFamily loops{"vipgate_worker_busy_loop_seconds",
                     "How long a loop with work took.",
                     MetricType::Histogram,
                     {}};
  for (size_t i = 0; i < figures.workers.size(); ++i) {
    const LoopFigures& worker = figures.workers[i];
    const std::string number = std::to_string(i);
    const auto add_time = [&](const char* state, uint64_t ticks) {
      seconds.metric.push_back(counter_sample({{"worker", number}, {"state", state}},
                                              static_cast<double>(ticks) * tick_s));
    };
    add_time("busy", worker.busy.ticks);
    add_time("idle", worker.idle.ticks);
    add_time("asleep", worker.asleep_ticks);
    packets.metric.push_back(
        counter_sample({{"worker", number}}, static_cast<double>(worker.packets)));
    // Some hundred nanoseconds to a second.
    loops.metric.push_back(histogram_of<LoopTimes>({{"worker", number}}, worker.busy.times,
                                                   static_cast<double>(worker.busy.ticks), tick_s,
                                                   8, 31));
  }
  families.push_back(std::move(seconds));
  families.push_back(std::move(packets));
  families.push_back(std::move(loops));
}

Labels labels_of(const ServiceLabel& service) {
  return {{"service", service.name},
          {"vip", vip_to_string(service.vip, service.port, service.extent)},
          {"protocol", std::string(to_string(service.protocol))}};
}

template <class Figures>
struct TrafficMetric {
  const char* name;
  const char* help;
  uint64_t Figures::*value;
  MetricType type = MetricType::Counter;
};

constexpr TrafficMetric<ServiceFigures> kServiceMetrics[] = {
    {"vipgate_service_forward_packets_total", "Packets from clients to reals.",
     &ServiceFigures::forward_packets},
    {"vipgate_service_forward_bytes_total", "Octets from clients to reals.",
     &ServiceFigures::forward_bytes},
    {"vipgate_service_return_packets_total", "Packets from reals to clients.",
     &ServiceFigures::return_packets},
    {"vipgate_service_return_bytes_total", "Octets from reals to clients.",
     &ServiceFigures::return_bytes},
    {"vipgate_service_flows_total", "Flows that began.", &ServiceFigures::flows_created},
    {"vipgate_service_no_real_total", "New flows for which there was no real.",
     &ServiceFigures::no_real},
    {"vipgate_service_over_limit_total", "New flows above max_connections.",
     &ServiceFigures::over_limit},
    {"vipgate_service_connections", "Flows that a service with max_connections has now.",
     &ServiceFigures::connections, MetricType::Gauge},
};

constexpr TrafficMetric<RealFigures> kRealMetrics[] = {
    {"vipgate_real_current_flows", "Flows of now.", &RealFigures::flows, MetricType::Gauge},
    {"vipgate_real_packets_total", "Packets to the real.", &RealFigures::packets},
    {"vipgate_real_bytes_total", "Octets to the real.", &RealFigures::bytes},
    {"vipgate_real_flows_total", "Flows that began.", &RealFigures::flows_created},
};

void add_reals(Families& families, const std::vector<ServiceReals>& services) {
  MetricFamily family{"vipgate_service_reals",
                      "Reals by state: up ones take new flows, draining ones keep theirs.",
                      MetricType::Gauge,
                      {}};
  for (const ServiceReals& service : services) {
    const auto add = [&](const char* state, uint32_t count) {
      Labels labels = labels_of(service.label);
      labels.push_back({"state", state});
      family.metric.push_back(gauge_sample(std::move(labels), count));
    };
    add("up", service.up);
    add("draining", service.draining);
    add("down", service.down);
  }
  families.push_back(std::move(family));
}

auto maker_of(MetricType type) { return type == MetricType::Gauge ? gauge_sample : counter_sample; }

void add_traffic_families(Families& families, const TrafficFigures& traffic) {
  std::vector<Labels> services;
  services.reserve(traffic.services.size());
  for (const ServiceFigures& service : traffic.services)
    services.push_back(labels_of(service.label));
  for (const auto& metric : kServiceMetrics) {
    MetricFamily family{metric.name, metric.help, metric.type, {}};
    const auto make = maker_of(metric.type);
    for (size_t i = 0; i < services.size(); ++i) {
      family.metric.push_back(
          make(services[i], static_cast<double>(traffic.services[i].*metric.value)));
    }
    families.push_back(std::move(family));
  }
  for (const auto& metric : kRealMetrics) {
    MetricFamily family{metric.name, metric.help, metric.type, {}};
    const auto make = maker_of(metric.type);
    for (const RealFigures& real : traffic.reals) {
      Labels labels = services[real.service];
      labels.push_back({"real", endpoint_to_string(real.address, real.port)});
      family.metric.push_back(make(std::move(labels), static_cast<double>(real.*metric.value)));
    }
    families.push_back(std::move(family));
  }
}

}  // namespace

std::string metrics_page(const MetricsInput& input) {
  Families families;
  add_gateway(families, input);
  Families counters = counter_families(input.counters);
  std::move(counters.begin(), counters.end(), std::back_inserter(families));
  add_worker_tables(families, input.worker_tables);
  add_snat_pools(families, input.snat_pools);
  add_check_times(families, input.check_times);
  add_publishing(families, input);
  add_workers(families, input.workers);
  add_reals(families, input.service_reals);
  add_traffic_families(families, input.traffic);
  // A family without a sample would be a headline over nothing.
  std::erase_if(families, [](const MetricFamily& family) { return family.metric.empty(); });
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace vipgate
