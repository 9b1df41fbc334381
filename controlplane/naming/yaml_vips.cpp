#include "controlplane/naming/yaml_vips.h"

#include <limits>
#include <set>
#include <vector>

namespace vipgate {
namespace {

constexpr size_t kBehindTheFile = std::numeric_limits<size_t>::max();

// A service without reals waits for ones of IPv4.
int family_of(const ServiceConfig& service) {
  return service.reals.empty() ? 4 : service.reals.front().address.family();
}

}  // namespace

std::optional<IpAddress> YamlVips::Use::pinned() const {
  return pins.empty() ? std::nullopt : std::optional(pins.rbegin()->second);
}

// Nothing: what the allocator has to do with addresses is not touched by the service.
std::optional<YamlVips::Name> YamlVips::name_of(const ServiceConfig& service) {
  if (service.vip_auto) return Name{service.name, family_of(service)};
  if (service.name.empty() || service.extent.prefix_length != 0) return std::nullopt;
  return Name{service.name, service.vip.family()};
}

void YamlVips::add(Uses& uses, const ServiceConfig& service, size_t position) {
  const auto name = name_of(service);
  if (!name) return;
  Use& use = uses[*name];
  if (service.vip_auto) {
    ++use.wanted;
  } else if (service.origin == Origin::kRest) {
    use.pins.insert_or_assign({kBehindTheFile, key_of(service)}, service.vip);
  } else {
    use.pins.insert_or_assign({position, {}}, service.vip);
  }
}

// REQUIRES: it is one of the API's.
void YamlVips::remove(Uses& uses, const ServiceConfig& service) {
  const auto name = name_of(service);
  if (!name) return;
  const auto use = uses.find(*name);
  if (use == uses.end()) return;
  if (service.vip_auto) {
    --use->second.wanted;
  } else {
    use->second.pins.erase({kBehindTheFile, key_of(service)});
  }
  if (use->second.wanted == 0 && use->second.pins.empty()) uses.erase(use);
}

// In this order, whatever has changed, so that what is free is known before any is given out.
void YamlVips::settle(const Uses& before, const Uses& after, VipAllocator& allocator) {
  static const Use kNone;
  const auto in = [](const Uses& uses, const Name& name) -> const Use& {
    const auto found = uses.find(name);
    return found == uses.end() ? kNone : found->second;
  };
  for (const auto& [name, use] : before) {
    const auto pinned = use.pinned();
    if (pinned && pinned != in(after, name).pinned()) allocator.unpin(name.first, name.second);
  }
  for (const auto& [name, use] : after) {
    const auto pinned = use.pinned();
    if (pinned && pinned != in(before, name).pinned()) allocator.pin(name.first, *pinned);
  }
  for (const auto& [name, use] : before) {
    if (use.wanted != 0 && in(after, name).wanted == 0) allocator.release(name.first, name.second);
  }
  for (const int family : {4, 6}) {
    std::set<std::string> names;
    for (const auto& [name, use] : after) {
      const bool is_new = use.wanted != 0 && in(before, name).wanted == 0;
      if (is_new && name.second == family) names.insert(names.end(), name.first);
    }
    if (!names.empty()) allocator.allocate(names, family);
  }
}

Status YamlVips::resolve(Config& config, VipAllocator& allocator) {
  Uses uses;
  for (size_t i = 0; i < config.services.size(); ++i) add(uses, config.services[i], i);
  settle(uses_, uses, allocator);
  uses_ = std::move(uses);
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

// Of the names that these have.
YamlVips::Uses YamlVips::uses_of(const ServiceConfig* before, const ServiceConfig* after) const {
  Uses uses;
  for (const ServiceConfig* service : {before, after}) {
    const auto name = service == nullptr ? std::nullopt : name_of(*service);
    if (!name) continue;
    const auto known = uses_.find(*name);
    if (known != uses_.end()) uses.insert(*known);
  }
  return uses;
}

void YamlVips::change(const ServiceConfig* before, const ServiceConfig* after,
                      VipAllocator& allocator) {
  const Uses were = uses_of(before, after);
  if (before != nullptr) remove(uses_, *before);
  if (after != nullptr) add(uses_, *after, 0);
  settle(were, uses_of(before, after), allocator);
}

std::optional<IpAddress> YamlVips::address_alone(const ServiceConfig* before,
                                                 const ServiceConfig* after,
                                                 const VipAllocator& allocator) const {
  const ServiceConfig* one = after != nullptr ? after : before;
  const auto name = name_of(*one);
  if (before != nullptr && (name_of(*before) != name || before->vip_auto != one->vip_auto)) {
    return std::nullopt;
  }
  if (!name) return one->vip;
  // One that is given back is nobody else's at once.
  if (one->vip_auto) {
    return after == nullptr ? one->vip : allocator.address_for(name->first, name->second);
  }
  Uses uses = uses_of(before, after);
  const auto pinned = [&] {
    const auto use = uses.find(*name);
    return use == uses.end() ? std::nullopt : use->second.pinned();
  };
  const auto was = pinned();
  if (before != nullptr) remove(uses, *before);
  if (after != nullptr) add(uses, *after, 0);
  const auto will_be = pinned();
  const bool is_quiet =
      was == will_be || (will_be ? allocator.can_pin_quietly(name->first, *will_be)
                                 : !allocator.is_used(name->first, name->second));
  return is_quiet ? std::optional(one->vip) : std::nullopt;
}

}  // namespace vipgate
