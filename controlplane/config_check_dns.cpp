#include "controlplane/config_check_dns.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "controlplane/config_rules.h"
#include "controlplane/dns_secrets.h"
#include "controlplane/dns_static_record.h"

namespace vipgate {
namespace {

void check_records(const ZoneConfig& zone, size_t index, const YamlNode& root,
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

void check_zones(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
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
    check_records(zone, i, root, diagnostics);
  }
  const bool names_wanted = !config.services.empty() && !config.dns.zones.empty();
  if (names_wanted && services_zone(config) == nullptr) {
    diagnostics.error(position_at(root, {"dns", "zones"}),
                      "zones: none of them has `services: true`, so no service has a name; add it "
                      "to one zone");
  }
}

}  // namespace vipgate
