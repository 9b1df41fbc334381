// From the model and the configuration to resolved values, service by service.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/snapshot_builder.h"
#include "controlplane/config/config.h"
#include "controlplane/dns/dns_compiler.h"
#include "controlplane/model/model.h"
#include "controlplane/model/snat_layout.h"
#include "controlplane/network/next_hops.h"
#include "controlplane/network/path_mtus.h"
#include "controlplane/network/prefix_map.h"

namespace vipgate {

// What the compiler must know of a port that is open.
struct ForwardingPort {
  MacAddress mac;
  bool kernel = false;
  uint16_t mtu = 1500;
};

[[nodiscard]] DnsOptions dns_options(const Config& config);

// service_records() of a service of the model: none of a prefix, which is no address, and no SRV
// record of several ports.
[[nodiscard]] std::vector<DnsRecord> records_of(const std::string& name, const ServiceKey& key,
                                                const DnsOptions& options);

// Ports and the addresses that are no VIPs. `check_mac`: see PortEntry.
[[nodiscard]] SnapshotFrame compile_frame(const Config& config,
                                          std::span<const ForwardingPort> ports, bool check_mac);

// Compiles one service at a time, and remembers by which next hops its reals are reached. Owned and
// called by one thread.
class ServiceCompiler {
 public:
  // Both may be empty.
  explicit ServiceCompiler(NeighborLookup neighbors, RouteLookup routes = {})
      : neighbors_(std::move(neighbors)), routes_(std::move(routes)) {}

  // What was compiled before is out of date: all services are to be compiled anew.
  void set_config(const Config& config);

  // Whether the configuration leaves the service its address and has what its mode needs.
  Status accepts(const ServiceKey& key, const ServiceConfig& service) const;
  ServiceSpec compile(const ServiceKey& key, const ModelService& service);
  void forget(const ServiceKey& key) { set_ways(key, {}); }
  // Finds the ways to the servers that questions are forwarded to, by the configuration's ports.
  // Their next hops are followed as those of reals are. `ports`: what is open.
  void resolve(DnsForwarding& forwarding, std::span<const ForwardingPort> ports);

  // Link-layer addresses have changed. Returns the services that are to be compiled anew.
  std::set<ServiceKey> neighbors_changed();
  // Whether the way to the real may be another one after routes of these prefixes have changed.
  bool depends_on(const ChangedPrefixes& changed, const IpAddress& real) const;

  // Next hops of all reals, but for static neighbours.
  const std::set<NextHop>& next_hops() const { return next_hops_; }
  // Those whose link-layer address is unknown.
  const std::set<NextHop>& unresolved() const { return unresolved_; }
  // Addresses of reals that no way leads to, and why that is so.
  const std::set<IpAddress>& unreachable() const { return unreachable_; }
  std::string why_unreachable(const IpAddress& real) const {
    return vipgate::why_unreachable(find_way(ports_, routes_, real));
  }
  // A bit for each port by which reals are reached.
  uint32_t real_ports() const { return real_ports_; }
  // Of the ways to reals of tunnels. What depends on one that changes is to be compiled anew.
  PathMtus& path_mtus() { return path_mtus_; }
  const PathMtus& path_mtus() const { return path_mtus_; }
  // Another number whenever one of the three sets has changed.
  uint64_t routes_version() const { return routes_version_; }

 private:
  struct Hop {
    std::optional<MacAddress> mac;
    std::set<ServiceKey> users;
  };
  using Hops = std::map<NextHop, Hop>;
  // Of one service; each once, and sorted, but while they are collected.
  struct Ways {
    std::vector<Hops::value_type*> hops;  // those of hops_, which stay as long as they have users
    std::vector<IpAddress> unreachable;
    uint32_t ports = 0;  // a bit for each
    bool empty() const { return hops.empty() && ports == 0 && unreachable.empty(); }
  };

  void resolve(Mode mode, RealSpec& real, Ways& ways);
  Hops::value_type& hop(const NextHop& next_hop);
  void set_ways(const ServiceKey& key, Ways ways);

  NeighborLookup neighbors_;
  RouteLookup routes_;
  std::vector<PortConfig> ports_;
  DnsOptions dns_;
  std::map<std::pair<std::string, int>, SnatRange> snat_ranges_;  // by pool and family
  std::map<IpAddress, std::string> reserved_;                     // what the address is
  PathMtus path_mtus_;
  Hops hops_;
  std::map<ServiceKey, Ways> ways_;
  std::map<IpAddress, size_t> unreachable_users_;
  std::array<size_t, 32> port_users_{};
  uint32_t real_ports_ = 0;
  std::set<NextHop> next_hops_;
  std::set<NextHop> unresolved_;
  std::set<IpAddress> unreachable_;
  uint64_t routes_version_ = 0;
};

// All of a model at once, without DNS and generation, for packets whose MAC addresses do not count.
[[nodiscard]] SnapshotSpec compile_forwarding(const Config& config, const Model& model,
                                              std::span<const ForwardingPort> ports,
                                              const NeighborLookup& neighbors);

// Whether `config`'s addresses have one use each and its services find their SNAT pools. The reader
// has checked that for a file; a reload that keeps parts of the configuration in force mixes two.
Status check_consistent(const Config& config);

}  // namespace vipgate
