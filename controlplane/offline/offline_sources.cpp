#include "controlplane/offline/offline_sources.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "common/system_error.h"
#include "controlplane/mesos/mesos_parser.h"
#include "controlplane/model/desired_state.h"
#include "controlplane/model/locality.h"
#include "controlplane/naming/vip_backends.h"
#include "controlplane/naming/yaml_vips.h"

namespace vipgate {
namespace {

Result<std::string> read_whole(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  // A directory opens, but cannot be read; an empty file gives nothing, which is no error.
  if (stream && stream.peek() != std::ifstream::traits_type::eof()) text << stream.rdbuf();
  if (stream.bad() || (!stream.is_open())) {
    return system_error(file + ": cannot be read");
  }
  return text.str();
}

// "10.0.0.1:5050", "http://10.0.0.1:5050", "master@10.0.0.1:5050". Nothing: ZooKeeper finds it.
std::optional<MesosMaster> parse_master(std::string_view text) {
  if (text.starts_with("zk://")) return std::nullopt;
  if (const size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    text.remove_prefix(scheme + 3);
  }
  text = text.substr(0, text.find('/'));
  const auto pid = parse_pid(text);
  if (pid) return MesosMaster{pid->host, pid->port};
  if (text.empty()) return std::nullopt;
  return MesosMaster{std::string(text), kMesosMasterPort};
}

MesosMasters masters_of(const std::string& leader, const Config& config) {
  MesosMasters masters;
  masters.leader = parse_master(leader);
  if (config.mesos.empty()) return masters;
  for (const std::string& text : config.mesos.front().masters) {
    if (auto master = parse_master(text)) masters.masters.push_back(std::move(*master));
  }
  return masters;
}

// One event per line; what is none is listed. False: there is not one that tells anything.
bool apply_events(const std::string& text, MesosParser& parser, OfflineCluster& result) {
  std::istringstream lines(text);
  size_t number = 0;
  size_t events = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto event = parser.parse_event(line);
    if (event) {
      if (!std::holds_alternative<MesosUnknownEvent>(*event)) ++events;
      if (const auto* state = std::get_if<MesosSubscribed>(&*event)) {
        for (const MesosSkipped& item : state->state.skipped) {
          result.skipped.push_back({"item", "", "", item.where, item.why});
        }
      }
      result.cluster.apply(std::move(*event), 0);
    } else {
      result.skipped.push_back({"event", "", "", "line " + std::to_string(number), event.error()});
    }
  }
  return events > 0;
}

void list_waiting(const MesosCluster& cluster, std::vector<Skipped>& skipped) {
  for (const auto& [key, task] : cluster.waiting()) {
    const MesosFramework* framework = cluster.framework(task.framework_id);
    skipped.push_back(
        {"task", framework == nullptr ? "" : framework->name, task.id.str(), task.name,
         framework == nullptr ? "its framework '" + task.framework_id + "' is not known"
                              : "its agent '" + task.agent_id + "' is not known"});
  }
}

void add_zone(std::vector<ZoneConfig>& zones, const std::string& name, bool services) {
  for (ZoneConfig& zone : zones) {
    if (zone.name == name) {
      zone.services = zone.services || services;
      return;
    }
  }
  ZoneConfig zone;
  zone.name = name;
  zone.services = services;
  zones.push_back(std::move(zone));
}

// As `mesos` and `named_vips` need them.
void add_zones(Config& config) {
  const MesosConfig defaults;
  const MesosConfig& mesos = config.mesos.empty() ? defaults : config.mesos.front();
  add_zone(config.dns.zones, mesos.domain, false);
  if (config.named_vips.enabled) {
    const bool has_services = services_zone(config) != nullptr;
    add_zone(config.dns.zones, config.named_vips.zone, !has_services);
  }
  if (!mesos.ptr) return;
  for (const char* zone : {"in-addr.arpa", "ip6.arpa"}) add_zone(config.dns.zones, zone, false);
}

// With the weights that they have while all their reals are up.
void weigh_services(std::vector<ServiceConfig>& services) {
  for (ServiceConfig& service : services) prefer_local_reals(service, {});
}

void replace_services(Config& config, SourceChange& change) {
  DesiredState desired;
  for (ServiceConfig& service : config.services) {
    const ServiceKey key = key_of(service);
    desired.set({Origin::kYaml, 0}, key, std::move(service));
  }
  for (auto& [key, service] : change.services) {
    desired.set({Origin::kMesos, 0}, key, std::move(service));
  }
  config.services.clear();
  for (const ServiceKey& key : desired.take_dirty()) {
    if (auto merged = desired.merged(key)) config.services.push_back(std::move(merged->config));
  }
}

}  // namespace

Result<std::unique_ptr<OfflineCluster>> read_mesos_state(const std::string& file,
                                                         const Config& config) {
  auto text = read_whole(file);
  if (!text) return Error{text.error()};
  auto result = std::make_unique<OfflineCluster>();
  std::string leader;
  MesosParser parser;
  auto state = parser.parse_state(*text);
  if (state) {
    leader = state->leader;
    for (const MesosSkipped& item : state->skipped) {
      result->skipped.push_back({"item", "", "", item.where, item.why});
    }
    result->cluster.apply(MesosSubscribed{std::move(*state)}, 0);
  } else if (!apply_events(*text, parser, *result)) {
    return Error{file + ": neither a state document nor events, one per line: " + state.error()};
  }
  result->cluster.set_masters(masters_of(leader, config));
  list_waiting(result->cluster, result->skipped);
  return result;
}

Result<OfflineSources> offline_sources(const Config& config, OfflineCluster* cluster,
                                       const HostLookup& lookup) {
  OfflineSources sources;
  sources.config = config;
  VipAllocator allocator(config.named_vips);
  YamlVips yaml;
  if (auto status = yaml.resolve(sources.config, allocator); !status) return Error{status.error()};
  if (cluster == nullptr) {
    weigh_services(sources.config.services);
    return sources;
  }

  add_zones(sources.config);
  // The view keeps a reference: to what does not move while it is there.
  const Config viewed = sources.config;
  MesosView view(viewed, 0, allocator, lookup);
  SourceChange change = view.update(cluster->cluster, cluster->cluster.take_changes());
  sources.records.assign(change.records_added.begin(), change.records_added.end());
  sources.skipped = view.skipped();
  sources.skipped.insert(sources.skipped.end(), cluster->skipped.begin(), cluster->skipped.end());
  std::sort(sources.skipped.begin(), sources.skipped.end());
  replace_services(sources.config, change);
  return sources;
}

}  // namespace vipgate
