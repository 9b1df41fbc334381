// The whole configuration as plain values, with the defaults of everything that the file leaves
// out. Made by config_reader.h; never changed afterwards, so any thread may read it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/addresses.h"
#include "common/counters.h"
#include "common/huge_pages.h"
#include "common/result.h"
#include "common/rss_fields.h"
#include "common/service.h"
#include "common/tunnel.h"
#include "controlplane/config/config_dns.h"
#include "controlplane/config/config_service.h"

namespace vipgate {

enum class IdleMode : uint8_t { kAdaptive, kPoll };
// Of packets from reals to elsewhere.
enum class Transit : uint8_t { kKernel, kDrop };
enum class LogLevel : uint8_t { kTrace, kDebug, kInfo, kWarn, kError };
enum class LogFormat : uint8_t { kText, kJson };

struct NodeConfig {
  std::string name = "vipgate";
  bool operator==(const NodeConfig&) const = default;
};

struct DpdkConfig {
  HugePages huge_pages = HugePages::kAuto;
  uint32_t memory_mb = 1024;
  uint16_t mbuf_bytes = 0;  // 0: what the largest MTU needs
  uint32_t mbufs = 0;       // 0: what the queues need
  std::vector<std::string> extra_eal_args;
  bool operator==(const DpdkConfig&) const = default;
};

struct ControlConfig {
  std::vector<uint16_t> cpus = {0};
  bool operator==(const ControlConfig&) const = default;
};

struct WorkersConfig {
  std::vector<uint16_t> cpus = {1};  // one worker each, in this order
  IdleMode idle = IdleMode::kAdaptive;
  bool operator==(const WorkersConfig&) const = default;
};

// A static neighbour, for ports without a kernel side and for benchmarks.
struct NeighborConfig {
  IpAddress address;
  MacAddress mac;
  bool operator==(const NeighborConfig&) const = default;
};

struct PortConfig {
  std::string name;
  std::string device;  // PCI address, or vdev with its arguments
  uint16_t mtu = 1500;
  // 0: frames are accepted tagged or untagged and sent untagged; answers carry the question's tag.
  uint16_t vlan = 0;
  std::vector<IpPrefix> addresses;
  std::vector<IpAddress> gateways;  // key `gateway`; at most one per family
  uint16_t queues = 0;              // 0: auto
  RssFields rss = RssFields::kSource;
  bool kernel = true;
  std::vector<NeighborConfig> neighbors;
  bool operator==(const PortConfig&) const = default;
};

struct Limits {
  uint32_t flows_per_worker = 1048576;
  uint32_t wide_flows_per_worker = 65536;
  uint32_t affinities_per_worker = 65536;
  uint32_t fragments_per_worker = 4096;
  uint32_t dns_rates_per_worker = 65536;
  uint32_t dns_answers_per_worker = 16384;
  uint32_t dns_questions_per_worker = 1024;
  uint32_t services = 100000;
  uint32_t reals = 1000000;
  uint32_t dns_names = 1000000;
  bool operator==(const Limits&) const = default;
};

constexpr KernelRates default_kernel_rates() {
  KernelRates rates{};
  const auto set = [&](KernelReason reason, uint32_t rate) {
    rates[static_cast<size_t>(reason)] = rate;
  };
  set(KernelReason::kRouting, 20'000);
  set(KernelReason::kOwnAddress, 100'000);
  set(KernelReason::kIcmp, 1'000);
  set(KernelReason::kArp, 2'000);
  set(KernelReason::kNeighborDiscovery, 2'000);
  set(KernelReason::kLinkLocal, 1'000);
  set(KernelReason::kUnservedPort, 10'000);
  set(KernelReason::kTransit, 20'000);
  set(KernelReason::kDns, 50'000);
  set(KernelReason::kDnsFragment, 1'000);
  return rates;
}

// Routes of VIPs for routing daemons on this machine.
struct AnnounceConfig {
  uint8_t table = 0;       // of the kernel; 0: none
  uint8_t protocol = 118;  // rtm_protocol: by what we and they know them
  // By which clients come: while none of them has link, nothing is announced. Empty: see
  // PortLinks::clients_can_come().
  std::vector<std::string> ports;
  bool operator==(const AnnounceConfig&) const = default;
};

// Inclusive at both ends.
struct PortRange {
  uint16_t first = 1024;
  uint16_t last = 65535;
  bool operator==(const PortRange&) const = default;
};

struct SnatPoolConfig {
  std::string name;
  std::vector<IpAddress> addresses;  // of one or both families
  PortRange ports;
  bool operator==(const SnatPoolConfig&) const = default;
};

// The zone of the reals in a prefix.
struct ZonePrefixConfig {
  IpPrefix prefix;
  std::string region;  // empty: the gateway's own
  std::string zone;
  bool operator==(const ZonePrefixConfig&) const = default;
};

// Where the gateway is, in the words of Mesos' fault domains.
struct LocalityConfig {
  std::string region;
  std::string zone;                        // empty: not told
  std::vector<ZonePrefixConfig> prefixes;  // for reals of which nothing else tells the zone
  bool operator==(const LocalityConfig&) const = default;
};

enum class MesosAuthType : uint8_t { kNone, kBasic, kIam };
enum class IpSource : uint8_t { kNetinfo, kMesos, kDocker, kHost };

struct MesosAuthConfig {
  MesosAuthType type = MesosAuthType::kNone;
  std::string principal;    // basic
  std::string secret_file;  // basic
  std::string config_file;  // iam: JSON with uid, private_key, login_endpoint
  bool operator==(const MesosAuthConfig&) const = default;
};

struct TlsConfig {
  std::string ca_file;  // empty: the system's authorities
  std::string cert_file;
  std::string key_file;
  bool operator==(const TlsConfig&) const = default;
};

// One cluster.
struct MesosConfig {
  std::vector<std::string>
      masters;  // "zk://[user:pass@]h:p,…/path", "host:port", "http(s)://host:port"
  std::string domain = "mesos";
  std::vector<IpSource> ip_sources = {IpSource::kNetinfo, IpSource::kMesos, IpSource::kHost};
  bool enforce_rfc952 = false;
  uint16_t srv_weight = 1;
  bool healthy_only = false;
  bool ptr = false;    // PTR records of task addresses that only one name has
  int32_t ttl_s = -1;  // of its records; -1: the zone's
  MesosAuthConfig auth;
  TlsConfig tls;
  uint32_t sweep_s = 300;     // between GET_STATE sweeps
  uint32_t poll_s = 30;       // between looks at /state, where SUBSCRIBE is refused
  uint32_t recovery_s = 600;  // how long tasks of agents that have not come back are kept
  uint32_t max_record_mb = 1024;
  uint32_t stale_limit_s = 0;  // 0: the last state stays in force for ever
  bool operator==(const MesosConfig&) const = default;
};

// Marathon's own health results, which Mesos does not know.
struct MarathonConfig {
  std::vector<std::string> urls;
  std::string framework = "marathon";  // the name it has in Mesos
  MesosAuthConfig auth;
  TlsConfig tls;
  bool operator==(const MarathonConfig&) const = default;
};

// Which names and addresses a framework may claim by VIP labels.
struct VipClaimRule {
  std::string framework;            // name; "*": any other
  std::vector<std::string> names;   // "redis", "team-*" (the star is the last); empty: any
  std::vector<IpPrefix> addresses;  // for IP VIPs; empty: any
  bool operator==(const VipClaimRule&) const = default;
};

struct IpRange {
  IpAddress first;
  IpAddress last;  // inclusive
  bool contains(const IpAddress& address) const {
    return address.family() == first.family() && first <= address && address <= last;
  }
  bool operator==(const IpRange&) const = default;
};

[[nodiscard]] IpRange range_of(const IpPrefix& prefix);
// The addresses of a service's VIP, as a range and as a prefix, which is whole for an address.
[[nodiscard]] IpRange vip_range(const IpAddress& vip, const ServiceExtent& extent);
[[nodiscard]] IpPrefix vip_prefix(const ServiceConfig& service);

struct NamedVipsConfig {
  bool enabled = true;
  // 11.0.0.0-11.255.255.255 and fd01:c::/64: a DC/OS install's.
  IpRange ipv4 = {Ipv4Address{Be32(0x0b000000)}, Ipv4Address{Be32(0x0bffffff)}};
  IpRange ipv6 = {Ipv6Address{{0xfd, 0x01, 0x00, 0x0c}},
                  Ipv6Address{{0xfd, 0x01, 0x00, 0x0c, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff,
                               0xff, 0xff, 0xff}}};
  std::vector<IpPrefix> ip_vips;  // where IP VIPs may lie besides these ranges
  std::string zone = "l4lb.thisdcos.directory";
  Mode mode = Mode::kFullnat;
  std::string snat_pool;  // empty: defaults.snat_pool
  Track track = Track::kAlways;
  LocalityPreference locality;
  TunnelOptions tunnel;
  HealthConfig health;
  std::vector<VipClaimRule> claims;
  bool operator==(const NamedVipsConfig&) const = default;
};

struct LogConfig {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  bool operator==(const LogConfig&) const = default;
};

struct RestEndpoint {
  IpAddress address;
  uint16_t port = 0;
  bool operator==(const RestEndpoint&) const = default;
};

// The API's listeners. Files are PEM; without tokens_file everybody who can reach one is an admin.
struct RestConfig {
  std::vector<RestEndpoint> listen;
  std::string cert_file, key_file;
  std::string client_ca_file;
  std::string tokens_file;
  uint32_t connections = 4096;
  uint32_t body_mb = 64;
  std::vector<RestEndpoint> mesos_dns_listen;  // what Mesos-DNS tells by HTTP, on its own listeners
  bool plaintext = false;   // those may be plain, and open to everybody, beyond loopback
  bool enumeration = true;  // those tell whole lists
  bool operator==(const RestConfig&) const = default;
};

// Which packets are written to files as they pass, and which files. Names and numbers as in the
// file.
struct WatchConfig {
  std::string capture, trace;  // paths; both empty: nothing is watched
  uint32_t packets = 100;
  uint32_t snaplen_bytes = 256;
  std::optional<IpPrefix> source, destination;
  uint16_t source_port = 0, destination_port = 0;  // 0: any
  uint8_t protocol = 0;                            // IP's number; 0: any
  std::string port;                                // of `ports`, by name; empty: all
  int16_t worker = -1;                             // all
  bool operator==(const WatchConfig&) const = default;
};

// The file of the SQLite store, and of what a ZooKeeper store does not share.
inline constexpr const char* kDefaultStorePath = "/var/lib/vipgate/state.db";

struct Config {
  NodeConfig node;
  DpdkConfig dpdk;
  ControlConfig control;
  WorkersConfig workers;
  std::vector<PortConfig> ports;
  Limits limits;
  KernelRates kernel_rates = default_kernel_rates();
  Transit transit = Transit::kKernel;
  AnnounceConfig announce;
  Timeouts timeouts;
  std::vector<SnatPoolConfig> snat_pools;
  Defaults defaults;
  LocalityConfig locality;
  std::vector<ServiceConfig> services;
  DnsConfig dns;
  std::vector<MesosConfig> mesos;
  std::vector<MarathonConfig> marathon;
  NamedVipsConfig named_vips;
  RestConfig rest;
  std::string store = std::string("sqlite:") + kDefaultStorePath;  // | "zk://…" | "none"
  LogConfig log;
  WatchConfig watch;

  std::string file;  // as named by the caller, for messages
};

// The zone that completes service names, or nullptr: the first with `services: true`.
const ZoneConfig* services_zone(const Config& config);
// The longest time for which the names of services may be kept by those who asked, in seconds.
uint32_t service_names_ttl_s(const Config& config);

// 4 or 6; of a service with `vip: auto`, what its address is going to be: the family of its reals,
// IPv4 as long as it has none.
int vip_family(const ServiceConfig& service);

// Whether addresses are given out from the ranges of named_vips.
bool named_vips_used(const Config& config);

// Whether the calling thread may run on the CPUs that the configuration names: call it before
// anything is pinned. Apart from the other checks, since `--check` and `replay` may name more CPUs
// than there are.
Status check_cpus(const Config& config);

// Dotted names of what differs and cannot be applied by a reload ("workers.cpus",
// "ports.edge.mtu"), sorted; empty when a reload from `running` to `next` can do everything.
std::vector<std::string> restart_required(const Config& running, const Config& next);

}  // namespace vipgate
