// What the control thread tells of all that is counted: in the log, as JSON, to Prometheus.
#include <spdlog/spdlog.h>

#include "common/json_text.h"
#include "controlplane/loop/control_loop.h"
#include "controlplane/metrics/metrics_page.h"

namespace vipgate {
namespace {

std::string json_of(const NamedCounters& counters) {
  std::string json = "{";
  for (const auto& [name, value] : counters) {
    if (value == 0) continue;
    json += (json.size() > 1 ? "," : "") + json_quote(name) + ":" + std::to_string(value);
  }
  return json + "}";
}

// Of those that are wanted: one that leaves is to have ever fewer. A real of weight 0 keeps its
// flows and gets none, as one that drains.
std::vector<ServiceReals> service_reals(const Model& model) {
  std::vector<ServiceReals> all;
  all.reserve(model.configured_services());
  for (const auto& [key, service] : model.services()) {
    if (!service.is_configured()) continue;
    ServiceReals& states = all.emplace_back();
    states.label = {service.config.name, key.vip, key.port, key.extent, key.protocol};
    for (const auto& [real_key, real] : service.reals) {
      if (real.takes_flows()) {
        ++states.up;
      } else {
        ++(real.state == RealState::kDown ? states.down : states.draining);
      }
    }
  }
  return all;
}

}  // namespace

GatewayFigures ControlLoop::gateway_figures() const {
  return {.version = VIPGATE_VERSION,
          .node = reconciler_.config().node.name,
          .is_ready = health_.is_ready,
          .tables = table_uses()};
}

MetricsInput ControlLoop::metrics() const {
  const Model& model = reconciler_.model();
  MetricsInput input;
  static_cast<GatewayFigures&>(input) = gateway_figures();
  input.snapshot = reconciler_.version();
  input.counters = counters();
  input.traffic = dataplane_.traffic_figures();
  input.workers = dataplane_.worker_figures();
  input.worker_tables = dataplane_.tables();
  input.snat_pools = dataplane_.snat_pools();
  input.check_times = feeds_->check_times();
  input.service_reals = service_reals(model);
  input.received_to_published = reconciler_.event_to_published();
  input.published_to_passed = reconciler_.published_to_passed();
  return input;
}

// All that anything here counts, but for services and reals.
NamedCounters ControlLoop::counters() const {
  auto counters = dataplane_.counters();
  for (auto& counter : reconciler_.counters()) counters.push_back(std::move(counter));
  for (auto& counter : feeds_->counters()) counters.push_back(std::move(counter));
  for (auto& counter : routes_->counters()) counters.push_back(std::move(counter));
  for (auto& counter : dns_listeners_->counters()) counters.push_back(std::move(counter));
  for (auto& counter : links_.counters()) counters.push_back(std::move(counter));
  counters.emplace_back("config.refused", file_problem_.empty() ? 0 : 1);
  if (route_announcer_ != nullptr) {
    counters.emplace_back("announce.routes", route_announcer_->installed());
  }
  const auto add_source = [&](const SourceReport& source) {
    const bool is_in_force =
        source.state == "in_force" || source.state == "connected" || source.state == "up";
    counters.emplace_back("source." + source.id + ".in_force", is_in_force ? 1 : 0);
    if (source.age_ms) {
      counters.emplace_back("source." + source.id + ".age_ms",
                            static_cast<uint64_t>(*source.age_ms));
    }
  };
  add_source(file_report());
  for (const SourceReport& source : feeds_->sources(std::nullopt)) add_source(source);
  return counters;
}

void ControlLoop::log_counters() {
  auto all = counters();
  for (auto& counter : named_counters(dataplane_.traffic_figures())) {
    all.push_back(std::move(counter));
  }
  spdlog::info("counters: {}", json_of(all));
  spdlog::info("workers: {}", worker_report_.next(dataplane_.worker_figures()));
}

std::string ControlLoop::counters_json() const { return json_of(counters()); }

}  // namespace vipgate
