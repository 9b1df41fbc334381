#include "controlplane/rest/model_text.h"

#include "common/json_text.h"
#include "controlplane/model/service_text.h"
#include "controlplane/rest/find_service.h"
#include "controlplane/rest/service_walk.h"

namespace vipgate {
namespace {

const char* state_of(const ModelService& service) {
  if (!service.is_configured()) return "leaving";
  return service.has_takers() ? "serving" : "no_real";
}

std::string one_text(const ServiceKey& key, const ModelService& service, const RestServices& made,
                     const DnsOptions& dns) {
  const std::string id = service_id(key);
  const auto fqdn =
      service.config.name.empty() ? Error{"no name"} : dns_service_fqdn(service.config.name, dns);
  std::string text = "{\"id\":" + json_quote(id) + "," +
                     service_members(service.config, fqdn ? *fqdn : "") +
                     ",\"state\":" + json_quote(state_of(service)) + ",\"reals\":[";
  bool is_first = true;
  for (const auto& [real, state] : service.reals) {
    text += (is_first ? "" : ",") + real_text(real.address, real.port, state.weight, state.state);
    is_first = false;
  }
  text += "]";
  if (const auto known = made.services().find(id); known != made.services().end()) {
    text += ",\"document\":" + known->second.json;
  }
  return text + "}";
}

}  // namespace

bool list_services(const Model& model, const RestServices& made, const DnsOptions& dns,
                   const ServiceFilter& filter, ServiceListing& listing, size_t most) {
  const bool has_more = walk_services(
      model, listing.last, most, [&](const ServiceKey& key, const ModelService& service) {
        const ServiceConfig& config = service.config;
        if (!filter.name.empty() && config.name != filter.name) return;
        if (!filter.origin.empty() && to_string(config.origin) != filter.origin) return;
        listing.text += listing.text.ends_with('[') ? "\n" : ",\n";
        listing.text += one_text(key, service, made, dns);
      });
  if (!has_more) listing.text += "\n]}\n";
  return has_more;
}

std::string model_text(const Model& model, const RestServices& made, const DnsOptions& dns,
                       const std::string& id) {
  const auto* found = find_service(model, id);
  return found == nullptr ? "" : one_text(found->first, found->second, made, dns) + "\n";
}

}  // namespace vipgate
