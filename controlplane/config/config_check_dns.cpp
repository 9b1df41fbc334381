#include "controlplane/config/config_check_dns.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/dns_forwarding.h"
#include "common/dns_search.h"
#include "controlplane/config/config_check_services.h"
#include "controlplane/config/config_rules.h"
#include "controlplane/dns/dns_secrets.h"
#include "controlplane/dns/dns_static_record.h"
#include "controlplane/model/compiler.h"

namespace vipgate {
namespace {

bool is_below(std::string_view name, std::string_view zone) {
  return name == zone || (name.size() > zone.size() && name.ends_with(zone) &&
                          name[name.size() - zone.size() - 1] == '.');
}

// The zone or alias of the longest name that holds `name`, and the zone whose it is.
std::pair<std::string, const ZoneConfig*> zone_around(const Config& config, std::string_view name) {
  std::pair<std::string, const ZoneConfig*> longest;
  const auto consider = [&](const std::string& candidate, const ZoneConfig& zone) {
    if (is_below(name, candidate) && candidate.size() > longest.first.size()) {
      longest = {candidate, &zone};
    }
  };
  for (const ZoneConfig& zone : config.dns.zones) {
    consider(zone.name, zone);
    for (const std::string& alias : zone.aliases) consider(alias, zone);
  }
  return longest;
}

void check_records(const Config& config, const ZoneConfig& zone, size_t index, const YamlNode& root,
                   Diagnostics& diagnostics) {
  // RFC 1034 3.6.2: beside a CNAME stands nothing else.
  std::map<std::string, const DnsRecordConfig*> first;
  std::set<std::tuple<std::string, std::string, std::string>> seen;
  for (size_t k = 0; k < zone.records.size() && !diagnostics.full(); ++k) {
    const DnsRecordConfig& record = zone.records[k];
    const auto at = [&](std::string_view key) {
      return position_at(root, {"dns", "zones", index, "records", k, key});
    };
    if (auto made = dns_static_record(record, zone.name, 0); !made) {
      diagnostics.error(at(made.error().starts_with("name") ? "name" : "data"), made.error());
    }
    if (const auto [around, original] = zone_around(config, record.name + "." + zone.name);
        original != nullptr && original->name != around) {
      diagnostics.error(at("name"),
                        "name: '" + record.name + "' lies in the alias '" + around +
                            "', which has no names of its own; write it for the zone '" +
                            original->name + "'");
    }
    const size_t length = record.name == "@" ? 0 : record.name.size() + 1;
    if (length + zone.name.size() > kMaxNameLength) {
      diagnostics.error(at("name"), "with its zone '" + zone.name + "' the name has " +
                                        std::to_string(length + zone.name.size()) +
                                        " characters; a DNS name has at most 253");
    }
    if (record.name == "@" && record.type == "CNAME") {
      diagnostics.error(at("type"),
                        "the zone itself cannot be a CNAME: its SOA stands there; write A or AAAA");
    }
    const auto [other, is_new] = first.try_emplace(record.name, &record);
    if (!is_new && (record.type == "CNAME" || other->second->type == "CNAME")) {
      diagnostics.error(at("name"), "'" + record.name + "' already has a record in line " +
                                        std::to_string(other->second->position.line) +
                                        "; a name with a CNAME has no other record");
    } else if (!seen.insert({record.name, record.type, record.data}).second) {
      diagnostics.error(record.position, "this record is already there; keep one of them");
    }
  }
}

void check_reply_bounds(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  if (config.dns.max_amplification == 1) {
    diagnostics.error(position_at(root, {"dns", "max_amplification"}),
                      "max_amplification: 1 leaves no room for a cookie in the reply; write 0 for "
                      "any length, or 2 to 100");
  }
}

// Those of a zone of a view: `main` is the zone that they stand in.
void check_view_records(const DnsViewZoneConfig& zone, const ZoneConfig& main,
                        const std::function<SourcePosition(size_t, std::string_view)>& at,
                        Diagnostics& diagnostics) {
  std::map<std::string, const DnsRecordConfig*> first;
  for (size_t k = 0; k < zone.records.size() && !diagnostics.full(); ++k) {
    const DnsRecordConfig& record = zone.records[k];
    if (auto made = dns_static_record(record, zone.name, 0); !made) {
      diagnostics.error(at(k, made.error().starts_with("name") ? "name" : "data"), made.error());
    }
    if (record.name.starts_with("*")) {
      diagnostics.error(at(k, "name"), "name: '" + record.name +
                                           "' is a wildcard, which a view cannot have; name each "
                                           "record");
    }
    const bool is_cname = record.type == "CNAME";
    if (record.name == "@" && is_cname) {
      diagnostics.error(at(k, "type"),
                        "the zone itself cannot be a CNAME: its SOA stands there; "
                        "write A or AAAA");
    }
    const auto [other, is_new] = first.try_emplace(record.name, &record);
    if (!is_new && (is_cname || other->second->type == "CNAME")) {
      diagnostics.error(at(k, "name"), "'" + record.name + "' already has a record in line " +
                                           std::to_string(other->second->position.line) +
                                           "; a name with a CNAME has no other record");
    }
    const auto replaced = std::find_if(
        main.records.begin(), main.records.end(),
        [&](const DnsRecordConfig& its) { return its.name == record.name && its.type == "CNAME"; });
    if (!is_cname && replaced != main.records.end()) {
      diagnostics.error(at(k, "type"), "'" + record.name + "' has a CNAME record in line " +
                                           std::to_string(replaced->position.line) +
                                           ", which only another CNAME record can replace");
    }
  }
}

void check_views(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  std::set<std::string> names;
  std::map<std::string, std::string> clients;  // whose they are
  for (size_t i = 0; i < config.dns.views.size() && !diagnostics.full(); ++i) {
    const DnsViewConfig& view = config.dns.views[i];
    if (!names.insert(view.name).second) {
      diagnostics.error(position_at(root, {"dns", "views", i, "name"}),
                        "the view '" + view.name + "' is already there; name each view once");
    }
    for (size_t k = 0; k < view.clients.size(); ++k) {
      const auto [owner, is_new] = clients.try_emplace(to_string(view.clients[k]), view.name);
      if (is_new) continue;
      diagnostics.error(position_at(root, {"dns", "views", i, "clients", k}),
                        "the prefix " + owner->first + " is already that of the view '" +
                            owner->second + "'; keep one of them");
    }
    std::set<std::string> zones;
    for (size_t k = 0; k < view.zones.size(); ++k) {
      const DnsViewZoneConfig& zone = view.zones[k];
      const auto at = [&](std::string_view key) {
        return position_at(root, {"dns", "views", i, "zones", k, key});
      };
      const auto main = std::find_if(config.dns.zones.begin(), config.dns.zones.end(),
                                     [&](const ZoneConfig& its) { return its.name == zone.name; });
      if (main == config.dns.zones.end()) {
        diagnostics.error(at("name"), "there is no zone '" + zone.name +
                                          "' in dns.zones; name one of them, which is no alias");
        continue;
      }
      if (!zones.insert(zone.name).second) {
        diagnostics.error(at("name"),
                          "the view has the zone '" + zone.name + "' already; put both together");
      }
      if (zone.reals && services_zone(config) != &*main) {
        diagnostics.error(at("services"), "services: the zone '" + zone.name +
                                              "' has no names of services; write reals for the "
                                              "zone with `services: true`");
      }
      const auto record_at = [&](size_t record, std::string_view key) {
        return position_at(root, {"dns", "views", i, "zones", k, "records", record, key});
      };
      check_view_records(zone, *main, record_at, diagnostics);
    }
  }
}

bool is_own_address(const Config& config, const IpAddress& address) {
  const auto has = [&](const std::vector<IpAddress>& addresses) {
    return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
  };
  if (has(config.dns.listen)) return true;
  for (const SnatPoolConfig& pool : config.snat_pools) {
    if (has(pool.addresses)) return true;
  }
  for (const PortConfig& port : config.ports) {
    for (const IpPrefix& own : port.addresses) {
      if (own.address == address) return true;
    }
  }
  return std::any_of(config.services.begin(), config.services.end(),
                     [&](const ServiceConfig& service) {
                       return !service.vip_auto && vip_prefix(service).contains(address);
                     });
}

// Who uses the pool besides; empty: nobody.
std::string other_user(const Config& config, const std::string& pool) {
  for (const ServiceConfig& service : config.services) {
    if (is_translating(service.mode) && service.snat_pool == pool) {
      return "the service '" + service.name + "'";
    }
  }
  if (named_vips_used(config) && is_translating(config.named_vips.mode) &&
      config.named_vips.snat_pool == pool) {
    return "named_vips";
  }
  return "";
}

}  // namespace

void read_dns_secrets(Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  DnsCookieConfig& cookies = config.dns.cookies;
  if (cookies.secret_file.empty()) return;
  const SourcePosition position = position_at(root, {"dns", "cookies", "secret_file"});
  if (!cookies.enabled) {
    diagnostics.error(position,
                      "secret_file: a secret without cookies; remove it, or set enabled: true");
    return;
  }
  auto secrets = read_cookie_secrets(cookies.secret_file);
  if (!secrets) return diagnostics.error(position, "secret_file: " + secrets.error());
  cookies.secrets = std::move(*secrets);
}

void check_udp_size(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  constexpr int kHeaders = 48;  // IPv6 and UDP
  if (config.dns.udp_size <= kDnsUdpLimit) return;
  for (const PortConfig& port : config.ports) {
    if (config.dns.udp_size + kHeaders <= port.mtu) continue;
    diagnostics.error(position_at(root, {"dns", "udp_size"}),
                      "udp_size: answers of " + std::to_string(config.dns.udp_size) +
                          " bytes do not fit the mtu of port '" + port.name + "', " +
                          std::to_string(port.mtu) + "; write at most " +
                          std::to_string(std::max(int{kDnsUdpLimit}, port.mtu - kHeaders)));
    return;
  }
}

void check_forward(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  const DnsForwardConfig& forward = config.dns.forward;
  if (!forward.is_on) return;
  const auto error = [&](std::string_view key, const std::string& what) {
    diagnostics.error(position_at(root, {"dns", "forward", key}), std::string(key) + ": " + what);
  };
  if (forward.clients.empty()) {
    error("clients", "nobody may have questions forwarded; write the prefixes of those who may");
  }
  if (forward.resolvers.empty()) {
    error("resolvers", "there is nobody to ask; write the address of a server that resolves names");
  }
  if (forward.race_after_ms > forward.timeout_ms) {
    error("race_after_ms", std::to_string(forward.race_after_ms) +
                               " ms are more than timeout_ms; write " +
                               std::to_string(forward.timeout_ms) + " at most");
  }
  const DnsForwardHealthConfig& health = forward.health;
  if (health.interval_s != 0 && health.timeout_ms > health.interval_s * 1000) {
    diagnostics.error(position_at(root, {"dns", "forward", "health", "timeout_ms"}),
                      "timeout_ms: " + std::to_string(health.timeout_ms) +
                          " ms is longer than the interval of " +
                          std::to_string(health.interval_s) + " s; write " +
                          std::to_string(health.interval_s * 1000) + " at most");
  }
  const auto pool =
      std::find_if(config.snat_pools.begin(), config.snat_pools.end(),
                   [&](const SnatPoolConfig& known) { return known.name == forward.snat_pool; });
  if (pool == config.snat_pools.end()) {
    error("snat_pool", forward.snat_pool.empty()
                           ? "questions have no source; write the name of a pool that no service "
                             "uses"
                           : unknown_pool_message(config, forward.snat_pool));
    return;
  }
  if (const std::string user = other_user(config, pool->name); !user.empty()) {
    error("snat_pool", "'" + pool->name + "' is the pool of " + user +
                           ", too; write a pool that only forwarding uses");
  }
  const auto check_list = [&](const std::vector<DnsResolverConfig>& resolvers, const auto& at) {
    std::set<std::pair<IpAddress, uint16_t>> seen;
    if (resolvers.size() > DnsForwarding::kMaxResolvers) {
      diagnostics.error(at(0), "resolvers: " + std::to_string(resolvers.size()) +
                                   " are too many; write at most " +
                                   std::to_string(DnsForwarding::kMaxResolvers));
    }
    for (size_t i = 0; i < resolvers.size(); ++i) {
      const DnsResolverConfig& resolver = resolvers[i];
      const std::string name = to_string(resolver.address);
      if (is_own_address(config, resolver.address)) {
        diagnostics.error(at(i), "resolvers: " + name +
                                     " is an address of this gateway; write that of another "
                                     "machine");
      }
      if (!seen.insert({resolver.address, resolver.port}).second) {
        diagnostics.error(at(i), "resolvers: " + name + " is there twice; write it once");
      }
      if (std::none_of(pool->addresses.begin(), pool->addresses.end(),
                       [&](const IpAddress& source) {
                         return source.family() == resolver.address.family();
                       })) {
        diagnostics.error(at(i), "resolvers: the SNAT pool '" + pool->name +
                                     "' has no address from which to ask " + name +
                                     "; add one of its family");
      }
    }
  };
  check_list(forward.resolvers, [&](size_t i) {
    return position_at(root, {"dns", "forward", "resolvers", i});
  });
  std::set<std::string> names;
  for (size_t k = 0; k < forward.zones.size() && !diagnostics.full(); ++k) {
    const DnsForwardZoneConfig& zone = forward.zones[k];
    if (!names.insert(zone.name).second) {
      diagnostics.error(position_at(root, {"dns", "forward", "zones", k, "name"}),
                        "name: the zone '" + zone.name + "' is already there; name each once");
    }
    const auto check_own = [&](const std::string& own, std::string_view what) {
      if (own != zone.name && !zone.name.ends_with("." + own)) return;
      diagnostics.error(position_at(root, {"dns", "forward", "zones", k, "name"}),
                        "name: '" + zone.name + "' lies in " + std::string(what) + " '" + own +
                            "', which is never forwarded; leave it out");
    };
    for (const ZoneConfig& own : config.dns.zones) {
      check_own(own.name, "our own zone");
      for (const std::string& alias : own.aliases) check_own(alias, "our own alias");
    }
    check_list(zone.resolvers, [&](size_t i) {
      return position_at(root, {"dns", "forward", "zones", k, "resolvers", i});
    });
  }
}

void check_search(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  std::set<IpPrefix> clients;
  for (size_t i = 0; i < config.dns.search.size() && !diagnostics.full(); ++i) {
    const DnsSearchConfig& list = config.dns.search[i];
    for (size_t k = 0; k < list.clients.size(); ++k) {
      if (clients.insert(list.clients[k]).second) continue;
      diagnostics.error(
          position_at(root, {"dns", "search", i, "clients", k}),
          "the prefix " + to_string(list.clients[k]) + " has a list already; keep one of them");
    }
    if (list.suffixes.size() > DnsSearch::kMaxSuffixes) {
      diagnostics.error(position_at(root, {"dns", "search", i, "suffixes"}),
                        "suffixes: " + std::to_string(list.suffixes.size()) +
                            " are too many; write at most " +
                            std::to_string(DnsSearch::kMaxSuffixes));
    }
    std::set<std::string> suffixes;
    for (size_t k = 0; k < list.suffixes.size(); ++k) {
      if (suffixes.insert(list.suffixes[k]).second) continue;
      diagnostics.error(position_at(root, {"dns", "search", i, "suffixes", k}),
                        "suffixes: '" + list.suffixes[k] + "' is there twice; write it once");
    }
  }
}

void check_zones(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  check_udp_size(config, root, diagnostics);
  check_reply_bounds(config, root, diagnostics);
  std::set<std::string> names;
  const auto claim = [&](const std::string& name, SourcePosition position) {
    if (!names.insert(name).second) {
      diagnostics.error(position,
                        "the zone '" + name + "' is already there; name each zone and alias once");
    }
  };
  for (size_t i = 0; i < config.dns.zones.size(); ++i) {
    const ZoneConfig& zone = config.dns.zones[i];
    claim(zone.name, position_at(root, {"dns", "zones", i, "name"}));
    for (size_t k = 0; k < zone.aliases.size(); ++k) {
      claim(zone.aliases[k], position_at(root, {"dns", "zones", i, "aliases", k}));
    }
    check_records(config, zone, i, root, diagnostics);
  }
  // Whatever else may be wrong with the zones as a whole.
  if (diagnostics.ok()) {
    const DnsOptions options = dns_options(config);
    auto zones = dns_zones(options, 0);
    auto records = zones ? static_records(options) : Error{zones.error()};
    if (!records) diagnostics.error(position_at(root, {"dns", "zones"}), records.error());
  }
  check_views(config, root, diagnostics);
  const bool names_wanted = !config.services.empty() && !config.dns.zones.empty();
  if (names_wanted && services_zone(config) == nullptr) {
    diagnostics.error(position_at(root, {"dns", "zones"}),
                      "zones: none of them has `services: true`, so no service has a name; add it "
                      "to one zone");
  }
}

}  // namespace vipgate
