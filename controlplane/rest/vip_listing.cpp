#include "controlplane/rest/vip_listing.h"

#include <map>
#include <set>

#include "controlplane/rest/pretty_json.h"
#include "controlplane/rest/service_walk.h"

namespace vipgate {
namespace {

bool is_of_one_port(const ServiceKey& key) {
  return key.port != 0 && key.extent == ServiceExtent{};
}

std::string vip_name(const VipListing::Vip& vip, const DnsOptions& dns) {
  const auto fqdn = vip.name.empty() ? Error{"no name"} : dns_service_fqdn(vip.name, dns);
  return (fqdn ? *fqdn : to_string(vip.key.vip)) + ":" + std::to_string(vip.key.port);
}

}  // namespace

bool list_vips(const Model& model, VipListing& listing, size_t most) {
  return walk_services(
      model, listing.last, most, [&](const ServiceKey& key, const ModelService& service) {
        if (!service.is_configured() || !is_of_one_port(key)) return;
        VipListing::Vip& vip =
            listing.vips.emplace_back(VipListing::Vip{service.config.name, key, {}});
        for (const auto& [real, state] : service.reals) {
          if (state.takes_flows()) vip.reals.push_back(real);
        }
      });
}

std::string vips_text(const VipListing& listing, const DnsOptions& dns) {
  std::map<std::pair<std::string, Protocol>, std::set<RealKey>> vips;
  for (const VipListing::Vip& vip : listing.vips) {
    vips[{vip_name(vip, dns), vip.key.protocol}].insert(vip.reals.begin(), vip.reals.end());
  }
  PrettyJson json;
  json.open('[');
  for (const auto& [vip, reals] : vips) {
    json.open('{');
    json.member("vip", vip.first);
    json.member("protocol", to_string(vip.second));
    json.key("backend");
    json.open('[');
    for (const RealKey& real : reals) {
      json.open('{');
      json.member("ip", to_string(real.address));
      json.key("port");
      json.number(real.port);
      json.close();
    }
    json.close();
    json.close();
  }
  json.close();
  return json.take();
}

}  // namespace vipgate
