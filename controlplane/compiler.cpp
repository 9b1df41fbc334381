#include "controlplane/compiler.h"

#include <algorithm>
#include <map>

namespace vipgate {
namespace {

struct SnatRange {
  uint32_t first = 0;
  uint32_t count = 0;
};
using SnatRanges = std::map<std::pair<std::string, int>, SnatRange>;  // by pool and family

// Both the order of the addresses and where each pool's lie.
SnatRanges lay_out_pools(const Config& config, std::vector<SnatAddress>& addresses) {
  SnatRanges ranges;
  for (const SnatPoolConfig& pool : config.snat_pools) {
    for (const int family : {4, 6}) {
      SnatRange range{static_cast<uint32_t>(addresses.size()), 0};
      for (const IpAddress& address : pool.addresses) {
        if (address.family() != family) continue;
        addresses.push_back({address, pool.ports.first, pool.ports.last});
        ++range.count;
      }
      ranges[{pool.name, family}] = range;
    }
  }
  return ranges;
}

FlowTimeouts quarter_seconds(const Timeouts& timeouts) {
  const auto quarters = [](uint16_t seconds) { return static_cast<uint16_t>(seconds * 4); };
  FlowTimeouts result{};
  const auto set = [&](FlowState state, uint16_t seconds) {
    result[static_cast<size_t>(state)] = quarters(seconds);
  };
  set(FlowState::kClosing, timeouts.tcp_closing_s);
  set(FlowState::kEmbryonic, timeouts.tcp_embryonic_s);
  set(FlowState::kOneWay, timeouts.udp_one_way_s);
  set(FlowState::kReplied, timeouts.udp_s);
  set(FlowState::kEstablished, timeouts.tcp_established_s);
  return result;
}

class ServiceCompiler {
 public:
  ServiceCompiler(const CompileInput& input, const SnatRanges& ranges, Compiled& out)
      : input_(input), ranges_(ranges), dns_(dns_options(input.config.dns)), out_(out) {}

  void add(const ServiceKey& key, const ModelService& service) {
    const ServiceConfig& config = service.config;
    ServiceSpec spec;
    spec.index = service.index;
    spec.flow_id = service.flow_id;
    spec.name = config.name;
    // Without a services zone, services have no names.
    if (auto fqdn = dns_service_fqdn(config.name, dns_)) spec.fqdn = *fqdn;
    spec.vip = key.vip;
    spec.port = key.port;
    spec.protocol = key.protocol;
    spec.mode = config.mode;
    spec.no_real = config.no_real;
    spec.timeouts = quarter_seconds(config.timeouts);
    spec.maglev_rows = config.maglev_rows;
    const auto range = ranges_.find({config.snat_pool, key.vip.family()});
    if (config.mode == Mode::kFullnat && range != ranges_.end()) {
      spec.snat_first = range->second.first;
      spec.snat_count = range->second.count;
    }
    spec.reals.reserve(service.reals.size());
    for (const auto& [real_key, real] : service.reals) {
      RealSpec& added = spec.reals.emplace_back();
      added.address = real_key.address;
      added.port = real_key.port;
      added.weight = real.weight;
      added.state = real.state;
      added.id = RealId(real.id.value, real.id.generation);
      added.return_flow_id = real.return_flow_id;
      resolve(added);
    }
    out_.spec.services.push_back(std::move(spec));
  }

 private:
  struct Way {
    bool resolved = false;
    MacAddress mac;
    uint8_t port = 0;
  };

  void resolve(RealSpec& real) {
    const auto [at, is_new] = ways_.try_emplace(real.address);
    if (is_new) at->second = find_way(real.address);
    real.resolved = at->second.resolved;
    real.next_hop = at->second.mac;
    real.out_port = at->second.port;
  }

  Way find_way(const IpAddress& address) {
    const auto hop = find_next_hop(input_.config.ports, address);
    if (!hop) {
      out_.unreachable.insert(address);
      return {};
    }
    if (const auto mac = static_neighbor(input_.config.ports, *hop)) {
      return Way{true, *mac, hop->port};
    }
    out_.next_hops.insert(*hop);
    const auto mac = input_.neighbors ? input_.neighbors(*hop) : std::nullopt;
    if (!mac) out_.unresolved.insert(*hop);
    return Way{mac.has_value(), mac.value_or(MacAddress{}), hop->port};
  }

