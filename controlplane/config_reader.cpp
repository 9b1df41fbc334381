#include "controlplane/config_reader.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "controlplane/config_check.h"
#include "controlplane/config_reader_mesos.h"
#include "controlplane/locality.h"

namespace vipgate {
namespace {

constexpr int64_t kMaxCpu = 1023;
constexpr int64_t kMaxTimeoutSeconds = 14400;  // last-seen stamps wrap at 4.5 h
constexpr int64_t kMaxDnsSeconds = 604800;

// What stands for `no_real`: a word, or a map with the name of another service.
struct NoRealChoice {
  NoReal policy = NoReal::kReject;
  std::string fallback;
};

// Rules used once per service or real are made once.
const Rule<NoReal>& no_real_word_rule() {
  static const auto kRule = choice_rule<NoReal>(
      {{"reject", NoReal::kReject}, {"drop", NoReal::kDrop}, {"use_all", NoReal::kUseAll}});
  return kRule;
}

Result<NoRealChoice> parse_fallback(const YamlNode& map) {
  static const auto kName = dns_name_rule();
  const YamlNode* name = find_key(map, "fallback");
  if (name == nullptr || map.children.size() != 2) {
    return Error{
        "a map stands here that is not {fallback: NAME}; write that, with the name of "
        "another service, or reject, drop or use_all"};
  }
  auto service = kName.parse(*name);
  if (!service) return Error{"fallback: " + service.error()};
  return NoRealChoice{NoReal::kFallback, *service};
}

// The words alone in `defaults`: a service cannot fall back on itself.
Rule<NoRealChoice> make_no_real_rule(bool has_fallback) {
  ValueInfo info = no_real_word_rule().info;
  if (has_fallback) info.type = KeyType::kChoiceOrMap;
  return {info,
          [has_fallback](const YamlNode& node) -> Result<NoRealChoice> {
            if (has_fallback && node.kind == YamlNode::Kind::kMap) return parse_fallback(node);
            auto word = no_real_word_rule().parse(node);
            if (!word) return Error{word.error() + (has_fallback ? ", or {fallback: NAME}" : "")};
            return NoRealChoice{*word, ""};
          },
          [](const NoRealChoice& value) {
            return value.policy == NoReal::kFallback ? "{fallback: " + value.fallback + "}"
                                                     : std::string(to_string(value.policy));
          }};
}

const Rule<NoRealChoice>& no_real_rule(bool has_fallback) {
  static const auto kWords = make_no_real_rule(false);
  static const auto kAll = make_no_real_rule(true);
  return has_fallback ? kAll : kWords;
}

const Rule<UnservedPort>& unserved_port_rule() {
  static const auto kRule = choice_rule<UnservedPort>({{"drop", UnservedPort::kDrop},
                                                       {"reject", UnservedPort::kReject},
                                                       {"kernel", UnservedPort::kKernel}});
  return kRule;
}

const Rule<HashFields>& hash_rule() {
  static const auto kRule =
      choice_rule<HashFields>({{"five_tuple", HashFields::kFiveTuple},
                               {"source", HashFields::kSource},
                               {"source_destination", HashFields::kSourceDestination}});
  return kRule;
}

const Rule<uint16_t>& slow_start_rule() {
  static const auto kRule = integer_rule<uint16_t>(0, 3600);
  return kRule;
}

// Primes, each about twice the one before.
const Rule<uint32_t>& maglev_rows_rule() {
  static const auto kRule = choice_rule<uint32_t>({{"auto", 0},
                                                   {"4093", 4093},
                                                   {"8191", 8191},
                                                   {"16381", 16381},
                                                   {"32749", 32749},
                                                   {"65537", 65537},
                                                   {"131071", 131071},
                                                   {"262139", 262139},
                                                   {"524287", 524287},
                                                   {"655373", 655373}});
  return kRule;
}

const Rule<IpAddress>& endpoint_rule() {
  static const auto kRule = address_rule(AddressUse::kEndpoint);
  return kRule;
}

// The real's own port, or the one that the client asked for.
const Rule<uint16_t>& real_port_rule() {
  static const auto kRule = auto_or_integer_rule<uint16_t>(1, 65535);
  return kRule;
}

void read_port(Section& s, PortConfig& port) {
  s.required("name", port.name, identifier_rule(32));
  s.required("device", port.device, text_rule("a PCI address, or a vdev with its arguments"));
  s.value("mtu", port.mtu, integer_rule<uint16_t>(576, 9000));
  s.value("vlan", port.vlan, integer_rule<uint16_t>(0, 4094));
  s.list("addresses", port.addresses, interface_address_rule());
  s.list("gateway", port.gateways, address_rule(AddressUse::kNextHop), 0, true);
  s.value("queues", port.queues, auto_or_integer_rule(1, 64));
  s.value("kernel", port.kernel, boolean_rule());
  s.maps("neighbors", port.neighbors, NeighborConfig{}, [](Section& n, NeighborConfig& neighbor) {
    n.required("address", neighbor.address, address_rule(AddressUse::kNextHop));
    n.required("mac", neighbor.mac, mac_rule());
  });
}

void read_machine(Section& s, Config& config) {
  s.map("node", [&](Section& n) { n.value("name", config.node.name, identifier_rule(64)); });
  s.map("dpdk", [&](Section& d) {
    d.value("huge_pages", config.dpdk.huge_pages,
            choice_rule<HugePages>(
                {{"auto", HugePages::kAuto}, {"on", HugePages::kOn}, {"off", HugePages::kOff}}));
    d.value("memory_mb", config.dpdk.memory_mb, integer_rule<uint32_t>(64, 1048576));
    d.value("mbuf_bytes", config.dpdk.mbuf_bytes, auto_or_integer_rule(128, 16384));
    d.value("mbufs", config.dpdk.mbufs, auto_or_integer_rule<uint32_t>(1024, 268435456));
    d.list("extra_eal_args", config.dpdk.extra_eal_args, text_rule("one argument for the EAL"));
  });
  s.map("control", [&](Section& c) {
    c.list("cpus", config.control.cpus, integer_rule<uint16_t>(0, kMaxCpu), 1);
  });
  s.map("workers", [&](Section& w) {
    w.list("cpus", config.workers.cpus, integer_rule<uint16_t>(0, kMaxCpu), 1);
    w.value("idle", config.workers.idle,
            choice_rule<IdleMode>({{"adaptive", IdleMode::kAdaptive}, {"poll", IdleMode::kPoll}}));
  });
  s.maps("ports", config.ports, PortConfig{}, read_port);
  s.map("limits", [&](Section& l) {
    l.value("flows_per_worker", config.limits.flows_per_worker,
            integer_rule<uint32_t>(1024, 268435456));
    l.value("wide_flows_per_worker", config.limits.wide_flows_per_worker,
            integer_rule<uint32_t>(1024, 268435456));
    l.value("fragments_per_worker", config.limits.fragments_per_worker,
            integer_rule<uint32_t>(64, 1048576));
    l.value("services", config.limits.services, integer_rule<uint32_t>(1, 1000000));
    l.value("reals", config.limits.reals, integer_rule<uint32_t>(1, 16777216));
    l.value("dns_names", config.limits.dns_names, integer_rule<uint32_t>(1, 16777216));
  });
}

void read_timeouts(Section& s, Timeouts& timeouts) {
  s.map("timeouts", [&](Section& t) {
    static const auto kSeconds = integer_rule<uint16_t>(1, kMaxTimeoutSeconds);
    t.value("tcp_embryonic_s", timeouts.tcp_embryonic_s, kSeconds);
    t.value("tcp_established_s", timeouts.tcp_established_s, kSeconds);
    t.value("tcp_closing_s", timeouts.tcp_closing_s, kSeconds);
    t.value("udp_s", timeouts.udp_s, kSeconds);
    t.value("udp_one_way_s", timeouts.udp_one_way_s, kSeconds);
    t.value("drain_s", timeouts.drain_s, kSeconds);
  });
}

void read_admission(Section& s, AdmissionRules& admission) {
  static const auto kSource = prefix_rule();
  static const auto kRate = integer_rule<uint32_t>(0, 1'000'000'000);
  s.list("allow_sources", admission.allow_sources, kSource);
  s.list("deny_sources", admission.deny_sources, kSource);
  s.value("new_flows_per_s", admission.new_flows_per_s, kRate);
}

// All of it but health, which stands elsewhere.
void read_policy(Section& s, ServicePolicy& policy, bool is_service) {
  s.value("mode", policy.mode, mode_rule());
  s.value("snat_pool", policy.snat_pool, pool_name_rule());
  read_tunnel(s, policy.tunnel);
  s.value("maglev_rows", policy.maglev_rows, maglev_rows_rule());
  NoRealChoice no_real{policy.no_real, policy.fallback};
  s.value("no_real", no_real, no_real_rule(is_service));
  policy.no_real = no_real.policy;
  policy.fallback = std::move(no_real.fallback);
  s.value("hash", policy.hash, hash_rule());
  read_admission(s, policy.admission);
  s.value("slow_start_s", policy.slow_start_s, slow_start_rule());
  s.value("track", policy.track, track_rule());
  read_preference(s, policy.locality);
}

// What all services share comes first, whatever the order in the file.
void read_forwarding(Section& s, Config& config) {
  read_timeouts(s, config.timeouts);
  s.maps("snat_pools", config.snat_pools, SnatPoolConfig{}, [](Section& p, SnatPoolConfig& pool) {
    p.required("name", pool.name, pool_name_rule());
    p.list("addresses", pool.addresses, endpoint_rule(), 1);
    p.value("ports", pool.ports, port_range_rule());
  });
  Defaults& defaults = config.defaults;
  s.map("defaults", [&](Section& d) {
    read_policy(d, defaults, false);
    d.value("unserved_port", defaults.unserved_port, unserved_port_rule());
    read_health(d, defaults.health);
  });
}

const Rule<std::string>& zone_rule() {
  static const auto kRule = optional_text_rule("a zone's name");
  return kRule;
}

const Rule<std::string>& region_rule() {
  static const auto kRule = optional_text_rule("a region's name");
  return kRule;
}

void read_locality(Section& s, LocalityConfig& locality) {
  s.value("region", locality.region, region_rule());
  s.value("zone", locality.zone, zone_rule());
  s.maps("prefixes", locality.prefixes, ZonePrefixConfig{},
         [](Section& p, ZonePrefixConfig& prefix) {
           p.required("prefix", prefix.prefix, prefix_rule());
           p.value("region", prefix.region, region_rule());
           p.required("zone", prefix.zone, text_rule("a zone's name"));
         });
}

// There may be a million: of a real's zone it is kept whether it is the gateway's own.
void read_real(Section& s, const Locality& locality, RealConfig& real) {
  static const auto kWeight = integer_rule<uint16_t>(0, 65535);
  real.position = s.position();
  s.required("address", real.address, endpoint_rule());
  s.value("port", real.port, real_port_rule());
  s.value("weight", real.weight, kWeight);
  std::string region;
  std::string zone;
  s.value("region", region, region_rule());
  s.value("zone", zone, zone_rule());
  if (s.reading()) real.is_local = locality.is_local(region, zone, real.address);
}

void read_service(Section& s, const Locality& locality, ServiceConfig& service) {
  static const auto kName = dns_name_rule();
  static const auto kProtocol =
      choice_rule<Protocol>({{"tcp", Protocol::kTcp}, {"udp", Protocol::kUdp}});
  service.position = s.position();
  s.required("name", service.name, kName);
  std::optional<IpPrefix> vip;
  if (!service.vip_auto) vip = vip_prefix(service);
  s.required("vip", vip, vip_rule());
  service.vip_auto = !vip;
  service.vip = vip ? vip->address : IpAddress{};
  const bool is_prefix = vip && vip->length < vip->address.bits();
  service.extent.prefix_length = is_prefix ? static_cast<uint8_t>(vip->length) : uint8_t{0};
  ServicePorts ports{service.port, service.extent.port_last};
  s.required("port", ports, service_ports_rule());
  service.port = ports.first;
  service.extent.port_last = ports.last;
  s.value("protocol", service.protocol, kProtocol);
  s.maps("reals", service.reals, RealConfig{},
         [&](Section& r, RealConfig& real) { read_real(r, locality, real); });
  // Of one port, the one that the client asks for is known.
  if (s.reading() && !service.extent.is_wide()) {
    for (RealConfig& real : service.reals) {
      if (real.port == 0) real.port = service.port;
    }
  }
  // What follows comes from `defaults` and `timeouts` unless it is said here.
  s.inherit_defaults();
  read_policy(s, service, true);
  read_timeouts(s, service.timeouts);
  read_health(s, service.health);
}

void read_services(Section& s, Config& config) {
  ServiceConfig initial;
  static_cast<ServicePolicy&>(initial) = config.defaults;
  initial.timeouts = config.timeouts;
  const Locality locality(config.locality);
  s.maps("services", config.services, initial,
         [&](Section& own, ServiceConfig& service) { read_service(own, locality, service); });
}

// Relative to the zone: "www", "_sip._tcp", "@" for the zone itself.
std::string record_name_fault(const std::string& text) {
  if (text == "@") return "";
  if (text == "*" || text.starts_with("*.")) {
    return quote_value(text) + " is a wildcard, which is not served yet; name each record";
  }
  if (text.back() == '.') return quote_value(text) + " ends with a dot; write it without its zone";
  const std::string fault = dns_name_fault(text, true);
  return fault.empty() ? "" : quote_value(text) + ": " + fault;
}

void read_record(Section& s, DnsRecordConfig& record) {
  static const auto kName = checked_text_rule("a name within the zone", record_name_fault);
  static const auto kType = choice_rule<std::string>({{"A", "A"},
                                                      {"AAAA", "AAAA"},
                                                      {"CNAME", "CNAME"},
                                                      {"TXT", "TXT"},
                                                      {"SRV", "SRV"},
                                                      {"PTR", "PTR"}});
  static const auto kTtl = auto_or_integer_rule<int32_t>(0, kMaxDnsSeconds, -1);
  static const auto kData = text_rule("the record's data");
  record.position = s.position();
  s.required("name", record.name, kName);
  s.required("type", record.type, kType);
  s.value("ttl_s", record.ttl_s, kTtl);
  s.required("data", record.data, kData);
}

void read_dns(Section& s, DnsConfig& dns) {
  s.list("listen", dns.listen, endpoint_rule());
  s.value("ttl_s", dns.ttl_s, integer_rule<uint32_t>(0, kMaxDnsSeconds));
  s.maps("zones", dns.zones, ZoneConfig{}, [](Section& z, ZoneConfig& zone) {
    z.required("name", zone.name, dns_name_rule());
    z.value("services", zone.services, boolean_rule());
    z.list("aliases", zone.aliases, dns_name_rule());
    z.maps("records", zone.records, DnsRecordConfig{}, read_record);
  });
  s.value("ptr", dns.ptr, boolean_rule());
  s.map("soa", [&](Section& soa) {
    soa.value("mname", dns.soa.mname, absolute_dns_name_rule());
    soa.value("rname", dns.soa.rname, absolute_dns_name_rule());
    // RFC 1035 3.3.13: 32-bit seconds; RFC 2181 8: the top bit stays zero.
    const auto seconds = integer_rule<uint32_t>(1, 2147483647);
    soa.value("refresh_s", dns.soa.refresh_s, seconds);
    soa.value("retry_s", dns.soa.retry_s, seconds);
    soa.value("expire_s", dns.soa.expire_s, seconds);
    soa.value("minimum_s", dns.soa.minimum_s, integer_rule<uint32_t>(0, kMaxDnsSeconds));
  });
}

void read_all(Section& s, Config& config) {
  read_machine(s, config);
  read_forwarding(s, config);
  s.map("locality", [&](Section& l) { read_locality(l, config.locality); });
  read_services(s, config);
  s.map("dns", [&](Section& d) { read_dns(d, config.dns); });
  read_sources(s, config);
  s.map("log", [&](Section& l) {
    l.value("level", config.log.level,
            choice_rule<LogLevel>({{"trace", LogLevel::kTrace},
                                   {"debug", LogLevel::kDebug},
                                   {"info", LogLevel::kInfo},
                                   {"warn", LogLevel::kWarn},
                                   {"error", LogLevel::kError}}));
    l.value("format", config.log.format,
            choice_rule<LogFormat>({{"text", LogFormat::kText}, {"json", LogFormat::kJson}}));
  });
  s.finish();
}

}  // namespace

const Rule<Track>& track_rule() {
  static const auto kRule =
      choice_rule<Track>({{"always", Track::kAlways}, {"when_needed", Track::kWhenNeeded}});
  return kRule;
}

const Rule<Mode>& mode_rule() {
  static const auto kRule = choice_rule<Mode>({{"fullnat", Mode::kFullnat},
                                               {"nat", Mode::kNat},
                                               {"l2dsr", Mode::kL2dsr},
                                               {"ipip", Mode::kIpip},
                                               {"gre", Mode::kGre},
                                               {"gue", Mode::kGue}});
  return kRule;
}

void read_tunnel(Section& s, TunnelOptions& tunnel) {
  static const auto kSource4 = prefix_rule(4);
  static const auto kSource6 = prefix_rule(6);
  static const auto kVariant = integer_rule<uint8_t>(0, 1);
  static const auto kPort = auto_or_integer_rule(1, 65535);
  static const auto kHops = integer_rule<uint8_t>(0, kMaxGueHops);
  static const auto kZeroChecksum = boolean_rule();
  static const auto kMss = integer_rule<uint16_t>(0, 65495);
  s.value("tunnel_source_ipv4", tunnel.source_ipv4, kSource4);
  s.value("tunnel_source_ipv6", tunnel.source_ipv6, kSource6);
  s.value("gue_variant", tunnel.gue_variant, kVariant);
  s.value("gue_port", tunnel.gue_port, kPort);
  s.value("gue_hops", tunnel.gue_hops, kHops);
  s.value("gue_zero_checksum", tunnel.gue_zero_checksum, kZeroChecksum);
  s.value("mss_clamp", tunnel.mss_clamp, kMss);
}

const Rule<std::string>& pool_name_rule() {
  static const auto kRule = identifier_rule(32);
  return kRule;
}

Result<Config> parse_config(std::string_view text, const std::string& file_name, ConfigUse use) {
  Diagnostics diagnostics(file_name);
  Config config;
  config.file = file_name;
  const YamlNodePtr root = read_yaml(text, diagnostics);
  if (root != nullptr && root->kind != YamlNode::Kind::kMap &&
      root->kind != YamlNode::Kind::kNull) {
    diagnostics.error(root->position, std::string(kind_name(*root)) +
                                          " stands here; the file must be a map of sections, "
                                          "as 'dns:' with its keys indented below");
  } else if (root != nullptr) {
    Section section({&diagnostics, nullptr, nullptr}, root.get(), "");
    read_all(section, config);
    if (diagnostics.ok()) check_config(config, *root, use, diagnostics);
  }
  if (!diagnostics.ok()) return Error{diagnostics.text()};
  return config;
}

Result<Config> read_config(const std::string& path, ConfigUse use) {
  const auto cannot_read = [&] {
    return Error{path + ": cannot be read: " + std::strerror(errno) +
                 "; give the path of a readable YAML file"};
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) return cannot_read();
  std::string text;
  char block[65536];
  while (text.size() <= kMaxYamlBytes) {
    const size_t count = std::fread(block, 1, sizeof block, file.get());
    text.append(block, count);
    if (count < sizeof block) break;
  }
  if (std::ferror(file.get()) != 0) return cannot_read();
  return parse_config(text, path, use);
}

std::vector<KeyInfo> config_keys() {
  std::vector<KeyInfo> keys;
  Config config;
  Section section({nullptr, &keys, nullptr}, nullptr, "");
  read_all(section, config);
  return keys;
}

std::vector<std::pair<std::string, std::string>> config_values(const Config& config) {
  std::vector<std::pair<std::string, std::string>> values;
  Config copy = config;
  Section section({nullptr, nullptr, &values}, nullptr, "");
  read_all(section, copy);
  return values;
}

}  // namespace vipgate
