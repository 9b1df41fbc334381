#include "common/address_tables.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace vipgate {
namespace {

template <class Address, size_t kInlinePorts>
class TableMaker {
 public:
  using Table = AddressTable<Address, kInlinePorts>;

  static Table make(const SnapshotSpec& spec) {
    TableMaker maker;
    for (const OwnAddress& own : spec.own) maker.add(own.address, AddressKind::kOwn, own.kernel);
    for (const IpAddress& address : spec.dns_listen) maker.add(address, AddressKind::kDns);
    for (uint32_t i = 0; i < spec.snat_addresses.size(); ++i) {
      maker.add(spec.snat_addresses[i].address, AddressKind::kSnat, false, i);
    }
    maker.add_vips(spec);
    maker.add_nat_reals(spec);
    return Table{.addresses = decltype(Table::addresses)::build(maker.addresses_),
                 .more = decltype(Table::more)::build(maker.more_),
                 .nat_reals = decltype(Table::nat_reals)::build(maker.nat_reals_)};
  }

 private:
  using Entry = typename Table::Entry;

  static bool is_ours(const IpAddress& address) {
    return address.family() == (sizeof(Address) == 4 ? 4 : 6);
  }

  void add(const IpAddress& address, AddressKind kind, bool kernel = false, uint32_t slot = kNone) {
    if (!is_ours(address)) return;
    addresses_.push_back({address.template as<Address>(), Entry{}});
    Entry& entry = addresses_.back().second;
    entry.kind = kind;
    entry.kernel = kernel;
    entry.slot = slot;
  }

  void add_vips(const SnapshotSpec& spec) {
    std::vector<const ServiceSpec*> services;
    for (const ServiceSpec& service : spec.services) {
      if (is_ours(service.vip)) services.push_back(&service);
    }
    std::sort(services.begin(), services.end(), [](const auto* a, const auto* b) {
      return std::tie(a->vip, a->port, a->protocol) < std::tie(b->vip, b->port, b->protocol);
    });
    uint32_t vips = 0;
    const ServiceSpec* before = nullptr;
    for (const ServiceSpec* service : services) {
      if (before == nullptr || before->vip != service->vip) {
        add(service->vip, AddressKind::kVip, false, vips++);
      }
      add_port(addresses_.back().second, *service);
      before = service;
    }
  }

  void add_port(Entry& entry, const ServiceSpec& service) {
    const auto protocol = static_cast<uint8_t>(service.protocol);
    if (entry.port_count < kInlinePorts) {
      const size_t at = entry.port_count++;
      entry.service[at] = service.index;
      entry.port[at] = Be16(service.port);
      entry.protocol[at] = protocol;
      return;
    }
    entry.has_more = true;
    more_.emplace_back(VipPort{entry.slot, Be16(service.port), protocol, 0}, service.index);
  }

  // Services that use one real's port share its return flow id, and its entry. The mode does not
  // matter: a service that was `nat` before still has flows of it.
  void add_nat_reals(const SnapshotSpec& spec) {
    std::vector<std::tuple<Address, uint16_t, uint8_t, uint32_t>> reals;
    for (const ServiceSpec& service : spec.services) {
      if (!is_ours(service.vip)) continue;
      for (const RealSpec& real : service.reals) {
        if (real.return_flow_id == 0) continue;
        reals.emplace_back(real.address.template as<Address>(), real.port,
                           static_cast<uint8_t>(service.protocol), real.return_flow_id);
      }
    }
    std::sort(reals.begin(), reals.end());
    reals.erase(std::unique(reals.begin(), reals.end()), reals.end());
    nat_reals_.reserve(reals.size());
    for (const auto& [address, port, protocol, flow_id] : reals) {
      nat_reals_.push_back({Endpoint<Address>{address, Be16(port), protocol, 0}, flow_id});
    }
  }

  std::vector<std::pair<Address, Entry>> addresses_;
  std::vector<std::pair<VipPort, uint32_t>> more_;
  std::vector<std::pair<Endpoint<Address>, uint32_t>> nat_reals_;
};

template <class Address, size_t kInlinePorts>
void fill(const SnapshotSpec& spec, AddressTable<Address, kInlinePorts>& table) {
  table = TableMaker<Address, kInlinePorts>::make(spec);
}

}  // namespace

void fill_address_tables(const SnapshotSpec& spec, Snapshot& snapshot) {
  fill(spec, snapshot.v4);
  fill(spec, snapshot.v6);
}

}  // namespace vipgate