  const CompileInput& input_;
  const SnatRanges& ranges_;
  const DnsOptions dns_;
  Compiled& out_;
  std::map<IpAddress, Way> ways_;
};

}  // namespace

std::vector<SnatAddress> snat_addresses(const Config& config) {
  std::vector<SnatAddress> addresses;
  lay_out_pools(config, addresses);
  return addresses;
}

DnsNames names_of(const Model& model) {
  DnsNames names;
  for (const auto& [key, service] : model.services()) {
    if (service.is_configured()) names.emplace(service.config.name, key.vip);
  }
  return names;
}

DnsOptions dns_options(const DnsConfig& config) {
  DnsOptions options;
  options.ttl_s = config.ttl_s;
  for (const ZoneConfig& zone : config.zones) {
    options.zones.push_back({zone.name, zone.services, zone.aliases, zone.records});
  }
  options.soa = {config.soa.mname,   config.soa.rname,    config.soa.refresh_s,
                 config.soa.retry_s, config.soa.expire_s, config.soa.minimum_s};
  return options;
}

Result<std::shared_ptr<const DnsTable>> compile_names(const DnsNames& names,
                                                      const DnsConfig& config, uint64_t generation,
                                                      const DnsHashSecret& secret,
                                                      const DnsTable* previous) {
  std::vector<DnsServiceName> services;
  services.reserve(names.size());
  for (const auto& [name, vip] : names) services.push_back({name, vip});
  return compile_dns(services, dns_options(config), static_cast<uint32_t>(generation), secret,
                     previous);
}

Compiled compile_forwarding(const CompileInput& input) {
  Compiled compiled;
  SnapshotSpec& spec = compiled.spec;
  const Config& config = input.config;
  for (size_t i = 0; i < config.ports.size(); ++i) {
    const ForwardingPort& port = input.ports[i];
    spec.ports.push_back({port.mac, config.ports[i].vlan, port.kernel, input.check_mac});
    for (const IpPrefix& address : config.ports[i].addresses) {
      spec.own.push_back({address.address, port.kernel});
    }
  }
  spec.dns_listen = config.dns.listen;
  const SnatRanges ranges = lay_out_pools(config, spec.snat_addresses);
  ServiceCompiler services(input, ranges, compiled);
  spec.services.reserve(input.model.services().size());
  for (const auto& [key, service] : input.model.services()) services.add(key, service);
  spec.service_slots = input.model.service_slots();
  spec.real_slots = input.model.real_slots();
  return compiled;
}

Status check_consistent(const Config& config) {
  std::map<IpAddress, std::string> uses;
  const auto claim = [&](const IpAddress& address, const std::string& use) -> Status {
    const auto [at, is_new] = uses.try_emplace(address, use);
    if (is_new || (use == "a VIP" && at->second == use)) return Done{};
    return Error{to_string(address) + " would be both " + at->second + " and " + use};
  };
  for (const PortConfig& port : config.ports) {
    for (const IpPrefix& prefix : port.addresses) {
      if (auto status = claim(prefix.address, "a port's address"); !status) return status;
    }
  }
  const std::vector<SnatAddress> snat = snat_addresses(config);
  for (const SnatAddress& address : snat) {
    if (auto status = claim(address.address, "an SNAT address"); !status) return status;
  }
  for (const IpAddress& address : config.dns.listen) {
    if (auto status = claim(address, "a DNS address"); !status) return status;
  }
  std::vector<SnatAddress> unused;
  const SnatRanges ranges = lay_out_pools(config, unused);
  for (const ServiceConfig& service : config.services) {
    if (auto status = claim(service.vip, "a VIP"); !status) return status;
    if (service.mode != Mode::kFullnat) continue;
    const auto range = ranges.find({service.snat_pool, service.vip.family()});
    if (range == ranges.end() || range->second.count == 0) {
      return Error{"service '" + service.name + "': the SNAT pool '" + service.snat_pool +
                   "' in force has no address for " + to_string(service.vip)};
    }
  }
  return Done{};
}

}  // namespace vipgate
