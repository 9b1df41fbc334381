// The tables by which the packet path finds out what a destination address is.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "common/snapshot.h"

namespace vipgate {

struct ServiceSpec;
struct SnapshotFrame;

// One family's tables, kept up to date with services that come and go. A map of which nothing has
// changed is shared by the successive tables.
template <class Address, size_t kInlinePorts>
class AddressTableKeeper {
 public:
  using Table = AddressTable<Address, kInlinePorts>;

  // The addresses that are no VIPs.
  void set_frame(const SnapshotFrame& frame);
  // Services of the other family are ignored. REQUIRES: what is removed is as it was added.
  void add(const ServiceSpec& service);
  void remove(const ServiceSpec& service);

  // With all changes so far.
  const Table& table();

 private:
  using Entry = typename Table::Entry;
  struct Port {
    uint16_t port = 0;
    uint8_t protocol = 0;
    uint32_t service = kNone;
    friend bool operator==(const Port&, const Port&) = default;
    friend auto operator<=>(const Port&, const Port&) = default;
  };
  struct Vip {
    uint32_t slot = kNone;
    std::vector<Port> ports;  // sorted
    std::vector<Port> more;   // those in Table::more
    uint32_t wide = 0;        // services in Table::wide at this very address
  };
  using WideKey = std::pair<int, Address>;  // a prefix by its length; that of an address is whole
  // Services that use one real's port share its return flow id, and its entry.
  struct NatReal {
    uint32_t flow_id = 0;
    uint32_t users = 0;
  };
  using NatKey = std::pair<std::pair<Address, uint16_t>, uint8_t>;

  static bool is_ours(const IpAddress& address) {
    return address.family() == (sizeof(Address) == 4 ? 4 : 6);
  }
  static Entry entry_of(const Vip& vip);
  static WideKey wide_key(const ServiceSpec& service);
  Vip& vip_at(const Address& address);
  void update_wide();
  void touch_nat_reals(const ServiceSpec& service, bool is_added);
  void update_addresses();
  void update_filter();
  void update_nat_reals();

  Table table_;
  std::map<Address, Entry> fixed_;
  std::map<Address, Vip> vips_;
  std::map<NatKey, NatReal> nat_reals_;
  std::map<WideKey, std::vector<PortClaim>> wide_;
  std::vector<uint32_t> free_slots_;
  uint32_t next_slot_ = 0;
  // What may differ from table_.
  std::set<Address> touched_;
  std::set<NatKey> touched_nat_reals_;
  std::set<WideKey> touched_wide_;
};

// Both families. Owned by the SnapshotBuilder.
class AddressTables {
 public:
  void set_frame(const SnapshotFrame& frame) {
    v4_.set_frame(frame);
    v6_.set_frame(frame);
  }
  void add(const ServiceSpec& service) {
    v4_.add(service);
    v6_.add(service);
  }
  void remove(const ServiceSpec& service) {
    v4_.remove(service);
    v6_.remove(service);
  }
  void fill(Snapshot& snapshot) {
    snapshot.v4 = v4_.table();
    snapshot.v6 = v6_.table();
  }

 private:
  AddressTableKeeper<Ipv4Address, 7> v4_;
  AddressTableKeeper<Ipv6Address, 5> v6_;
};

}  // namespace vipgate
