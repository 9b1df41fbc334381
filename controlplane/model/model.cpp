#include "controlplane/model/model.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "controlplane/model/model_room.h"
#include "controlplane/model/slow_start.h"

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

// In the order of their keys, so that the order of the file does not matter for the ids.
std::vector<const RealConfig*> sorted_reals(const ServiceConfig& config) {
  std::vector<const RealConfig*> reals;
  reals.reserve(config.reals.size());
  for (const RealConfig& real : config.reals) reals.push_back(&real);
  const auto key = [](const RealConfig* real) { return RealKey{real->address, real->port}; };
  std::sort(reals.begin(), reals.end(),
            [&](const RealConfig* a, const RealConfig* b) { return key(a) < key(b); });
  reals.erase(
      std::unique(reals.begin(), reals.end(),
                  [&](const RealConfig* a, const RealConfig* b) { return key(a) == key(b); }),
      reals.end());
  return reals;
}

// What a client asks for: a service of this name, whatever its VIP.
using NamedPort = std::tuple<std::string_view, int, uint16_t, uint16_t, Protocol>;

NamedPort named_port(const ServiceKey& key, const std::string& name) {
  return {name, key.vip.family(), key.port, key.extent.port_last, key.protocol};
}

std::set<NamedPort> wanted_names(const DesiredChanges& changes) {
  std::set<NamedPort> names;
  for (const auto& [key, wanted] : changes) {
    if (wanted && !wanted->config.name.empty()) names.insert(named_port(key, wanted->config.name));
  }
  return names;
}

bool has_real(const std::vector<const RealConfig*>& sorted, const RealKey& key) {
  const auto found = std::lower_bound(sorted.begin(), sorted.end(), key,
                                      [](const RealConfig* real, const RealKey& sought) {
                                        return RealKey{real->address, real->port} < sought;
                                      });
  return found != sorted.end() && RealKey{(*found)->address, (*found)->port} == key;
}

}  // namespace

ServiceKey key_of(const ServiceConfig& service) {
  return {service.vip, service.port, service.protocol, service.extent};
}

ServiceKey key_of(const Snapshot& snapshot, uint32_t service) {
  const ServiceEntry& entry = snapshot.service(service);
  const ServiceInfo& info = snapshot.service_info(service);
  return {info.vip, entry.port.host(), entry.protocol, info.extent};
}

std::string to_string(const ServiceKey& key) {
  return vip_to_string(key.vip, key.port, key.extent) + "/" + std::string(to_string(key.protocol));
}

std::array<Model::Numbers, 4> Model::numbers(int64_t now_s) const {
  const auto of = [&](std::string_view what, const IdPool& pool) {
    return Numbers{what, pool.capacity() - pool.available(now_s), pool.capacity()};
  };
  return {of("service_numbers", service_ids_), of("real_numbers", real_ids_),
          of("flow_ids_ipv4", flow_ids_v4_.narrow), of("flow_ids_ipv6", flow_ids_v6_.narrow)};
}

ModelChange& ModelChange::operator+=(const ModelChange& other) {
  services_added += other.services_added;
  services_removed += other.services_removed;
  services_changed += other.services_changed;
  reals_added += other.reals_added;
  reals_removed += other.reals_removed;
  reals_changed += other.reals_changed;
  return *this;
}

Model::Model()
    : service_ids_(0, kMaxServiceIndex),
      // The greatest index would make RealId's "none" with the greatest generation.
      real_ids_(0, RealId::kMaxIndex - 1, RealId::kMaxGeneration + 1),
      flow_ids_v4_{IdPool(1, UINT16_MAX)},
      flow_ids_v6_{IdPool(1, kWideFlowId - 1)} {}

// One that is not wide makes shorter keys, but of IPv4 there are few.
uint32_t Model::FlowIds::take(bool must_be_wide, int64_t now_s) {
  if (!must_be_wide) {
    if (const auto id = narrow.take(now_s)) return id->value;
  }
  return wide.take(now_s)->value;
}

