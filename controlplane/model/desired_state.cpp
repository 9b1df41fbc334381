#include "controlplane/model/desired_state.h"

#include <algorithm>

#include "controlplane/model/locality.h"

namespace vipgate {

void DesiredState::set(const SourceId& source, const ServiceKey& key,
                       std::optional<ServiceConfig> service) {
  const auto entry = entries_.try_emplace(key).first;
  auto& wanted = entry->second.wanted;
  const auto known = wanted.find(source);
  if (service) {
    if (known != wanted.end() && known->second == *service) return;
    sources_[source].insert(key);
    wanted.insert_or_assign(source, std::move(*service));
    dirty_.insert(key);
    return;
  }
  if (known != wanted.end()) {
    wanted.erase(known);
    const auto keys = sources_.find(source);
    keys->second.erase(key);
    if (keys->second.empty()) sources_.erase(keys);
    dirty_.insert(key);
  }
  forget_if_empty(entry);
}

DesiredState::Services DesiredState::replace(const SourceId& source, const Services& services) {
  Services before;
  std::set<ServiceKey> keys;
  if (const auto found = sources_.find(source); found != sources_.end()) keys = found->second;
  for (const ServiceKey& key : keys) {
    before.emplace(key, entries_.at(key).wanted.at(source));
    if (!services.contains(key)) set(source, key, std::nullopt);
  }
  for (const auto& [key, service] : services) set(source, key, service);
  return before;
}

void DesiredState::set_health(const ServiceKey& key, const RealKey& real, RealHealth health) {
  const auto entry = entries_.try_emplace(key).first;
  auto& known = entry->second.health;
  const auto found = known.find(real);
  const RealHealth before = found == known.end() ? RealHealth::kUnknown : found->second;
  if (health != before) {
    if (health == RealHealth::kUnknown) {
      known.erase(found);
    } else {
      known[real] = health;
    }
    dirty_.insert(key);
  }
  forget_if_empty(entry);
}

void DesiredState::forget_health(const ServiceKey& key, const RealKey& real) {
  const auto entry = entries_.find(key);
  if (entry == entries_.end()) return;
  entry->second.health.erase(real);
  forget_if_empty(entry);
}

void DesiredState::set_drain(const DrainTarget& target, DrainStage stage) {
  if (stage == DrainStage::kNone) {
    drains_.erase(target);
  } else {
    drains_[target] = stage;
  }
  for (const ServiceKey& key : services_with(target)) dirty_.insert(key);
}

std::vector<ServiceKey> DesiredState::services_with(const DrainTarget& target) const {
  std::vector<ServiceKey> keys;
  for (const auto& [key, entry] : entries_) {
    const bool has_one =
        std::any_of(entry.wanted.begin(), entry.wanted.end(), [&](const auto& source) {
          const auto& reals = source.second.reals;
          return std::any_of(reals.begin(), reals.end(), [&](const RealConfig& real) {
            return target.covers({real.address, real.port});
          });
        });
    if (has_one) keys.push_back(key);
  }
  return keys;
}

bool DesiredState::has_takers(const ServiceKey& key, const DrainTarget* trial) const {
  const auto service = merged(key, trial);
  if (!service) return false;
  const auto& reals = service->config.reals;
  return std::any_of(reals.begin(), reals.end(), [&](const RealConfig& real) {
    return real.weight != 0 && !service->down.contains({real.address, real.port});
  });
}

std::vector<ServiceKey> DesiredState::emptied_by(const DrainTarget& target) const {
  std::vector<ServiceKey> keys = services_with(target);
  std::erase_if(keys, [&](const ServiceKey& key) {
    return !has_takers(key, nullptr) || has_takers(key, &target);
  });
  return keys;
}

// The real may be meant by itself and by its address.
DrainStage DesiredState::drain_of(const RealKey& real) const {
  DrainStage stage = DrainStage::kNone;
  for (const uint16_t port : {real.port, uint16_t{0}}) {
    const auto found = drains_.find({real.address, port});
    if (found != drains_.end()) stage = std::max(stage, found->second);
  }
  return stage;
}

void DesiredState::forget_if_empty(std::map<ServiceKey, Entry>::iterator entry) {
  if (entry->second.wanted.empty() && entry->second.health.empty()) entries_.erase(entry);
}

std::optional<DesiredService> DesiredState::merged(const ServiceKey& key,
                                                   const DrainTarget* trial) const {
  const auto entry = entries_.find(key);
  if (entry == entries_.end() || entry->second.wanted.empty()) return std::nullopt;
  const auto& wanted = entry->second.wanted;
  DesiredService service{wanted.begin()->second, {}};
  ServiceConfig& config = service.config;
  if (wanted.size() > 1) {
    std::set<RealKey> known;
    for (const RealConfig& real : config.reals) known.insert({real.address, real.port});
    for (auto other = std::next(wanted.begin()); other != wanted.end(); ++other) {
      if (config.name.empty()) config.name = other->second.name;
      for (const RealConfig& real : other->second.reals) {
        if (known.insert({real.address, real.port}).second) config.reals.push_back(real);
      }
      const auto& coming = other->second.coming;
      config.coming.insert(config.coming.end(), coming.begin(), coming.end());
    }
    // What is starting in one source may be running in another.
    std::erase_if(config.coming, [&](const RealConfig& real) {
      return !known.insert({real.address, real.port}).second;
    });
  }
  std::set<RealKey> over;
  if (!drains_.empty() || trial != nullptr) {
    for (RealConfig& real : config.reals) {
      const RealKey real_key{real.address, real.port};
      const DrainStage stage = drain_of(real_key);
      const bool is_tried = trial != nullptr && trial->covers(real_key);
      if (stage != DrainStage::kNone || is_tried) real.weight = 0;
      if (stage == DrainStage::kOver) over.insert(real_key);
    }
  }
  // In this order: what the checks found decides whether flows go further than the own zone; only
  // those reals that are to get them then may be in panic, which those that were taken out are not.
  service.down = reals_down(config, entry->second.health);
  prefer_local_reals(config, service.down);
  service.is_in_panic = is_panic(config, service.down);
  if (service.is_in_panic) service.down.clear();
  service.down.merge(over);
  return service;
}

std::set<RealKey> reals_down(const ServiceConfig& service,
                             const std::map<RealKey, RealHealth>& health) {
  std::set<RealKey> down;
  if (health.empty()) return down;
  for (const RealConfig& real : service.reals) {
    const auto found = health.find({real.address, real.port});
    if (found != health.end() && found->second == RealHealth::kDown) down.insert(found->first);
  }
  return down;
}

bool is_panic(const ServiceConfig& service, const std::set<RealKey>& down) {
  if (down.empty()) return false;
  size_t usable = 0;  // what gets flows, were it up
  size_t up = 0;
  for (const RealConfig& real : service.reals) {
    if (real.weight == 0) continue;
    ++usable;
    if (!down.contains({real.address, real.port})) ++up;
  }
  if (up == 0 && usable != 0 && service.no_real == NoReal::kUseAll) return true;
  return up * 100 < usable * service.health.panic_percent;
}

namespace {

// A UDP or SCTP service answers no TCP connection, unless the check has a port of its own.
bool can_be_checked(const ServiceKey& key, const HealthConfig& health) {
  if (health.type == HealthType::kNone) return false;
  if (health.port != 0 || key.protocol == Protocol::kTcp) return true;
  return key.protocol == Protocol::kUdp && health.type == HealthType::kDns;
}

// What stands at a real's own port expects a header there, of checks, too.
bool expects_proxy_header(const ServiceKey& key, const ServiceConfig& service) {
  return service.client_address == ClientAddress::kProxyV2 && service.mode == Mode::kFullnat &&
         key.protocol == Protocol::kTcp && service.health.port == 0;
}

}  // namespace

std::vector<RealKey> HealthTargets::follow(const ServiceKey& key, const ServiceConfig* service) {
  std::set<RealKey> wanted;
  if (service != nullptr && can_be_checked(key, service->health)) {
    for (const RealConfig& real : service->reals) {
      // One that is reached at whatever port is asked for is checked at the check's own.
      if (real.port == 0 && service->health.port == 0) continue;
      wanted.insert({real.address, real.port});
    }
  }
  Check check;
  if (service != nullptr) check = {service->health, expects_proxy_header(key, *service)};
  const auto found = followed_.find(key);
  std::vector<RealKey> gone;
  if (found == followed_.end() && wanted.empty()) return gone;
  Followed& followed = found == followed_.end() ? followed_[key] : found->second;
  for (const RealKey& real : followed.reals) {
    if (wanted.contains(real)) continue;
    changes_[{key, real}] = std::nullopt;
    gone.push_back(real);
  }
  for (const RealKey& real : wanted) {
    if (followed.reals.contains(real) && followed.check == check) continue;
    changes_[{key, real}] = check;
  }
  if (wanted.empty()) {
    followed_.erase(key);
  } else {
    followed = {std::move(check), std::move(wanted)};
  }
  return gone;
}

HealthChanges HealthTargets::take_changes() {
  HealthChanges changes;
  for (auto& [target, check] : changes_) {
    if (check) {
      changes.add.push_back(
          {target.first, target.second, std::move(check->config), check->sends_proxy_header});
    } else {
      changes.remove.push_back(target);
    }
  }
  changes_.clear();
  return changes;
}

bool HealthTargets::contains(const ServiceKey& key, const RealKey& real) const {
  const auto found = followed_.find(key);
  return found != followed_.end() && found->second.reals.contains(real);
}

}  // namespace vipgate
