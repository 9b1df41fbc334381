#include "controlplane/control_loop.h"
#include "controlplane/metrics/metrics_page.h"

namespace vipgate {
namespace {

std::vector<ServiceReals> service_reals(const Model& model) {
  std::vector<ServiceReals> all;
  all.reserve(model.services().size());
  for (const auto& [key, service] : model.services()) {
    ServiceReals& states = all.emplace_back(
        ServiceReals{service.config.name, key.vip, key.port, key.extent, key.protocol, 0, 0, 0});
    for (const auto& [real_key, real] : service.reals) {
      switch (real.state) {
        case RealState::kUp:
          ++states.up;
          break;
        case RealState::kDraining:
          ++states.draining;
          break;
        case RealState::kDown:
          ++states.down;
          break;
      }
    }
  }
  return all;
}

}  // namespace

std::string ControlLoop::metrics() const {
  const Config& config = reconciler_.config();
  const Model& model = reconciler_.model();
  MetricsInput input;
  input.version = VIPGATE_VERSION;
  input.node = config.node.name;
  input.is_ready = health_.is_ready;
  input.snapshot = reconciler_.version();
  input.counters = counters();
  input.traffic = dataplane_.traffic_figures();
  input.workers = dataplane_.worker_figures();
  input.tables = {{"services", model.configured_services(), config.limits.services},
                  {"reals", model.configured_reals(), config.limits.reals},
                  {"dns_names", reconciler_.dns_table().names(), config.limits.dns_names}};
  input.service_reals = service_reals(model);
  input.received_to_published = &reconciler_.event_to_published();
  input.published_to_passed = &reconciler_.published_to_passed();
  return metrics_page(input);
}

}  // namespace vipgate
