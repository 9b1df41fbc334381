// All that the gateway counts, as Prometheus reads it: the body of /metrics.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/loop_counters.h"
#include "common/named_counters.h"
#include "common/table_figures.h"
#include "common/traffic_figures.h"
#include "controlplane/health/check_times.h"
#include "controlplane/histogram.h"

namespace vipgate {

// A table of fixed size, and how much of it is in use.
struct TableUse {
  std::string_view table;
  uint64_t entries = 0;
  uint64_t capacity = 0;
  std::string_view setting = {};  // what makes it larger; empty: nothing does
};

// How many reals of a service take new flows, keep those they have, or get nothing.
struct ServiceReals {
  ServiceLabel label;
  uint32_t up = 0, draining = 0, down = 0;
};

// What is told of the gateway as a whole, however much there is of what it serves.
struct GatewayFigures {
  std::string version;
  std::string node;
  bool is_ready = false;
  std::vector<TableUse> tables;
};

struct MetricsInput : GatewayFigures {
  uint64_t snapshot = 0;  // the number of the one that was published last
  NamedCounters counters;
  TrafficFigures traffic;
  WorkerFigures workers;
  std::vector<WorkerTables> worker_tables;  // by worker
  std::vector<SnatPoolUse> snat_pools;
  std::vector<ServiceReals> service_reals;
  Histogram received_to_published;  // ns
  Histogram published_to_passed;    // ns
  CheckTimes check_times;
};

// A copy of what is counted, which any thread may use. Text format 0.0.4. Base units; labels are
// names of the configuration, of clusters and of vipgate's own, none of which a client chooses.
std::string metrics_page(const MetricsInput& input);

}  // namespace vipgate
