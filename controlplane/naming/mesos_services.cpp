#include "controlplane/naming/mesos_services.h"

#include <algorithm>

namespace vipgate {

MesosServices::Backends& MesosServices::backends_of(const VipUse& use) {
  if (use.name.empty()) {
    const ServiceKey key{use.vip, use.port, use.protocol};
    touched_claims_.insert(key);
    return claims_[key].claimants[use.framework];
  }
  // A name has a VIP of each family that it has backends of.
  const int family = use.real.address.family();
  if (last_name_.key == nullptr || last_name_.key->second != family ||
      last_name_.key->first != use.name) {
    const auto vip = names_.try_emplace({use.name, family}).first;
    last_name_ = {&vip->first, &vip->second, &touched_names_[vip->first]};
  }
  last_name_.touched->insert({use.port, use.protocol});
  return last_name_.vip->ports[{use.port, use.protocol}];
}

void MesosServices::add(const VipUse& use) {
  Backends& backends = backends_of(use);
  (use.is_coming ? backends.coming : backends.reals)[use.real].count(use, 1);
}

void MesosServices::remove(const VipUse& use) {
  Backends& backends = backends_of(use);
  Reals& reals = use.is_coming ? backends.coming : backends.reals;
  const auto real = reals.find(use.real);
  if (real == reals.end()) return;
  real->second.count(use, -1);
  if (!real->second.is_used()) reals.erase(real);
}

void MesosServices::finish(SourceChange& change) {
  last_name_ = {};
  notice_moves();
  allocate_new();
  for (const auto& [key, ports] : touched_names_) {
    if (const auto vip = names_.find(key); vip != names_.end()) {
      publish(key, vip->second, ports, change);
    }
  }
  for (const ServiceKey& key : touched_claims_) publish_claim(key, change);
  touched_claims_.clear();
  const bool freed = release_unused();
  touched_names_.clear();
  if (freed) retry(change);
  moves_ = allocator_.moves();
}

// What became free may be what another name or a claim waits for.
void MesosServices::retry(SourceChange& change) {
  for (const NameKey& key : unplaced_) touched_names_[key];
  allocate_new();
  for (const auto& [key, ports] : touched_names_) publish(key, names_[key], ports, change);
  touched_names_.clear();
  std::set<ServiceKey> waiting;
  for (const auto& [key, claim] : claims_) {
    if (claim.owner.empty()) waiting.insert(key);
  }
  for (const ServiceKey& key : waiting) publish_claim(key, change);
}

// Another source may have pinned an address that a name of ours has, or let go of one that we want.
void MesosServices::notice_moves() {
  if (moves_ == allocator_.moves()) return;
  moves_ = allocator_.moves();
  for (const auto& [key, vip] : names_) {
    if (!vip.address || allocator_.address_of(key.first, key.second) != vip.address) {
      touched_names_[key];
    }
  }
  for (auto& [key, claim] : claims_) {
    const std::string* owner = allocator_.owner_of(key);
    if (!claim.owner.empty() && (owner == nullptr || *owner != claim.owner)) claim.owner.clear();
    if (claim.owner.empty()) touched_claims_.insert(key);
  }
}

// Names that come together are allocated together, for the sake of their order.
void MesosServices::allocate_new() {
  std::map<int, std::set<std::string>> wanted;
  for (const auto& [key, ports] : touched_names_) {
    NamedVip& vip = names_[key];
    if (!vip.is_allocated && vip.is_served()) wanted[key.second].insert(key.first);
  }
  for (const auto& [family, names] : wanted) {
    allocator_.allocate(names, family);
    for (const std::string& name : names) {
      const NameKey key{name, family};
      NamedVip& vip = names_[key];
      vip.is_allocated = allocator_.address_of(name, family).has_value();
      if (vip.is_allocated) {
        unplaced_.erase(key);
      } else {
        allocator_.release(name, family);
        unplaced_.insert(key);
      }
    }
  }
}

void MesosServices::publish(const NameKey& key, NamedVip& vip, const std::set<PortKey>& touched,
                            SourceChange& change) {
  const auto now = vip.is_allocated ? allocator_.address_of(key.first, key.second) : std::nullopt;
  const bool moved = now != vip.address;
  for (auto port = vip.ports.begin(); port != vip.ports.end();) {
    const auto& [number, protocol] = port->first;
    if (!moved && !touched.contains(port->first)) {
      ++port;
      continue;
    }
    if (vip.address && (moved || !port->second.is_served())) {
      change.services.try_emplace(ServiceKey{*vip.address, number, protocol}, std::nullopt);
    }
    if (now && port->second.is_served()) {
      const ServiceKey service_key{*now, number, protocol};
      change.services[service_key] = service(key.first, service_key, port->second);
    }
    port = port->second.is_unused() ? vip.ports.erase(port) : std::next(port);
  }
  vip.address = now;
}

bool MesosServices::release_unused() {
  bool freed = false;
  for (const auto& [key, ports] : touched_names_) {
    const auto vip = names_.find(key);
    if (vip == names_.end() || vip->second.is_served()) continue;
    if (vip->second.is_allocated) {
      allocator_.release(key.first, key.second);
      freed = true;
    }
    unplaced_.erase(key);
    vip->second.is_allocated = false;
    vip->second.address.reset();
    if (vip->second.ports.empty()) names_.erase(vip);
  }
  return freed;
}

void MesosServices::publish_claim(const ServiceKey& key, SourceChange& change) {
  ClaimedVip& claim = claims_[key];
  const auto owner = claim.claimants.find(claim.owner);
  if (owner != claim.claimants.end() && !owner->second.is_served()) {
    allocator_.release_claim(key, claim.owner);
    claim.owner.clear();
  }
  std::erase_if(claim.claimants, [](const auto& one) { return one.second.is_unused(); });
  // In the order of the names: of those that come together the lowest wins.
  for (const auto& [framework, backends] : claim.claimants) {
    if (!claim.owner.empty()) break;
    if (backends.is_served() && allocator_.claim(key, framework)) claim.owner = framework;
  }
  if (claim.owner.empty()) {
    change.services.try_emplace(key, std::nullopt);
  } else {
    change.services[key] = service("", key, claim.claimants[claim.owner]);
  }
  if (claim.claimants.empty()) claims_.erase(key);
}

ServiceConfig MesosServices::service(const std::string& name, const ServiceKey& key,
                                     const Backends& backends) const {
  const NamedVipsConfig& options = config_.named_vips;
  ServiceConfig service;
  static_cast<ServicePolicy&>(service) = config_.defaults;
  service.name = name;
  service.vip = key.vip;
  service.port = key.port;
  service.protocol = key.protocol;
  service.mode = options.mode;
  if (!options.snat_pool.empty()) service.snat_pool = options.snat_pool;
  service.track = options.track;
  service.tunnel = options.tunnel;
  service.timeouts = config_.timeouts;
  service.locality = options.locality;
  service.health = options.health;
  service.origin = Origin::kMesos;
  service.reals.reserve(backends.reals.size());
  for (const auto& [real, uses] : backends.reals) {
    const auto weight = static_cast<uint16_t>(uses.weights[1] > 0 ? 1 : 0);
    service.reals.push_back({real.address, real.port, weight, {}, uses.local > 0});
  }
  for (const auto& [real, uses] : backends.coming) {
    if (backends.reals.contains(real)) continue;
    service.coming.push_back({real.address, real.port, 1, {}, uses.local > 0});
  }
  return service;
}

std::optional<std::string> MesosServices::refusal(const VipUse& use) const {
  if (!use.name.empty()) {
    if (!unplaced_.contains({use.name, use.real.address.family()})) return std::nullopt;
    return "every address of the range is taken: widen named_vips.ipv4 or .ipv6";
  }
  const ServiceKey key{use.vip, use.port, use.protocol};
  const auto claim = claims_.find(key);
  if (claim != claims_.end() && claim->second.owner == use.framework) return std::nullopt;
  if (const std::string* owner = allocator_.owner_of(key); owner != nullptr) {
    return "framework '" + *owner +
           "' has it: it was the first to claim it, or the lowest name of those that came together";
  }
  const std::string* name = allocator_.name_at(use.vip);
  return "its address is that of the name '" + (name == nullptr ? "" : *name) + "'";
}

}  // namespace vipgate
