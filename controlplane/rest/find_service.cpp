#include "controlplane/rest/find_service.h"

#include "controlplane/rest/rest_services.h"

namespace vipgate {
namespace {

// What stands before the length of a prefix, or before the port.
std::string_view address_in(std::string_view id) {
  if (id.starts_with('[')) return id.substr(1, id.find_first_of("/]") - 1);
  return id.substr(0, id.find_first_of("/:"));
}

}  // namespace

const std::pair<const ServiceKey, ModelService>* find_service(const Model& model,
                                                              std::string_view id) {
  const auto vip = parse_ip_address(address_in(id));
  if (!vip) return nullptr;
  const auto& services = model.services();
  for (auto at = services.lower_bound({*vip, 0, Protocol{}});
       at != services.end() && at->first.vip == *vip; ++at) {
    if (service_id(at->first) == id) return &*at;
  }
  return nullptr;
}

}  // namespace vipgate
