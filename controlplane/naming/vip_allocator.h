// Which address a named VIP has, and who may have an IP VIP: one answer for all sources. The first
// choice is a function of the name alone, so gateways agree without talking; what depends on more
// than that (a collision, who came first) is remembered and goes to the state store.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/addresses.h"
#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/model/model.h"

namespace vipgate {

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
  // What another gateway has decided, which wins over what was decided here: who has the address by
  // another name moves away. What is pinned here, or does not fit the ranges, stays.
  void adopt(const VipAllocation& allocation);
  void adopt(const VipOwner& owner);
  // The entry is no longer in the shared store: it is put there again when it is in use here.
  void adopt_removal(const VipAllocation& allocation);
  void adopt_removal(const VipOwner& owner);
  // A name that has its address from the configuration: it is never given to another name. Whoever
  // had it by allocation or claim moves away.
  void pin(const std::string& name, const IpAddress& address);
  void unpin(const std::string& name, int family);

  // The addresses of names that become known together: the lowest in byte order choose first, so
  // that the order of arrival does not matter among them. A name that stays without an address: the
  // range is full. Each call is a use that wants a release() later: clusters may share a name.
  void allocate(const std::set<std::string>& names, int family);
  std::optional<IpAddress> address_of(const std::string& name, int family) const;
  // What allocate() of this name alone would give it. That takes no address from a name in use.
  std::optional<IpAddress> address_for(const std::string& name, int family) const;
  // Whether somebody has it by allocate().
  bool is_used(const std::string& name, int family) const;
  // Whether pin() would leave every name in use its address.
  bool can_pin_quietly(const std::string& name, const IpAddress& address) const;
  // One user less. When nobody is left the address stays the name's own until another needs it.
  void release(const std::string& name, int family);

  // True: `framework` has it, and has it from now on. False: the owner is another one, or the
  // address is that of a name.
  bool claim(const ServiceKey& key, const std::string& framework);
  const std::string* owner_of(const ServiceKey& key) const;
  // The name that has the address, or nullptr.
  const std::string* name_at(const IpAddress& address) const;
  // For each claim() that was true, one.
  void release_claim(const ServiceKey& key, const std::string& framework);
  // Restored claims whose framework has not come back. To be called when every cluster has told
  // its whole state, and the agents that it waits for have had their time.
  void forget_unused_claims();
  // Grows whenever a name in use or a claim lost its address or an owner went: ask anew.
  uint64_t moves() const { return moves_; }

  // What the state store should have and has not yet: new or gone since the last call. A name whose
  // address changed is in both lists: take out what is gone first.
  struct Dirty {
    std::vector<VipAllocation> allocations, allocations_gone;
    std::vector<VipOwner> owners, owners_gone;
    bool operator==(const Dirty&) const = default;
  };
  Dirty take_dirty();
  // Names that did not get their first choice, and one of them ("": there is none).
  size_t collisions() const { return collisions_; }
  std::string a_displaced_name() const;

 private:
  struct Entry {
    std::optional<IpAddress> address;
    size_t users = 0;
    bool pinned = false;
    bool displaced = false;    // it did not get its first choice
    uint64_t released_at = 0;  // order in which names fell out of use
  };
  struct Owner {
    std::string framework;
    size_t users = 0;
  };
  // Names and addresses of one family.
  struct Family {
    IpRange range;
    std::map<std::string, Entry, std::less<>> names;
    std::map<IpAddress, std::string> holders;
    std::set<std::pair<IpAddress, std::string>> pins;
    std::map<uint64_t, std::string> unused;  // by released_at
  };
  using NameKey = std::pair<std::string, int>;

  Family& family_of(int family) { return family == 4 ? v4_ : v6_; }
  const Family& family_of(int family) const { return family == 4 ? v4_ : v6_; }
  std::optional<IpAddress> choice(const Family& family, const std::string& name) const;
  void choose(Family& family, const std::string& name, Entry& entry);
  void give(Family& family, const std::string& name, Entry& entry, const IpAddress& address);
  void take_away(Family& family, const std::string& name, Entry& entry);
  void find_another(Family& family, const std::string& name);
  void drop_claims(const IpAddress& address);
  // By value: the caller's may be the key that goes.
  void forget(Family& family, const std::string& name);
  // Nobody has the address, or a name that nobody uses.
  static bool is_to_be_had(const Family& family, const IpAddress& address);
  bool evict_unused(Family& family, const IpAddress& address);
  void set_unused(Family& family, const std::string& name, Entry& entry);
  void set_used(Family& family, Entry& entry);
  bool is_claimed(const IpAddress& address) const;

  Family v4_;
  Family v6_;
  std::map<ServiceKey, Owner> owners_;  // by address first
  uint64_t releases_ = 0;
  uint64_t moves_ = 0;
  size_t collisions_ = 0;

  std::set<NameKey> touched_names_;
  std::set<ServiceKey> touched_owners_;
  std::map<NameKey, IpAddress> stored_names_;
  std::map<ServiceKey, std::string> stored_owners_;
};

}  // namespace vipgate
