// The part of RestServices that knows on which service another one falls back.
#include <utility>

#include "controlplane/rest/rest_services.h"

namespace vipgate {
namespace {

constexpr const char* kWhere = "that was made by the API, or stands in the configuration file";

bool is_known_alike(const ServiceConfig& service, const ServiceConfig& other) {
  return service.name == other.name && vip_family(service) == vip_family(other) &&
         service.protocol == other.protocol && service.port == other.port &&
         service.extent == other.extent && service.mode == other.mode;
}

}  // namespace

void RestServices::set_file_services(const std::vector<ServiceConfig>& services) {
  file_services_.clear();
  for (const ServiceConfig& service : services) {
    ServiceConfig known;
    known.name = service.name;
    known.vip = service.vip;
    known.port = service.port;
    known.extent = service.extent;
    known.protocol = service.protocol;
    known.mode = service.mode;
    file_services_.emplace(service.name, std::move(known));
  }
}

std::vector<const ServiceConfig*> RestServices::file_services(const std::string& name) const {
  std::vector<const ServiceConfig*> services;
  const auto [begin, end] = file_services_.equal_range(name);
  for (auto at = begin; at != end; ++at) services.push_back(&at->second);
  return services;
}

Fallbacks RestServices::fallbacks(const ServiceConfig* added, const std::string& replaced) const {
  const auto named = [this, added, replaced](const std::string& name) {
    std::vector<const ServiceConfig*> services;
    for (const std::string& id : index_.named(name)) {
      if (id != replaced) services.push_back(&services_.at(id).config);
    }
    if (added != nullptr && added->name == name) services.push_back(added);
    return services.empty() ? file_services(name) : services;
  };
  return {named, kWhere};
}

Fallbacks RestServices::fallbacks_among(const std::vector<ServiceConfig>& all) const {
  const auto named = [this, known = services_by_name(all)](const std::string& name) {
    const std::vector<const ServiceConfig*> services = known(name);
    return services.empty() ? file_services(name) : services;
  };
  return {named, kWhere};
}

// Ids of those whose fallback may be another one with `after` in the place of `before`; null: there
// is none.
std::set<std::string> RestServices::dependents(const ServiceConfig* before,
                                               const ServiceConfig* after) const {
  const bool is_alike =
      before != nullptr && after != nullptr && is_known_alike(*before, *after) && !after->vip_auto;
  std::set<std::string> ids;
  if (is_alike && before->vip == after->vip) return ids;
  for (const ServiceConfig* service : {before, after}) {
    if (service == nullptr) continue;
    const auto& leaning = index_.falling_back_on(service->name);
    ids.insert(leaning.begin(), leaning.end());
  }
  return ids;
}

// What is wrong with the fallback of `read`, which may be null, or gets wrong with those of others.
// What was wrong with them before is no reason.
std::optional<RestProblem> RestServices::fallback_problem(const Fallbacks& fallbacks,
                                                          const std::set<std::string>& dependents,
                                                          const ServiceConfig* read) const {
  const auto wrong = [](const std::string& why) {
    return RestProblem{
        422, "the document is wrong; nothing was changed", {{"no_real", "no_real: " + why}}};
  };
  const auto lost = [](const RestService& service, const std::string& why) {
    return RestProblem{409,
                       "the service " + service_id(service.key) + " falls back on '" +
                           service.config.fallback + "', and could not any longer: " + why +
                           "; change its no_real first",
                       {}};
  };
  if (read != nullptr && read->no_real == NoReal::kFallback) {
    if (const auto found = fallbacks.find(*read); !found) return wrong(found.error());
  }
  for (const std::string& id : dependents) {
    const RestService& service = services_.at(id);
    if (!service.fallback) continue;
    if (const auto found = fallbacks.find(service.config); !found)
      return lost(service, found.error());
  }
  std::set<const ServiceConfig*> seen;
  if (read != nullptr) {
    const auto fault = fallbacks.fault(*read, seen);
    if (fault && fault->is_circle) return wrong(fault->why);
  }
  for (const std::string& id : dependents) {
    const auto fault = fallbacks.fault(services_.at(id).config, seen);
    if (fault && fault->is_circle) return lost(services_.at(id), fault->why);
  }
  return std::nullopt;
}

void RestServices::tell_lost_fallbacks(const RestPlan& plan, std::vector<std::string>& problems) {
  for (const auto& [id, service] : plan.services) {
    if (service.config.no_real != NoReal::kFallback || service.fallback) continue;
    problems.push_back(id + " has no service '" + service.config.fallback +
                       "' to fall back on: without a real it refuses clients");
  }
}

void RestServices::note_dependents(RestPlan& plan, const Fallbacks& fallbacks,
                                   const std::set<std::string>& dependents) const {
  for (const std::string& id : dependents) {
    const RestService& known = services_.at(id);
    const auto fallback = fallbacks.key(known.config);
    if (fallback == known.fallback) continue;
    RestService changed = known;
    changed.fallback = fallback;
    plan.is_alone = false;
    note(plan, std::move(changed));
  }
}

}  // namespace vipgate
