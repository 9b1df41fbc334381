#include "controlplane/rest/service_index.h"

#include <iterator>

namespace vipgate {
namespace {

const std::set<std::string>& ids_at(const std::map<std::string, std::set<std::string>>& ids,
                                    const std::string& name) {
  static const std::set<std::string> kNone;
  const auto found = ids.find(name);
  return found == ids.end() ? kNone : found->second;
}

void remove_at(std::map<std::string, std::set<std::string>>& ids, const std::string& name,
               const std::string& id) {
  const auto found = ids.find(name);
  found->second.erase(id);
  if (found->second.empty()) ids.erase(found);
}

}  // namespace

const std::set<std::string>& ServiceIndex::named(const std::string& name) const {
  return ids_at(names_, name);
}

const std::set<std::string>& ServiceIndex::falling_back_on(const std::string& name) const {
  return ids_at(fallbacks_, name);
}

ServiceIndex::Label ServiceIndex::label_of(const ServiceConfig& service) {
  return {service.name, vip_family(service), service.port, service.extent, service.protocol};
}

// A port of its own, and all ports, may stand beside ranges.
bool ServiceIndex::has_range(const ServiceConfig& service) {
  const bool has_all = service.port == 0 && service.extent.port_last == kLastPort;
  return !service.vip_auto && service.extent.port_last != 0 && !has_all;
}

void ServiceIndex::add(const std::string& id, const ServiceConfig& service) {
  ++services_;
  reals_ += service.reals.size();
  names_[service.name].insert(id);
  if (service.no_real == NoReal::kFallback) fallbacks_[service.fallback].insert(id);
  labels_.insert_or_assign(label_of(service), id);
  if (has_range(service)) ranges_[ranges_of(service)].insert_or_assign(service.port, id);
  if (service.mode != Mode::kNat) return;
  for (const RealConfig& real : service.reals) {
    nat_reals_[{real.address, real.port, service.protocol}].insert(id);
  }
}

void ServiceIndex::remove(const std::string& id, const ServiceConfig& service) {
  --services_;
  reals_ -= service.reals.size();
  remove_at(names_, service.name, id);
  if (service.no_real == NoReal::kFallback) remove_at(fallbacks_, service.fallback, id);
  // Another one may have taken its place already.
  const auto label = labels_.find(label_of(service));
  if (label != labels_.end() && label->second == id) labels_.erase(label);
  if (const auto ranges = ranges_.find(ranges_of(service)); ranges != ranges_.end()) {
    const auto range = ranges->second.find(service.port);
    if (range != ranges->second.end() && range->second == id) ranges->second.erase(range);
    if (ranges->second.empty()) ranges_.erase(ranges);
  }
  if (service.mode != Mode::kNat) return;
  for (const RealConfig& real : service.reals) {
    const auto users = nat_reals_.find({real.address, real.port, service.protocol});
    if (users == nat_reals_.end()) continue;  // a real that the service has twice
    users->second.erase(id);
    if (users->second.empty()) nat_reals_.erase(users);
  }
}

const std::string* ServiceIndex::same_label(const ServiceConfig& service) const {
  const auto found = labels_.find(label_of(service));
  return found == labels_.end() ? nullptr : &found->second;
}

std::set<std::string> ServiceIndex::rivals(const ServiceConfig& service,
                                           const std::string& replaced) const {
  std::set<std::string> ids;
  if (const std::string* same = same_label(service)) ids.insert(*same);
  const auto ranges = has_range(service) ? ranges_.find(ranges_of(service)) : ranges_.end();
  if (ranges != ranges_.end()) {
    // They are apart from each other: the nearest ones would be hit first.
    auto next = ranges->second.lower_bound(service.port);
    if (next != ranges->second.end() && next->second == replaced) ++next;
    if (next != ranges->second.end()) ids.insert(next->second);
    auto before = ranges->second.lower_bound(service.port);
    if (before != ranges->second.begin()) ids.insert(std::prev(before)->second);
  }
  if (service.mode == Mode::kNat) {
    for (const RealConfig& real : service.reals) {
      const auto users = nat_reals_.find({real.address, real.port, service.protocol});
      if (users == nat_reals_.end()) continue;
      auto user = users->second.begin();
      if (*user == replaced) ++user;
      if (user != users->second.end()) ids.insert(*user);
    }
  }
  ids.erase(replaced);
  return ids;
}

ServicesBeside ServiceIndex::beside(const ServiceConfig& service,
                                    const std::vector<const ServiceConfig*>& rivals,
                                    const ServiceConfig* replaced) const {
  ServicesBeside beside{services_ - rivals.size(), reals_, names_.size()};
  std::set<std::string_view> looked_at{service.name};
  for (const ServiceConfig* rival : rivals) {
    beside.reals -= rival->reals.size();
    looked_at.insert(rival->name);
  }
  for (const std::string_view name : looked_at) beside.names -= names_.contains(std::string(name));
  if (replaced == nullptr) return beside;
  --beside.services;
  beside.reals -= replaced->reals.size();
  const bool is_last = named(replaced->name).size() == 1;
  if (is_last && !looked_at.contains(replaced->name)) --beside.names;
  return beside;
}

}  // namespace vipgate
