#include "controlplane/config_check_dns.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "controlplane/compiler.h"
#include "controlplane/config_rules.h"
#include "controlplane/dns_secrets.h"
#include "controlplane/dns_static_record.h"

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

void check_zones(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  check_udp_size(config, root, diagnostics);
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
  const bool names_wanted = !config.services.empty() && !config.dns.zones.empty();
  if (names_wanted && services_zone(config) == nullptr) {
    diagnostics.error(position_at(root, {"dns", "zones"}),
                      "zones: none of them has `services: true`, so no service has a name; add it "
                      "to one zone");
  }
}

}  // namespace vipgate
