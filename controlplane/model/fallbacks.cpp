#include "controlplane/model/fallbacks.h"

#include <algorithm>
#include <memory>

#include "controlplane/config/config_rules.h"

namespace vipgate {
namespace {

std::string kind_of(const ServiceConfig& service) {
  return "IPv" + std::to_string(vip_family(service)) + " " +
         std::string(to_string(service.protocol));
}

bool is_like(const ServiceConfig& service, const ServiceConfig& other) {
  return vip_family(service) == vip_family(other) && service.protocol == other.protocol;
}

}  // namespace

Result<const ServiceConfig*> Fallbacks::find(const ServiceConfig& service) const {
  const std::string name = quote_value(service.fallback);
  const std::vector<const ServiceConfig*> named = named_(service.fallback);
  if (named.empty()) {
    return Error{"there is no service " + name + " to fall back on; write the name of one " +
                 where_};
  }
  std::vector<const ServiceConfig*> others;
  std::vector<const ServiceConfig*> same_port;
  for (const ServiceConfig* other : named) {
    if (!is_like(service, *other)) continue;
    others.push_back(other);
    if (other->port == service.port && other->extent == service.extent) same_port.push_back(other);
  }
  if (others.empty()) {
    return Error{"the service " + name + " has no " + kind_of(service) +
                 " port, as a fallback of this one needs it; write the name of one that has"};
  }
  const auto& chosen = others.size() == 1 ? others : same_port;
  if (chosen.size() != 1) {
    return Error{"the service " + name + " has several " + kind_of(service) +
                 " ports, and not one that is this one's; write the name of a service with one "
                 "port, or with the same"};
  }
  const ServiceConfig* fallback = chosen.front();
  if (fallback == &service) {
    return Error{
        "the service would fall back on itself; write the name of another, or reject, drop "
        "or use_all"};
  }
  if (fallback->mode != service.mode) {
    return Error{"the service " + name + " is of the mode " +
                 std::string(to_string(fallback->mode)) + ", and this one of " +
                 std::string(to_string(service.mode)) + "; a fallback has the same mode"};
  }
  return fallback;
}

std::optional<ServiceKey> Fallbacks::key(const ServiceConfig& service) const {
  if (service.no_real != NoReal::kFallback) return std::nullopt;
  const auto found = find(service);
  return found ? std::optional(key_of(**found)) : std::nullopt;
}

std::optional<Fallbacks::Fault> Fallbacks::fault(const ServiceConfig& start,
                                                 std::set<const ServiceConfig*>& seen) const {
  std::vector<const ServiceConfig*> way;
  const ServiceConfig* at = &start;
  while (at->no_real == NoReal::kFallback && seen.insert(at).second) {
    way.push_back(at);
    const auto next = find(*at);
    if (!next) return Fault{at, next.error(), false};
    at = *next;
  }
  auto member = std::find(way.begin(), way.end(), at);
  if (member == way.end()) return std::nullopt;
  std::string circle;
  for (; member != way.end(); ++member) circle += (*member)->name + ", ";
  return Fault{at,
               "the fallbacks go in a circle: " + circle + "and again " + at->name +
                   "; let one of them be reject, drop or use_all",
               true};
}

Fallbacks::Named services_by_name(const std::vector<ServiceConfig>& services) {
  const auto by_name = std::make_shared<std::multimap<std::string_view, const ServiceConfig*>>();
  for (const ServiceConfig& service : services) by_name->emplace(service.name, &service);
  return [by_name](const std::string& name) {
    std::vector<const ServiceConfig*> all;
    const auto [begin, end] = by_name->equal_range(name);
    for (auto at = begin; at != end; ++at) all.push_back(at->second);
    return all;
  };
}

Fallbacks fallbacks_among(const std::vector<ServiceConfig>& services) {
  return {services_by_name(services), "in this file"};
}

std::map<ServiceKey, ServiceKey> fallbacks_of(const Config& config) {
  std::map<ServiceKey, ServiceKey> all;
  const auto falls_back = [](const ServiceConfig& service) {
    return service.no_real == NoReal::kFallback;
  };
  if (std::none_of(config.services.begin(), config.services.end(), falls_back)) return all;
  const Fallbacks fallbacks = fallbacks_among(config.services);
  for (const ServiceConfig& service : config.services) {
    if (const auto fallback = fallbacks.key(service)) all.emplace(key_of(service), *fallback);
  }
  return all;
}

bool FallbackTable::set(const ServiceKey& service, const std::optional<ServiceKey>& fallback) {
  const auto known = fallbacks_.find(service);
  if (known != fallbacks_.end()) {
    if (fallback == known->second) return false;
    const auto others = dependents_.find(known->second);
    others->second.erase(service);
    if (others->second.empty()) dependents_.erase(others);
    fallbacks_.erase(known);
  } else if (!fallback) {
    return false;
  }
  if (fallback) {
    fallbacks_.emplace(service, *fallback);
    dependents_[*fallback].insert(service);
  }
  return true;
}

std::set<ServiceKey> FallbackTable::replace(const std::map<ServiceKey, ServiceKey>& all) {
  std::set<ServiceKey> changed;
  std::set<ServiceKey> gone;
  for (const auto& [service, fallback] : fallbacks_) {
    if (!all.contains(service)) gone.insert(service);
  }
  for (const ServiceKey& service : gone) set(service, std::nullopt);
  for (const auto& [service, fallback] : all) {
    if (set(service, fallback)) changed.insert(service);
  }
  changed.merge(gone);
  return changed;
}

const ServiceKey* FallbackTable::find(const ServiceKey& service) const {
  const auto found = fallbacks_.find(service);
  return found == fallbacks_.end() ? nullptr : &found->second;
}

void FallbackTable::add_dependents(std::set<ServiceKey>& services) const {
  if (dependents_.empty()) return;
  std::set<ServiceKey> added;
  for (const ServiceKey& service : services) {
    const auto found = dependents_.find(service);
    if (found != dependents_.end()) added.insert(found->second.begin(), found->second.end());
  }
  services.merge(added);
}

}  // namespace vipgate
