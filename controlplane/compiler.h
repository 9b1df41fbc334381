// From the model and the configuration to resolved values. Pure functions: any thread may call.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/snapshot_builder.h"
#include "controlplane/config.h"
#include "controlplane/dns_compiler.h"
#include "controlplane/model.h"
#include "controlplane/next_hops.h"

namespace vipgate {

// What the compiler must know of a port that is open.
struct ForwardingPort {
  MacAddress mac;
  bool kernel = false;
};

// The addresses of all pools, each pool's IPv4 ones together, then its IPv6 ones: this order is the
// data plane's from start to stop.
[[nodiscard]] std::vector<SnatAddress> snat_addresses(const Config& config);

// Services' names (below the services zone) with their VIPs.
using DnsNames = std::set<std::pair<std::string, IpAddress>>;
// Those of the services that are configured, not of those that are leaving.
[[nodiscard]] DnsNames names_of(const Model& model);

[[nodiscard]] DnsOptions dns_options(const DnsConfig& config);
// See compile_dns().
Result<std::shared_ptr<const DnsTable>> compile_names(const DnsNames& names,
                                                      const DnsConfig& config, uint64_t generation,
                                                      const DnsHashSecret& secret,
                                                      const DnsTable* previous);

struct CompileInput {
  const Config& config;
  const Model& model;
  std::span<const ForwardingPort> ports;  // as config.ports
  const NeighborLookup& neighbors;
  bool check_mac = true;  // see PortEntry
};

struct Compiled {
  SnapshotSpec spec;             // without `dns` and `generation`
  std::set<NextHop> next_hops;   // of all reals, but for static neighbours
  std::set<NextHop> unresolved;  // those whose link-layer address is unknown
  // Addresses of reals that neither a port's prefix nor a gateway leads to.
  std::set<IpAddress> unreachable;
};

[[nodiscard]] Compiled compile_forwarding(const CompileInput& input);

// Whether `config`'s addresses have one use each and its services find their SNAT pools. The reader
// has checked that for a file; a reload that keeps parts of the configuration in force mixes two.
Status check_consistent(const Config& config);

}  // namespace vipgate
