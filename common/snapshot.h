// The seam: one immutable picture of what the cluster should look like, compiled by the control
// plane and read by the polling cores. Plain data; nothing in it changes after it is published.
//
// Big parts (pages of services and reals, Maglev tables, DNS shards) are shared between successive
// snapshots, so that a change costs what it touches.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/address_filter.h"
#include "common/addresses.h"
#include "common/admission.h"
#include "common/counters.h"
#include "common/flat_map.h"
#include "common/maglev.h"
#include "common/prefetch.h"
#include "common/service.h"
#include "common/tunnel.h"
#include "common/wide_services.h"

namespace vipgate {

class DnsTable;
struct DnsPolicy;
struct DnsViews;

inline constexpr uint32_t kNone = UINT32_MAX;
static_assert(kNone == WidePorts::kNobody);

// Flow ids stand for address, port and protocol in the keys of tracked flows. A wide one, from here
// on, stands for a service or a real that has several of these, or for whom no other id was left:
// the keys of its flows hold address and port as well (flow_key.h).
inline constexpr uint32_t kWideFlowId = 1u << 31;
constexpr bool is_wide(uint32_t flow_id) { return flow_id >= kWideFlowId; }

// Index and generation of a real. A pair is not given to another real while a flow may hold it.
class RealId {
 public:
  static constexpr int kIndexBits = 22;
  static constexpr uint32_t kMaxIndex = (1u << kIndexBits) - 1;
  static constexpr uint32_t kMaxGeneration = (1u << (32 - kIndexBits)) - 1;

  constexpr RealId() = default;
  constexpr RealId(uint32_t index, uint32_t generation)
      : value_(generation << kIndexBits | index) {}
  static constexpr RealId from_value(uint32_t value) {
    RealId id;
    id.value_ = value;
    return id;
  }
  constexpr uint32_t value() const { return value_; }
  constexpr uint32_t index() const { return value_ & kMaxIndex; }
  constexpr uint32_t generation() const { return value_ >> kIndexBits; }
  friend constexpr bool operator==(RealId, RealId) = default;

 private:
  uint32_t value_ = kNone;
};

// What a flow is doing; its time-out depends on it. The order is the order of eviction.
enum class FlowState : uint8_t {
  kFree,
  kClosing,      // TCP, SCTP: RST or both FINs seen, or what stands for them
  kEmbryonic,    // TCP, SCTP: no acknowledgment after the real's answer yet
  kOneWay,       // UDP: nothing came back yet
  kReplied,      // UDP: seen both ways
  kEstablished,  // TCP, SCTP
  kCount
};

// Flow time stamps count quarters of a second in 16 bits, so time-outs stay well below the wrap.
inline constexpr uint32_t kMaxTimeoutSeconds = 14'400;
// Time-out of each FlowState, in quarter seconds.
using FlowTimeouts = std::array<uint16_t, static_cast<size_t>(FlowState::kCount)>;

using RingReals = std::vector<RealId, PagedAllocator<RealId>>;

// A Maglev table, which services with equal reals share, and the reals that its rows mean.
struct ServiceRing {
  std::shared_ptr<const MaglevRows> rows;
  RingReals reals;
  uint64_t checksum = 0;  // maglev_checksum(): equal on gateways whose rows lead to the same reals
};

// By the id that a real puts into the connection ids that it gives (dataplane/fastpath/quic.h).
using QuicReals = FlatMap<uint32_t, RealId>;

// A bit for each row, in words of 64.
using RowBits = std::vector<uint64_t>;

// What the packet path reads of a service: one cache line.
struct alignas(64) ServiceEntry {
  const uint16_t* rows = nullptr;  // Maglev row → position in `reals`
  const RealId* reals = nullptr;
  uint32_t row_count = 0;   // 0: no real accepts new flows
  uint32_t index = kNone;   // of this service; its counters
  uint32_t flow_id = 0;     // see kWideFlowId; never 0 in use
  uint32_t snat_first = 0;  // the pool's addresses of the VIP's family: positions in
  uint32_t snat_count = 0;  // Snapshot::snat_addresses
  FlowTimeouts timeouts{};
  Be16 port;  // the first one, of several
  Protocol protocol = Protocol::kTcp;
  Mode mode = Mode::kFullnat;
  NoReal no_real : 2 = NoReal::kReject;
  HashFields hash : 2 = HashFields::kFiveTuple;
  // Packets that begin no connection and have no flow go by ServiceInfo::previous.
  bool has_previous_rows : 1 = false;
  // Flows of rows that ServiceInfo::moving_rows does not name get no entry.
  bool tracks_when_needed : 1 = false;
  // Clients keep their real: `admission` says for how long, and one worker has all of a client's
  // flows (dataplane/fastpath/affinity_table.h).
  bool has_affinity : 1 = false;
  // ServiceInfo::quic_reals says which real a connection id names.
  bool is_quic : 1 = false;
  uint8_t gue_hops : 4 = 0;                                   // see TunnelOptions
  ClientAddress client_address : 2 = ClientAddress::kHidden;  // `fullnat` over TCP
  uint16_t mss_clamp = 0;                                     // tunnels; 0: none
  const Admission* admission = nullptr;                       // null: every new flow is taken

