// What of a model is no longer wanted: how it leaves, and when it is gone.
#include <algorithm>

#include "controlplane/model/model.h"
#include "controlplane/model/slow_start.h"

namespace vipgate {
namespace {

// How long a VIP whose name has moved takes new flows beyond the TTL: more than it takes until the
// name has moved, which is when all workers forward the other VIP.
constexpr int64_t kMoveS = 5;

}  // namespace

void Model::let_go(const ServiceKey& key, ModelService& service, const Leaving& leaving,
                   int64_t now_s, ModelChange& change) {
  if (!service.is_configured()) return;
  const int64_t drain_s = service.config.timeouts.drain_s;
  const int64_t ttl_s = leaving.dns_ttl_s;
  service.refuses_at_s = leaving.name_moves ? now_s + ttl_s + kMoveS : now_s;
  service.gone_at_s = leaving.name_moves ? service.refuses_at_s + drain_s
                                         : now_s + std::max<int64_t>(ttl_s, drain_s);
  for (auto& [real_key, real] : service.reals) {
    if (real.gone_at_s == kNever) --configured_reals_;
    real.gone_at_s = std::min(real.gone_at_s, service.gone_at_s);
  }
  if (!leaving.name_moves) refuse_new_flows(key, service);
  --configured_services_;
  ++change.services_removed;
  dirty_.insert(key);
  set_due(key, service);
}

void Model::refuse_new_flows(const ServiceKey& key, ModelService& service) {
  for (auto& [real_key, real] : service.reals) {
    if (real.state != RealState::kUp) continue;
    real.state = RealState::kDraining;
    note_change(key, real_key, real.state);
  }
  service.refuses_at_s = kNever;
}

void Model::set_due(const ServiceKey& key, ModelService& service) {
  int64_t due_s = std::min(service.gone_at_s, service.refuses_at_s);
  for (const auto& [real_key, real] : service.reals) {
    due_s = std::min({due_s, real.gone_at_s, real.ramps_at_s});
  }
  if (due_s == service.due_s) return;
  due_.erase({service.due_s, key});
  if (due_s != kNever) due_.insert({due_s, key});
  service.due_s = due_s;
}

void Model::drop(const ServiceKey& key, int64_t now_s) {
  const auto found = services_.find(key);
  if (found != services_.end()) erase(found, now_s);
}

bool Model::advance(int64_t now_s) {
  bool changed = false;
  while (next_deadline_s() <= now_s) {
    changed = true;
    const auto at = services_.find(due_.begin()->second);
    if (at->second.gone_at_s <= now_s) {
      erase(at, now_s);
      continue;
    }
    if (at->second.refuses_at_s <= now_s) refuse_new_flows(at->first, at->second);
    auto& reals = at->second.reals;
    for (auto real = reals.begin(); real != reals.end();) {
      if (real->second.ramps_at_s <= now_s) ramp_up(at->second.config, real->second, now_s);
      real = real->second.gone_at_s <= now_s ? erase(at->first, at->second, real, now_s)
                                             : std::next(real);
    }
    dirty_.insert(at->first);
    set_due(at->first, at->second);
  }
  return changed;
}

Model::Services::iterator Model::erase(Services::iterator at, int64_t now_s) {
  ModelService& service = at->second;
  for (auto real = service.reals.begin(); real != service.reals.end();) {
    real = erase(at->first, service, real, now_s);
  }
  if (service.is_configured()) --configured_services_;
  due_.erase({service.due_s, at->first});
  dirty_.insert(at->first);
  service_ids_.give_back({service.index, 0}, now_s);
  flow_ids(at->first.vip).give_back(service.flow_id, now_s);
  return services_.erase(at);
}

Model::Reals::iterator Model::erase(const ServiceKey& key, ModelService& service,
                                    Reals::iterator real, int64_t now_s) {
  if (real->second.gone_at_s == kNever) --configured_reals_;
  note_change(key, real->first, std::nullopt);
  real_ids_.give_back(real->second.id, now_s);
  if (real->second.return_flow_id != 0) {
    const auto shared = return_ids_.find(ReturnKey{real->first, key.protocol});
    if (--shared->second.users == 0) {
      flow_ids(key.vip).give_back(shared->second.flow_id, now_s);
      return_ids_.erase(shared);
    }
  }
  return service.reals.erase(real);
}

}  // namespace vipgate
