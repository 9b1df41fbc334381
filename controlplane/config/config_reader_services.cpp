#include "controlplane/config/config_reader_services.h"

#include <optional>
#include <utility>

#include "controlplane/config/config_reader_mesos.h"
#include "controlplane/model/locality.h"

namespace vipgate {
namespace {

constexpr int64_t kMaxTimeoutSeconds = 14400;  // last-seen stamps wrap at 4.5 h

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

const Rule<ClientAddress>& client_address_rule() {
  static const auto kRule = choice_rule<ClientAddress>({{"hidden", ClientAddress::kHidden},
                                                        {"toa", ClientAddress::kToa},
                                                        {"proxy_v2", ClientAddress::kProxyV2}});
  return kRule;
}

const Rule<Affinity>& affinity_rule() {
  static const auto kRule =
      choice_rule<Affinity>({{"none", Affinity::kNone}, {"source", Affinity::kSource}});
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

// The real's own port, or the one that the client asked for.
const Rule<uint16_t>& real_port_rule() {
  static const auto kRule = auto_or_integer_rule<uint16_t>(1, 65535);
  return kRule;
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
    t.value("affinity_s", timeouts.affinity_s, kSeconds);
  });
}

void read_admission(Section& s, AdmissionRules& admission) {
  static const auto kSource = prefix_rule();
  static const auto kCount = integer_rule<uint32_t>(0, 1'000'000'000);
  s.list("allow_sources", admission.allow_sources, kSource);
  s.list("deny_sources", admission.deny_sources, kSource);
  s.value("new_flows_per_s", admission.new_flows_per_s, kCount);
  s.value("max_connections", admission.max_connections, kCount);
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
  s.value("client_address", policy.client_address, client_address_rule());
  s.value("affinity", policy.affinity, affinity_rule());
  read_admission(s, policy.admission);
  s.value("slow_start_s", policy.slow_start_s, slow_start_rule());
  s.value("track", policy.track, track_rule());
  read_preference(s, policy.locality);
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
  static const auto kQuicId = integer_rule<uint32_t>(0, UINT32_MAX);
  real.position = s.position();
  s.required("address", real.address, endpoint_rule());
  s.value("port", real.port, real_port_rule());
  s.value("weight", real.weight, kWeight);
  s.value("quic_id", real.quic_id, kQuicId);
  std::string region;
  std::string zone;
  s.value("region", region, region_rule());
  s.value("zone", zone, zone_rule());
  if (s.reading()) real.is_local = locality.is_local(region, zone, real.address);
}

void read_service(Section& s, const Locality& locality, ServiceConfig& service) {
  static const auto kName = dns_name_rule();
  static const auto kProtocol = choice_rule<Protocol>(
      {{"tcp", Protocol::kTcp}, {"udp", Protocol::kUdp}, {"sctp", Protocol::kSctp}});
  static const auto kQuic = boolean_rule();
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
  s.value("quic", service.quic, kQuic);
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

}  // namespace

const Rule<IpAddress>& endpoint_rule() {
  static const auto kRule = address_rule(AddressUse::kEndpoint);
  return kRule;
}

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
  static const auto kDscp = auto_or_integer_rule<uint8_t>(0, kMaxDscp, kCopyDscp);
  static const auto kVariant = integer_rule<uint8_t>(0, 1);
  static const auto kPort = auto_or_integer_rule(1, 65535);
  static const auto kHops = integer_rule<uint8_t>(0, kMaxGueHops);
  static const auto kZeroChecksum = boolean_rule();
  static const auto kMss = integer_rule<uint16_t>(0, 65495);
  s.value("tunnel_source_ipv4", tunnel.source_ipv4, kSource4);
  s.value("tunnel_source_ipv6", tunnel.source_ipv6, kSource6);
  s.value("tunnel_dscp", tunnel.dscp, kDscp);
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

void read_shared(Section& s, Config& config) {
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
  s.map("locality", [&](Section& l) { read_locality(l, config.locality); });
}

void read_services(Section& s, Config& config) {
  ServiceConfig initial;
  static_cast<ServicePolicy&>(initial) = config.defaults;
  initial.timeouts = config.timeouts;
  const Locality locality(config.locality);
  s.maps("services", config.services, initial,
         [&](Section& own, ServiceConfig& service) { read_service(own, locality, service); });
}

}  // namespace vipgate
