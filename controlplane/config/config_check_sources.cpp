#include "controlplane/config/config_check_sources.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "controlplane/config/config_check_policy.h"
#include "controlplane/config/config_check_services.h"
#include "controlplane/mesos/auth.h"
#include "controlplane/mesos/http_client.h"

namespace vipgate {
namespace {

// The keys of `auth` and `tls`. `owner` is the element that they stand in.
void check_access_keys(const MesosAuthConfig& auth, const TlsConfig& tls, const YamlNode& owner,
                       Diagnostics& diagnostics) {
  const auto error = [&](std::string_view map, std::string_view key, const std::string& message) {
    diagnostics.error(position_at(owner, {map, key}), std::string(key) + ": " + message);
  };
  const auto needs = [&](std::string_view key, const std::string& value, const std::string& type) {
    if (value.empty()) error("auth", key, "auth of type " + type + " needs it; add it");
  };
  const auto refuses = [&](std::string_view key, const std::string& value, const std::string& type,
                           const std::string& wanted) {
    if (value.empty()) return;
    error("auth", key,
          "auth of type " + type + " does not use it; remove it, or write type: " + wanted);
  };
  switch (auth.type) {
    case MesosAuthType::kNone:
      refuses("principal", auth.principal, "none", "basic");
      refuses("secret_file", auth.secret_file, "none", "basic");
      refuses("config_file", auth.config_file, "none", "iam");
      break;
    case MesosAuthType::kBasic:
      needs("principal", auth.principal, "basic");
      needs("secret_file", auth.secret_file, "basic");
      refuses("config_file", auth.config_file, "basic", "iam");
      break;
    case MesosAuthType::kIam:
      needs("config_file", auth.config_file, "iam");
      refuses("principal", auth.principal, "iam", "basic");
      refuses("secret_file", auth.secret_file, "iam", "basic");
      break;
  }
  if (auth.principal.find(':') != std::string::npos) {  // RFC 7617 2
    error("auth", "principal", "a colon stands in it; write a name without");
  }
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    const bool no_key = tls.key_file.empty();
    error("tls", no_key ? "key_file" : "cert_file",
          std::string("a certificate and its key belong together; add ") +
              (no_key ? "key_file" : "cert_file") + ", or remove the other");
  }
}

// The files that `auth` and `tls` name, as the sources read them. What is not named is told of
// by check_access_keys().
void check_files(const MesosAuthConfig& auth, const TlsConfig& tls, const YamlNode& owner,
                 Diagnostics& diagnostics) {
  const bool is_pair = tls.cert_file.empty() == tls.key_file.empty();
  const TlsConfig whole = is_pair ? tls : TlsConfig{tls.ca_file, "", ""};
  if (const auto fault = find_tls_fault(whole)) {
    diagnostics.error(position_at(owner, {"tls", fault->key}), fault->message);
  }
  const bool is_iam = auth.type == MesosAuthType::kIam;
  if ((is_iam ? auth.config_file : auth.secret_file).empty()) return;
  if (auto authenticator = Authenticator::create(auth); !authenticator) {
    diagnostics.error(position_at(owner, {"auth", is_iam ? "config_file" : "secret_file"}),
                      authenticator.error());
  }
}

void check_access(const MesosAuthConfig& auth, const TlsConfig& tls, const YamlNode& owner,
                  ConfigUse use, Diagnostics& diagnostics) {
  check_access_keys(auth, tls, owner, diagnostics);
  if (use == ConfigUse::kStart) check_files(auth, tls, owner, diagnostics);
}

template <class T>
void check_once(const std::vector<T>& items, const YamlNode& owner, std::string_view key,
                const std::string& what, Diagnostics& diagnostics) {
  std::set<T> seen;
  for (size_t i = 0; i < items.size(); ++i) {
    if (seen.insert(items[i]).second) continue;
    diagnostics.error(position_at(owner, {key, i}),
                      std::string(key) + ": the same " + what + " stands here again; remove it");
  }
}

bool serves_dns(const Config& config) {
  return !config.dns.listen.empty() || !config.dns.zones.empty();
}

void check_domain(const Config& config, size_t index, const YamlNode& owner,
                  Diagnostics& diagnostics) {
  const std::string& domain = config.mesos[index].domain;
  for (size_t i = 0; i < index; ++i) {
    if (config.mesos[i].domain != domain) continue;
    diagnostics.error(position_at(owner, {"domain"}),
                      "domain: another cluster already has '" + domain +
                          "'; write one per cluster, and a zone in dns.zones for each");
    return;
  }
  const auto& zones = config.dns.zones;
  const bool found = std::any_of(zones.begin(), zones.end(),
                                 [&](const ZoneConfig& zone) { return zone.name == domain; });
  if (found || !serves_dns(config)) return;
  diagnostics.error(position_at(owner, {"domain"}),
                    "domain: '" + domain + "' is none of dns.zones, so its names would not be " +
                        "answered; add {name: " + domain + "} to dns.zones");
}

bool has_reverse_zone(const Config& config) {
  return std::any_of(config.dns.zones.begin(), config.dns.zones.end(), [](const ZoneConfig& zone) {
    return zone.name.ends_with("in-addr.arpa") || zone.name.ends_with("ip6.arpa");
  });
}

void check_clusters(const Config& config, const YamlNode& root, ConfigUse use,
                    Diagnostics& diagnostics) {
  for (size_t i = 0; i < config.mesos.size(); ++i) {
    const MesosConfig& mesos = config.mesos[i];
    const YamlNode& owner = *find_key(root, "mesos")->children[i];
    const auto is_zk = [](const std::string& master) { return master.starts_with("zk://"); };
    const auto zk = std::find_if(mesos.masters.begin(), mesos.masters.end(), is_zk);
    if (zk != mesos.masters.end() && mesos.masters.size() > 1) {
      const auto at = static_cast<size_t>(zk - mesos.masters.begin());
      diagnostics.error(position_at(owner, {"masters", at}),
                        "masters: a zk:// URL names all masters; write it alone");
    }
    check_once(mesos.masters, owner, "masters", "master", diagnostics);
    check_once(mesos.ip_sources, owner, "ip_sources", "source", diagnostics);
    check_access(mesos.auth, mesos.tls, owner, use, diagnostics);
    if (use != ConfigUse::kCompile) check_domain(config, i, owner, diagnostics);
    if (use != ConfigUse::kCompile && mesos.ptr && serves_dns(config) &&
        !has_reverse_zone(config)) {
      diagnostics.error(
          position_at(owner, {"ptr"}),
          "ptr: the records of task addresses need a zone; add {name: in-addr.arpa} "
          "(for IPv6 {name: ip6.arpa}), or the part of it that is yours, to dns.zones");
    }
  }
}

void check_marathons(const Config& config, const YamlNode& root, ConfigUse use,
                     Diagnostics& diagnostics) {
  std::set<std::string> frameworks;
  for (size_t i = 0; i < config.marathon.size(); ++i) {
    const MarathonConfig& marathon = config.marathon[i];
    const YamlNode& owner = *find_key(root, "marathon")->children[i];
    check_once(marathon.urls, owner, "urls", "URL", diagnostics);
    check_access(marathon.auth, marathon.tls, owner, use, diagnostics);
    if (!frameworks.insert(marathon.framework).second) {
      diagnostics.error(position_at(owner, {"framework"}),
                        "framework: another Marathon already has the name '" + marathon.framework +
                            "'; write one per name");
    }
    if (config.mesos.empty()) {
      diagnostics.error(position_at(owner, {"urls"}),
                        "marathon: it tells of the health of tasks that Mesos tells of, and there "
                        "is no Mesos; add the section mesos");
    }
  }
}

void check_named_vips(const Config& config, const YamlNode& root, ConfigUse use,
                      Diagnostics& diagnostics) {
  const NamedVipsConfig& vips = config.named_vips;
  std::set<std::string> frameworks;
  for (size_t i = 0; i < vips.claims.size(); ++i) {
    if (frameworks.insert(vips.claims[i].framework).second) continue;
    diagnostics.error(
        position_at(root, {"named_vips", "claims", i, "framework"}),
        "framework: '" + vips.claims[i].framework + "' already has an entry; join the two");
  }
  const YamlNode* owner = find_key(root, "named_vips");
  if (owner != nullptr && vips.health != config.defaults.health) {
    check_health(vips.health, *owner, diagnostics);
  }
  if (owner != nullptr) check_tunnel(vips.mode, vips.tunnel, *owner, diagnostics);
  const auto& pools = config.snat_pools;
  const bool has_pool = std::any_of(pools.begin(), pools.end(), [&](const SnatPoolConfig& pool) {
    return pool.name == vips.snat_pool;
  });
  const bool named = vips.snat_pool != config.defaults.snat_pool;
  if (named && !has_pool) {
    diagnostics.error(position_at(root, {"named_vips", "snat_pool"}),
                      unknown_pool_message(config, vips.snat_pool));
  }
  if (use == ConfigUse::kCompile || config.mesos.empty() || !vips.enabled) return;
  check_track(vips.track, vips.mode, config.defaults.affinity, config.defaults.admission,
              owner == nullptr ? root : *owner, diagnostics);
  if (!named && !has_pool && vips.mode == Mode::kFullnat) {
    diagnostics.error(position_at(root, {"named_vips", "mode"}),
                      "named_vips: the mode fullnat needs a pool: " +
                          unknown_pool_message(config, vips.snat_pool));
  }
  const ZoneConfig* zone = services_zone(config);
  if (serves_dns(config) && (zone == nullptr || zone->name != vips.zone)) {
    diagnostics.error(
        position_at(root, {"named_vips", "zone"}),
        "named_vips: zone: '" + vips.zone + "' is not the zone of the services; " +
            (zone == nullptr
                 ? "add {name: " + vips.zone + ", services: true} to dns.zones"
                 : "write " + zone->name + ", or give `services: true` to that zone instead"));
  }
}

}  // namespace

void check_sources(const Config& config, const YamlNode& root, ConfigUse use,
                   Diagnostics& diagnostics) {
  check_clusters(config, root, use, diagnostics);
  check_marathons(config, root, use, diagnostics);
  check_named_vips(config, root, use, diagnostics);
}

}  // namespace vipgate
