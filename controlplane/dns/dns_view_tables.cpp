#include "controlplane/dns/dns_view_tables.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

#include "controlplane/dns/dns_static_record.h"

namespace vipgate {
namespace {

constexpr std::string_view kRealsLabel = "reals";

struct NamedReal {
  RealKey key;
  uint32_t weight;
};

std::vector<NamedReal> reals_to_name(const ModelService& service) {
  std::vector<NamedReal> all, takers;
  for (const auto& [key, real] : service.reals) {
    if (real.gone_at_s != kNever) continue;
    all.push_back({key, real.weight});
    if (real.takes_flows()) takers.push_back({key, real.weight});
  }
  return takers.empty() ? all : takers;
}

// A label of letters, digits and hyphens that begins and ends with a digit or letter.
std::string label_of(const IpAddress& address) {
  std::string text;
  const auto& bytes = address.bytes();
  for (int i = 0; i < address.bits() / 8; i += address.is_v4() ? 1 : 2) {
    char group[8];
    const auto at = static_cast<size_t>(i);
    if (address.is_v4()) {
      std::snprintf(group, sizeof group, "%d", bytes[at]);
    } else {
      std::snprintf(group, sizeof group, "%02x%02x", bytes[at], bytes[at + 1]);
    }
    text += (i == 0 ? "" : "-") + std::string(group);
  }
  return text;
}

const DnsZoneOptions* services_zone_of(const DnsOptions& options) {
  const auto zone = std::find_if(options.zones.begin(), options.zones.end(),
                                 [](const DnsZoneOptions& each) { return each.services; });
  return zone == options.zones.end() ? nullptr : &*zone;
}

// Those of the view's zones.
Result<std::vector<DnsRecord>> records_of_view(const DnsViewConfig& view,
                                               const DnsOptions& options) {
  std::vector<DnsRecord> records;
  for (const DnsViewZoneConfig& zone : view.zones) {
    const auto main =
        std::find_if(options.zones.begin(), options.zones.end(),
                     [&](const DnsZoneOptions& each) { return each.name == zone.name; });
    if (main == options.zones.end()) return Error{"there is no zone '" + zone.name + "'"};
    for (const DnsRecordConfig& config : zone.records) {
      auto record = dns_static_record(config, zone.name, 0);
      if (!record) {
        return Error{"zone '" + zone.name + "', record '" + config.name + "' " + config.type +
                     ": " + record.error()};
      }
      if (config.ttl_s < 0) record->ttl_s = dns_ttl_s(options, &*main, record->type);
      records.push_back(std::move(*record));
    }
  }
  return records;
}

}  // namespace

std::vector<DnsRecord> real_records(const ServiceKey& key, const ModelService& service,
                                    const DnsOptions& options) {
  std::vector<DnsRecord> records;
  const std::string& name = service.config.name;
  const DnsZoneOptions* zone = services_zone_of(options);
  if (zone == nullptr || name.empty() || !dns_service_fqdn(name, options)) return records;
  if (key.extent.prefix_length != 0) return records;
  const auto add_address = [&](const std::string& owner, const IpAddress& address) {
    const DnsType type = address.is_v4() ? DnsType::kA : DnsType::kAaaa;
    auto record = dns_address_record(owner, address, dns_ttl_s(options, zone, type));
    if (record) records.push_back(std::move(*record));
  };
  for (const auto& [real, weight] : reals_to_name(service)) {
    const std::string target =
        label_of(real.address) + "." + std::string(kRealsLabel) + "." + zone->name;
    add_address(name + "." + zone->name, real.address);
    // A real without a port of its own is asked at the service's.
    const uint16_t port = real.port != 0 ? real.port : key.port;
    const std::string owner = service_srv_owner(name, key.protocol);
    if (port == 0 || key.extent.port_last != 0 || owner.empty()) continue;
    auto srv = dns_srv_record(owner + "." + zone->name, 0,
                              static_cast<uint16_t>(std::clamp<uint32_t>(weight, 1, UINT16_MAX)),
                              port, target, dns_ttl_s(options, zone, DnsType::kSrv));
    if (!srv) continue;
    records.push_back(std::move(*srv));
    add_address(target, real.address);
  }
  std::sort(records.begin(), records.end());
  records.erase(std::unique(records.begin(), records.end()), records.end());
  return records;
}

Status DnsViewTables::set_views(const DnsOptions& options) {
  auto zones = dns_zones(options, 0);
  if (!zones) return Error{zones.error()};
  std::vector<View> views;
  std::vector<PrefixValue> clients;
  bool gives_reals = false;
  for (const DnsViewConfig& config : options.views) {
    const auto error = [&](const std::string& why) {
      return Error{"dns.views: view '" + config.name + "': " + why};
    };
    View& view = views.emplace_back();
    view.name = config.name;
    view.gives_reals = std::any_of(config.zones.begin(), config.zones.end(),
                                   [](const DnsViewZoneConfig& zone) { return zone.reals; });
    gives_reals = gives_reals || view.gives_reals;
    view.builder = std::make_unique<DnsTableBuilder>(secret_);
    if (auto status = view.builder->set_zones(*zones); !status) return error(status.error());
    auto records = records_of_view(config, options);
    if (!records) return error(records.error());
    for (const DnsRecord& record : *records) {
      if (auto status = view.builder->add(record); !status) return error(status.error());
    }
    const auto number = static_cast<uint16_t>(views.size() - 1);
    for (const IpPrefix& prefix : config.clients) clients.emplace_back(prefix, number);
  }
  views_ = std::move(views);
  clients_ = std::move(clients);
  gives_reals_ = gives_reals;
  services_.clear();
  is_dirty_ = true;
  return Done{};
}

void DnsViewTables::set_service(const ServiceKey& key, const ModelService* service,
                                const DnsOptions& options) {
  if (!gives_reals_) return;
  std::vector<DnsRecord> next;
  if (service != nullptr && service->is_configured()) next = real_records(key, *service, options);
  const auto known = services_.try_emplace(key).first;
  if (next == known->second) {
    if (next.empty()) services_.erase(known);
    return;
  }
  for (View& view : views_) {
    if (!view.gives_reals) continue;
    // A record of a name that is none was left out before.
    for (const DnsRecord& record : next) static_cast<void>(view.builder->add(record));
    for (const DnsRecord& record : known->second) view.builder->remove(record);
  }
  is_dirty_ = true;
  if (next.empty()) {
    services_.erase(known);
  } else {
    known->second = std::move(next);
  }
}

Status DnsViewTables::build() {
  if (!is_dirty_) return Done{};
  auto next = std::make_shared<DnsViews>();
  next->clients4 = PrefixValues<Ipv4Address>(clients_);
  next->clients6 = PrefixValues<Ipv6Address>(clients_);
  for (View& view : views_) {
    auto table = view.builder->build();
    if (!table) return Error{"dns.views: view '" + view.name + "': " + table.error()};
    view.table = *table;
    next->tables.push_back(std::move(*table));
  }
  current_ = next->tables.empty() ? nullptr : std::move(next);
  is_dirty_ = false;
  return Done{};
}

}  // namespace vipgate
