#include "controlplane/config.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "controlplane/config_reader.h"

namespace vipgate {
namespace {

bool starts_with_any(const std::string& path, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return path.starts_with(prefix); });
}

// Everything else is applied by a reload.
bool needs_restart(const std::string& path) {
  return path == "log.format" || path == "ports" || path == "snat_pools" ||
         starts_with_any(
             path, {"node.", "dpdk.", "control.", "workers.", "ports.", "limits.", "snat_pools."});
}

}  // namespace

const ZoneConfig* services_zone(const Config& config) {
  for (const ZoneConfig& zone : config.dns.zones) {
    if (zone.services) return &zone;
  }
  return nullptr;
}

Status check_cpus(const Config& config) {
  const long cpus = sysconf(_SC_NPROCESSORS_CONF);
  std::string missing;
  const auto look = [&](const std::vector<uint16_t>& list, const char* key) {
    for (uint16_t cpu : list) {
      if (cpu < cpus) continue;
      missing += missing.empty() ? "" : ", ";
      missing += std::string(key) + ": " + std::to_string(cpu);
    }
  };
  look(config.control.cpus, "control.cpus");
  look(config.workers.cpus, "workers.cpus");
  if (missing.empty()) return Done{};
  return Error{config.file + ": this machine has no CPU for " + missing +
               "; write CPUs from 0 to " + std::to_string(cpus - 1)};
}

std::vector<std::string> restart_required(const Config& running, const Config& next) {
  Config before = running;
  Config after = next;
  for (Config* config : {&before, &after}) config->services.clear();  // many, and reloadable
  std::map<std::string, std::string> old_values;
  for (auto& [path, value] : config_values(before)) old_values.emplace(path, value);
  std::set<std::string> changed;
  std::set<std::string> one_sided;
  for (const auto& [path, value] : config_values(after)) {
    const auto old = old_values.find(path);
    if (old == old_values.end()) {
      one_sided.insert(path);
    } else {
      if (old->second != value) changed.insert(path);
      old_values.erase(old);
    }
  }
  for (const auto& [path, value] : old_values) one_sided.insert(path);
  // A port or pool that came or went is told by its own name, not key by key.
  for (const std::string& path : one_sided) {
    std::string told = path;
    for (size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1)) {
      const std::string element = path.substr(0, dot);
      if (!one_sided.contains(element + ".name")) continue;
      told = element;
      break;
    }
    changed.insert(told);
  }
  std::erase_if(changed, [](const std::string& path) { return !needs_restart(path); });
  return {changed.begin(), changed.end()};
}

}  // namespace vipgate