  friend bool operator==(const ServiceEntry&, const ServiceEntry&) = default;
};
static_assert(sizeof(ServiceEntry) == 64);

// What the packet path reads of a real: one cache line.
struct alignas(64) RealEntry {
  MacAddress next_hop_mac;  // lies before port_mac as in the Ethernet header
  MacAddress port_mac;
  // These three are compared as one word: see is_up_as().
  uint16_t generation = 0;
  RealState state = RealState::kDown;
  bool next_hop_resolved = false;
  Be16 vlan;                  // 0: untagged
  uint16_t mtu = UINT16_MAX;  // of IP packets on the way there
  uint32_t service = kNone;
  uint8_t out_port = 0;
  Be16 port;  // 0: the one that the client asked for
  IpAddress address;
  uint32_t weight = 0;
  uint32_t return_flow_id = 0;  // `nat`: as ServiceEntry::flow_id, in return keys

  // Whether this is the real that `id` names, up, and its next hop known: what nearly all packets
  // find, by one comparison.
  bool is_up_as(RealId id) const {
    constexpr uint32_t kUpAndResolved = static_cast<uint32_t>(RealState::kUp) << 16 | 1u << 24;
    static_assert(RealId::kMaxGeneration <= UINT16_MAX);
    return load<uint32_t>(&generation) == (id.generation() | kUpAndResolved);
  }

  friend bool operator==(const RealEntry&, const RealEntry&) = default;
};
static_assert(sizeof(RealEntry) == 64);
static_assert(offsetof(RealEntry, port_mac) == sizeof(MacAddress));
static_assert(offsetof(RealEntry, state) == offsetof(RealEntry, generation) + 2);
static_assert(offsetof(RealEntry, next_hop_resolved) == offsetof(RealEntry, generation) + 3);

// What only people and the control plane read of a service.
struct ServiceInfo {
  std::string name;
  std::string fqdn;  // empty: the service has no DNS name
  IpAddress vip;
  ServiceExtent extent;
  std::shared_ptr<const ServiceRing> ring;  // its own, or that of a service it falls back on
  // The real that each row had before it last moved: see ServiceEntry::has_previous_rows. With
  // gue_hops also when that is long ago. Null: always this one.
  std::shared_ptr<const ServiceRing> previous;
  // With tracks_when_needed: the rows that may get another real soon, or had one lately. Null:
  // none.
  std::shared_ptr<const RowBits> moving_rows;
  std::shared_ptr<const Admission> admission;
  std::shared_ptr<const QuicReals> quic_reals;  // null: no real has an id
  friend bool operator==(const ServiceInfo&, const ServiceInfo&) = default;
};

inline constexpr uint32_t kPageSize = 256;
struct ServicePage {
  std::array<ServiceEntry, kPageSize> entries;
  std::array<ServiceInfo, kPageSize> info;
};
struct RealPage {
  std::array<RealEntry, kPageSize> entries;
};
// By real, as RealPage; only reals of tunnels have one, and pages without any are one and the same.
struct TunnelPage {
  std::array<TunnelHeader, kPageSize> entries;
};

// What an address of ours is. The sets are disjoint.
enum class AddressKind : uint8_t {
  kVip,
  kSnat,       // an address of a SNAT pool
  kDnsSource,  // one of the pool that DNS questions are forwarded from
  kDns,        // the DNS responder listens here
  kOwn,        // a port's own address: the kernel's, where the port has a kernel side
};

// All that is known of one destination address; with its key it fills one cache line. Ports beyond
// the inline ones are found in AddressTable::more.
template <size_t kInlinePorts>
struct AddressEntry {
  AddressKind kind = AddressKind::kVip;
  uint8_t port_count = 0;  // inline ones
  bool has_more = false;   // VIP: further ports lie in AddressTable::more
  bool kernel = false;     // kOwn: on a port with a kernel side
  uint32_t slot =
      kNone;  // kSnat, kDnsSource: position in Snapshot::snat_addresses; kVip: number of the VIP
  std::array<uint32_t, kInlinePorts> service{};
  std::array<Be16, kInlinePorts> port{};
  std::array<uint8_t, kInlinePorts> protocol{};

