#include "controlplane/model/fallbacks.h"

#include <algorithm>
#include <string>
#include <vector>

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

Fallbacks::Fallbacks(const Config& config) : config_(config) {
  for (size_t i = 0; i < config.services.size(); ++i) {
    by_name_.emplace(config.services[i].name, i);
  }
}

Result<size_t> Fallbacks::find(size_t index) const {
  const ServiceConfig& service = config_.services[index];
  const std::string name = quote_value(service.fallback);
  const auto [begin, end] = by_name_.equal_range(service.fallback);
  if (begin == end) {
    return Error{"there is no service " + name +
                 " to fall back on; write the name of one in this "
                 "file"};
  }
  std::vector<size_t> others;
  std::vector<size_t> same_port;
  for (auto at = begin; at != end; ++at) {
    const ServiceConfig& other = config_.services[at->second];
    if (!is_like(service, other)) continue;
    others.push_back(at->second);
    if (other.port == service.port && other.extent == service.extent)
      same_port.push_back(at->second);
  }
  if (others.empty()) {
    return Error{"the service " + name + " has no " + kind_of(service) +
                 " port, as a fallback of this one needs it; write the name of one that has"};
  }
  const std::vector<size_t>& chosen = others.size() == 1 ? others : same_port;
  if (chosen.size() != 1) {
    return Error{"the service " + name + " has several " + kind_of(service) +
                 " ports, and not one that is this one's; write the name of a service with one "
                 "port, or with the same"};
  }
  const ServiceConfig& fallback = config_.services[chosen.front()];
  if (chosen.front() == index) {
    return Error{
        "the service would fall back on itself; write the name of another, or reject, drop "
        "or use_all"};
  }
  if (fallback.mode != service.mode) {
    return Error{"the service " + name + " is of the mode " +
                 std::string(to_string(fallback.mode)) + ", and this one of " +
                 std::string(to_string(service.mode)) + "; a fallback has the same mode"};
  }
  return chosen.front();
}

std::map<ServiceKey, ServiceKey> fallbacks_of(const Config& config) {
  std::map<ServiceKey, ServiceKey> all;
  const auto falls_back = [](const ServiceConfig& service) {
    return service.no_real == NoReal::kFallback;
  };
  if (std::none_of(config.services.begin(), config.services.end(), falls_back)) return all;
  const Fallbacks fallbacks(config);
  for (size_t i = 0; i < config.services.size(); ++i) {
    if (!falls_back(config.services[i])) continue;
    if (const auto found = fallbacks.find(i)) {
      all.emplace(key_of(config.services[i]), key_of(config.services[*found]));
    }
  }
  return all;
}

}  // namespace vipgate
