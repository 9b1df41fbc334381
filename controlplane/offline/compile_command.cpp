#include "controlplane/offline/compile_command.h"

#include <algorithm>
#include <cstdio>
#include <set>
#include <tuple>
#include <vector>

#include "common/dns_table.h"
#include "common/json_text.h"
#include "controlplane/dns/dns_view_tables.h"
#include "controlplane/dns/limited_dns_table.h"
#include "controlplane/loop/reconciler.h"
#include "controlplane/model/compiler.h"
#include "controlplane/model/service_text.h"
#include "controlplane/monotonic_clock.h"

namespace vipgate {
namespace {

constexpr MacAddress kAnyNextHop{{2, 0, 0, 0, 0, 0xfe}};

std::string services_text(const Config& config) {
  using Line = std::tuple<std::string, std::string, uint16_t, std::string, std::string>;
  const DnsOptions dns = dns_options(config);
  std::vector<Line> lines;
  for (const ServiceConfig& service : config.services) {
    // A VIP that a label of Mesos gives as an address has no name.
    const bool has_name = !service.name.empty();
    const auto fqdn = has_name ? dns_service_fqdn(service.name, dns) : Error{"no name"};
    const std::string vip = vip_text(service);
    const std::string protocol(to_string(service.protocol));
    std::vector<RealConfig> reals = service.reals;
    std::sort(reals.begin(), reals.end(), [](const RealConfig& a, const RealConfig& b) {
      return std::tie(a.address, a.port) < std::tie(b.address, b.port);
    });
    std::string json = "{" + service_members(service, fqdn ? *fqdn : "") + ",\"reals\":[";
    for (size_t i = 0; i < reals.size(); ++i) {
      const RealState state = reals[i].weight == 0 ? RealState::kDraining : RealState::kUp;
      json +=
          (i == 0 ? "" : ",") + real_text(reals[i].address, reals[i].port, reals[i].weight, state);
    }
    lines.emplace_back(fqdn ? *fqdn : "", vip, service.port, protocol, json + "]}\n");
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const Line& line : lines) text += std::get<4>(line);
  return text;
}

std::string hex(uint64_t value) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(value));
  return digits;
}

std::string stats_text(const Config& config, const OfflineSnapshot& offline) {
  const Snapshot& snapshot = *offline.snapshot;
  std::vector<std::pair<std::string, std::string>> checksums;
  std::set<const uint16_t*> tables;
  size_t rows = 0;
  size_t reals = 0;
  for (uint32_t i = 0; i < offline.service_slots; ++i) {
    const ServiceEntry& service = snapshot.service(i);
    if (service.index == kNone) continue;
    const auto& ring = snapshot.service_info(i).ring;
    checksums.emplace_back(to_string(key_of(snapshot, i)),
                           hex(ring == nullptr ? 0 : ring->checksum));
    if (service.rows != nullptr && tables.insert(service.rows).second) rows += service.row_count;
  }
  std::sort(checksums.begin(), checksums.end());
  for (const ServiceConfig& service : config.services) reals += service.reals.size();
  const auto number = [](const char* name, uint64_t value) {
    return "\"" + std::string(name) + "\":" + std::to_string(value);
  };
  std::string json = "{" + number("services", checksums.size()) + "," + number("reals", reals) +
                     "," + number("dns_names", snapshot.dns->size()) + "," +
                     number("dns_bytes", snapshot.dns->memory_bytes()) + "," +
                     number("service_bytes", snapshot.service_pages.size() * sizeof(ServicePage)) +
                     "," + number("real_bytes", snapshot.real_pages.size() * sizeof(RealPage)) +
                     "," + number("maglev_tables", tables.size()) + "," +
                     number("maglev_rows", rows) + "," + number("maglev_bytes", rows * 2) + "," +
                     number("maglev_shared", offline.stats.rings_shared) + "," +
                     number("dns_build_ns", offline.dns_ns) + "," +
                     number("build_ns", offline.build_ns) + ",\"maglev_checksums\":{";
  for (size_t i = 0; i < checksums.size(); ++i) {
    json += (i == 0 ? "" : ",") + json_quote(checksums[i].first) + ":" +
            json_quote(checksums[i].second);
  }
  return json + "}}\n";
}

std::string skipped_text(const std::vector<Skipped>& skipped) {
  std::string text;
  for (const Skipped& item : skipped) {
    text += "{\"kind\":" + json_quote(item.kind) + ",\"framework\":" + json_quote(item.framework) +
            ",\"task\":" + json_quote(item.task) + ",\"item\":" + json_quote(item.item) +
            ",\"why\":" + json_quote(item.why) + "}\n";
  }
  return text;
}

// The responder's own addresses, as those of the zones' name server, are listed beside a cluster's
// records, as Mesos-DNS does; a listing of the file alone shows what stands in it.
enum class OwnAddresses { kNamed, kLeftOut };

