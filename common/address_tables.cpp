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
    add(frame.snat_addresses[i].address, AddressKind::kSnat, false, i);
  }
  for (const auto& [address, entry] : fixed_) touched_.insert(address);
  for (const auto& [address, entry] : fixed) touched_.insert(address);
  fixed_ = std::move(fixed);
}

template <class Address, size_t kInlinePorts>
void AddressTableKeeper<Address, kInlinePorts>::add(const ServiceSpec& service) {
  if (!is_ours(service.vip)) return;
  const auto address = service.vip.as<Address>();
  Vip& vip = vips_[address];
  if (vip.slot == kNone) {
    if (free_slots_.empty()) free_slots_.push_back(next_slot_++);
    vip.slot = free_slots_.back();
    free_slots_.pop_back();
  }
  const Port port{service.port, static_cast<uint8_t>(service.protocol), service.index};
  vip.ports.insert(std::upper_bound(vip.ports.begin(), vip.ports.end(), port), port);
  touched_.insert(address);
  touch_nat_reals(service, true);
}

template <class Address, size_t kInlinePorts>
void AddressTableKeeper<Address, kInlinePorts>::remove(const ServiceSpec& service) {
  if (!is_ours(service.vip)) return;
  const auto address = service.vip.as<Address>();
  std::erase(vips_[address].ports,
             Port{service.port, static_cast<uint8_t>(service.protocol), service.index});
  touched_.insert(address);
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
      if (vip.ports.empty()) {
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
  table_.addresses = table_.addresses.with(addresses);
  table_.more = table_.more.with(more);
}

template <class Address, size_t kInlinePorts>
void AddressTableKeeper<Address, kInlinePorts>::update_nat_reals() {
  std::vector<typename decltype(Table::nat_reals)::Change> changes;
  for (const NatKey& key : touched_nat_reals_) {
    const Endpoint<Address> endpoint{key.first.first, Be16(key.first.second), key.second, 0};
    const auto found = nat_reals_.find(key);
    std::optional<uint32_t> flow_id;
    if (found->second.users == 0) {
      nat_reals_.erase(found);
    } else {
      flow_id = found->second.flow_id;
    }
    const uint32_t* before = table_.nat_reals.find(endpoint);
    if (flow_id ? before == nullptr || *before != *flow_id : before != nullptr) {
      changes.emplace_back(endpoint, flow_id);
    }
  }
  touched_nat_reals_.clear();
  table_.nat_reals = table_.nat_reals.with(changes);
}

template <class Address, size_t kInlinePorts>
auto AddressTableKeeper<Address, kInlinePorts>::table() -> const Table& {
  if (!touched_.empty()) update_addresses();
  if (!touched_nat_reals_.empty()) update_nat_reals();
  return table_;
}

template class AddressTableKeeper<Ipv4Address, 7>;
template class AddressTableKeeper<Ipv6Address, 5>;

}  // namespace vipgate
