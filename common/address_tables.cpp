#include "common/address_tables.h"

#include <algorithm>
#include <optional>

#include "common/snapshot_builder.h"

namespace vipgate {

template <class Address, size_t kInlinePorts>
void AddressTableKeeper<Address, kInlinePorts>::set_frame(const SnapshotFrame& frame) {
  std::map<Address, Entry> fixed;
  const auto add = [&](const IpAddress& address, AddressKind kind, bool kernel, uint32_t slot) {
    if (!is_ours(address)) return;
    Entry& entry = fixed[address.as<Address>()];
    entry.kind = kind;
    entry.kernel = kernel;
    entry.slot = slot;
  };
  for (const OwnAddress& own : frame.own) add(own.address, AddressKind::kOwn, own.kernel, kNone);
  for (const IpAddress& address : frame.dns_listen) {
    add(address, AddressKind::kDns, false, kNone);
  }
  for (uint32_t i = 0; i < frame.snat_addresses.size(); ++i) {
    const bool is_for_dns = frame.dns_policy.forwarding.is_source(i);
    add(frame.snat_addresses[i].address, is_for_dns ? AddressKind::kDnsSource : AddressKind::kSnat,
        false, i);
  }
  for (const auto& [address, entry] : fixed_) touched_.insert(address);
  for (const auto& [address, entry] : fixed) touched_.insert(address);
  fixed_ = std::move(fixed);
}

namespace {

PortClaim claim_of(const ServiceSpec& service) {
  const ServiceExtent& extent = service.extent;
  return {service.port, extent.port_last != 0 ? extent.port_last : service.port,
          static_cast<uint8_t>(service.protocol), service.index};
}

}  // namespace

template <class Address, size_t kInlinePorts>
auto AddressTableKeeper<Address, kInlinePorts>::vip_at(const Address& address) -> Vip& {
  Vip& vip = vips_[address];
  if (vip.slot == kNone) {
    if (free_slots_.empty()) free_slots_.push_back(next_slot_++);
    vip.slot = free_slots_.back();
    free_slots_.pop_back();
  }
  touched_.insert(address);
  return vip;
}

template <class Address, size_t kInlinePorts>
auto AddressTableKeeper<Address, kInlinePorts>::wide_key(const ServiceSpec& service) -> WideKey {
  const int bits = WideServices<Address>::kBits;
  const int length = service.extent.prefix_length == 0 ? bits : service.extent.prefix_length;
  return {length, masked(service.vip.as<Address>(), length)};
}

template <class Address, size_t kInlinePorts>
void AddressTableKeeper<Address, kInlinePorts>::add(const ServiceSpec& service) {
  if (!is_ours(service.vip)) return;
  const auto address = service.vip.as<Address>();
  if (service.extent.is_wide()) {
    wide_[wide_key(service)].push_back(claim_of(service));
    touched_wide_.insert(wide_key(service));
    if (service.extent.prefix_length == 0) ++vip_at(address).wide;
  } else {
    Vip& vip = vip_at(address);
    const Port port{service.port, static_cast<uint8_t>(service.protocol), service.index};
    vip.ports.insert(std::upper_bound(vip.ports.begin(), vip.ports.end(), port), port);
  }
  touch_nat_reals(service, true);
}

template <class Address, size_t kInlinePorts>
void AddressTableKeeper<Address, kInlinePorts>::remove(const ServiceSpec& service) {
  if (!is_ours(service.vip)) return;
  const auto address = service.vip.as<Address>();
  if (service.extent.is_wide()) {
    std::erase(wide_[wide_key(service)], claim_of(service));
    touched_wide_.insert(wide_key(service));
    if (service.extent.prefix_length == 0) --vip_at(address).wide;
  } else {
    std::erase(vip_at(address).ports,
               Port{service.port, static_cast<uint8_t>(service.protocol), service.index});
  }
  touch_nat_reals(service, false);
}

// The mode does not matter: a service that was `nat` before still has flows of it.
template <class Address, size_t kInlinePorts>
void AddressTableKeeper<Address, kInlinePorts>::touch_nat_reals(const ServiceSpec& service,
                                                                bool is_added) {
  for (const RealSpec& real : service.reals) {
    if (real.return_flow_id == 0) continue;
    const NatKey key{{real.address.as<Address>(), real.port},
                     static_cast<uint8_t>(service.protocol)};
    NatReal& shared = nat_reals_[key];
    if (is_added) {
      shared.flow_id = real.return_flow_id;
      ++shared.users;
    } else {
      --shared.users;
    }
    touched_nat_reals_.insert(key);
  }
}

template <class Address, size_t kInlinePorts>
auto AddressTableKeeper<Address, kInlinePorts>::entry_of(const Vip& vip) -> Entry {
  Entry entry;
  entry.kind = AddressKind::kVip;
  entry.slot = vip.slot;
  entry.has_more = vip.ports.size() > kInlinePorts;
  entry.port_count = static_cast<uint8_t>(std::min(vip.ports.size(), kInlinePorts));
  for (size_t i = 0; i < entry.port_count; ++i) {
    entry.service[i] = vip.ports[i].service;
    entry.port[i] = Be16(vip.ports[i].port);
    entry.protocol[i] = vip.ports[i].protocol;
  }
  return entry;
}

template <class Address, size_t kInlinePorts>
void AddressTableKeeper<Address, kInlinePorts>::update_addresses() {
  std::vector<typename decltype(Table::addresses)::Change> addresses;
  std::vector<typename decltype(Table::more)::Change> more;
  const auto key_of = [](const Vip& vip, const Port& port) {
    return VipPort{vip.slot, Be16(port.port), port.protocol, 0};
  };
  for (const Address& address : touched_) {
    std::optional<Entry> entry;
    const auto found = vips_.find(address);
    if (found != vips_.end()) {
      Vip& vip = found->second;
      std::vector<Port> now;
      if (vip.ports.size() > kInlinePorts) {
        now.assign(vip.ports.begin() + kInlinePorts, vip.ports.end());
      }
      if (now != vip.more) {
        for (const Port& port : vip.more) more.emplace_back(key_of(vip, port), std::nullopt);
        for (const Port& port : now) more.emplace_back(key_of(vip, port), port.service);
        vip.more = std::move(now);
      }
      if (vip.ports.empty() && vip.wide == 0) {
        free_slots_.push_back(vip.slot);
        vips_.erase(found);
      } else {
        entry = entry_of(vip);
      }
    }
    if (const auto fixed = fixed_.find(address); fixed != fixed_.end()) entry = fixed->second;
    const Entry* before = table_.addresses.find(address);
    if (entry ? before == nullptr || !(*before == *entry) : before != nullptr) {
      addresses.emplace_back(address, entry);
    }
  }
  touched_.clear();
  if (!addresses.empty()) {
    table_.addresses = table_.addresses.with(addresses);
    update_filter();
  }
  table_.more = table_.more.with(more);
}

// Anew, as the bit of an address that is gone may be another one's, too.
template <class Address, size_t kInlinePorts>
void AddressTableKeeper<Address, kInlinePorts>::update_filter() {
  table_.filter = {};
  if (table_.addresses.size() > AddressFilter<Address>::kMostAddresses) return table_.filter.fill();
  table_.addresses.for_each(
      [&](const Address& address, const Entry&) { table_.filter.add(address); });
}

template <class Address, size_t kInlinePorts>
void AddressTableKeeper<Address, kInlinePorts>::update_nat_reals() {
  using Map = decltype(Table::nat_reals);
  std::vector<typename Map::Change> narrow, wide;
  const auto note = [](const Map& map, std::vector<typename Map::Change>& changes,
                       const Endpoint<Address>& endpoint, std::optional<uint32_t> flow_id) {
    const uint32_t* before = map.find(endpoint);
    if (flow_id ? before == nullptr || *before != *flow_id : before != nullptr) {
      changes.emplace_back(endpoint, flow_id);
    }
  };
  for (const NatKey& key : touched_nat_reals_) {
    const Endpoint<Address> endpoint{key.first.first, Be16(key.first.second), key.second, 0};
    const auto found = nat_reals_.find(key);
    std::optional<uint32_t> flow_id;
    if (found->second.users == 0) {
      nat_reals_.erase(found);
    } else {
      flow_id = found->second.flow_id;
    }
    const bool is_wide_id = flow_id && is_wide(*flow_id);
    note(table_.nat_reals, narrow, endpoint, is_wide_id ? std::nullopt : flow_id);
    note(table_.wide_nat_reals, wide, endpoint, is_wide_id ? flow_id : std::nullopt);
  }
  touched_nat_reals_.clear();
  table_.nat_reals = table_.nat_reals.with(narrow);
  table_.wide_nat_reals = table_.wide_nat_reals.with(wide);
}

template <class Address, size_t kInlinePorts>
void AddressTableKeeper<Address, kInlinePorts>::update_wide() {
  std::vector<typename WideServices<Address>::Change> changes;
  for (const WideKey& key : touched_wide_) {
    const auto found = wide_.find(key);
    if (found->second.empty()) {
      changes.push_back({key.first, key.second, nullptr});
      wide_.erase(found);
    } else {
      changes.push_back({key.first, key.second, std::make_shared<WidePorts>(found->second)});
    }
  }
  touched_wide_.clear();
  table_.wide = table_.wide.with(changes);
}

template <class Address, size_t kInlinePorts>
auto AddressTableKeeper<Address, kInlinePorts>::table() -> const Table& {
  if (!touched_.empty()) update_addresses();
  if (!touched_nat_reals_.empty()) update_nat_reals();
  if (!touched_wide_.empty()) update_wide();
  return table_;
}

template class AddressTableKeeper<Ipv4Address, 7>;
template class AddressTableKeeper<Ipv6Address, 5>;

}  // namespace vipgate
