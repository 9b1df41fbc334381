#include "controlplane/dns_compiler.h"

#include <algorithm>
#include <string_view>

#include "common/dns_table_builder.h"

namespace vipgate {
namespace {

const DnsZoneOptions* find_service_zone(const DnsOptions& options) {
  const auto zone =
      std::find_if(options.zones.begin(), options.zones.end(),
                   [](const DnsZoneOptions& candidate) { return candidate.services; });
  return zone == options.zones.end() ? nullptr : &*zone;
}

// `name` below `zone`; a final dot of the name is left out.
Result<std::string> wire_name_below(std::string_view name, std::string_view zone) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return dns_name_from_text(std::string(name) + "." + std::string(zone));
}

Result<DnsSoa> soa_of(const DnsSoaOptions& options, uint32_t serial) {
  auto mname = dns_name_from_text(options.mname);
  if (!mname) return Error{"dns.soa.mname: " + mname.error()};
  auto rname = dns_name_from_text(options.rname);
  if (!rname) return Error{"dns.soa.rname: " + rname.error()};
  return DnsSoa{dns_fold(*mname), dns_fold(*rname), serial,           options.refresh_s,
                options.retry_s,  options.expire_s, options.minimum_s};
}

Status add_zones(const DnsOptions& options, const DnsSoa& soa, DnsTableBuilder& builder) {
  const auto add = [&](const std::string& text, bool is_alias) -> Status {
    auto name = dns_name_from_text(text);
    if (!name) return Error{"dns.zones: " + name.error()};
    return builder.add_zone(*name, soa, options.ttl_s, is_alias);
  };
  for (const DnsZoneOptions& zone : options.zones) {
    if (auto status = add(zone.name, false); !status) return status;
    for (const std::string& alias : zone.aliases) {
      if (auto status = add(alias, true); !status) return status;
    }
  }
  return Done{};
}

Status add_service(const DnsServiceName& service, const std::string& zone, uint32_t ttl_s,
                   DnsTableBuilder& builder) {
  auto name = wire_name_below(service.name, zone);
  if (!name) return Error{"service '" + service.name + "': " + name.error()};
  const auto* octets = reinterpret_cast<const char*>(service.vip.bytes().data());
  const size_t length = static_cast<size_t>(service.vip.bits()) / 8;
  return builder.add_record(*name, service.vip.is_v4() ? DnsType::kA : DnsType::kAaaa, ttl_s,
                            {octets, length});
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

}  // namespace

Result<std::shared_ptr<const DnsTable>> compile_dns(std::span<const DnsServiceName> services,
                                                    const DnsOptions& options, uint32_t serial,
                                                    const DnsHashSecret& secret,
                                                    const DnsTable* previous) {
  DnsTableBuilder builder(secret);
  auto soa = soa_of(options.soa, serial);
  if (!soa) return Error{soa.error()};
  if (auto status = add_zones(options, *soa, builder); !status) return Error{status.error()};
  if (const DnsZoneOptions* zone = find_service_zone(options); zone != nullptr) {
    for (const DnsServiceName& service : services) {
      auto status = add_service(service, zone->name, options.ttl_s, builder);
      if (!status) return Error{status.error()};
      for (const std::string& alias : zone->aliases) {
        status = add_service(service, alias, options.ttl_s, builder);
        if (!status) return Error{status.error()};
      }
    }
  }
  return builder.build(previous);
}

Result<std::string> dns_service_fqdn(const std::string& name, const DnsOptions& options) {
  const DnsZoneOptions* zone = find_service_zone(options);
  if (zone == nullptr) return Error{"no DNS zone has services: true"};
  auto wire = wire_name_below(name, zone->name);
  if (!wire) return Error{wire.error()};
  std::string text = dns_name_to_text(dns_fold(*wire));
  text.pop_back();
  return text;
}

std::vector<std::string> dns_record_lines(const DnsTable& table) {
  std::vector<std::string> lines;
  table.for_each_record([&](const DnsTable::Record& record) {
    const bool is_address = record.type == DnsType::kA || record.type == DnsType::kAaaa;
    if (record.zone.is_alias || !is_address) return;
    lines.push_back(dns_name_to_text(record.name) +
                    (record.type == DnsType::kA ? "\tA\t" : "\tAAAA\t") +
                    to_string(address_of(record.rdata)));
  });
  std::sort(lines.begin(), lines.end());
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  return lines;
}

}  // namespace vipgate
