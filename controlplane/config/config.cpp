#include "controlplane/config/config.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include "controlplane/config/config_reader.h"

namespace vipgate {
namespace {

bool starts_with_any(const std::string& path, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return path.starts_with(prefix); });
}

// Everything else is applied by a reload.
bool needs_restart(const std::string& path) {
  if (path == "named_vips.mode" || path == "named_vips.snat_pool" || path == "named_vips.prefer" ||
      path == "named_vips.track" || path == "named_vips.spill_below_percent" ||
      path == "named_vips.mss_clamp" ||
      starts_with_any(path, {"named_vips.health.", "named_vips.gue_", "named_vips.tunnel_"})) {
    return false;
  }
  return path == "log.format" || path == "ports" || path == "snat_pools" || path == "mesos" ||
         path == "marathon" || path == "store" || path == "rest.listen" ||
         starts_with_any(
             path, {"node.", "dpdk.", "control.", "workers.", "ports.", "limits.", "announce.",
                    "snat_pools.", "mesos.", "marathon.", "named_vips.", "rest."});
}

}  // namespace

uint32_t service_names_ttl_s(const Config& config) {
  uint32_t longest = 0;
  for (const DnsType type : {DnsType::kA, DnsType::kAaaa, DnsType::kSrv, DnsType::kPtr}) {
    longest = std::max(longest, dns_ttl_s(config.dns, services_zone(config), type));
  }
  return longest;
}

const ZoneConfig* services_zone(const Config& config) {
  for (const ZoneConfig& zone : config.dns.zones) {
    if (zone.services) return &zone;
  }
  return nullptr;
}

int vip_family(const ServiceConfig& service) {
  if (!service.vip_auto) return service.vip.family();
  return service.reals.empty() ? 4 : service.reals.front().address.family();
}

IpRange range_of(const IpPrefix& prefix) {
  auto first = prefix.address.bytes();
  auto last = first;
  for (int bit = prefix.length; bit < prefix.address.bits(); ++bit) {
    const auto mask = static_cast<uint8_t>(0x80 >> bit % 8);
    first[static_cast<size_t>(bit) / 8] &= static_cast<uint8_t>(~mask);
    last[static_cast<size_t>(bit) / 8] |= mask;
  }
  const auto address = [&](const std::array<uint8_t, 16>& octets) -> IpAddress {
    if (prefix.address.is_v6()) return Ipv6Address{octets};
    Ipv4Address v4;
    std::memcpy(&v4, octets.data(), sizeof v4);
    return v4;
  };
  return {address(first), address(last)};
}

IpRange vip_range(const IpAddress& vip, const ServiceExtent& extent) {
  return range_of({vip, extent.prefix_length == 0 ? vip.bits() : extent.prefix_length});
}

IpPrefix vip_prefix(const ServiceConfig& service) {
  const int length = service.extent.prefix_length;
  return {service.vip, length == 0 ? service.vip.bits() : length};
}

bool named_vips_used(const Config& config) {
  return (!config.mesos.empty() && config.named_vips.enabled) ||
         std::any_of(config.services.begin(), config.services.end(),
                     [](const ServiceConfig& service) { return service.vip_auto; });
}

Status check_cpus(const Config& config) {
  cpu_set_t usable;
  CPU_ZERO(&usable);
  if (sched_getaffinity(0, sizeof usable, &usable) != 0) {
    return Error{std::string("the CPUs of this process cannot be found out: ") +
                 std::strerror(errno)};
  }
  std::string missing;
  const auto look = [&](const std::vector<uint16_t>& list, const char* key) {
    for (uint16_t cpu : list) {
      if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &usable)) continue;
      missing += missing.empty() ? "" : ", ";
      missing += std::to_string(cpu) + " of " + key;
    }
  };
  look(config.control.cpus, "control.cpus");
  look(config.workers.cpus, "workers.cpus");
  if (missing.empty()) return Done{};
  std::string have;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &usable)) have += (have.empty() ? "" : ", ") + std::to_string(cpu);
  }
  return Error{config.file + ": this process may not use CPU " + missing + "; it has CPUs " + have};
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
  // A port, pool or cluster that came or went is told by its own name, not key by key.
  const auto is_element = [&](const std::string& path) {
    return one_sided.contains(path + ".name") || one_sided.contains(path + ".masters") ||
           one_sided.contains(path + ".urls") || one_sided.contains(path + ".framework");
  };
  for (const std::string& path : one_sided) {
    std::string told = path;
    for (size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1)) {
      const std::string element = path.substr(0, dot);
      if (!is_element(element)) continue;
      told = element;
      break;
    }
    changed.insert(told);
  }
  std::erase_if(changed, [](const std::string& path) { return !needs_restart(path); });
  return {changed.begin(), changed.end()};
}

}  // namespace vipgate
