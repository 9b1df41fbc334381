#include "controlplane/dns/dns_compiler.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "controlplane/dns/dns_static_record.h"
#include "controlplane/dns/reverse_zones.h"

namespace vipgate {
namespace {

constexpr uint16_t kSrvPriority = 0;
constexpr uint16_t kSrvWeight = 1;

constexpr const DnsZoneOptions* no_zone() { return nullptr; }

// The options of the zone of that wire name; null: it has none.
const DnsZoneOptions* find_options(const DnsOptions& options, std::string_view zone) {
  for (const DnsZoneOptions& candidate : options.zones) {
    const auto name = dns_name_from_text(candidate.name);
    if (name && dns_fold(*name) == zone) return &candidate;
  }
  return nullptr;
}

const DnsZoneOptions* find_service_zone(const DnsOptions& options) {
  const auto zone =
      std::find_if(options.zones.begin(), options.zones.end(),
                   [](const DnsZoneOptions& candidate) { return candidate.services; });
  return zone == options.zones.end() ? nullptr : &*zone;
}

// `name` below `zone`, as text with the final dot; a final dot of either is left out before.
std::string text_below(std::string_view name, std::string_view zone) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (zone.ends_with('.')) zone.remove_suffix(1);
  return std::string(name) + "." + std::string(zone) + ".";
}

Result<DnsSoa> soa_of(const DnsSoaOptions& options, uint32_t serial) {
  auto mname = dns_name_from_text(options.mname);
  if (!mname) return Error{"dns.soa.mname: " + mname.error()};
  auto rname = dns_name_from_text(options.rname);
  if (!rname) return Error{"dns.soa.rname: " + rname.error()};
  return DnsSoa{dns_fold(*mname), dns_fold(*rname), serial,           options.refresh_s,
                options.retry_s,  options.expire_s, options.minimum_s};
}

std::string reverse_name(const IpAddress& address) {
  auto record = dns_ptr_record(address, ".", 0);
  return record ? record->owner : std::string(1, '\0');
}

// A range that lies in a configured zone needs no zones of its own.
Status add_reverse_zones(const DnsOptions& options, const DnsSoa& soa,
                         std::vector<DnsZoneSpec>& zones) {
  std::vector<IpRange> uncovered;
  for (const IpRange& range : options.ptr_ranges) {
    const std::string first = reverse_name(range.first);
    const std::string last = reverse_name(range.last);
    const auto holds_range = [&](const DnsZoneSpec& zone) {
      return zone.alias_of.empty() && dns_is_within(first, zone.name) &&
             dns_is_within(last, zone.name);
    };
    if (std::none_of(zones.begin(), zones.end(), holds_range)) uncovered.push_back(range);
  }
  auto reverse = reverse_zones(std::move(uncovered));
  if (!reverse) return Error{reverse.error()};
  for (const std::string& name : *reverse) {
    const auto is_it = [&](const DnsZoneSpec& zone) { return zone.name == name; };
    if (std::none_of(zones.begin(), zones.end(), is_it)) {
      zones.push_back({name, soa, dns_ttl_s(options, no_zone(), DnsType::kSoa)});
    }
  }
  return Done{};
}

std::string_view protocol_label(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp:
      return "_tcp";
    case Protocol::kUdp:
      return "_udp";
    case Protocol::kSctp:
      return "_sctp";
  }
  return {};
}

// RFC 2782. The first label of the name is the service's.
Result<DnsRecord> srv_record(const std::string& name, const std::string& zone, uint16_t port,
                             Protocol protocol, uint32_t ttl_s) {
  return dns_srv_record(text_below(service_srv_owner(name, protocol), zone), kSrvPriority,
                        kSrvWeight, port, text_below(name, zone), ttl_s);
}

IpAddress address_of(std::string_view rdata) {
  if (rdata.size() == 4) {
    Ipv4Address v4;
    std::copy(rdata.begin(), rdata.end(), reinterpret_cast<char*>(&v4));
    return v4;
  }
  Ipv6Address v6;
  std::copy(rdata.begin(), rdata.end(), v6.bytes.begin());
  return v6;
}

