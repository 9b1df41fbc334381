#include "controlplane/naming/yaml_vips.h"

namespace vipgate {
namespace {

// A service without reals waits for ones of IPv4.
int family_of(const ServiceConfig& service) {
  return service.reals.empty() ? 4 : service.reals.front().address.family();
}

}  // namespace

Status YamlVips::resolve(Config& config, VipAllocator& allocator) {
  std::map<Name, IpAddress> pinned;
  std::set<Name> wanted;
  for (const ServiceConfig& service : config.services) {
    if (service.vip_auto) {
      wanted.insert({service.name, family_of(service)});
    } else if (!service.name.empty() && service.extent.prefix_length == 0) {
      pinned.insert_or_assign({service.name, service.vip.family()}, service.vip);
    }
  }
  for (const auto& [name, address] : pinned_) {
    const auto kept = pinned.find(name);
    if (kept == pinned.end() || kept->second != address) allocator.unpin(name.first, name.second);
  }
  for (const auto& [name, address] : pinned) {
    const auto known = pinned_.find(name);
    if (known == pinned_.end() || known->second != address) allocator.pin(name.first, address);
  }
  for (const Name& name : allocated_) {
    if (!wanted.contains(name)) allocator.release(name.first, name.second);
  }
  for (const int family : {4, 6}) {
    std::set<std::string> names;
    for (const Name& name : wanted) {
      if (name.second == family && !allocated_.contains(name)) names.insert(name.first);
    }
    if (!names.empty()) allocator.allocate(names, family);
  }
  pinned_ = std::move(pinned);
  allocated_ = std::move(wanted);
  for (ServiceConfig& service : config.services) {
    if (!service.vip_auto) continue;
    const auto address = allocator.address_of(service.name, family_of(service));
    if (!address) {
      return Error{config.file + ": service '" + service.name +
                   "': no address is left for `vip: auto` in named_vips.ipv" +
                   std::to_string(family_of(service)) + "; widen the range"};
    }
    service.vip = *address;
  }
  return Done{};
}

}  // namespace vipgate
