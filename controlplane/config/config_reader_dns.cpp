#include "controlplane/config/config_reader_dns.h"

#include <algorithm>
#include <charconv>

#include "common/dns_forwarding.h"
#include "common/dns_rate_limit.h"
#include "controlplane/config/config_reader_services.h"
#include "controlplane/dns/dns_secrets.h"

namespace vipgate {
namespace {

constexpr int64_t kMaxDnsSeconds = 604800;

// Relative to the zone: "www", "_sip._tcp", "@" for the zone itself, "*" or "*.www" for what has no
// name of its own.
std::string record_name_fault(const std::string& text) {
  if (text == "@") return "";
  if (text == "*") return "";
  if (text.back() == '.') return quote_value(text) + " ends with a dot; write it without its zone";
  // Only the first label may be `*` (RFC 4592 2.1.1).
  const std::string_view name = text.starts_with("*.") ? std::string_view(text).substr(2) : text;
  const std::string fault = dns_name_fault(name, true);
  return fault.empty() ? "" : quote_value(text) + ": " + fault;
}

// RFC 1035 3.3: one string of a TXT record.
std::string chaos_fault(const std::string& text) {
  constexpr size_t kMost = 255;
  return text.size() <= kMost
             ? ""
             : "it has " + std::to_string(text.size()) + " octets; write 255 at most";
}

std::string nsid_fault(const std::string& text) {
  auto octets = dns_nsid_octets(text);
  return octets ? "" : octets.error();
}

// A text that `check` accepts, or "" for none.
Rule<std::string> told_rule(const std::string& wanted,
                            std::function<std::string(const std::string&)> check) {
  Rule<std::string> rule = checked_text_rule(wanted, std::move(check));
  rule.parse = [parse = std::move(rule.parse)](const YamlNode& node) -> Result<std::string> {
    if (node.kind == YamlNode::Kind::kScalar && node.scalar.empty()) return std::string();
    return parse(node);
  };
  return rule;
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

void read_ttls(Section& s, DnsTtls& ttls) {
  static const auto kTtl = auto_or_integer_rule<int64_t>(0, kMaxDnsSeconds, -1);
  static constexpr std::pair<const char*, DnsType> kTypes[] = {
      {"a", DnsType::kA},     {"aaaa", DnsType::kAaaa}, {"srv", DnsType::kSrv},
      {"ptr", DnsType::kPtr}, {"txt", DnsType::kTxt},   {"cname", DnsType::kCname},
      {"ns", DnsType::kNs},   {"soa", DnsType::kSoa}};
  for (const auto& [key, type] : kTypes) {
    const auto known = ttls.find(type);
    int64_t ttl_s = known == ttls.end() ? -1 : int64_t{known->second};
    s.value(key, ttl_s, kTtl);
    ttls.erase(type);
    if (ttl_s >= 0) ttls.emplace(type, static_cast<uint32_t>(ttl_s));
  }
}

void read_view_zone(Section& s, DnsViewZoneConfig& zone) {
  s.required("name", zone.name, dns_name_rule());
  s.value("services", zone.reals, choice_rule<bool>({{"vip", false}, {"reals", true}}));
  s.maps("records", zone.records, DnsRecordConfig{}, read_record);
}

void read_view(Section& s, DnsViewConfig& view) {
  s.required("name", view.name, identifier_rule(32));
  s.list("clients", view.clients, prefix_rule(), 1);
  s.maps("zones", view.zones, DnsViewZoneConfig{}, read_view_zone);
}

void read_rate_limit(Section& s, DnsRateLimitConfig& limit) {
  constexpr int64_t kMost = 1'000'000;
  s.value("responses_per_s", limit.responses_per_s, integer_rule<uint32_t>(0, kMost));
  s.value("errors_per_s", limit.errors_per_s, auto_or_integer_rule<int32_t>(0, kMost, -1));
  s.value("window_s", limit.window_s, integer_rule<uint32_t>(1, kMaxDnsWindowS));
  s.value("slip", limit.slip, integer_rule<uint32_t>(0, kMaxDnsSlip));
  s.value("ipv4_prefix", limit.ipv4_prefix, integer_rule<uint8_t>(1, 32));
  s.value("ipv6_prefix", limit.ipv6_prefix, integer_rule<uint8_t>(1, 64));
  s.list("exempt", limit.exempt, prefix_rule());
}

// "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:5353".
Result<DnsResolverConfig> parse_resolver(const YamlNode& node) {
  constexpr const char* kWanted = "an address, or with its port 192.0.2.53:53 or [2001:db8::53]:53";
  auto text = parse_text(node, kWanted);
  if (!text) return Error{text.error()};
  std::string address = *text;
  DnsResolverConfig resolver;
  const bool has_brackets = address.starts_with('[');
  const size_t colon = address.rfind(':');
  if (has_brackets || std::count(address.begin(), address.end(), ':') == 1) {
    const std::string port = colon == std::string::npos ? "" : address.substr(colon + 1);
    const auto [end, fault] =
        std::from_chars(port.data(), port.data() + port.size(), resolver.port);
    if (fault != std::errc() || end != port.data() + port.size() || resolver.port == 0) {
      return Error{quote_value(*text) + " has no port from 1 to 65535; write " + kWanted};
    }
    address.resize(colon);
    if (has_brackets) {
      if (!address.ends_with(']')) {
        return Error{quote_value(*text) + " is not a server; write " + kWanted};
      }
      address = address.substr(1, address.size() - 2);
    }
  }
  auto parsed = parse_ip_address(address);
  if (!parsed || (has_brackets && !parsed->is_v6())) {
    return Error{quote_value(*text) + " is not a server; write " + kWanted};
  }
  if (const char* reason = unusable_because(*parsed, AddressUse::kEndpoint)) {
    return Error{address + " is " + reason + "; write a unicast address"};
  }
  resolver.address = *parsed;
  return resolver;
}

const Rule<DnsResolverConfig>& resolver_rule() {
  static const Rule<DnsResolverConfig> kRule{
      {KeyType::kText, {}, {}, {}}, parse_resolver, [](const DnsResolverConfig& resolver) {
        return resolver.port == 53 ? to_string(resolver.address)
                                   : endpoint_to_string(resolver.address, resolver.port);
      }};
  return kRule;
}

// The name of a host, or "" for the usual one.
Rule<std::string> optional_name_rule() {
  Rule<std::string> rule = dns_name_rule();
  rule.parse = [parse = std::move(rule.parse)](const YamlNode& node) -> Result<std::string> {
    if (node.kind == YamlNode::Kind::kScalar && node.scalar.empty()) return std::string();
    return parse(node);
  };
  return rule;
}

void read_search(Section& s, DnsSearchConfig& search) {
  s.list("clients", search.clients, prefix_rule(), 1);
  s.list("suffixes", search.suffixes, dns_name_rule(), 1);
}

void read_forward(Section& s, DnsForwardConfig& forward) {
  static const auto kPolicy = choice_rule<bool>({{"refuse", false}, {"forward", true}});
  s.value("policy", forward.is_on, kPolicy);
  s.list("clients", forward.clients, prefix_rule());
  s.list("resolvers", forward.resolvers, resolver_rule());
  s.maps("zones", forward.zones, DnsForwardZoneConfig{},
         [](Section& z, DnsForwardZoneConfig& zone) {
           z.required("name", zone.name, dns_name_rule());
           z.list("resolvers", zone.resolvers, resolver_rule(), 1);
         });
  s.value("snat_pool", forward.snat_pool, optional_text_rule("the name of one of `snat_pools`"));
  s.value("race_after_ms", forward.race_after_ms, integer_rule<uint32_t>(1, 60'000));
  s.value("timeout_ms", forward.timeout_ms, integer_rule<uint32_t>(1, 60'000));
  s.value("attempts", forward.attempts, integer_rule<uint32_t>(1, DnsForwarding::kMaxAttempts));
  s.map("limits", [&](Section& limits) {
    limits.value("per_client", forward.per_client, integer_rule<uint32_t>(1, 65'535));
  });
  s.map("health", [&](Section& health) {
    health.value("interval_s", forward.health.interval_s, integer_rule<uint16_t>(0, 3600));
    health.value("timeout_ms", forward.health.timeout_ms, integer_rule<uint16_t>(10, 60'000));
    health.value("fall", forward.health.fall, integer_rule<uint8_t>(1, 100));
    health.value("name", forward.health.name, optional_name_rule());
  });
  s.map("cache", [&](Section& cache) {
    cache.value("max_ttl_s", forward.max_ttl_s, integer_rule<uint32_t>(1, kMaxDnsSeconds));
    cache.value("negative_ttl_s", forward.negative_ttl_s,
                integer_rule<uint32_t>(0, kMaxDnsSeconds));
    cache.value("stale_s", forward.stale_s, integer_rule<uint32_t>(0, kMaxDnsSeconds));
  });
}

}  // namespace

void read_dns(Section& s, DnsConfig& dns) {
  s.list("listen", dns.listen, endpoint_rule());
  s.map("tcp", [&](Section& tcp) {
    tcp.value("connections", dns.tcp.connections, integer_rule<uint32_t>(1, 100'000));
    tcp.value("per_client", dns.tcp.per_client, integer_rule<uint32_t>(1, 100'000));
    auto idle_s = std::chrono::duration_cast<std::chrono::seconds>(dns.tcp.idle).count();
    tcp.value("idle_s", idle_s, integer_rule<int64_t>(1, 600));
    dns.tcp.idle = std::chrono::seconds(idle_s);
    tcp.value("cache_mb", dns.tcp.cache_mb, integer_rule<uint32_t>(0, 4096));
  });
  s.value("udp_size", dns.udp_size, integer_rule<uint16_t>(kDnsPlainLimit, 4096));
  s.map("rate_limit", [&](Section& r) { read_rate_limit(r, dns.rate_limit); });
  s.value("max_amplification", dns.max_amplification, integer_rule<uint16_t>(0, 100));
  s.value("ttl_s", dns.ttl_s, integer_rule<uint32_t>(0, kMaxDnsSeconds));
  s.map("ttl", [&](Section& ttl) { read_ttls(ttl, dns.ttl); });
  s.maps("zones", dns.zones, ZoneConfig{}, [](Section& z, ZoneConfig& zone) {
    z.required("name", zone.name, dns_name_rule());
    z.value("services", zone.services, boolean_rule());
    z.list("aliases", zone.aliases, dns_name_rule());
    z.value("ttl_s", zone.ttl_s, auto_or_integer_rule<int32_t>(0, kMaxDnsSeconds, -1));
    z.map("ttl", [&](Section& ttl) { read_ttls(ttl, zone.ttl); });
    z.maps("records", zone.records, DnsRecordConfig{}, read_record);
  });
  s.maps("views", dns.views, DnsViewConfig{}, read_view);
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
  s.list("name_servers", dns.name_servers, absolute_dns_name_rule());
  s.value("nsid", dns.nsid, told_rule("a text, or octets as 0x and hex digits", nsid_fault));
  s.map("cookies", [&](Section& cookies) {
    cookies.value("enabled", dns.cookies.enabled, boolean_rule());
    cookies.value("secret_file", dns.cookies.secret_file, optional_text_rule("a path"));
  });
  s.map("chaos", [&](Section& chaos) {
    const auto text = told_rule("a text", chaos_fault);
    chaos.value("version", dns.chaos.version, text);
    chaos.value("hostname", dns.chaos.hostname, text);
  });
  s.map("forward", [&](Section& forward) { read_forward(forward, dns.forward); });
  s.value("local_zones", dns.local_zones, boolean_rule());
  s.maps("search", dns.search, DnsSearchConfig{}, read_search);
}

}  // namespace vipgate
