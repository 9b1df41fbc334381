#include "controlplane/rest/mesos_dns_text.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>
#include <vector>

#include "common/addresses.h"
#include "common/byte_order.h"
#include "common/json_text.h"
#include "controlplane/rest/dns_text.h"
#include "controlplane/rest/pretty_json.h"

namespace vipgate {
namespace {

constexpr int kMostCnames = 8;
constexpr DnsType kToldTypes[] = {DnsType::kA, DnsType::kAaaa, DnsType::kSrv};

const uint8_t* octets_of(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

uint32_t number_at(const uint8_t* octets, int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | octets[i];
  return value;
}

// The record's data, of each of the type.
template <class Visit>
void for_each_data(const DnsEntry& entry, DnsType type, Visit visit) {
  DnsBody body{};
  if (!entry.find(type, body)) return;
  const uint8_t* at = body.octets;
  for (int i = 0; i < body.count; ++i) {
    const uint32_t length = number_at(at + kDnsRecordFixed - 2, 2);
    visit(std::string_view(reinterpret_cast<const char*>(at) + kDnsRecordFixed, length));
    at += kDnsRecordFixed + length;
  }
}

std::optional<std::string> first_data(const DnsEntry& entry, DnsType type) {
  std::optional<std::string> first;
  for_each_data(entry, type, [&](std::string_view data) {
    if (!first) first = std::string(data);
  });
  return first;
}

DnsFinding find_name(const DnsTable& table, const std::string& folded) {
  DnsFoldedName name;
  std::memcpy(name.octets.data(), folded.data(), folded.size());
  std::memset(name.octets.data() + folded.size(), 0, (64 - folded.size() % 64) % 64);
  const DnsEntry* entry = table.find(table.hash(name, folded.size()), name, folded.size());
  if (entry == nullptr) return table.resolve(name, folded.size());
  DnsFinding found;
  found.entry = entry;
  return found;
}

// Where a name's records are: that of its alias (CNAME), if it is one.
DnsFinding find_records(const DnsTable& table, const std::string& folded) {
  DnsFinding found = find_name(table, folded);
  for (int i = 0; i < kMostCnames && found.entry != nullptr; ++i) {
    const auto target = first_data(*found.entry, DnsType::kCname);
    if (!target) break;
    found = find_name(table, dns_fold(*target));
  }
  return found;
}

// The name as Mesos-DNS looks it up.
std::string asked_name(std::string_view text) {
  std::string name;
  while (!text.empty()) {
    const size_t star = std::min(text.find(".*"), text.size());
    name += text.substr(0, star);
    text.remove_prefix(std::min(star + 2, text.size()));
  }
  if (!name.ends_with('.')) name += '.';
  return dns_fold(name);
}

// Nothing: it is no name of DNS.
std::optional<DnsFinding> find_asked(const DnsTable& table, const std::string& name) {
  auto wire = dns_name_from_text(name);
  if (!wire) return std::nullopt;
  return find_records(table, dns_fold(*wire));
}

// What clients of Mesos-DNS take for: nothing was found.
std::string blank_text(std::initializer_list<std::string_view> members) {
  PrettyJson json;
  json.open('[');
  json.open('{');
  for (const std::string_view member : members) json.member(member, "");
  json.close();
  json.close();
  return json.take();
}

void put_service(PrettyJson& json, std::string_view name, std::string_view host, DnsType type,
                 std::string_view address, uint32_t port) {
  json.open('{');
  json.member("service", name);
  json.member("host", host);
  json.member("ip", mesos_dns_value(type, address));
  json.member("port", std::to_string(port));
  json.close();
}

// What refers to the table.
struct ToldRecord {
  DnsType type;
  std::string_view name;
  std::string_view data;
};

bool is_told(DnsType type) {
  return std::find(std::begin(kToldTypes), std::end(kToldTypes), type) != std::end(kToldTypes);
}

// Those below `domain`, a folded wire name, or all; in the order of their names.
std::vector<ToldRecord> told_records(const DnsTable& table, std::string_view domain) {
  std::vector<ToldRecord> records;
  records.reserve(table.size());
  table.for_each_record([&](const DnsTable::Record& record) {
    if (!is_told(record.type) || !dns_is_within(record.name, domain)) return;
    records.push_back({record.type, record.name, record.rdata});
  });
  std::sort(records.begin(), records.end(), [](const ToldRecord& a, const ToldRecord& b) {
    return std::tie(a.name, a.type, a.data) < std::tie(b.name, b.type, b.data);
  });
  return records;
}

void put_by_name(PrettyJson& json, std::string_view title, DnsType type,
                 const std::vector<ToldRecord>& records) {
  json.key(title);
  json.open('{');
  std::string_view open;
  for (const ToldRecord& record : records) {
    if (record.type != type) continue;
    if (record.name != open) {
      if (!open.empty()) json.close();
      json.key(dns_name_to_text(record.name));
      json.open('[');
      open = record.name;
    }
    json.text(mesos_dns_value(type, record.data));
  }
  if (!open.empty()) json.close();
  json.close();
}

std::string without_dot(std::string text) {
  if (text.size() > 1) text.pop_back();
  return text;
}

std::string folded_domain(std::string_view domain) {
  auto wire = dns_name_from_text(domain);
  return wire ? dns_fold(*wire) : std::string(1, '\0');
}

const DnsZone* zone_of(const DnsTable& table, const std::string& domain) {
  for (const DnsZone& zone : table.zones()) {
    if (dns_is_within(domain, zone.name)) return &zone;
  }
  return nullptr;
}

// The data of the zone's SOA record (RFC 1035 3.3.13).
struct ZoneStart {
  std::string mname, rname;
  uint32_t serial = 0;
};
ZoneStart zone_start(const DnsZone& zone) {
  std::string_view data = std::string_view(zone.soa_answer_octets).substr(kDnsRecordFixed);
  ZoneStart start;
  for (std::string* name : {&start.mname, &start.rname}) {
    const size_t length = dns_name_length(octets_of(data), data.size());
    *name = dns_name_to_text(data.substr(0, length));
    data.remove_prefix(length);
  }
  start.serial = number_at(octets_of(data), 4);
  return start;
}

}  // namespace

std::string mesos_dns_value(DnsType type, std::string_view rdata) {
  if (type != DnsType::kSrv) return dns_data_text(type, rdata);
  const uint32_t port = number_at(octets_of(rdata) + 4, 2);
  return dns_name_to_text(rdata.substr(kDnsSrvFixed)) + ":" + std::to_string(port);
}

uint32_t mesos_dns_serial(const DnsTable& table, std::string_view domain) {
  const DnsZone* zone = zone_of(table, folded_domain(domain));
  return zone == nullptr ? 0 : zone_start(*zone).serial;
}

bool mesos_dns_is_incomplete(const DnsTable& table, std::string_view domain) {
  if (domain.empty()) {
    return std::any_of(table.zones().begin(), table.zones().end(),
                       [](const DnsZone& zone) { return zone.is_incomplete; });
  }
  const DnsZone* zone = zone_of(table, folded_domain(domain));
  return zone != nullptr && zone->is_incomplete;
}

std::optional<std::string> mesos_dns_hosts_text(const DnsTable& table, std::string_view name) {
  const std::string host = asked_name(name);
  const auto found = find_asked(table, host);
  if (found && found->entry == nullptr && found->is_incomplete) return std::nullopt;
  bool has_any = false;
  PrettyJson json;
  json.open('[');
  for (const DnsType type : {DnsType::kA, DnsType::kAaaa}) {
    if (!found || found->entry == nullptr) break;
    for_each_data(*found->entry, type, [&](std::string_view data) {
      has_any = true;
      json.open('{');
      json.member("host", host);
      json.member("ip", mesos_dns_value(type, data));
      json.close();
    });
  }
  if (!has_any) return blank_text({"host", "ip"});
  json.close();
  return json.take();
}

std::optional<std::string> mesos_dns_services_text(const DnsTable& table, std::string_view name) {
  const auto found = find_asked(table, asked_name(name));
  if (found && found->entry == nullptr && found->is_incomplete) return std::nullopt;
  bool has_any = false;
  PrettyJson json;
  json.open('[');
  if (found && found->entry != nullptr) {
    for_each_data(*found->entry, DnsType::kSrv, [&](std::string_view data) {
      const std::string target(data.substr(kDnsSrvFixed));
      const DnsFinding host = find_records(table, dns_fold(target));
      if (host.entry == nullptr) return;
      for (const DnsType type : {DnsType::kA, DnsType::kAaaa}) {
        const auto address = first_data(*host.entry, type);
        if (!address) continue;
        has_any = true;
        put_service(json, name, dns_name_to_text(target), type, *address,
                    number_at(octets_of(data) + 4, 2));
      }
    });
  }
  if (!has_any) return blank_text({"service", "host", "ip", "port"});
  json.close();
  return json.take();
}

std::optional<std::string> mesos_dns_axfr_text(const DnsTable& table, const MesosDnsAxfr& about) {
  const std::string domain = folded_domain(about.domain);
  if (mesos_dns_is_incomplete(table, about.domain)) return std::nullopt;
  const DnsZone* zone = zone_of(table, domain);
  const ZoneStart start = zone == nullptr ? ZoneStart{} : zone_start(*zone);
  const auto records = told_records(table, domain);
  PrettyJson json;
  json.open('{');
  json.key("TTL");
  json.number(about.ttl_s);
  json.key("Serial");
  json.number(start.serial);
  json.key("RefreshSeconds");
  json.number(about.refresh_s);
  json.member("Mname", start.mname);
  json.member("Rname", start.rname);
  json.member("Domain", about.domain);
  json.key("Records");
  json.open('{');
  put_by_name(json, "As", DnsType::kA, records);
  put_by_name(json, "AAAAs", DnsType::kAaaa, records);
  put_by_name(json, "SRVs", DnsType::kSrv, records);
  json.close();
  json.close();
  return json.take();
}

std::optional<std::string> dcos_records_text(const DnsTable& table) {
  if (mesos_dns_is_incomplete(table, "")) return std::nullopt;
  std::string text = "[";
  for (const ToldRecord& record : told_records(table, std::string_view("\0", 1))) {
    std::string value;
    if (record.type == DnsType::kSrv) {
      value = without_dot(dns_name_to_text(record.data.substr(kDnsSrvFixed))) + ":" +
              std::to_string(number_at(octets_of(record.data) + 4, 2));
    } else {
      value = mesos_dns_value(record.type, record.data);
    }
    text += text.size() == 1 ? "" : ",\n";
    text += "{\"name\":" + json_quote(without_dot(dns_name_to_text(record.name))) +
            ",\"host\":" + json_quote(value) +
            ",\"rtype\":" + json_quote(dns_type_text(record.type)) + "}";
  }
  return text + "]\n";
}

}  // namespace vipgate