void Model::FlowIds::give_back(uint32_t id, int64_t now_s) {
  (is_wide(id) ? wide : narrow).give_back({id, 0}, now_s);
}

const ModelService* Model::find(const ServiceKey& key) const {
  const auto found = services_.find(key);
  return found == services_.end() ? nullptr : &found->second;
}

uint32_t index_of(const Model& model, const ServiceKey& key) {
  const ModelService* service = model.find(key);
  return service == nullptr ? kNone : service->index;
}

Result<ModelChange> Model::update(const Config& config, int64_t now_s) {
  DesiredChanges changes;
  for (const ServiceConfig& service : config.services) {
    changes.emplace(key_of(service), DesiredService{service, {}});
  }
  for (const auto& [key, service] : services_) changes.try_emplace(key, std::nullopt);
  const ModelRules rules{
      .dns_ttl_s = service_names_ttl_s(config), .limits = config.limits, .accepts = {}};
  advance(now_s);
  if (auto status = check(changes, rules, now_s); !status) return Error{status.error()};
  const ModelChange change = apply(changes, rules, now_s);
  for (const auto& [key, wanted] : changes) {
    if (!wanted && is_used_otherwise(config, key.vip)) drop(key, now_s);
  }
  return change;
}

Status Model::check(const DesiredChanges& changes, const ModelRules& rules, int64_t now_s) const {
  Room room(*this, rules, now_s);
  for (const auto& [key, wanted] : changes) {
    const ModelService* known = find(key);
    if (known == nullptr) continue;
    if (!wanted) room.free_service(*known);
    const auto reals = wanted ? sorted_reals(wanted->config) : std::vector<const RealConfig*>();
    room.free_reals(static_cast<size_t>(
        std::count_if(known->reals.begin(), known->reals.end(), [&](const auto& entry) {
          return entry.second.gone_at_s == kNever && !has_real(reals, entry.first);
        })));
  }
  for (const auto& [key, wanted] : changes) {
    if (!wanted) continue;
    if (auto status = room.take_service(key, wanted->config); !status) return status;
    const ModelService* known = find(key);
    size_t taken = 0;
    for (const RealConfig* real : sorted_reals(wanted->config)) {
      if (auto status = room.take_real(key, known, wanted->config, *real, taken++); !status) {
        return status;
      }
    }
  }
  return Done{};
}

ModelChange Model::apply(const DesiredChanges& changes, const ModelRules& rules, int64_t now_s) {
  advance(now_s);
  ModelChange change;
  const std::set<NamedPort> names = wanted_names(changes);
  // What goes makes room for what comes.
  for (const auto& [key, wanted] : changes) {
    refused_.erase(key);
    const auto known = services_.find(key);
    if (known == services_.end()) continue;
    if (wanted) {
      let_reals_go(key, known->second, wanted->config, now_s, change);
    } else {
      const bool name_moves = names.contains(named_port(key, known->second.config.name));
      let_go(key, known->second, {rules.dns_ttl_s, name_moves}, now_s, change);
    }
  }
  Room room(*this, rules, now_s);
  for (const auto& [key, wanted] : changes) {
    if (!wanted) continue;
    if (auto status = room.take_service(key, wanted->config); !status) {
      refuse(key, status.error());
      const auto known = services_.find(key);
      if (known != services_.end()) {
        let_go(key, known->second, {rules.dns_ttl_s, false}, now_s, change);
      }
      continue;
    }
    update_service(key, *wanted, room, now_s, change);
  }
  return change;
}

