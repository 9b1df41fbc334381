#include "controlplane/rest/mesos_dns_config.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "common/addresses.h"
#include "common/dns_wire.h"
#include "controlplane/config/zookeeper_url.h"
#include "controlplane/naming/mesos_dns_records.h"
#include "controlplane/rest/pretty_json.h"

namespace vipgate {
namespace {

constexpr std::string_view kHiddenSecret = "******";

std::string_view source_name(IpSource source) {
  switch (source) {
    case IpSource::kNetinfo:
      return "netinfo";
    case IpSource::kMesos:
      return "mesos";
    case IpSource::kDocker:
      return "docker";
    case IpSource::kHost:
      return "host";
  }
  return "";
}

std::string_view auth_name(MesosAuthType type) {
  return type == MesosAuthType::kNone ? "" : type == MesosAuthType::kBasic ? "basic" : "iam";
}

void put_list(PrettyJson& json, std::string_view name, const std::vector<std::string>& items) {
  json.key(name);
  json.open('[');
  for (const std::string& item : items) json.text(item);
  json.close();
}

void put_number(PrettyJson& json, std::string_view name, uint64_t value) {
  json.key(name);
  json.number(value);
}

void put_flag(PrettyJson& json, std::string_view name, bool value) {
  json.key(name);
  json.flag(value);
}

std::vector<std::string> resolvers_text(const std::vector<DnsResolverConfig>& resolvers) {
  std::vector<std::string> texts;
  texts.reserve(resolvers.size());
  for (const DnsResolverConfig& resolver : resolvers) {
    texts.push_back(resolver.port == kDnsPort.host()
                        ? to_string(resolver.address)
                        : endpoint_to_string(resolver.address, resolver.port));
  }
  return texts;
}

void put_masters(PrettyJson& json, const MesosConfig& mesos) {
  std::string zookeeper;
  std::vector<std::string> masters;
  for (const std::string& master : mesos.masters) {
    if (master.starts_with("zk://")) {
      zookeeper = without_password(master);
    } else {
      masters.push_back(without_password(master));
    }
  }
  put_list(json, "Masters", masters);
  json.member("Zk", zookeeper);
  put_number(json, "ZkDetectionTimeout", 0);  // a leader is waited for as long as it takes
  put_flag(json, "MesosHTTPSOn",
           std::any_of(masters.begin(), masters.end(),
                       [](const std::string& master) { return master.starts_with("https://"); }));
  json.member("CACertFile", mesos.tls.ca_file);
  json.member("CertFile", mesos.tls.cert_file);
  json.member("KeyFile", mesos.tls.key_file);
  json.member("MesosAuthentication", auth_name(mesos.auth.type));
  json.key("MesosCredentials");
  json.open('{');
  json.member("Principal", mesos.auth.principal);
  json.member("Secret", mesos.auth.secret_file.empty() ? "" : kHiddenSecret);
  json.close();
  json.member("IAMConfigFile", mesos.auth.config_file);
}

void put_soa(PrettyJson& json, const SoaConfig& soa, uint32_t serial) {
  put_number(json, "SOASerial", serial);
  put_number(json, "SOARefresh", soa.refresh_s);
  put_number(json, "SOARetry", soa.retry_s);
  put_number(json, "SOAExpire", soa.expire_s);
  put_number(json, "SOAMinttl", soa.minimum_s);
  json.member("SOAMname", soa.mname);
  json.member("SOARname", soa.rname);
}

void put_forwarding(PrettyJson& json, const DnsForwardConfig& forward) {
  const bool forwards = forward.is_on;
  put_list(json, "Resolvers", resolvers_text(forward.resolvers));
  json.key("ZoneResolvers");
  json.open('{');
  for (const DnsForwardZoneConfig& zone : forward.zones) {
    put_list(json, zone.name, resolvers_text(zone.resolvers));
  }
  json.close();
  put_number(json, "Timeout", (forward.timeout_ms + 999) / 1000);
  put_flag(json, "ExternalOn", forwards);
  put_flag(json, "RecurseOn", forwards);
}

}  // namespace

const MesosConfig& mesos_dns_cluster(const Config& config, size_t cluster) {
  static const MesosConfig kDefaults;
  return cluster < config.mesos.size() ? config.mesos[cluster] : kDefaults;
}

std::string mesos_dns_config_text(const Config& config, const RestEndpoint& at, uint32_t serial) {
  const MesosConfig& mesos = mesos_dns_cluster(config, 0);
  const DnsConfig& dns = config.dns;
  PrettyJson json;
  json.open('{');
  put_masters(json, mesos);
  put_number(json, "RefreshSeconds", mesos.poll_s);
  put_number(json, "StateTimeoutSeconds", 0);  // a state that goes on arriving is waited for
  put_number(json, "TTL", mesos_dns_options(config, mesos).ttl.a);
  json.member("Domain", mesos.domain);
  put_number(json, "Port", kDnsPort.host());
  json.member("Listener", dns.listen.empty() ? "" : to_string(dns.listen.front()));
  put_number(json, "HttpPort", at.port);
  json.member("HTTPListener", to_string(at.address));
  put_flag(json, "DnsOn", !dns.listen.empty());
  put_flag(json, "HttpOn", true);
  put_forwarding(json, dns.forward);
  put_soa(json, dns.soa, serial);
  put_number(json, "SRVRecordDefaultWeight", mesos.srv_weight);
  std::vector<std::string> sources;
  for (const IpSource source : mesos.ip_sources) sources.emplace_back(source_name(source));
  put_list(json, "IPSources", sources);
  put_flag(json, "EnforceRFC952", mesos.enforce_rfc952);
  put_flag(json, "SetTruncateBit", true);
  put_flag(json, "EnumerationOn", config.rest.enumeration);
  json.member("File", config.file);
  json.close();
  return json.take();
}

}  // namespace vipgate
