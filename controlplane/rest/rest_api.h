// What the API answers: paths below /api/v1, and those that say how the gateway is.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/dns_sockets/dns_stream.h"
#include "controlplane/http/http_router.h"
#include "controlplane/metrics/metrics_page.h"
#include "controlplane/metrics/page_thread.h"
#include "controlplane/rest/event_hub.h"
#include "controlplane/rest/rest_feed.h"
#include "controlplane/rest/rest_flows.h"
#include "controlplane/rest/rest_reports.h"
#include "controlplane/rest/rest_watches.h"

namespace vipgate {

// What the control thread counts; to be called by it, if nothing else is said.
struct GatewayReports {
  PageThread& pages;                      // makes long texts
  PageThread& asks;                       // makes short ones that take a while
  PageThread& bodies;                     // reads those that are long
  std::function<MetricsInput()> metrics;  // for Prometheus
  std::function<GatewayFigures()> gateway;
  std::function<std::string()> counters;  // a JSON object of those of no service and no real
  std::function<TrafficFigures()> traffic;
  std::shared_ptr<EventHub> events;
  std::function<WorkersReport()> workers;
  std::function<std::vector<PortReport>()> ports;
  // With at most so many of each one's ignored items.
  std::function<SourcesReport(size_t ignored)> sources;
  AnswerDns answer_dns;  // the responder; any thread may call it
  uint32_t worker_count = 1;
  ListFlows list_flows;  // of the workers, for which it waits: by the thread of `asks`
  RestWatches watches;
};

// Written by the control thread, read by the API's.
struct GatewayHealth {
  std::atomic<bool> is_ready{false};    // all workers serve, and it is not about to stop
  std::atomic<int64_t> alive_at_ms{0};  // when the control thread last came round, monotonic
};

// Handlers hand their work to `feed`'s control thread; all that is given outlives the server.
HttpRouter make_rest_router(RestFeed& feed, const Reconciler& reconciler,
                            const GatewayHealth& health, const GatewayReports& reports);

}  // namespace vipgate
