#include "controlplane/config/config_check_services.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "controlplane/config/config_check_policy.h"
#include "controlplane/config/config_check_quic.h"
#include "controlplane/config/config_rules.h"
#include "controlplane/model/fallbacks.h"
#include "controlplane/network/next_hops.h"

namespace vipgate {
namespace {

constexpr size_t kMaxRealsPerService = 65535;  // a Maglev row holds a 16-bit index

const SnatPoolConfig* find_pool(const Config& config, const std::string& name) {
  for (const SnatPoolConfig& pool : config.snat_pools) {
    if (pool.name == name) return &pool;
  }
  return nullptr;
}

std::string family_name(int family) { return family == 4 ? "IPv4" : "IPv6"; }

void check_pool_of(const Config& config, size_t index, const YamlNode& root,
                   Diagnostics& diagnostics) {
  const ServiceConfig& service = config.services[index];
  const auto position = [&] { return position_at(root, {"services", index, "snat_pool"}); };
  const SnatPoolConfig* pool = find_pool(config, service.snat_pool);
  const bool named = service.snat_pool != config.defaults.snat_pool;
  if (pool == nullptr) {
    if (named || service.mode == Mode::kFullnat) {
      diagnostics.error(position(), unknown_pool_message(config, service.snat_pool));
    }
    return;
  }
  const bool has_family = std::any_of(
      pool->addresses.begin(), pool->addresses.end(),
      [&](const IpAddress& address) { return address.family() == vip_family(service); });
  if (service.mode == Mode::kFullnat && !has_family) {
    const std::string vip = service.vip_auto ? "'" + service.name + "'" : to_string(service.vip);
    diagnostics.error(position(), "the SNAT pool '" + pool->name + "' has no " +
                                      family_name(vip_family(service)) +
                                      " address for the fullnat of " + vip +
                                      "; add one, or write a pool that has");
  }
}

bool has_gue_hops(const ServiceConfig& service) {
  return service.mode == Mode::kGue && service.tunnel.gue_hops != 0;
}

void check_reals(const Config& config, size_t index, const YamlNode& root,
                 Diagnostics& diagnostics) {
  const ServiceConfig& service = config.services[index];
  std::map<std::tuple<IpAddress, uint16_t>, int> seen;
  for (size_t k = 0; k < service.reals.size() && !diagnostics.full(); ++k) {
    const RealConfig& real = service.reals[k];
    if (!is_tunnel(service.mode) && real.address.family() != vip_family(service)) {
      diagnostics.error(position_at(root, {"services", index, "reals", k, "address"}),
                        "the real " + to_string(real.address) + " is not of the " +
                            (service.vip_auto ? "first real's" : "VIP's") + " family; write an " +
                            family_name(vip_family(service)) +
                            " address, or a mode that is a tunnel");
    } else if (service.mode == Mode::kL2dsr && !is_on_link(config.ports, real.address)) {
      diagnostics.error(position_at(root, {"services", index, "reals", k, "address"}),
                        "the real " + to_string(real.address) +
                            " is on no segment of a port, as l2dsr needs it to be; write an "
                            "address within a port's prefix, or a mode that is a tunnel");
    }
    if (has_gue_hops(service) && real.address.is_v6()) {
      diagnostics.error(position_at(root, {"services", index, "reals", k, "address"}),
                        "the real " + to_string(real.address) +
                            " cannot be a hop: gue_hops are IPv4 addresses; write one, or "
                            "gue_hops: 0");
    }
    const auto [first, is_new] = seen.try_emplace({real.address, real.port}, real.position.line);
    if (!is_new) {
      diagnostics.error(real.position, "the real " + endpoint_to_string(real.address, real.port) +
                                           " is already in line " + std::to_string(first->second) +
                                           "; keep one of them (a weight says how much it gets)");
    }
  }
  const size_t rows = service.maglev_rows == 0 ? kMaxRealsPerService : service.maglev_rows;
  const size_t most = std::min(rows, kMaxRealsPerService);
  if (service.reals.size() > most) {
    diagnostics.error(position_at(root, {"services", index, "reals"}),
                      std::to_string(service.reals.size()) +
                          " reals; with these maglev_rows a "
                          "service has at most " +
                          std::to_string(most));
  }
}

void check_unique(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  std::map<ServiceKey, int> by_vip;
  std::map<std::tuple<std::string_view, int, uint16_t, ServiceExtent, Protocol>, int> by_name;
  for (size_t i = 0; i < config.services.size() && !diagnostics.full(); ++i) {
    const ServiceConfig& service = config.services[i];
    const std::string protocol(to_string(service.protocol));
    // Names have addresses of their own: those that are given out cannot be the same.
    if (!service.vip_auto) {
      const auto [vip, is_new] = by_vip.try_emplace(key_of(service), service.position.line);
      if (!is_new) {
        diagnostics.error(
            position_at(root, {"services", i, "vip"}),
            to_string(key_of(service)) + " is already served by the service in line " +
                std::to_string(vip->second) + "; write another VIP, port or protocol");
      }
    }
    const int family = vip_family(service);
    const auto [name, new_name] =
        by_name.try_emplace({service.name, family, service.port, service.extent, service.protocol},
                            service.position.line);
    if (!new_name) {
      std::string port = service_ports_rule().print({service.port, service.extent.port_last});
      port.append("/").append(protocol);
      diagnostics.error(position_at(root, {"services", i, "name"}),
                        "'" + service.name + "' already has an " + family_name(family) +
                            " service with port " + port + " in line " +
                            std::to_string(name->second) + "; write another name or port");
    }
  }
}

void check_limits(const Config& config, const YamlNode& root, Diagnostics& diagnostics,
                  const ServicesBeside& beside) {
  size_t reals = beside.reals;
  std::set<std::string_view> names;
  for (const ServiceConfig& service : config.services) {
    reals += service.reals.size();
    names.insert(service.name);
  }
  const auto check = [&](size_t count, size_t limit, const std::string& what) {
    if (count <= limit) return;
    diagnostics.error(position_at(root, {"services"}),
                      "there are " + std::to_string(count) + " " + what + ", and limits." + what +
                          " is " + std::to_string(limit) + "; raise the limit or remove some");
  };
  check(beside.services + config.services.size(), config.limits.services, "services");
  check(reals, config.limits.reals, "reals");
  check(beside.names + names.size(), config.limits.dns_names, "dns_names");
}

void check_preference(const Config& config, const LocalityPreference& preference,
                      SourcePosition position, Diagnostics& diagnostics) {
  if (preference.prefer != Prefer::kZone || !config.locality.zone.empty()) return;
  diagnostics.error(position,
                    "prefer: zone needs to know where this gateway is; add its zone to `locality`, "
                    "as {region: eu, zone: eu-1}");
}

void check_locality(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  const auto& prefixes = config.locality.prefixes;
  for (size_t i = 0; i < prefixes.size(); ++i) {
    const auto is_same = [&](const ZonePrefixConfig& other) {
      return other.prefix == prefixes[i].prefix;
    };
    const auto end = prefixes.begin() + static_cast<ptrdiff_t>(i);
    if (std::none_of(prefixes.begin(), end, is_same)) continue;
    diagnostics.error(position_at(root, {"locality", "prefixes", i, "prefix"}),
                      "prefix: it stands here a second time; an address is in one zone: keep one");
  }
  const LocalityPreference& defaults = config.defaults.locality;
  check_preference(config, defaults, position_at(root, {"defaults", "prefer"}), diagnostics);
  if (defaults.prefer == Prefer::kZone) return;  // what is inherited is told once
  check_preference(config, config.named_vips.locality, position_at(root, {"named_vips", "prefer"}),
                   diagnostics);
  for (size_t i = 0; i < config.services.size() && !diagnostics.full(); ++i) {
    check_preference(config, config.services[i].locality,
                     position_at(root, {"services", i, "prefer"}), diagnostics);
  }
}

void check_health_of(const Config& config, size_t index, const YamlNode& root,
                     Diagnostics& diagnostics) {
  // What is inherited is told where it stands.
  const ServiceConfig& service = config.services[index];
  const YamlNode& owner = *find_key(root, "services")->children[index];
  const bool has_portless = std::any_of(service.reals.begin(), service.reals.end(),
                                        [](const RealConfig& real) { return real.port == 0; });
  if (has_portless && service.health.type != HealthType::kNone && service.health.port == 0) {
    diagnostics.error(position_at(owner, {"health"}),
                      "health: reals that are reached at any port have none to be checked at; add "
                      "the check's port, or a port to each real");
  }
  if (service.health == config.defaults.health) return;
  check_health(service.health, owner, diagnostics);
  const HealthType type = service.health.type;
  if (service.protocol == Protocol::kSctp && service.health.port == 0 &&
      type != HealthType::kNone) {
    diagnostics.error(position_at(owner, {"health", "type"}),
                      "type: an SCTP port answers no check, which goes over TCP or UDP; write "
                      "type: none, or add port: the port that answers for it");
  }
  if (service.protocol == Protocol::kUdp && service.health.port == 0 && type != HealthType::kNone &&
      type != HealthType::kDns) {
    diagnostics.error(position_at(owner, {"health", "type"}),
                      "type: a UDP port answers no such check, which goes over TCP; write type: "
                      "dns, or add port: the TCP port that answers for it");
  }
}

// Of two ranges of one VIP or prefix, none has a port that the other has, too: neither is the
// narrower one. A port of its own or all ports may stand beside them.
void check_port_ranges(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  std::map<std::tuple<IpAddress, uint8_t, Protocol>, std::map<uint16_t, size_t>> ranges;
  for (size_t i = 0; i < config.services.size() && !diagnostics.full(); ++i) {
    const ServiceConfig& service = config.services[i];
    const bool is_range = service.extent.port_last != 0 &&
                          !(service.port == 0 && service.extent.port_last == kLastPort);
    if (service.vip_auto || !is_range) continue;
    auto& others = ranges[{service.vip, service.extent.prefix_length, service.protocol}];
    const auto last_of = [&](size_t k) { return config.services[k].extent.port_last; };
    auto next = others.lower_bound(service.port);
    size_t other = i;
    if (next != others.end() && next->first <= service.extent.port_last) other = next->second;
    if (next != others.begin() && last_of(std::prev(next)->second) >= service.port) {
      other = std::prev(next)->second;
    }
    // What is there twice is told by check_unique().
    if (other != i && key_of(config.services[other]) != key_of(service)) {
      diagnostics.error(position_at(root, {"services", i, "port"}),
                        "port: the range shares ports with that of the service in line " +
                            std::to_string(config.services[other].position.line) +
                            ", which has the same VIP; write ranges that are apart");
    }
    others.try_emplace(service.port, i);
  }
}

// The gateway tells flows of a `nat` real apart by the client's address and port, within one
// worker: so that worker must be the same for all services that lead there
// (fastpath/affinity_table.h).
void check_affinity(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  const auto& services = config.services;
  const bool is_used = std::any_of(services.begin(), services.end(), [](const auto& service) {
    return service.mode == Mode::kNat && service.affinity != Affinity::kNone;
  });
  if (!is_used) return;
  std::map<std::tuple<IpAddress, uint16_t, Protocol>, size_t> first;
  for (size_t i = 0; i < services.size() && !diagnostics.full(); ++i) {
    if (services[i].mode != Mode::kNat) continue;
    for (const RealConfig& real : services[i].reals) {
      const auto [at, is_new] =
          first.try_emplace({real.address, real.port, services[i].protocol}, i);
      const ServiceConfig& other = services[at->second];
      if (is_new || other.affinity == services[i].affinity) continue;
      diagnostics.error(position_at(root, {"services", i, "affinity"}),
                        "affinity: the service shares the real " +
                            endpoint_to_string(real.address, real.port) + " with that in line " +
                            std::to_string(other.position.line) +
                            ", which has another affinity; one worker must see all that a client "
                            "does with a nat real: write the same for both");
      break;
    }
  }
}

}  // namespace

std::string unknown_pool_message(const Config& config, const std::string& name) {
  std::string message = "there is no SNAT pool '" + name + "'; ";
  if (config.snat_pools.empty()) return message + "add it to snat_pools";
  message += "write one of ";
  for (size_t i = 0; i < config.snat_pools.size(); ++i) {
    message += (i > 0 ? ", " : "") + config.snat_pools[i].name;
  }
  return message;
}

void check_fallbacks(const Config& config, const YamlNode& root, const Fallbacks& fallbacks,
                     Diagnostics& diagnostics) {
  std::set<const ServiceConfig*> seen;
  for (const ServiceConfig& service : config.services) {
    if (diagnostics.full()) return;
    const auto fault = fallbacks.fault(service, seen);
    if (!fault) continue;
    const auto index = static_cast<size_t>(fault->service - config.services.data());
    diagnostics.error(position_at(root, {"services", index, "no_real"}), "no_real: " + fault->why);
  }
}

void check_services(const Config& config, const YamlNode& root, Diagnostics& diagnostics,
                    const ServicesBeside& beside) {
  check_limits(config, root, diagnostics, beside);
  check_unique(config, root, diagnostics);
  check_locality(config, root, diagnostics);
  check_port_ranges(config, root, diagnostics);
  check_affinity(config, root, diagnostics);
  check_quic(config, root, diagnostics);
  if (const YamlNode* defaults = find_key(root, "defaults"); defaults != nullptr) {
    check_health(config.defaults.health, *defaults, diagnostics);
  }
  const ZoneConfig* zone = services_zone(config);
  for (size_t i = 0; i < config.services.size() && !diagnostics.full(); ++i) {
    const ServiceConfig& service = config.services[i];
    check_pool_of(config, i, root, diagnostics);
    check_reals(config, i, root, diagnostics);
    check_tunnel(service.mode, service.tunnel, *find_key(root, "services")->children[i],
                 diagnostics);
    check_track(service.track, service.mode, service.affinity, service.admission,
                *find_key(root, "services")->children[i], diagnostics);
    check_client_address(service, *find_key(root, "services")->children[i], diagnostics);
    check_health_of(config, i, root, diagnostics);
    const size_t length = service.name.size() + (zone ? 1 + zone->name.size() : 0);
    if (length > kMaxNameLength) {
      diagnostics.error(position_at(root, {"services", i, "name"}),
                        "with its zone '" + zone->name + "' the name has " +
                            std::to_string(length) + " characters; a DNS name has at most 253");
    }
  }
}

}  // namespace vipgate