// REQUIRES: there is room for it.
void Model::update_service(const ServiceKey& key, const DesiredService& wanted, Room& room,
                           int64_t now_s, ModelChange& change) {
  // Services that come together come in the order of their keys: each is looked for at the end
  // first.
  const size_t known_services = services_.size();
  ModelService& service = services_.try_emplace(services_.end(), key)->second;
  const bool is_new = services_.size() != known_services;
  if (is_new) {
    service.index = service_ids_.take(now_s)->value;
    service.flow_id = flow_ids(key.vip).take(key.extent.is_wide(), now_s);
  }
  const bool is_added = is_new || !service.is_configured();
  if (is_added) ++configured_services_;
  ServiceConfig own = without_reals(wanted.config);
  bool is_dirty = is_added || own != service.config;
  if (is_added) {
    ++change.services_added;
  } else if (is_dirty) {
    ++change.services_changed;
  }
  service.config = std::move(own);
  service.gone_at_s = kNever;
  service.refuses_at_s = kNever;
  const std::set<RealKey> takers = takers_of(service);
  size_t taken = 0;
  for (const RealConfig* real : sorted_reals(wanted.config)) {
    if (auto status = room.take_real(key, &service, wanted.config, *real, taken); !status) {
      refuse(key, status.error());
      continue;
    }
    ++taken;
    const bool is_down = wanted.down.contains({real->address, real->port});
    if (update_real(key, service, *real, is_down, now_s, change)) is_dirty = true;
  }
  if (is_dirty) dirty_.insert(dirty_.end(), key);
  start_slowly(service, takers, now_s);
  set_due(key, service);
}

// REQUIRES: there is room for it.
bool Model::update_real(const ServiceKey& key, ModelService& service, const RealConfig& config,
                        bool is_down, int64_t now_s, ModelChange& change) {
  const RealKey real_key{config.address, config.port};
  const auto [at, is_new] = service.reals.try_emplace(real_key);
  ModelReal& real = at->second;
  if (is_new) real.id = *real_ids_.take(now_s);
  const bool is_added = is_new || real.gone_at_s != kNever;
  if (is_added) ++configured_reals_;
  const RealState up = config.weight == 0 ? RealState::kDraining : RealState::kUp;
  const RealState state = is_down ? RealState::kDown : up;
  if (is_added) {
    ++change.reals_added;
  } else if (real.weight != config.weight || real.state != state) {
    ++change.reals_changed;
  }
  const bool needs_return_id = service.config.mode == Mode::kNat && real.return_flow_id == 0;
  const bool is_dirty = is_added || real.weight != config.weight || real.state != state ||
                        real.quic_id != config.quic_id || needs_return_id;
  if (is_added || real.state != state) note_change(key, real_key, state);
  real.weight = config.weight;
  real.quic_id = config.quic_id;
  real.state = state;
  real.gone_at_s = kNever;
  if (!needs_return_id) return is_dirty;
  ReturnId& shared = return_ids_[ReturnKey{real_key, key.protocol}];
  if (shared.users++ == 0) shared.flow_id = flow_ids(key.vip).take(real_key.port == 0, now_s);
  real.return_flow_id = shared.flow_id;
  return is_dirty;
}

void Model::let_reals_go(const ServiceKey& key, ModelService& service, const ServiceConfig& config,
                         int64_t now_s, ModelChange& change) {
  const auto wanted = sorted_reals(config);
  for (auto& [real_key, real] : service.reals) {
    if (real.gone_at_s != kNever || has_real(wanted, real_key)) continue;
    // One that was down goes on getting nothing.
    if (real.state == RealState::kUp) {
      real.state = RealState::kDraining;
      note_change(key, real_key, real.state);
    }
    real.gone_at_s = now_s + config.timeouts.drain_s;
    --configured_reals_;
    ++change.reals_removed;
    dirty_.insert(key);
  }
  set_due(key, service);
}

void Model::note_change(const ServiceKey& key, const RealKey& real,
                        std::optional<RealState> state) {
  if (real_changes_.first.size() < RealChanges::kMost) {
    real_changes_.first.push_back({key, real, state});
  } else {
    ++real_changes_.more;
  }
}

// The first reason, and how many more there are, so that thousands cost no more than one.
void Model::refuse(const ServiceKey& key, const std::string& why) {
  const auto [at, is_first] = refused_.try_emplace(key, why);
  constexpr std::string_view kMore = " (and more of its reals)";
  if (!is_first && !at->second.ends_with(kMore)) at->second += kMore;
}

}  // namespace vipgate
