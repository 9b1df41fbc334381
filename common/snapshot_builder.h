// From resolved values (what, where to, by which ids) to the Snapshot that workers read. The
// control plane's compiler, replay and tests of the packet path all make their snapshots here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/address_tables.h"
#include "common/dns_policy.h"
#include "common/ring_cache.h"
#include "common/snapshot.h"

namespace vipgate {

// A real of one service. Its id and its return flow id are the caller's business.
struct RealSpec {
  IpAddress address;    // of the VIP's family, but for tunnels
  uint16_t port = 0;    // 0: the one that the client asks for
  uint32_t weight = 1;  // 0: gets no new flows
  RealState state = RealState::kUp;
  RealId id;
  // One id per (address, port, protocol), from the same range as ServiceSpec::flow_id. Never 0 for
  // `nat`, and wide where the port is 0; 0 for a real that has no flows of that mode.
  uint32_t return_flow_id = 0;
  uint32_t quic_id = 0;   // see ServiceSpec::is_quic; 0: none
  bool resolved = false;  // next_hop is known
  MacAddress next_hop;
  uint8_t out_port = 0;            // position in SnapshotSpec::ports
  uint16_t path_mtu = UINT16_MAX;  // of tunnels: see TunnelWay
};

// A real that is about to take flows, or to take another share of them.
struct ComingReal {
  IpAddress address;
  uint16_t port = 0;
  uint32_t weight = 1;  // then; above 0, and on the scale of the weights that the others have now
  friend bool operator==(const ComingReal&, const ComingReal&) = default;
};

struct ServiceSpec {
  uint32_t index = 0;  // unique, below SnapshotSpec::service_slots
  // Unique within the VIP's family, never 0; for IPv4 1-65535 or wide. Wide if `extent` is.
  uint32_t flow_id = 0;
  std::string name;
  std::string fqdn;  // empty: no DNS name
  IpAddress vip;
  uint16_t port = 0;  // the first one, of several
  ServiceExtent extent{};
  Protocol protocol = Protocol::kTcp;
  Mode mode = Mode::kFullnat;
  NoReal no_real = NoReal::kReject;
  // kFallback: index of the service whose reals get the flows meanwhile; it has the same mode,
  // family and protocol. One that is not there is none. Fallbacks make no loop.
  uint32_t fallback = kNone;
  HashFields hash = HashFields::kFiveTuple;
  ClientAddress client_address = ClientAddress::kHidden;  // else `fullnat` over TCP
  AdmissionRules admission{};
  // Quarter seconds, by FlowState: free, closing, embryonic, one-way, replied, established.
  FlowTimeouts timeouts{0, 40, 40, 60, 240, 14'400};
  // The addresses of `fullnat`, and of `nat` for reals that are their own clients; of the VIP's
  // family: positions in SnapshotSpec::snat_addresses.
  uint32_t snat_first = 0;
  uint32_t snat_count = 0;
  TunnelOptions tunnel{};    // of modes that are tunnels
  uint32_t maglev_rows = 0;  // 0: auto, by the number of reals that accept flows
  std::vector<RealSpec> reals;
  // What the rows were before they last changed counts no longer; but before this very update.
  bool drops_previous_rows = false;
  // Only flows of rows that may move get an entry. REQUIRES: the mode does not translate, and there
  // is no affinity.
  bool tracks_when_needed = false;
  std::vector<ComingReal>
      coming{};  // with tracks_when_needed, unique; they say which rows may move
  // UDP: connection ids name the real, by its quic_id. Where several have the same, one that is up
  // counts.
  bool is_quic = false;
};

struct OwnAddress {
  IpAddress address;
  bool kernel = false;  // on a port with a kernel side
  friend bool operator==(const OwnAddress&, const OwnAddress&) = default;
};

// All but the services. REQUIRES: its addresses are unique, and no VIP is among them.
struct SnapshotFrame {
  std::vector<PortEntry> ports;
  std::vector<OwnAddress> own;
  std::vector<IpAddress> dns_listen;
  std::vector<SnatAddress> snat_addresses;
  UnservedPort unserved_port = UnservedPort::kDrop;
  KernelRates kernel_rates{};
  bool transit_to_kernel = false;
  DnsPolicy dns_policy;
  friend bool operator==(const SnapshotFrame&, const SnapshotFrame&) = default;
};

// REQUIRES: (vip, port, extent, protocol) is unique; so are the real ids. Ranges of ports of one
// VIP or prefix and protocol are apart from each other.
struct SnapshotSpec : SnapshotFrame {
  uint64_t generation = 0;
  std::vector<ServiceSpec> services;
  std::shared_ptr<const DnsTable> dns;  // null: a table without zones
  std::shared_ptr<const DnsViews> dns_views = nullptr;
  // Pages exist up to here, whether in use or not. Must never become less while flows live.
  uint32_t service_slots = 0;
  uint32_t real_slots = 0;
  uint32_t transit_ports = 0;  // see TransitRules
};

// What differs from the snapshot before.
struct SnapshotUpdate {
  uint64_t generation = 0;
  std::shared_ptr<const DnsTable> dns;  // null: a table without zones
  std::shared_ptr<const DnsViews> dns_views = nullptr;
  std::vector<ServiceSpec> changed;  // services as they are now
  std::vector<uint32_t> removed;     // indices of services that are no more
  uint32_t service_slots = 0;        // as in SnapshotSpec
  uint32_t real_slots = 0;
  uint32_t transit_ports = 0;
};

// What one build cost and what it took over from the snapshot before.
struct SnapshotBuildStats {
  size_t rings_built = 0;   // Maglev tables computed
  size_t rings_shared = 0;  // changed services that use one computed before, or for another one
  size_t service_pages_built = 0;
  size_t service_pages_shared = 0;
  size_t real_pages_built = 0;
  size_t real_pages_shared = 0;
};

// Keeps the last snapshot and what it was made from: an update costs what has changed, and shares
// all else. Used by one thread; what it returns may go anywhere.
class SnapshotBuilder {
 public:
  // `runner` computes Maglev tables side by side; by default one after the other.
  explicit SnapshotBuilder(RingRunner runner = {});

