// The whole configuration as plain values, with the defaults of everything that the file leaves
// out. Made by config_reader.h; never changed afterwards, so any thread may read it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/addresses.h"
#include "common/huge_pages.h"
#include "common/result.h"
#include "common/service.h"

namespace vipgate {

// 1-based; line 0 means "not from a file".
struct SourcePosition {
  int line = 0;
  int column = 0;

  // Where something stands is not part of what it says: two configurations that differ only in
  // layout are equal.
  friend bool operator==(const SourcePosition&, const SourcePosition&) { return true; }
};

enum class IdleMode : uint8_t { kAdaptive, kPoll };
enum class Track : uint8_t { kAlways };
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
  bool kernel = true;
  std::vector<NeighborConfig> neighbors;
  bool operator==(const PortConfig&) const = default;
};

struct Limits {
  uint32_t flows_per_worker = 1048576;
  uint32_t services = 100000;
  uint32_t reals = 1000000;
  uint32_t dns_names = 1000000;
  bool operator==(const Limits&) const = default;
};

// Seconds.
struct Timeouts {
  uint16_t tcp_embryonic_s = 10;
  uint16_t tcp_established_s = 3600;
  uint16_t tcp_closing_s = 10;
  uint16_t udp_s = 60;
  uint16_t udp_one_way_s = 15;
  uint16_t drain_s = 300;
  bool operator==(const Timeouts&) const = default;
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

struct Defaults {
  Mode mode = Mode::kFullnat;
  std::string snat_pool = "default";
  uint32_t maglev_rows = 0;  // 0: auto
  NoReal no_real = NoReal::kReject;
  Track track = Track::kAlways;
  bool operator==(const Defaults&) const = default;
};

struct RealConfig {
  IpAddress address;
  uint16_t port = 0;
  uint16_t weight = 1;  // 0: gets no new flows
  SourcePosition position;
  bool operator==(const RealConfig&) const = default;
};

// The defaults are already applied: every field holds what is in force for this service.
struct ServiceConfig {
  std::string name;  // lower case, relative to the services zone
  IpAddress vip;
  uint16_t port = 0;
  Protocol protocol = Protocol::kTcp;
  Mode mode = Mode::kFullnat;
  std::string snat_pool;
  uint32_t maglev_rows = 0;  // 0: auto
  NoReal no_real = NoReal::kReject;
  Track track = Track::kAlways;
  Timeouts timeouts;
  std::vector<RealConfig> reals;
  SourcePosition position;
  bool operator==(const ServiceConfig&) const = default;
};

struct ZoneConfig {
  std::string name;                  // lower case, without the final dot
  bool services = false;             // holds the services' names
  std::vector<std::string> aliases;  // further zone names with the same content
  bool operator==(const ZoneConfig&) const = default;
};

struct SoaConfig {
  std::string mname = "ns1.mesos.";  // both with the final dot
  std::string rname = "root.ns1.mesos.";
  uint32_t refresh_s = 60;
  uint32_t retry_s = 600;
  uint32_t expire_s = 86400;
  uint32_t minimum_s = 5;
  bool operator==(const SoaConfig&) const = default;
};

struct DnsConfig {
  std::vector<IpAddress> listen;  // UDP and TCP port 53
  uint32_t ttl_s = 5;
  std::vector<ZoneConfig> zones;
  SoaConfig soa;
  bool operator==(const DnsConfig&) const = default;
};

struct LogConfig {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  bool operator==(const LogConfig&) const = default;
};

struct Config {
  NodeConfig node;
  DpdkConfig dpdk;
  ControlConfig control;
  WorkersConfig workers;
  std::vector<PortConfig> ports;
  Limits limits;
  Timeouts timeouts;
  std::vector<SnatPoolConfig> snat_pools;
  Defaults defaults;
  std::vector<ServiceConfig> services;
  DnsConfig dns;
  LogConfig log;

  std::string file;  // as named by the caller, for messages
};

// The zone that completes service names, or nullptr: the first with `services: true`.
const ZoneConfig* services_zone(const Config& config);

// Whether the calling thread may run on the CPUs that the configuration names: call it before
// anything is pinned. Apart from the other checks, since `--check` and `replay` may name more CPUs
// than there are.
Status check_cpus(const Config& config);

// Dotted names of what differs and cannot be applied by a reload ("workers.cpus",
// "ports.edge.mtu"), sorted; empty when a reload from `running` to `next` can do everything.
std::vector<std::string> restart_required(const Config& running, const Config& next);

}  // namespace vipgate
