#include "controlplane/naming/vip_allocator.h"

#include <utility>

#include "controlplane/naming/vip_choice.h"

namespace vipgate {
namespace {

// Names that nobody uses any longer and that keep their address: beyond it the oldest are
// forgotten, since short-lived names would otherwise fill the memory.
constexpr size_t kMaxUnusedNames = 100'000;

}  // namespace

VipAllocator::VipAllocator(const NamedVipsConfig& config) {
  v4_.range = config.ipv4;
  v6_.range = config.ipv6;
}

void VipAllocator::restore(const std::vector<VipAllocation>& allocations,
                           const std::vector<VipOwner>& owners) {
  for (const VipAllocation& allocation : allocations) {
    const int number = allocation.address.family();
    stored_names_[{allocation.name, number}] = allocation.address;
    touched_names_.insert({allocation.name, number});
    Family& family = family_of(number);
    if (number == 0 || !family.range.contains(allocation.address)) continue;
    if (family.holders.contains(allocation.address) || family.names.contains(allocation.name)) {
      continue;
    }
    Entry& entry = family.names[allocation.name];
    give(family, allocation.name, entry, allocation.address);
    set_unused(family, allocation.name, entry);
  }
  for (const VipOwner& owner : owners) {
    stored_owners_[owner.key] = owner.framework;
    touched_owners_.insert(owner.key);
    if (name_at(owner.key.vip) == nullptr) owners_.try_emplace(owner.key, Owner{owner.framework});
  }
}

void VipAllocator::adopt(const VipAllocation& allocation) {
  const int number = allocation.address.family();
  Family& family = family_of(number);
  stored_names_[{allocation.name, number}] = allocation.address;
  touched_names_.insert({allocation.name, number});
  if (number == 0 || !family.range.contains(allocation.address)) return;
  Entry& entry = family.names[allocation.name];
  if (entry.pinned || entry.address == allocation.address) return;
  std::string other;
  if (const auto holder = family.holders.find(allocation.address); holder != family.holders.end()) {
    other = holder->second;
    if (family.names[other].pinned) {
      if (entry.users == 0 && !entry.address) family.names.erase(allocation.name);
      return;
    }
    take_away(family, other, family.names[other]);
  }
  drop_claims(allocation.address);
  take_away(family, allocation.name, entry);
  give(family, allocation.name, entry, allocation.address);
  if (entry.users > 0) {
    ++moves_;
  } else {
    set_used(family, entry);
    set_unused(family, allocation.name, entry);
  }
  if (!other.empty()) find_another(family, other);
}

void VipAllocator::adopt(const VipOwner& owner) {
  stored_owners_[owner.key] = owner.framework;
  touched_owners_.insert(owner.key);
  if (name_at(owner.key.vip) != nullptr) return;
  const auto [at, is_new] = owners_.try_emplace(owner.key, Owner{owner.framework});
  if (is_new || at->second.framework == owner.framework) return;
  at->second = Owner{owner.framework};
  ++moves_;
}

void VipAllocator::adopt_removal(const VipAllocation& allocation) {
  const NameKey key{allocation.name, allocation.address.family()};
  stored_names_.erase(key);
  const Family& family = family_of(key.second);
  const auto found = family.names.find(allocation.name);
  if (found != family.names.end() && found->second.users > 0) touched_names_.insert(key);
}

void VipAllocator::adopt_removal(const VipOwner& owner) {
  stored_owners_.erase(owner.key);
  const auto found = owners_.find(owner.key);
  if (found != owners_.end() && found->second.users > 0) touched_owners_.insert(owner.key);
}

void VipAllocator::pin(const std::string& name, const IpAddress& address) {
  Family& family = family_of(address.family());
  Entry& entry = family.names[name];
  if (entry.pinned && entry.address == address) return;
  set_used(family, entry);
  take_away(family, name, entry);
  entry.pinned = true;
  if (entry.users > 0) ++moves_;
  drop_claims(address);

  // Several names of the configuration may share an address.
  std::string other;
  if (const auto holder = family.holders.find(address); holder != family.holders.end()) {
    other = holder->second;
    if (family.names[other].pinned) {
      other.clear();
    } else {
      take_away(family, other, family.names[other]);
    }
  }
  entry.address = address;
  family.holders.try_emplace(address, name);
  family.pins.insert({address, name});
  touched_names_.insert({name, address.family()});
  if (!other.empty()) find_another(family, other);
}

void VipAllocator::unpin(const std::string& name, int number) {
  Family& family = family_of(number);
  const auto found = family.names.find(name);
  if (found == family.names.end() || !found->second.pinned) return;
  take_away(family, name, found->second);
  find_another(family, name);
}

void VipAllocator::allocate(const std::set<std::string>& names, int number) {
  Family& family = family_of(number);
  if (family.range.first.family() != number) return;
  for (const std::string& name : names) {
    Entry& entry = family.names[name];
    if (entry.users == 0) set_used(family, entry);
    ++entry.users;
    if (!entry.address) choose(family, name, entry);
  }
}

std::optional<IpAddress> VipAllocator::address_of(const std::string& name, int number) const {
  const Family& family = family_of(number);
  const auto found = family.names.find(name);
  return found == family.names.end() ? std::nullopt : found->second.address;
}

std::optional<IpAddress> VipAllocator::address_for(const std::string& name, int number) const {
  const Family& family = family_of(number);
  const auto address = address_of(name, number);
  if (address || family.range.first.family() != number) return address;
  return choice(family, name);
}

bool VipAllocator::is_used(const std::string& name, int number) const {
  const Family& family = family_of(number);
  const auto known = family.names.find(name);
  return known != family.names.end() && known->second.users > 0;
}

bool VipAllocator::can_pin_quietly(const std::string& name, const IpAddress& address) const {
  if (is_used(name, address.family())) return false;
  const Family& family = family_of(address.family());
  const auto holder = family.holders.find(address);
  return holder == family.holders.end() || family.names.find(holder->second)->second.pinned ||
         is_to_be_had(family, address);
}

void VipAllocator::release(const std::string& name, int number) {
  Family& family = family_of(number);
  const auto found = family.names.find(name);
  if (found == family.names.end() || found->second.users == 0) return;
  if (--found->second.users > 0 || found->second.pinned) return;
  if (!found->second.address) {
    forget(family, name);
    return;
  }
  set_unused(family, name, found->second);
  if (family.unused.size() > kMaxUnusedNames) {
    const std::string oldest = family.unused.begin()->second;
    forget(family, oldest);
  }
}

bool VipAllocator::claim(const ServiceKey& key, const std::string& framework) {
  if (!evict_unused(family_of(key.vip.family()), key.vip)) return false;
  const auto [found, added] = owners_.try_emplace(key, Owner{framework});
  Owner& owner = found->second;
  if (added) touched_owners_.insert(key);
  if (owner.framework != framework) return false;
  ++owner.users;
  return true;
}

const std::string* VipAllocator::owner_of(const ServiceKey& key) const {
  const auto found = owners_.find(key);
  return found == owners_.end() ? nullptr : &found->second.framework;
}

const std::string* VipAllocator::name_at(const IpAddress& address) const {
  const Family& family = family_of(address.family());
  const auto found = family.holders.find(address);
  return found == family.holders.end() ? nullptr : &found->second;
}

void VipAllocator::release_claim(const ServiceKey& key, const std::string& framework) {
  const auto found = owners_.find(key);
  if (found == owners_.end() || found->second.framework != framework) return;
  if (found->second.users > 0) --found->second.users;
  if (found->second.users > 0) return;
  owners_.erase(found);
  ++moves_;
  touched_owners_.insert(key);
}

void VipAllocator::forget_unused_claims() {
  for (auto owner = owners_.begin(); owner != owners_.end();) {
    if (owner->second.users > 0) {
      ++owner;
      continue;
    }
    touched_owners_.insert(owner->first);
    owner = owners_.erase(owner);
    ++moves_;
  }
}

VipAllocator::Dirty VipAllocator::take_dirty() {
  Dirty dirty;
  for (const NameKey& key : touched_names_) {
    const Family& family = family_of(key.second);
    const auto found = family.names.find(key.first);
    const bool kept = found != family.names.end() && !found->second.pinned;
    const std::optional<IpAddress> now = kept ? found->second.address : std::nullopt;
    const auto stored = stored_names_.find(key);
    if (stored != stored_names_.end() && stored->second != now) {
      dirty.allocations_gone.push_back({key.first, stored->second});
      stored_names_.erase(stored);
    }
    if (now && stored_names_.try_emplace(key, *now).second) {
      dirty.allocations.push_back({key.first, *now});
    }
  }
  touched_names_.clear();
  for (const ServiceKey& key : touched_owners_) {
    const std::string* now = owner_of(key);
    const auto stored = stored_owners_.find(key);
    if (stored != stored_owners_.end() && (now == nullptr || *now != stored->second)) {
      dirty.owners_gone.push_back({key, stored->second});
      stored_owners_.erase(stored);
    }
    if (now != nullptr && stored_owners_.try_emplace(key, *now).second) {
      dirty.owners.push_back({key, *now});
    }
  }
  touched_owners_.clear();
  return dirty;
}

std::string VipAllocator::a_displaced_name() const {
  for (const Family* family : {&v4_, &v6_}) {
    for (const auto& [name, entry] : family->names) {
      if (entry.displaced) return name;
    }
  }
  return "";
}

// Its first choice, or the next free one after it.
std::optional<IpAddress> VipAllocator::choice(const Family& family, const std::string& name) const {
  const IpAddress wanted = first_choice(family.range, name);
  IpAddress address = wanted;
  do {
    if (!is_claimed(address) && is_to_be_had(family, address)) return address;
    address = next_choice(family.range, address);
  } while (address != wanted);
  return std::nullopt;
}

void VipAllocator::choose(Family& family, const std::string& name, Entry& entry) {
  const auto address = choice(family, name);
  if (!address) return;
  evict_unused(family, *address);
  give(family, name, entry, *address);
}

void VipAllocator::give(Family& family, const std::string& name, Entry& entry,
                        const IpAddress& address) {
  entry.address = address;
  entry.displaced = address != first_choice(family.range, name);
  if (entry.displaced) ++collisions_;
  family.holders[address] = name;
  touched_names_.insert({name, address.family()});
}

void VipAllocator::take_away(Family& family, const std::string& name, Entry& entry) {
  if (!entry.address) return;
  const IpAddress address = *entry.address;
  touched_names_.insert({name, address.family()});
  entry.address.reset();
  if (std::exchange(entry.displaced, false)) --collisions_;
  entry.pinned = false;
  family.pins.erase({address, name});
  const auto holder = family.holders.find(address);
  if (holder == family.holders.end() || holder->second != name) return;
  const auto next = family.pins.lower_bound({address, std::string()});
  if (next != family.pins.end() && next->first == address) {
    holder->second = next->second;
  } else {
    family.holders.erase(holder);
  }
}

// Of a name that lost its address.
void VipAllocator::find_another(Family& family, const std::string& name) {
  Entry& entry = family.names[name];
  if (entry.users == 0) {
    forget(family, name);
    return;
  }
  choose(family, name, entry);
  ++moves_;
}

void VipAllocator::drop_claims(const IpAddress& address) {
  auto owner = owners_.lower_bound(ServiceKey{address, 0, Protocol{}});
  for (; owner != owners_.end() && owner->first.vip == address; ++moves_) {
    touched_owners_.insert(owner->first);
    owner = owners_.erase(owner);
  }
}

// `name` may be part of what goes: only the key is used once something went.
void VipAllocator::forget(Family& family, const std::string& name) {
  const auto found = family.names.find(name);
  if (found == family.names.end()) return;
  set_used(family, found->second);
  take_away(family, found->first, found->second);
  family.names.erase(found);
}

bool VipAllocator::is_to_be_had(const Family& family, const IpAddress& address) {
  const auto holder = family.holders.find(address);
  if (holder == family.holders.end()) return true;
  const Entry& entry = family.names.find(holder->second)->second;
  return entry.users == 0 && !entry.pinned;
}

// True: the address is free now.
bool VipAllocator::evict_unused(Family& family, const IpAddress& address) {
  if (!is_to_be_had(family, address)) return false;
  if (const auto holder = family.holders.find(address); holder != family.holders.end()) {
    forget(family, std::string(holder->second));
  }
  return true;
}

void VipAllocator::set_unused(Family& family, const std::string& name, Entry& entry) {
  entry.released_at = ++releases_;
  family.unused[entry.released_at] = name;
}

void VipAllocator::set_used(Family& family, Entry& entry) {
  if (entry.released_at == 0) return;
  family.unused.erase(entry.released_at);
  entry.released_at = 0;
}

bool VipAllocator::is_claimed(const IpAddress& address) const {
  const auto owner = owners_.lower_bound(ServiceKey{address, 0, Protocol{}});
  return owner != owners_.end() && owner->first.vip == address;
}

}  // namespace vipgate
