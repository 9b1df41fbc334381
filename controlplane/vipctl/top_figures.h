// What a gateway did between two looks at it.
#pragma once

#include <cpprest/json.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/vipctl/views.h"

namespace vipgate {

// What the API told at one time.
struct TopSample {
  std::chrono::steady_clock::time_point at{};
  GatewayStatus status{};      // /readyz, /snapshot, /counters, /gateway
  web::json::value workers{};  // GET /api/v1/workers
};

// Of one worker, in the time between.
struct WorkerRates {
  uint64_t worker = 0, cpu = 0;
  double packets_s = 0;  // a second
  double cycles_per_packet = 0;
  double busy_ratio = 0;
  double asleep_ratio = 0;
};

struct NamedRate {
  std::string name;
  double per_s = 0;
  uint64_t total = 0;  // since the gateway's start
};

struct TopFigures {
  double seconds = 0;         // between the two
  double up_s = 0;            // since the gateway's start
  bool is_restarted = false;  // between the two: there are no rates
  double rx_s = 0, tx_s = 0, dropped_s = 0, flows_s = 0, dns_s = 0;
  std::vector<WorkerRates> workers{};
  std::vector<NamedRate> drops{};   // by reason, those that happen most first
  std::vector<NamedRate> losses{};  // packets that ports lost before a worker had them, by port
};

// REQUIRES: `before` was taken earlier.
TopFigures top_figures(const TopSample& before, const TopSample& now);

// The same for programs: {"ready":…,"up_s":…,"per_s":{…},"workers":[…],"drops_per_s":{…}}.
web::json::value top_json(const TopFigures& figures, const TopSample& now);

}  // namespace vipgate