  friend bool operator==(const AddressEntry&, const AddressEntry&) = default;
};

// Key of a service beyond the inline ones of its address, by the VIP's number.
struct VipPort {
  uint32_t vip = 0;
  Be16 port;
  uint8_t protocol = 0;
  uint8_t reserved = 0;
  friend bool operator==(const VipPort&, const VipPort&) = default;
};

// Key of a `nat` real's own endpoint.
template <class Address>
struct Endpoint {
  Address address;
  Be16 port;
  uint8_t protocol = 0;
  uint8_t reserved = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

template <class Address, size_t kInlinePorts>
struct AddressTable {
  using Entry = AddressEntry<kInlinePorts>;
  FlatMap<Address, Entry> addresses;
  AddressFilter<Address> filter;  // of the keys of `addresses`
  FlatMap<VipPort, uint32_t> more;
  // Services of several ports or of a prefix. Those of an address have an entry without ports.
  WideServices<Address> wide;
  // real:port:protocol of `nat` services → flow id of the return direction.
  FlatMap<Endpoint<Address>, uint32_t> nat_reals;
  // Those with wide ids; port 0: a real that is reached at any port.
  FlatMap<Endpoint<Address>, uint32_t> wide_nat_reals;

  // What the address is; null: nobody's. One in a prefix of a service is a VIP without ports.
  const Entry* find(const Address& address, uint64_t hash) const {
    static constexpr Entry kInPrefix{};
    const Entry* entry = addresses.find(address, hash);
    if (entry != nullptr || wide.empty() || !wide.is_in_prefix(address)) return entry;
    return &kInPrefix;
  }
  const Entry* find(const Address& address) const { return find(address, addresses.hash(address)); }
  // Whether find() has something, of an address of which that is not expected.
  bool has(const Address& address) const {
    return !(filter.excludes(address) && wide.empty()) && find(address) != nullptr;
  }

  bool has_nat_reals() const { return nat_reals.size() != 0 || wide_nat_reals.size() != 0; }
  // The ids under which a packet from the `nat` real may have a flow, in the order in which to
  // look; 0: none.
  std::array<uint32_t, 3> return_ids(const Endpoint<Address>& real) const {
    const Endpoint<Address> any{real.address, Be16{}, real.protocol, 0};
    const auto id = [](const uint32_t* found) { return found == nullptr ? 0 : *found; };
    return {id(nat_reals.find(real)), id(wide_nat_reals.find(real)), id(wide_nat_reals.find(any))};
  }

  // Position of the service at this VIP's port, or kNone.
  uint32_t service(const Entry& entry, Be16 port, uint8_t protocol) const {
    for (uint32_t i = 0; i < entry.port_count; ++i) {
      if (entry.port[i] == port && entry.protocol[i] == protocol) return entry.service[i];
    }
    if (!entry.has_more) return kNone;
    const VipPort key{entry.slot, port, protocol, 0};
    const uint32_t* found = more.find(key, FlatMap<VipPort, uint32_t>::hash(key));
    return found != nullptr ? *found : kNone;
  }
};

using AddressTable4 = AddressTable<Ipv4Address, 7>;
using AddressTable6 = AddressTable<Ipv6Address, 5>;

// One source address that `fullnat` may use, with its ports.
struct SnatAddress {
  IpAddress address;
  uint16_t port_low = 1024;
  uint16_t port_high = 65535;
  friend bool operator==(const SnatAddress&, const SnatAddress&) = default;
};

// What the packet path must know of a port.
struct PortEntry {
  MacAddress mac;
  uint16_t vlan = 0;  // 0: frames are accepted with any tag or none
  bool kernel = false;
  bool check_mac = true;      // false in replay: the destination MAC is not compared
  uint16_t mtu = UINT16_MAX;  // of the IP packets that leave by it
  // The source of ICMP errors that leave by it; zero: the port has no address of the family.
  Ipv4Address address4{};
  Ipv6Address address6{};

