// What is made of a whole configuration: a snapshot's frame, and whether all of it goes together.
#include <algorithm>
#include <map>
#include <string>

#include "controlplane/dns/dns_policy_compiler.h"
#include "controlplane/model/compiler.h"
#include "controlplane/model/fallbacks.h"
#include "controlplane/model/snat_layout.h"

namespace vipgate {

SnapshotFrame compile_frame(const Config& config, std::span<const ForwardingPort> ports,
                            bool check_mac) {
  SnapshotFrame frame;
  for (size_t i = 0; i < config.ports.size(); ++i) {
    PortEntry port{.mac = ports[i].mac,
                   .vlan = config.ports[i].vlan,
                   .kernel = ports[i].kernel,
                   .check_mac = check_mac,
                   .mtu = ports[i].mtu};
    for (const IpPrefix& own : config.ports[i].addresses) {
      frame.own.push_back({own.address, ports[i].kernel});
      // The first one of each family speaks for the port.
      if (own.address.is_v4() && port.address4 == Ipv4Address{}) port.address4 = own.address.v4();
      if (own.address.is_v6() && port.address6 == Ipv6Address{}) port.address6 = own.address.v6();
    }
    frame.ports.push_back(port);
  }
  frame.dns_listen = config.dns.listen;
  frame.snat_addresses = snat_layout(config).addresses;
  frame.unserved_port = config.defaults.unserved_port;
  frame.kernel_rates = config.kernel_rates;
  frame.dns_policy = dns_policy_of(config);
  frame.transit_to_kernel = config.transit == Transit::kKernel;
  return frame;
}

SnapshotSpec compile_forwarding(const Config& config, const Model& model,
                                std::span<const ForwardingPort> ports,
                                const NeighborLookup& neighbors) {
  SnapshotSpec spec;
  static_cast<SnapshotFrame&>(spec) = compile_frame(config, ports, false);
  // Offline, what is drawn once per boot is zero.
  auto& cookie_secrets = spec.dns_policy.cookie_secrets;
  if (config.dns.cookies.enabled && cookie_secrets.empty()) cookie_secrets.emplace_back();
  ServiceCompiler compiler(neighbors);
  compiler.set_config(config);
  compiler.resolve(spec.dns_policy.forwarding, ports);
  spec.services.reserve(model.services().size());
  const auto fallbacks = fallbacks_of(config);
  for (const auto& [key, service] : model.services()) {
    ServiceSpec& added = spec.services.emplace_back(compiler.compile(key, service));
    const auto fallback = fallbacks.find(key);
    if (fallback != fallbacks.end()) added.fallback = index_of(model, fallback->second);
  }
  spec.service_slots = model.service_slots();
  spec.real_slots = model.real_slots();
  spec.transit_ports = compiler.real_ports();
  return spec;
}

Status check_consistent(const Config& config) {
  std::map<IpAddress, std::string> uses;
  const auto claim = [&](const IpAddress& address, const std::string& use) -> Status {
    const auto [at, is_new] = uses.try_emplace(address, use);
    if (is_new) return Done{};
    return Error{to_string(address) + " would be both " + at->second + " and " + use};
  };
  for (const PortConfig& port : config.ports) {
    for (const IpPrefix& prefix : port.addresses) {
      if (auto status = claim(prefix.address, "a port's address"); !status) return status;
    }
  }
  const std::vector<SnatAddress> snat = snat_layout(config).addresses;
  for (const SnatAddress& address : snat) {
    if (auto status = claim(address.address, "an SNAT address"); !status) return status;
  }
  for (const IpAddress& address : config.dns.listen) {
    if (auto status = claim(address, "a DNS address"); !status) return status;
  }
  ServiceCompiler compiler({});
  compiler.set_config(config);
  for (const ServiceConfig& service : config.services) {
    const ServiceKey key = key_of(service);
    if (auto status = compiler.accepts(key, service); !status) return status;
  }
  const NamedVipsConfig& vips = config.named_vips;
  const bool is_pool =
      std::any_of(config.snat_pools.begin(), config.snat_pools.end(),
                  [&](const SnatPoolConfig& pool) { return pool.name == vips.snat_pool; });
  if (!config.mesos.empty() && vips.enabled && vips.mode == Mode::kFullnat && !is_pool) {
    return Error{"named_vips would use the SNAT pool '" + vips.snat_pool + "', which is not there"};
  }
  return Done{};
}

}  // namespace vipgate