// Type and value; empty for a type that is not listed.
std::string line_of(DnsType type, std::string_view rdata) {
  const auto port = [&] {
    return std::to_string(static_cast<uint8_t>(rdata[4]) << 8 | static_cast<uint8_t>(rdata[5]));
  };
  switch (type) {
    case DnsType::kA:
      return "\tA\t" + to_string(address_of(rdata));
    case DnsType::kAaaa:
      return "\tAAAA\t" + to_string(address_of(rdata));
    case DnsType::kSrv:
      return "\tSRV\t" + dns_name_to_text(dns_fold(rdata.substr(6))) + ":" + port();
    case DnsType::kPtr:
      return "\tPTR\t" + dns_name_to_text(dns_fold(rdata));
    default:
      return {};
  }
}

// RFC 1034 3.6.2: a CNAME record stands alone.
Status check_cnames(const std::vector<DnsRecord>& records) {
  std::map<std::string_view, const DnsRecord*> first;
  for (const DnsRecord& record : records) {
    const auto [known, is_new] = first.emplace(record.owner, &record);
    if (is_new || *known->second == record) continue;
    if (record.type == DnsType::kCname || known->second->type == DnsType::kCname) {
      return Error{"dns.zones: '" + dns_name_to_text(record.owner) +
                   "' has a CNAME record and others: a CNAME record stands alone"};
    }
  }
  return Done{};
}

// The zone whose own names are where `name` is; null: none, or an alias.
const DnsZoneSpec* find_zone_of(const std::vector<DnsZoneSpec>& zones, const std::string& name) {
  const DnsZoneSpec* longest = nullptr;
  for (const DnsZoneSpec& zone : zones) {
    if (!dns_is_within(name, zone.name)) continue;
    if (longest == nullptr || longest->name.size() < zone.name.size()) longest = &zone;
  }
  return longest != nullptr && longest->alias_of.empty() ? longest : nullptr;
}

// NS records for every zone, and the addresses of those names that are ours to know.
Status add_name_servers(const DnsOptions& options, std::vector<DnsRecord>& records) {
  auto zones = dns_zones(options, 0);
  if (!zones) return Error{zones.error()};
  std::set<std::string> servers;
  for (const std::string& text : options.name_servers) {
    auto name = dns_name_from_text(text);
    if (!name) return Error{"dns.name_servers: " + name.error()};
    servers.insert(dns_fold(*name));
  }
  auto mname = dns_name_from_text(options.soa.mname);
  if (!mname) return Error{"dns.soa.mname: " + mname.error()};
  if (servers.empty()) servers.insert(dns_fold(*mname));
  for (const DnsZoneSpec& zone : *zones) {
    if (!zone.alias_of.empty()) continue;
    const uint32_t ttl_s = dns_ttl_s(options, find_options(options, zone.name), DnsType::kNs);
    for (const std::string& server : servers) {
      records.push_back({zone.name, DnsType::kNs, ttl_s, server});
    }
  }
  servers.insert(dns_fold(*mname));
  std::set<std::string> with_address;
  for (const DnsRecord& record : records) {
    if (record.type == DnsType::kA || record.type == DnsType::kAaaa) {
      with_address.insert(record.owner);
    }
  }
  for (const std::string& server : servers) {
    const DnsZoneSpec* zone = find_zone_of(*zones, server);
    if (with_address.contains(server) || zone == nullptr) continue;
    const DnsZoneOptions* of_zone = find_options(options, zone->name);
    for (const IpAddress& address : options.listen) {
      const DnsType type = address.is_v4() ? DnsType::kA : DnsType::kAaaa;
      auto record =
          dns_address_record(dns_name_to_text(server), address, dns_ttl_s(options, of_zone, type));
      if (record) records.push_back(std::move(*record));
    }
  }
  return Done{};
}

}  // namespace

