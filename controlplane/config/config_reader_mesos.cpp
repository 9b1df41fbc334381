#include "controlplane/config/config_reader_mesos.h"

#include <charconv>

#include "controlplane/config/config_reader_services.h"

namespace vipgate {
namespace {

constexpr int64_t kDay = 86400;

struct StatusRange {
  uint16_t min = 0;
  uint16_t max = 0;
};

// "200-399" or one number.
Rule<StatusRange> status_rule() {
  return {{KeyType::kTextOrInteger, {}, {}, {}},
          [](const YamlNode& node) -> Result<StatusRange> {
            constexpr const char* kWanted = "first-last from 100 to 599, as 200-399, or one number";
            auto text = parse_text(node, kWanted);
            if (!text) return Error{text.error()};
            const auto number = [](std::string_view part) -> uint16_t {
              uint16_t value = 0;
              const auto [end, error] =
                  std::from_chars(part.data(), part.data() + part.size(), value);
              const bool good = error == std::errc() && end == part.data() + part.size() &&
                                part.size() == 3 && value >= 100 && value <= 599;
              return good ? value : uint16_t{0};
            };
            const std::string_view view = *text;
            const size_t dash = view.find('-');
            StatusRange range;
            range.min = number(view.substr(0, std::min(dash, view.size())));
            range.max = dash == std::string_view::npos ? range.min : number(view.substr(dash + 1));
            if (range.min == 0 || range.max == 0) {
              return Error{quote_value(*text) + " is no range of HTTP statuses; write " + kWanted};
            }
            if (range.min > range.max) {
              return Error{quote_value(*text) + " is backwards; write " +
                           std::to_string(range.max) + "-" + std::to_string(range.min)};
            }
            return range;
          },
          [](const StatusRange& value) {
            const std::string min = std::to_string(value.min);
            return value.min == value.max ? min : min + "-" + std::to_string(value.max);
          }};
}

void read_auth(Section& s, MesosAuthConfig& auth) {
  s.map("auth", [&](Section& a) {
    static const auto kFile = optional_text_rule("the path of a file");
    a.value("type", auth.type,
            choice_rule<MesosAuthType>({{"none", MesosAuthType::kNone},
                                        {"basic", MesosAuthType::kBasic},
                                        {"iam", MesosAuthType::kIam}}));
    a.value("principal", auth.principal, optional_text_rule("the principal's name"));
    a.value("secret_file", auth.secret_file, kFile);
    a.value("config_file", auth.config_file, kFile);
  });
}

void read_tls(Section& s, TlsConfig& tls) {
  s.map("tls", [&](Section& t) {
    static const auto kFile = optional_text_rule("the path of a PEM file");
    t.value("ca_file", tls.ca_file, kFile);
    t.value("cert_file", tls.cert_file, kFile);
    t.value("key_file", tls.key_file, kFile);
  });
}

void read_cluster(Section& s, MesosConfig& mesos) {
  s.list("masters", mesos.masters, mesos_master_rule(), 1);
  s.value("domain", mesos.domain, dns_name_rule());
  s.list("ip_sources", mesos.ip_sources,
         choice_rule<IpSource>({{"netinfo", IpSource::kNetinfo},
                                {"mesos", IpSource::kMesos},
                                {"docker", IpSource::kDocker},
                                {"host", IpSource::kHost}}),
         1);
  s.value("enforce_rfc952", mesos.enforce_rfc952, boolean_rule());
  s.value("srv_weight", mesos.srv_weight, integer_rule<uint16_t>(0, 65535));
  s.value("healthy_only", mesos.healthy_only, boolean_rule());
  s.value("ptr", mesos.ptr, boolean_rule());
  s.value("ttl_s", mesos.ttl_s, auto_or_integer_rule<int32_t>(0, 604800, -1));
  read_auth(s, mesos.auth);
  read_tls(s, mesos.tls);
  s.value("sweep_s", mesos.sweep_s, integer_rule<uint32_t>(10, kDay));
  s.value("poll_s", mesos.poll_s, integer_rule<uint32_t>(1, 3600));
  s.value("recovery_s", mesos.recovery_s, integer_rule<uint32_t>(1, kDay));
  s.value("max_record_mb", mesos.max_record_mb, integer_rule<uint32_t>(1, 4095));
  s.value("stale_limit_s", mesos.stale_limit_s, integer_rule<uint32_t>(0, 365 * kDay));
}

void read_marathon(Section& s, MarathonConfig& marathon) {
  s.list("urls", marathon.urls, http_url_rule(), 1);
  s.value("framework", marathon.framework, text_rule("the name that Marathon has in Mesos"));
  read_auth(s, marathon.auth);
  read_tls(s, marathon.tls);
}

// "redis", "team-*": labels of a DNS name, and a star that may end them.
Rule<std::string> name_pattern_rule() {
  return checked_text_rule("a name as redis or team-*", [](const std::string& text) {
    std::string name = text;
    if (name.back() == '*') name.back() = 'x';
    const std::string fault = dns_name_fault(name, false);
    return fault.empty() ? "" : quote_value(text) + ": " + fault + "; a '*' may stand at the end";
  });
}

std::string health_path_fault(const std::string& text) {
  if (text[0] == '/' && text.find(' ') == std::string::npos) return "";
  return quote_value(text) + " is no path; begin with / and use no spaces";
}

void read_named_vips(Section& s, NamedVipsConfig& vips) {
  s.value("enabled", vips.enabled, boolean_rule());
  s.value("ipv4", vips.ipv4, ip_range_rule(4));
  s.value("ipv6", vips.ipv6, ip_range_rule(6));
  s.list("ip_vips", vips.ip_vips, prefix_rule());
  s.value("zone", vips.zone, dns_name_rule());
  s.maps("claims", vips.claims, VipClaimRule{}, [](Section& c, VipClaimRule& claim) {
    c.required("framework", claim.framework, text_rule("a framework's name, or * for any other"));
    c.list("names", claim.names, name_pattern_rule());
    c.list("addresses", claim.addresses, prefix_rule());
  });
  s.inherit_defaults();
  s.value("mode", vips.mode, mode_rule());
  s.value("snat_pool", vips.snat_pool, pool_name_rule());
  s.value("track", vips.track, track_rule());
  read_preference(s, vips.locality);
  read_tunnel(s, vips.tunnel);
  read_health(s, vips.health);
}

}  // namespace

// Used once per service: the rules are made once.
void read_health(Section& s, HealthConfig& health) {
  static const auto kType = choice_rule<HealthType>({{"none", HealthType::kNone},
                                                     {"tcp", HealthType::kTcp},
                                                     {"http", HealthType::kHttp},
                                                     {"https", HealthType::kHttps},
                                                     {"dns", HealthType::kDns},
                                                     {"grpc", HealthType::kGrpc}});
  static const auto kInterval = integer_rule<uint16_t>(1, 3600);
  static const auto kTimeout = integer_rule<uint16_t>(10, 60000);
  static const auto kTimes = integer_rule<uint8_t>(1, 100);
  static const auto kPort = auto_or_integer_rule(1, 65535);
  static const auto kPath = checked_text_rule("a path, as /health", health_path_fault);
  static const auto kHost = optional_text_rule("a host's name");
  static const auto kStatus = status_rule();
  static const auto kVerify = boolean_rule();
  static const auto kPercent = integer_rule<uint8_t>(0, 100);
  s.map("health", [&](Section& h) {
    h.value("type", health.type, kType);
    h.value("interval_s", health.interval_s, kInterval);
    h.value("timeout_ms", health.timeout_ms, kTimeout);
    h.value("rise", health.rise, kTimes);
    h.value("fall", health.fall, kTimes);
    h.value("port", health.port, kPort);
    h.value("path", health.path, kPath);
    h.value("host", health.host, kHost);
    StatusRange status{health.status_min, health.status_max};
    h.value("status", status, kStatus);
    health.status_min = status.min;
    health.status_max = status.max;
    h.value("verify", health.verify, kVerify);
    h.value("panic_percent", health.panic_percent, kPercent);
  });
}

void read_preference(Section& s, LocalityPreference& preference) {
  static const auto kPrefer =
      choice_rule<Prefer>({{"none", Prefer::kNone}, {"zone", Prefer::kZone}});
  static const auto kPercent = integer_rule<uint8_t>(0, 100);
  s.value("prefer", preference.prefer, kPrefer);
  s.value("spill_below_percent", preference.spill_below_percent, kPercent);
}

void read_sources(Section& s, Config& config) {
  s.maps("mesos", config.mesos, MesosConfig{}, read_cluster);
  s.maps("marathon", config.marathon, MarathonConfig{}, read_marathon);
  if (s.reading()) {
    config.named_vips.mode = config.defaults.mode;
    config.named_vips.snat_pool = config.defaults.snat_pool;
    config.named_vips.track = config.defaults.track;
    config.named_vips.locality = config.defaults.locality;
    config.named_vips.tunnel = config.defaults.tunnel;
    config.named_vips.health = config.defaults.health;
  }
  s.map("named_vips", [&](Section& v) { read_named_vips(v, config.named_vips); });
  s.value("store", config.store, store_rule());
}

}  // namespace vipgate
