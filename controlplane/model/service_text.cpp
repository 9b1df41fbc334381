#include "controlplane/model/service_text.h"

#include "common/json_text.h"

namespace vipgate {
namespace {

// A number, 0 for all ports, or a range.
std::string port_text(const ServiceConfig& service) {
  const uint16_t last = service.extent.port_last;
  if (last == 0 || (service.port == 0 && last == kLastPort)) return std::to_string(service.port);
  return json_quote(std::to_string(service.port) + "-" + std::to_string(last));
}

}  // namespace

std::string_view to_string(Origin origin) {
  switch (origin) {
    case Origin::kYaml:
      return "yaml";
    case Origin::kRest:
      return "rest";
    case Origin::kMesos:
      return "mesos";
  }
  return "";
}

std::string vip_text(const ServiceConfig& service) {
  if (service.extent.prefix_length == 0) return to_string(service.vip);
  return to_string(IpPrefix{service.vip, service.extent.prefix_length});
}

std::string service_members(const ServiceConfig& service, const std::string& fqdn) {
  return "\"name\":" + (service.name.empty() ? "null" : json_quote(service.name)) +
         ",\"fqdn\":" + (fqdn.empty() ? "null" : json_quote(fqdn)) +
         ",\"vip\":" + json_quote(vip_text(service)) + ",\"port\":" + port_text(service) +
         ",\"protocol\":" + json_quote(to_string(service.protocol)) +
         ",\"mode\":" + json_quote(to_string(service.mode)) +
         ",\"origin\":" + json_quote(to_string(service.origin));
}

std::string real_text(const IpAddress& address, uint16_t port, uint32_t weight, RealState state) {
  return "{\"address\":" + json_quote(to_string(address)) + ",\"port\":" + std::to_string(port) +
         ",\"weight\":" + std::to_string(weight) + ",\"state\":" + json_quote(to_string(state)) +
         "}";
}

}  // namespace vipgate