Result<std::vector<DnsZoneSpec>> dns_zones(const DnsOptions& options, uint32_t serial) {
  auto soa = soa_of(options.soa, serial);
  if (!soa) return Error{soa.error()};
  std::vector<DnsZoneSpec> zones;
  for (const DnsZoneOptions& zone : options.zones) {
    std::string original;  // empty while it is the zone itself
    const auto add = [&](const std::string& text) -> Status {
      auto name = dns_name_from_text(text);
      if (!name) return Error{"dns.zones: " + name.error()};
      zones.push_back(
          {dns_fold(*name), *soa, dns_ttl_s(options, &zone, DnsType::kSoa), false, original});
      return Done{};
    };
    if (auto status = add(zone.name); !status) return Error{status.error()};
    original = zones.back().name;
    for (const std::string& alias : zone.aliases) {
      if (auto status = add(alias); !status) return Error{status.error()};
    }
  }
  if (auto status = add_reverse_zones(options, *soa, zones); !status) return Error{status.error()};
  return zones;
}

std::string service_srv_owner(const std::string& name, Protocol protocol) {
  const std::string_view label = protocol_label(protocol);
  if (label.empty()) return "";
  const size_t dot = std::min(name.find('.'), name.size());
  return "_" + name.substr(0, dot) + "." + std::string(label) + name.substr(dot);
}

std::vector<DnsRecord> service_records(const std::string& name, const IpAddress& vip, uint16_t port,
                                       Protocol protocol, const DnsOptions& options) {
  std::vector<DnsRecord> records;
  const DnsZoneOptions* zone = find_service_zone(options);
  if (zone == nullptr) return records;
  const DnsType type = vip.is_v4() ? DnsType::kA : DnsType::kAaaa;
  auto address =
      dns_address_record(text_below(name, zone->name), vip, dns_ttl_s(options, zone, type));
  if (address) {
    records.push_back(std::move(*address));
    if (port != 0 && !protocol_label(protocol).empty()) {
      auto srv =
          srv_record(name, zone->name, port, protocol, dns_ttl_s(options, zone, DnsType::kSrv));
      if (srv) records.push_back(std::move(*srv));
    }
  }
  const auto holds_vip = [&](const IpRange& range) { return range.contains(vip); };
  if (std::any_of(options.ptr_ranges.begin(), options.ptr_ranges.end(), holds_vip)) {
    auto ptr = dns_ptr_record(vip, text_below(name, zone->name),
                              dns_ttl_s(options, no_zone(), DnsType::kPtr));
    if (ptr) records.push_back(std::move(*ptr));
  }
  return records;
}

Result<std::vector<DnsRecord>> static_records(const DnsOptions& options) {
  std::vector<DnsRecord> records;
  for (const DnsZoneOptions& zone : options.zones) {
    for (const DnsRecordConfig& config : zone.records) {
      auto record = dns_static_record(config, zone.name, 0);
      if (!record) {
        return Error{"dns.zones: zone '" + zone.name + "', record '" + config.name + "' " +
                     config.type + ": " + record.error()};
      }
      if (config.ttl_s < 0) record->ttl_s = dns_ttl_s(options, &zone, record->type);
      records.push_back(std::move(*record));
    }
  }
  if (auto status = add_name_servers(options, records); !status) return Error{status.error()};
  if (auto status = check_cnames(records); !status) return Error{status.error()};
  return records;
}

Result<std::string> dns_service_fqdn(const std::string& name, const DnsOptions& options) {
  const DnsZoneOptions* zone = find_service_zone(options);
  if (zone == nullptr) return Error{"no DNS zone has services: true"};
  auto wire = dns_name_from_text(text_below(name, zone->name));
  if (!wire) return Error{wire.error()};
  std::string text = dns_name_to_text(dns_fold(*wire));
  text.pop_back();
  return text;
}

std::vector<std::string> dns_record_lines(const DnsTable& table) {
  std::vector<std::string> lines;
  table.for_each_record([&](const DnsTable::Record& record) {
    const std::string line = line_of(record.type, record.rdata);
    if (!line.empty()) lines.push_back(dns_name_to_text(record.name) + line);
  });
  std::sort(lines.begin(), lines.end());
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  return lines;
}

}  // namespace vipgate
