// Which address a named VIP has, and who may have an IP VIP: one answer for all sources. The first
// choice is a function of the name alone, so gateways agree without talking; what depends on more
// than that (a collision, who came first) is remembered and goes to the state store.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/addresses.h"
#include "common/result.h"
#include "controlplane/config.h"
#include "controlplane/model.h"

namespace vipgate {

// Jenkins' lookup2 as Erlang's phash2 uses it on a binary (spec: named VIPs 3).
uint32_t phash2(std::string_view octets);

struct VipAllocation {
  std::string name;  // cleaned, "redis.marathon"
  IpAddress address;
  friend auto operator<=>(const VipAllocation&, const VipAllocation&) = default;
};

// An IP VIP's port, and the framework that claimed it first.
struct VipOwner {
  ServiceKey key;
  std::string framework;
  friend auto operator<=>(const VipOwner&, const VipOwner&) = default;
};

// Owned and called by the control thread.
class VipAllocator {
 public:
  explicit VipAllocator(const NamedVipsConfig& config);

  // What the state store had, before anything is allocated. What does not fit the configuration's
  // ranges is ignored.
  void restore(const std::vector<VipAllocation>& allocations, const std::vector<VipOwner>& owners);
  // A name that has its address from the configuration: it is never given to another name.
  void pin(const std::string& name, const IpAddress& address);
  void unpin(const std::string& name, int family);

  // The addresses of names that become known together: the lowest in byte order choose first, so
  // that the order of arrival does not matter among them. An error: the range is full.
  void allocate(const std::set<std::string>& names, int family);
  std::optional<IpAddress> address_of(const std::string& name, int family) const;
  // Nobody uses the name any longer. The address stays its own until another name needs it.
  void release(const std::string& name, int family);

  // True: `framework` has it, and has it from now on. False: the owner is another one.
  bool claim(const ServiceKey& key, const std::string& framework);
  const std::string* owner_of(const ServiceKey& key) const;
  void release_claim(const ServiceKey& key, const std::string& framework);

  // What the state store should have and has not yet: new or gone since the last call.
  struct Dirty {
    std::vector<VipAllocation> allocations, allocations_gone;
    std::vector<VipOwner> owners, owners_gone;
  };
  Dirty take_dirty();
  // Names that did not get their first choice.
  size_t collisions() const;
};

}  // namespace vipgate
