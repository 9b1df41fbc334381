#include "controlplane/vipctl/doctor/network_checks.h"

#include <algorithm>
#include <optional>

#include "common/tunnel.h"

namespace vipgate {
namespace {

// Of the exception path: as the gateway names it.
std::string tap_of(const PortConfig& port) {
  constexpr size_t kLongestName = 15;  // IFNAMSIZ - 1
  return ("vg-" + port.name).substr(0, kLongestName);
}

constexpr char kConfPath[] = "/proc/sys/net/ipv4/conf/";

int64_t filter_of(const SystemTree& system, const std::string& interface) {
  return system.number(kConfPath + interface + "/rp_filter").value_or(0);
}

// How many neighbours the links of all ports can have, at most `most` of each.
int64_t possible_neighbors(const Config& config, int family, int64_t most) {
  int64_t sum = 0;
  for (const PortConfig& port : config.ports) {
    for (const IpPrefix& prefix : port.addresses) {
      if (prefix.address.family() != family) continue;
      const int bits = (family == 4 ? 32 : 128) - prefix.length;
      constexpr int kManyBits = 30;
      sum += bits >= kManyBits ? most : std::min(most, int64_t{1} << bits);
    }
  }
  return sum;
}

// The kernel's setting, without the number of the threshold.
std::string thresholds_of(int family) {
  return std::string("net.") + (family == 4 ? "ipv4" : "ipv6") + ".neigh.default.gc_thresh";
}

// What is advised; who allows so many is not warned.
constexpr int64_t kManyNeighbors = 16384;

Finding too_few_neighbors(const char* check, const std::string& key, int64_t limit) {
  return warning(check,
                 key + "3 is " + std::to_string(limit) +
                     ": reals beyond that on the ports' links are not reached",
                 "sysctl -w " + key + "2=" + std::to_string(kManyNeighbors / 2) + " " + key +
                     "3=" + std::to_string(kManyNeighbors));
}

// Bytes that a tunnel puts before a packet to a real of this family.
int tunnel_bytes(Mode mode, const TunnelOptions& options, int outer_family) {
  TunnelWay way;
  if (outer_family == 4) {
    way.real = Ipv4Address{Be32(0x0a000001)};
  } else {
    way.real = Ipv6Address{{0xfd}};
  }
  return make_tunnel_header(mode, 4, options, way).outer_length;
}

struct TunnelUse {
  std::string what;
  int bytes = 0;
};

// The longest header of all tunnels that the configuration asks for.
std::optional<TunnelUse> longest_tunnel(const Config& config) {
  std::optional<TunnelUse> longest;
  const auto look = [&](const std::string& what, Mode mode, const TunnelOptions& options,
                        int family) {
    if (!is_tunnel(mode)) return;
    const int bytes = tunnel_bytes(mode, options, family);
    if (!longest || bytes > longest->bytes) longest = {what, bytes};
  };
  for (const ServiceConfig& service : config.services) {
    for (const RealConfig& real : service.reals) {
      look("service " + (service.name.empty() ? to_string(service.vip) : service.name),
           service.mode, service.tunnel, real.address.family());
    }
  }
  if (!config.mesos.empty()) {
    look("named_vips", config.named_vips.mode, config.named_vips.tunnel, 4);
  }
  return longest;
}

}  // namespace

Findings check_reverse_path_filters(const SystemTree& system, const Config& config) {
  constexpr char kCheck[] = "rp_filter";
  constexpr int64_t kStrict = 1;  // ip-sysctl: the greater of all's and the interface's counts
  Findings findings;
  for (const PortConfig& port : config.ports) {
    if (!port.kernel) continue;
    const std::string tap = tap_of(port);
    // What is not made yet will be as the default.
    const std::string interface = system.exists(kConfPath + tap) ? tap : "default";
    const int64_t filter = std::max(filter_of(system, "all"), filter_of(system, interface));
    if (filter != kStrict) {
      findings.push_back(well(kCheck, tap + ": " + (filter == 0 ? "off" : "loose")));
      continue;
    }
    findings.push_back(warning(
        kCheck, tap + ": strict: the kernel drops what comes by another port than its answer takes",
        "sysctl -w net/ipv4/conf/" + interface + "/rp_filter=2"));
  }
  return findings;
}

Finding check_neighbor_limit(const SystemTree& system, const Config& config) {
  constexpr char kCheck[] = "neighbors";
  constexpr int64_t kUsualLimit = 1024;
  for (const int family : {4, 6}) {
    const std::string key = thresholds_of(family);
    std::string path = key;
    std::replace(path.begin(), path.end(), '.', '/');
    const int64_t limit = system.number("/proc/sys/" + path + "3").value_or(kUsualLimit);
    const int64_t possible = possible_neighbors(config, family, kManyNeighbors);
    if (possible <= limit || limit >= kManyNeighbors) continue;
    return too_few_neighbors(kCheck, key, limit);
  }
  return well(kCheck, "the kernel may know all that the ports' links can have");
}

Finding check_tunnel_mtu(const Config& config) {
  constexpr char kCheck[] = "mtu";
  const auto tunnel = longest_tunnel(config);
  if (!tunnel) return well(kCheck, "no service uses a tunnel");
  if (config.ports.empty()) return well(kCheck, "there are no ports");
  const auto by_mtu = [](const PortConfig& a, const PortConfig& b) { return a.mtu < b.mtu; };
  const auto [least, most] = std::minmax_element(config.ports.begin(), config.ports.end(), by_mtu);
  const int needed = least->mtu + tunnel->bytes;
  if (most->mtu >= needed) {
    return well(kCheck, "port " + most->name +
                            " has room for tunnels: " + std::to_string(most->mtu) + " bytes");
  }
  return warning(kCheck,
                 tunnel->what + ": its tunnel takes " + std::to_string(tunnel->bytes) +
                     " bytes, and the ports' mtu is " + std::to_string(most->mtu) +
                     ": clients are told to send less, and hang where that is filtered",
                 "write mtu: " + std::to_string(needed) + " at the port of the reals in " +
                     config.file + ", if the switches take it, or tunnel.mss_clamp");
}

}  // namespace vipgate