// What a zone is there for is added; the rest is listed.
Result<std::shared_ptr<const DnsTable>> lay_out_names(OfflineSources& sources, const Model& model,
                                                      OwnAddresses own) {
  DnsOptions options = dns_options(sources.config);
  if (own == OwnAddresses::kLeftOut) options.listen.clear();
  LimitedDnsTable table{DnsHashSecret{}};
  table.set_limit(sources.config.limits.dns_names);
  auto zones = dns_zones(options, 1);
  if (!zones) return Error{zones.error()};
  if (auto status = table.set_zones(std::move(*zones)); !status) return Error{status.error()};
  auto fixed = static_records(options);
  if (!fixed) return Error{fixed.error()};
  for (const auto& [key, service] : model.services()) {
    const std::string& name = service.config.name;
    if (name.empty()) continue;
    const auto fqdn = dns_service_fqdn(name, options);
    if (!fqdn && services_zone(sources.config) != nullptr) {
      return Error{"service '" + name + "': " + fqdn.error()};
    }
    for (DnsRecord& record : records_of(name, key, options)) {
      fixed->push_back(std::move(record));
    }
  }
  for (const DnsRecord& record : *fixed) {
    if (auto status = table.add(record); !status) return Error{status.error()};
  }
  for (const DnsRecord& record : sources.records) {
    if (auto status = table.add(record); !status) {
      sources.skipped.push_back({"record", "", "", dns_name_to_text(record.owner), status.error()});
    }
  }
  for (const auto& [record, count] : table.waiting()) {
    sources.skipped.push_back({"record", "", "", dns_name_to_text(record.owner),
                               "limits.dns_names allows " + std::to_string(table.limit()) +
                                   " names, and so many are there; raise it"});
  }
  std::sort(sources.skipped.begin(), sources.skipped.end());
  return table.build();
}

Result<std::shared_ptr<const DnsViews>> lay_out_views(const Config& config, const Model& model) {
  const DnsOptions options = dns_options(config);
  DnsViewTables views{DnsHashSecret{}};
  if (auto status = views.set_views(options); !status) return Error{status.error()};
  for (const auto& [key, service] : model.services()) views.set_service(key, &service, options);
  if (auto status = views.build(); !status) return Error{status.error()};
  return views.current();
}

// Fills an empty model and lays out its names. `dns_ns`: what these took.
Result<std::shared_ptr<const DnsTable>> number_and_name(OfflineSources& sources, Model& model,
                                                        OwnAddresses own, uint64_t& dns_ns) {
  if (auto change = model.update(sources.config, 0); !change) return Error{change.error()};
  const int64_t start = monotonic_ns();
  auto dns = lay_out_names(sources, model, own);
  dns_ns = static_cast<uint64_t>(monotonic_ns() - start);
  return dns;
}

Result<OfflineSnapshot> compile_sources(OfflineSources& sources, const MacAddress& next_hop,
                                        OwnAddresses own = OwnAddresses::kNamed) {
  const Config& config = sources.config;
  Model model;
  OfflineSnapshot result;
  auto dns = number_and_name(sources, model, own, result.dns_ns);
  if (!dns) return Error{dns.error()};

  auto views = lay_out_views(config, model);
  if (!views) return Error{views.error()};

  std::vector<ForwardingPort> ports;
  for (size_t i = 0; i < config.ports.size(); ++i) {
    const auto number = static_cast<uint8_t>(i + 1);
    ports.push_back(
        {MacAddress{{2, 0, 0, 0, 0, number}}, config.ports[i].kernel, config.ports[i].mtu});
  }
  const NeighborLookup neighbors = [&](const NextHop&) { return std::optional(next_hop); };
  SnapshotBuilder builder(parallel_ring_runner());
  const int64_t built_from = monotonic_ns();
  SnapshotSpec spec = compile_forwarding(config, model, ports, neighbors);
  spec.generation = 1;
  spec.dns = *dns;
  spec.dns_views = *views;
  result.snapshot = builder.build(spec);
  result.build_ns = static_cast<uint64_t>(monotonic_ns() - built_from);
  result.stats = builder.stats();
  result.service_slots = spec.service_slots;
  result.real_slots = spec.real_slots;
  return result;
}

}  // namespace

Result<OfflineSnapshot> compile_offline(const Config& config, const MacAddress& next_hop) {
  auto sources = offline_sources(config, nullptr, {});
  if (!sources) return Error{sources.error()};
  return compile_sources(*sources, next_hop);
}

Status check_compiles(const Config& config) {
  auto sources = offline_sources(config, nullptr, {});
  if (!sources) return Error{config.file + ": " + sources.error()};
  Model model;
  uint64_t dns_ns = 0;
  auto dns = number_and_name(*sources, model, OwnAddresses::kNamed, dns_ns);
  if (!dns) return Error{config.file + ": " + dns.error()};
  // Without a cluster's state, all names are the file's own.
  if (sources->skipped.empty()) return Done{};
  return Error{config.file + ": " + std::to_string(sources->skipped.size()) +
               " records of its services and zones have no room, " + sources->skipped.front().item +
               " among them: " + sources->skipped.front().why};
}

Result<std::string> compile_command(const Config& config, CompileOutput output,
                                    OfflineCluster* cluster, const HostLookup& lookup) {
  auto sources = offline_sources(config, cluster, lookup);
  if (!sources) return Error{config.file + ": " + sources.error()};
  const bool is_file_alone = cluster == nullptr && output == CompileOutput::kRecords;
  auto offline = compile_sources(*sources, kAnyNextHop,
                                 is_file_alone ? OwnAddresses::kLeftOut : OwnAddresses::kNamed);
  if (!offline) return Error{config.file + ": " + offline.error()};
  switch (output) {
    case CompileOutput::kRecords: {
      std::string text;
      for (const std::string& line : dns_record_lines(*offline->snapshot->dns)) text += line + "\n";
      return text;
    }
    case CompileOutput::kServices:
      return services_text(sources->config);
    case CompileOutput::kSkipped:
      return skipped_text(sources->skipped);
    case CompileOutput::kSnapshotStats:
      return stats_text(sources->config, *offline);
  }
  return std::string();
}

}  // namespace vipgate