  // The whole, whatever was before.
  [[nodiscard]] std::shared_ptr<const Snapshot> build(const SnapshotSpec& spec);

  // For the updates that follow. Whether it is another one than before.
  bool set_frame(const SnapshotFrame& frame);
  [[nodiscard]] std::shared_ptr<const Snapshot> update(SnapshotUpdate update);

  // Of the last build or update.
  const SnapshotBuildStats& stats() const { return stats_; }
  // The last snapshot; null: there is none.
  const std::shared_ptr<const Snapshot>& last() const { return previous_; }
  // Services whose rows it has changed, and which have those of before beside them: see
  // ServiceSpec::drops_previous_rows. They are in it.
  const std::vector<uint32_t>& moved() const { return moved_; }

 private:
  using Rings = std::vector<std::shared_ptr<const ServiceRing>>;   // by position in `changed`
  using RealWrites = std::vector<std::pair<uint32_t, RealEntry>>;  // by index; the last one counts

  const ServiceSpec* known(uint32_t index) const {
    return index < services_.size() ? services_[index].get() : nullptr;
  }
  // Of one service: the rows before, and which rows move.
  struct Moves {
    std::shared_ptr<const ServiceRing> previous;
    bool previous_counts = false;
    std::shared_ptr<const ServiceRing> later;  // with the reals that are coming
    std::shared_ptr<const RowBits> moving;
  };
  Rings make_rings(const std::vector<ServiceSpec>& changed);
  std::vector<Moves> make_moves(const std::vector<ServiceSpec>& changed, const Rings& rings,
                                const Snapshot& snapshot);
  void make_later_rings(const std::vector<ServiceSpec>& changed, const Rings& rings,
                        std::vector<Moves>& moves);
  std::shared_ptr<const ServiceRing> unchanged_ring(const ServiceSpec& service,
                                                    std::span<const RealSpec* const> live,
                                                    uint32_t rows) const;
  const ServiceInfo* info_before(const ServiceSpec& service) const;
  bool set_previous(const ServiceSpec& service, const std::shared_ptr<const ServiceRing>& ring,
                    Moves& moves);
  void join_rows_before(const ServiceSpec& service, const ServiceRing& ring,
                        const Snapshot& snapshot, Moves& moves) const;
  bool keeps_moving_rows(const ServiceSpec& service, const std::shared_ptr<const ServiceRing>& ring,
                         const Moves& moves) const;
  std::shared_ptr<const Admission> admission(const ServiceSpec& service) const;
  std::shared_ptr<const QuicReals> quic_reals(const ServiceSpec& service) const;
  void add_borrowers(SnapshotUpdate& update) const;
  void lend_rings(const SnapshotUpdate& update, Rings& rings) const;
  void write_services(const SnapshotUpdate& update, const Rings& rings,
                      const std::vector<Moves>& moves, Snapshot& snapshot);
  void write_reals(const SnapshotUpdate& update, Snapshot& snapshot);
  void write_tunnels(const SnapshotUpdate& update, Snapshot& snapshot);
  void take_over(SnapshotUpdate& update);
  NatReturnOwner nat_return_owner() const;

  SnapshotFrame frame_;
  bool frame_changed_ = false;
  AddressTables addresses_;
  std::vector<std::unique_ptr<const ServiceSpec>> services_;  // by index
  std::map<uint32_t, std::set<uint32_t>> borrowers_;          // by ServiceSpec::fallback
  // Services that real:ports lead back to.
  size_t nat_services_with_affinity_ = 0;
  size_t nat_services_without_ = 0;
  RingRunner runner_;
  RingCache tables_;
  std::shared_ptr<const Snapshot> previous_;
  std::shared_ptr<const DnsTable> empty_dns_;
  std::shared_ptr<const DnsPolicy> dns_policy_;  // the frame's
  std::shared_ptr<const ServicePage> blank_services_;
  std::shared_ptr<const RealPage> blank_reals_;
  std::shared_ptr<const TunnelPage> blank_tunnels_;
  SnapshotBuildStats stats_;
  std::vector<uint32_t> moved_;
};

}  // namespace vipgate
