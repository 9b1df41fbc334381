#include "controlplane/model/compiler.h"

#include <algorithm>

#include "controlplane/dns/dns_policy_compiler.h"
#include "controlplane/dns/reverse_zones.h"
#include "controlplane/model/fallbacks.h"

namespace vipgate {
namespace {

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

// A real whose link-layer address is not known yet, or not any longer, gets no new flows as long as
// others can take them: their first packets would be lost.
void hold_back_unresolved(std::vector<RealSpec>& reals) {
  const auto takes_flows = [](const RealSpec& real) {
    return real.state == RealState::kUp && real.weight > 0;
  };
  const auto is_ready = [&](const RealSpec& real) { return takes_flows(real) && real.resolved; };
  if (std::none_of(reals.begin(), reals.end(), is_ready)) return;
  for (RealSpec& real : reals) {
    if (takes_flows(real) && !real.resolved) real.weight = 0;
  }
}

// Those that may take flows before long, or a larger share of them: that are starting, down,
// without a known link-layer address, in slow start, or have no weight for now. `reals`: what was
// made of the service's. `scale`: how many times their weight the others have there.
std::vector<ComingReal> coming_reals(const ModelService& service,
                                     const std::vector<RealSpec>& reals, uint32_t scale) {
  std::vector<ComingReal> coming;
  const bool only_near = service.config.locality.prefer == Prefer::kZone;
  auto made = reals.begin();
  for (const auto& [key, real] : service.reals) {
    const RealSpec& now = *made++;
    if (real.gone_at_s != kNever) continue;
    const uint32_t weight = std::max(real.weight, 1u) * scale;
    const bool takes_flows = now.state == RealState::kUp && now.weight != 0;
    if (takes_flows ? now.weight == weight : only_near && real.weight == 0) continue;
    coming.push_back({key.address, key.port, weight});
  }
  for (const RealConfig& real : service.config.coming) {
    const auto known = service.reals.find({real.address, real.port});
    if (known != service.reals.end() && known->second.gone_at_s == kNever) continue;
    if (only_near && !real.is_local) continue;
    coming.push_back({real.address, real.port, std::max<uint32_t>(real.weight, 1) * scale});
  }
  return coming;
}

template <class T>
void sort_each_once(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

template <class T>
bool has(const std::vector<T>& sorted, const T& value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}

}  // namespace

DnsOptions dns_options(const Config& config) {
  DnsOptions options;
  options.ttl_s = config.dns.ttl_s;
  options.ttl = config.dns.ttl;
  for (const ZoneConfig& zone : config.dns.zones) {
    options.zones.push_back(
        {zone.name, zone.services, zone.aliases, zone.records, zone.ttl_s, zone.ttl});
  }
  options.soa = {config.dns.soa.mname,   config.dns.soa.rname,    config.dns.soa.refresh_s,
                 config.dns.soa.retry_s, config.dns.soa.expire_s, config.dns.soa.minimum_s};
  options.name_servers = config.dns.name_servers;
  options.listen = config.dns.listen;
  options.views = config.dns.views;
  options.ptr_ranges = ptr_ranges(config);
  return options;
}

std::vector<DnsRecord> records_of(const std::string& name, const ServiceKey& key,
                                  const DnsOptions& options) {
  if (key.extent.prefix_length != 0) return {};
  const uint16_t port = key.extent.port_last == 0 ? key.port : uint16_t{0};
  return service_records(name, key.vip, port, key.protocol, options);
}

void ServiceCompiler::set_config(const Config& config) {
  ports_ = config.ports;
  dns_ = dns_options(config);
  snat_ranges_.clear();
  reserved_.clear();
  const SnatLayout snat = snat_layout(config);
  for (const SnatRange& range : snat.ranges) snat_ranges_[{range.pool, range.family}] = range;
  for (const SnatAddress& address : snat.addresses) reserved_[address.address] = "an SNAT address";
  for (const IpAddress& address : config.dns.listen) reserved_[address] = "a DNS address";
  for (const PortConfig& port : config.ports) {
    for (const IpPrefix& prefix : port.addresses) {
      reserved_[prefix.address] = "an address of the port '" + port.name + "'";
    }
  }
}

Status ServiceCompiler::accepts(const ServiceKey& key, const ServiceConfig& service) const {
  const auto refusal = [&](const std::string& why) {
    return Error{"service '" + service.name + "' " + to_string(key) + ": " + why};
  };
  if (key.vip.family() == 0) return refusal("it has no VIP; give it one");
  if (key.port == 0 && key.extent.port_last == 0) {
    return refusal("its port is 0; give it one from 1 to 65535");
  }
  const IpRange range_of_vip = vip_range(key.vip, key.extent);
  if (const auto use = reserved_.lower_bound(range_of_vip.first);
      use != reserved_.end() && range_of_vip.contains(use->first)) {
    return refusal(to_string(use->first) + " is " + use->second + "; choose another VIP");
  }
  if (service.mode != Mode::kFullnat) return Done{};
  const auto range = snat_ranges_.find({service.snat_pool, key.vip.family()});
  if (range == snat_ranges_.end() || range->second.count == 0) {
    return refusal("the SNAT pool '" + service.snat_pool + "' in force has no address for " +
                   to_string(key.vip));
  }
  return Done{};
}

ServiceSpec ServiceCompiler::compile(const ServiceKey& key, const ModelService& service) {
  const ServiceConfig& config = service.config;
  ServiceSpec spec;
  spec.index = service.index;
  spec.flow_id = service.flow_id;
  spec.name = config.name;
  // Services may have no name, and without a services zone none has one.
  if (!config.name.empty()) {
    if (auto fqdn = dns_service_fqdn(config.name, dns_)) spec.fqdn = *fqdn;
  }
  spec.vip = key.vip;
  spec.port = key.port;
  spec.extent = key.extent;
  spec.protocol = key.protocol;
  spec.mode = config.mode;
  spec.tunnel = config.tunnel;
  spec.no_real = config.no_real;
  spec.hash = config.hash;
  spec.is_quic = config.quic;
  if (config.mode == Mode::kFullnat && key.protocol == Protocol::kTcp) {
    spec.client_address = config.client_address;
  }
  spec.admission = config.admission;
  if (config.affinity == Affinity::kSource) {
    spec.admission.affinity_s = config.timeouts.affinity_s;
    // So that a client's first real is the same on every gateway, and after a restart.
    if (spec.hash == HashFields::kFiveTuple) spec.hash = HashFields::kSource;
  }
  spec.timeouts = quarter_seconds(config.timeouts);
  spec.maglev_rows = config.maglev_rows;
  const auto range = snat_ranges_.find({config.snat_pool, key.vip.family()});
  // `nat` needs them when a real is its own client.
  if (is_translating(config.mode) && range != snat_ranges_.end()) {
    spec.snat_first = range->second.first;
    spec.snat_count = range->second.count;
  }
  const bool is_ramping =
      std::any_of(service.reals.begin(), service.reals.end(),
                  [](const auto& entry) { return entry.second.ramp != ModelReal::kFullRamp; });
  spec.reals.reserve(service.reals.size());
  Ways ways;
  for (const auto& [real_key, real] : service.reals) {
    RealSpec& added = spec.reals.emplace_back();
    added.address = real_key.address;
    added.port = real_key.port;
    added.weight = is_ramping ? real.weight * real.ramp : real.weight;
    added.state = real.state;
    added.id = RealId(real.id.value, real.id.generation);
    added.return_flow_id = real.return_flow_id;
    added.quic_id = real.quic_id;
    if (is_tunnel(spec.mode)) added.path_mtu = path_mtus_.of(real_key.address);
    resolve(spec.mode, added, ways);
  }
  set_ways(key, std::move(ways));
  hold_back_unresolved(spec.reals);
  if (config.track == Track::kWhenNeeded && !is_translating(config.mode)) {
    spec.tracks_when_needed = true;
    spec.coming = coming_reals(service, spec.reals, is_ramping ? ModelReal::kFullRamp : 1);
  }
  return spec;
}

void ServiceCompiler::resolve(Mode mode, RealSpec& real, Ways& ways) {
  const std::optional<NextHop> next_hop = find_way(ports_, routes_, real.address).next_hop;
  // A router would send a packet to the VIP back here.
  const bool needs_link = mode == Mode::kL2dsr;
  if (!next_hop || (needs_link && next_hop->address != real.address)) {
    ways.unreachable.push_back(real.address);
    return;
  }
  ways.ports |= 1u << next_hop->port % 32;
  std::optional<MacAddress> mac = static_neighbor(ports_, *next_hop);
  if (!mac) {
    // Reals come sorted, so that most of a service's that share a next hop stand side by side.
    if (ways.hops.empty() || ways.hops.back()->first != *next_hop) {
      ways.hops.push_back(&hop(*next_hop));
    }
    mac = ways.hops.back()->second.mac;
  }
  real.resolved = mac.has_value();
  real.next_hop = mac.value_or(MacAddress{});
  real.out_port = next_hop->port;
}

void ServiceCompiler::resolve(DnsForwarding& forwarding, std::span<const ForwardingPort> ports) {
  // No service is without a VIP.
  const ServiceKey key{IpAddress{}, 0, Protocol::kUdp};
  Ways ways;
  for (DnsForwardZone& zone : forwarding.zones) {
    for (DnsResolver& resolver : zone.resolvers) {
      RealSpec way;
      way.address = resolver.address;
      resolve(Mode::kFullnat, way, ways);
      resolver.is_resolved = way.resolved;
      if (!way.resolved) continue;
      resolver.out_port = way.out_port;
      resolver.next_hop_mac = way.next_hop;
      resolver.port_mac = ports[way.out_port].mac;
      resolver.vlan = Be16(ports_[way.out_port].vlan);
    }
  }
  // Who is asked does not take the gateway for a router.
  ways.ports = 0;
  set_ways(key, std::move(ways));
}

// What is known of it stays as it is until neighbors_changed(), so that all its services get the
// same.
ServiceCompiler::Hops::value_type& ServiceCompiler::hop(const NextHop& next_hop) {
  const auto [at, is_new] = hops_.try_emplace(next_hop);
  if (is_new) {
    if (neighbors_) at->second.mac = neighbors_(next_hop);
    next_hops_.insert(next_hop);
    if (!at->second.mac) unresolved_.insert(next_hop);
    ++routes_version_;
  }
  return *at;
}

// Services that come together come in the order of their keys: each is looked for at the end first.
void ServiceCompiler::set_ways(const ServiceKey& key, Ways ways) {
  sort_each_once(ways.hops);
  sort_each_once(ways.unreachable);
  const auto at = ways_.try_emplace(ways_.end(), key);
  Ways& known = at->second;
  for (Hops::value_type* hop : ways.hops) {
    hop->second.users.insert(hop->second.users.end(), key);
  }
  for (const IpAddress& address : ways.unreachable) {
    if (has(known.unreachable, address) || unreachable_users_[address]++ != 0) continue;
    unreachable_.insert(address);
    ++routes_version_;
  }
  for (Hops::value_type* old : known.hops) {
    if (has(ways.hops, old)) continue;
    old->second.users.erase(key);
    if (!old->second.users.empty()) continue;
    next_hops_.erase(old->first);
    unresolved_.erase(old->first);
    hops_.erase(hops_.find(old->first));
    ++routes_version_;
  }
  for (const IpAddress& address : known.unreachable) {
    if (has(ways.unreachable, address)) continue;
    const auto old = unreachable_users_.find(address);
    if (--old->second != 0) continue;
    unreachable_users_.erase(old);
    unreachable_.erase(address);
    ++routes_version_;
  }
  for (size_t port = 0; port < port_users_.size(); ++port) {
    port_users_[port] += ways.ports >> port & 1;
    port_users_[port] -= known.ports >> port & 1;
    const uint32_t bit = 1u << port;
    real_ports_ = port_users_[port] == 0 ? real_ports_ & ~bit : real_ports_ | bit;
  }
  if (ways.empty()) {
    ways_.erase(at);
  } else {
    known = std::move(ways);
  }
}

std::set<ServiceKey> ServiceCompiler::neighbors_changed() {
  std::set<ServiceKey> services;
  for (auto& [next_hop, hop] : hops_) {
    const auto mac = neighbors_ ? neighbors_(next_hop) : std::nullopt;
    if (mac == hop.mac) continue;
    if (mac.has_value() != hop.mac.has_value()) {
      if (mac) {
        unresolved_.erase(next_hop);
      } else {
        unresolved_.insert(next_hop);
      }
      ++routes_version_;
    }
    hop.mac = mac;
    services.insert(hop.users.begin(), hop.users.end());
  }
  return services;
}

bool ServiceCompiler::depends_on(const ChangedPrefixes& changed, const IpAddress& real) const {
  const int longest = changed.longest(real);
  return longest >= 0 && find_way(ports_, routes_, real).depends_on(longest);
}

}  // namespace vipgate