  template <class Address>
  const Address& address() const {
    if constexpr (sizeof(Address) == 4) {
      return address4;
    } else {
      return address6;
    }
  }
  friend bool operator==(const PortEntry&, const PortEntry&) = default;
};

// By what the worker that owns the flows of `nat` services is found from a real's packet.
enum class NatReturnOwner : uint8_t {
  kClientPort,  // the client's address and port
  kClient,      // the address alone: all have affinity
  kEither,      // where the one knows no flow, the other may
};

// What becomes of packets that come by a port of reals and are neither for a VIP nor for any other
// address of ours: who sends them takes the gateway for its router.
struct TransitRules {
  uint32_t ports = 0;  // a bit for each by which reals are reached
  bool to_kernel = false;
};

struct Snapshot {
  uint64_t generation = 0;
  // Of all Maglev tables and whose they are: equal on gateways that send each flow to the same
  // real.
  uint64_t rows_checksum = 0;
  UnservedPort unserved_port = UnservedPort::kDrop;
  KernelRates kernel_rates{};
  TransitRules transit;
  NatReturnOwner nat_return_owner = NatReturnOwner::kClientPort;
  AddressTable4 v4;
  AddressTable6 v6;
  std::vector<PortEntry> ports;
  std::vector<SnatAddress> snat_addresses;  // fixed from start to stop of the data plane
  std::shared_ptr<const DnsTable> dns;
  std::shared_ptr<const DnsPolicy> dns_policy;
  std::shared_ptr<const DnsViews> dns_views;  // null: there are none

  std::vector<std::shared_ptr<const ServicePage>> service_pages;
  std::vector<std::shared_ptr<const RealPage>> real_pages;
  std::vector<std::shared_ptr<const TunnelPage>> tunnel_pages;
  // The same pages as the packet path reads them.
  std::vector<const ServiceEntry*> services;
  std::vector<const RealEntry*> reals;
  std::vector<const TunnelHeader*> tunnels;

  // REQUIRES: the page of `index` exists.
  const ServiceEntry& service(uint32_t index) const {
    return services[index / kPageSize][index % kPageSize];
  }
  const ServiceInfo& service_info(uint32_t index) const {
    return service_pages[index / kPageSize]->info[index % kPageSize];
  }
  // Where the real is, or one that took its place; null: there never was one.
  const RealEntry* real_entry(RealId id) const {
    const uint32_t page = id.index() / kPageSize;
    if (page >= reals.size()) return nullptr;
    return &reals[page][id.index() % kPageSize];
  }
  // The real, or null when the id is no longer valid.
  const RealEntry* real(RealId id) const {
    const RealEntry* entry = real_entry(id);
    return entry != nullptr && entry->generation == id.generation() ? entry : nullptr;
  }
  // REQUIRES: real(id) is one of a service whose mode is a tunnel.
  const TunnelHeader& tunnel(RealId id) const {
    return tunnels[id.index() / kPageSize][id.index() % kPageSize];
  }
  // Fetches what a packet to the real reads. REQUIRES: the real exists or has existed.
  [[gnu::always_inline]] void prefetch(RealId id) const {
    const uint32_t page = id.index() / kPageSize;
    if (page >= reals.size()) return;
    prefetch_line(&reals[page][id.index() % kPageSize]);
  }
  // The same of one that is reached by a tunnel; the line before is fetched by who needs it.
  [[gnu::always_inline]] void prefetch_tunnel(RealId id) const {
    const uint32_t page = id.index() / kPageSize;
    if (page >= tunnels.size()) return;
    prefetch_line(&tunnels[page][id.index() % kPageSize].sum);
  }
  template <class Address>
  const auto& table() const {
    if constexpr (sizeof(Address) == 4) {
      return v4;
    } else {
      return v6;
    }
  }
};

}  // namespace vipgate
