#include "controlplane/model.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

namespace vipgate {
namespace {

constexpr uint32_t kMaxServiceIndex = (1u << 24) - 1;

bool is_used_otherwise(const Config& config, const IpAddress& vip) {
  return std::find(config.dns.listen.begin(), config.dns.listen.end(), vip) !=
         config.dns.listen.end();
}

// The model has its own list of reals.
ServiceConfig without_reals(const ServiceConfig& config) {
  ServiceConfig copy = config;
  copy.reals.clear();
  copy.reals.shrink_to_fit();
  return copy;
}

}  // namespace

std::string to_string(const ServiceKey& key) {
  return endpoint_to_string(key.vip, key.port) + "/" + std::string(to_string(key.protocol));
}

Model::Model()
    : service_ids_(0, kMaxServiceIndex),
      // The greatest index would make RealId's "none" with the greatest generation.
      real_ids_(0, RealId::kMaxIndex - 1, RealId::kMaxGeneration + 1),
      flow_ids_v4_(1, UINT16_MAX),
      flow_ids_v6_(1, UINT32_MAX - 2) {}

Result<ModelChange> Model::update(const Config& config, int64_t now_s) {
  advance(now_s);
  ModelChange change;
  // In the order of the keys, so that the order of the file does not matter for the ids.
  std::map<ServiceKey, const ServiceConfig*> wanted;
  for (const ServiceConfig& service : config.services) {
    wanted.emplace(ServiceKey{service.vip, service.port, service.protocol}, &service);
  }
  for (auto at = services_.begin(); at != services_.end();) {
    if (wanted.contains(at->first)) {
      ++at;
      continue;
    }
    let_go(at->second, config.dns.ttl_s, now_s, change);
    at = is_used_otherwise(config, at->first.vip) ? erase(at, now_s) : std::next(at);
  }
  for (const auto& [key, service] : wanted) {
    if (auto status = update_service(key, *service, now_s, change); !status) {
      return Error{status.error()};
    }
  }
  return change;
}

Status Model::update_service(const ServiceKey& key, const ServiceConfig& config, int64_t now_s,
                             ModelChange& change) {
  auto [at, is_new] = services_.try_emplace(key);
  ModelService& service = at->second;
  if (is_new) {
    const auto index = service_ids_.take(now_s);
    if (!index) {
      return Error{"services: all " + std::to_string(kMaxServiceIndex + 1) +
                   " numbers are in use or were in the last 4 hours; remove services or wait"};
    }
    service.index = index->value;
    auto flow_id = take_flow_id(key.vip, now_s);
    if (!flow_id) return Error{"service '" + config.name + "': " + flow_id.error()};
    service.flow_id = *flow_id;
  }
  ServiceConfig own = without_reals(config);
  if (is_new || !service.is_configured()) {
    ++change.services_added;
  } else if (own != service.config) {
    ++change.services_changed;
  }
  service.config = std::move(own);
  service.gone_at_s = kNever;

  std::vector<const RealConfig*> reals;
  std::set<RealKey> wanted;
  for (const RealConfig& real : config.reals) {
    reals.push_back(&real);
    wanted.insert({real.address, real.port});
  }
  std::sort(reals.begin(), reals.end(), [](const RealConfig* a, const RealConfig* b) {
    return RealKey{a->address, a->port} < RealKey{b->address, b->port};
  });
  for (const RealConfig* real : reals) {
    if (auto status = update_real(key, service, *real, now_s, change); !status) return status;
  }
  for (auto& [real_key, real] : service.reals) {
    if (wanted.contains(real_key) || real.gone_at_s != kNever) continue;
    real.state = RealState::kDraining;
    real.gone_at_s = now_s + config.timeouts.drain_s;
    ++change.reals_removed;
  }
  return Done{};
}

Status Model::update_real(const ServiceKey& key, ModelService& service, const RealConfig& config,
                          int64_t now_s, ModelChange& change) {
  const RealKey real_key{config.address, config.port};
  const auto [at, is_new] = service.reals.try_emplace(real_key);
  ModelReal& real = at->second;
  if (is_new) {
    const auto id = real_ids_.take(now_s);
    if (!id) {
      return Error{"service '" + service.config.name + "', real " +
                   endpoint_to_string(config.address, config.port) + ": all " +
                   std::to_string(RealId::kMaxIndex) +
                   " numbers of reals are in use or were in the last 4 hours; remove reals or "
                   "wait"};
    }
    real.id = *id;
  }
  if (is_new || real.gone_at_s != kNever) {
    ++change.reals_added;
  } else if (real.weight != config.weight) {
    ++change.reals_changed;
  }
  real.weight = config.weight;
  real.state = config.weight == 0 ? RealState::kDraining : RealState::kUp;
  real.gone_at_s = kNever;
  if (service.config.mode == Mode::kNat && real.return_flow_id == 0) {
    return give_return_id(key, real_key, real, now_s);
  }
  return Done{};
}

Status Model::give_return_id(const ServiceKey& key, const RealKey& real_key, ModelReal& real,
                             int64_t now_s) {
  ReturnId& shared = return_ids_[ReturnKey{real_key, key.protocol}];
  if (shared.users == 0) {
    auto id = take_flow_id(key.vip, now_s);
    if (!id) {
      return Error{"service " + to_string(key) + ", real " +
                   endpoint_to_string(real_key.address, real_key.port) + ": " + id.error()};
    }
    shared.flow_id = *id;
  }
  ++shared.users;
  real.return_flow_id = shared.flow_id;
  return Done{};
}

Result<uint32_t> Model::take_flow_id(const IpAddress& vip, int64_t now_s) {
  IdPool& pool = flow_ids(vip);
  if (const auto id = pool.take(now_s)) return id->value;
  return Error{
      "IPv" + std::to_string(vip.family()) + " VIP ports and real ports of nat services can be " +
      std::to_string(vip.is_v4() ? UINT16_MAX : UINT32_MAX - 2) +
      " together, those removed in the last 4 hours included (" + std::to_string(pool.in_use()) +
      " are in use, " + std::to_string(pool.resting()) + " were); remove some or wait"};
}

void Model::let_go(ModelService& service, uint32_t dns_ttl_s, int64_t now_s, ModelChange& change) {
  if (!service.is_configured()) return;
  const int64_t drain_s = service.config.timeouts.drain_s;
  service.gone_at_s = now_s + std::max<int64_t>(dns_ttl_s, drain_s);
  for (auto& [key, real] : service.reals) {
    real.state = RealState::kDraining;
    real.gone_at_s = std::min(real.gone_at_s, service.gone_at_s);
  }
  ++change.services_removed;
}

bool Model::advance(int64_t now_s) {
  bool changed = false;
  for (auto at = services_.begin(); at != services_.end();) {
    if (at->second.gone_at_s <= now_s) {
      at = erase(at, now_s);
      changed = true;
      continue;
    }
    auto& reals = at->second.reals;
    for (auto real = reals.begin(); real != reals.end();) {
      if (real->second.gone_at_s <= now_s) {
        real = erase(at->first, at->second, real, now_s);
        changed = true;
      } else {
        ++real;
      }
    }
    ++at;
  }
  return changed;
}

int64_t Model::next_deadline_s() const {
  int64_t next = kNever;
  for (const auto& [key, service] : services_) {
    next = std::min(next, service.gone_at_s);
    for (const auto& [real_key, real] : service.reals) next = std::min(next, real.gone_at_s);
  }
  return next;
}

Model::Services::iterator Model::erase(Services::iterator at, int64_t now_s) {
  ModelService& service = at->second;
  for (auto real = service.reals.begin(); real != service.reals.end();) {
    real = erase(at->first, service, real, now_s);
  }
  service_ids_.give_back({service.index, 0}, now_s);
  flow_ids(at->first.vip).give_back({service.flow_id, 0}, now_s);
  return services_.erase(at);
}

Model::Reals::iterator Model::erase(const ServiceKey& key, ModelService& service,
                                    Reals::iterator real, int64_t now_s) {
  real_ids_.give_back(real->second.id, now_s);
  if (real->second.return_flow_id != 0) {
    const auto shared = return_ids_.find(ReturnKey{real->first, key.protocol});
    if (--shared->second.users == 0) {
      flow_ids(key.vip).give_back({shared->second.flow_id, 0}, now_s);
      return_ids_.erase(shared);
    }
  }
  return service.reals.erase(real);
}

}  // namespace vipgate
