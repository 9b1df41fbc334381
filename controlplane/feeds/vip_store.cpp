#include "controlplane/feeds/vip_store.h"

#include <charconv>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vipgate {
namespace {

// "name/redis.marathon 4" → "11.202.66.36"; "port/11.0.0.1 80 tcp" → "marathon".
constexpr std::string_view kNamePrefix = "name/";
constexpr std::string_view kPortPrefix = "port/";

std::string key_of(const VipAllocation& allocation) {
  return std::string(kNamePrefix) + allocation.name + " " +
         std::to_string(allocation.address.family());
}

std::string key_of(const VipOwner& owner) {
  return std::string(kPortPrefix) + to_string(owner.key.vip) + " " +
         std::to_string(owner.key.port) + " " + std::string(to_string(owner.key.protocol));
}

std::optional<VipAllocation> stored_allocation(std::string_view key, std::string_view value) {
  if (!key.starts_with(kNamePrefix)) return std::nullopt;
  key.remove_prefix(kNamePrefix.size());
  const auto address = parse_ip_address(value);
  const size_t space = key.rfind(' ');
  if (!address || space == std::string_view::npos) return std::nullopt;
  if (key.substr(space + 1) != std::to_string(address->family())) return std::nullopt;
  return VipAllocation{std::string(key.substr(0, space)), *address};
}

std::optional<VipOwner> stored_owner(std::string_view key, std::string_view value) {
  if (!key.starts_with(kPortPrefix)) return std::nullopt;
  key.remove_prefix(kPortPrefix.size());
  const size_t first = key.find(' ');
  const size_t last = key.rfind(' ');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  VipOwner owner;
  const auto address = parse_ip_address(key.substr(0, first));
  const std::string_view port = key.substr(first + 1, last - first - 1);
  const char* end = port.data() + port.size();
  const auto parsed = std::from_chars(port.data(), end, owner.key.port);
  if (!address || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  owner.key.vip = *address;
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
    if (key.substr(last + 1) != to_string(protocol)) continue;
    owner.key.protocol = protocol;
    owner.framework = value;
    return owner;
  }
  return std::nullopt;
}

// The value is not told, and not needed: any that fits the key will do.
bool adopt_removal(const std::string& key, VipAllocator& allocator) {
  const char* address = key.ends_with(" 6") ? "::" : "0.0.0.0";
  if (const auto allocation = stored_allocation(key, address)) {
    allocator.adopt_removal(*allocation);
    return true;
  }
  if (const auto owner = stored_owner(key, "")) {
    allocator.adopt_removal(*owner);
    return true;
  }
  return false;
}

}  // namespace

Status restore_vips(StateStore& store, VipAllocator& allocator) {
  auto stored = store.load(kVipSpace);
  if (!stored) return Error{stored.error()};
  std::vector<VipAllocation> allocations;
  std::vector<VipOwner> owners;
  for (const auto& [key, value] : *stored) {
    if (auto allocation = stored_allocation(key, value))
      allocations.push_back(std::move(*allocation));
    if (auto owner = stored_owner(key, value)) owners.push_back(std::move(*owner));
  }
  allocator.restore(allocations, owners);
  return Done{};
}

void save_vips(VipAllocator& allocator, StateStore& store) {
  const VipAllocator::Dirty dirty = allocator.take_dirty();
  std::vector<StoreWrite> batch;
  const auto put = [&](const auto& item, std::optional<std::string> value) {
    batch.push_back({std::string(kVipSpace), key_of(item), std::move(value)});
  };
  for (const VipAllocation& gone : dirty.allocations_gone) put(gone, std::nullopt);
  for (const VipOwner& gone : dirty.owners_gone) put(gone, std::nullopt);
  for (const VipAllocation& made : dirty.allocations) put(made, to_string(made.address));
  for (const VipOwner& made : dirty.owners) put(made, made.framework);
  if (!batch.empty()) store.write(std::move(batch));
}

bool adopt_vip(const StoreWrite& change, VipAllocator& allocator) {
  if (change.space != kVipSpace) return false;
  if (!change.value) return adopt_removal(change.key, allocator);
  if (const auto allocation = stored_allocation(change.key, *change.value)) {
    allocator.adopt(*allocation);
    return true;
  }
  if (const auto owner = stored_owner(change.key, *change.value)) {
    allocator.adopt(*owner);
    return true;
  }
  return false;
}

}  // namespace vipgate
