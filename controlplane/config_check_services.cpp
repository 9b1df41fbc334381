#include "controlplane/config_check_services.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <vector>

namespace vipgate {
namespace {

constexpr size_t kMaxNameLength = 253;
constexpr size_t kMaxRealsPerService = 65535;  // a Maglev row holds a 16-bit index

const SnatPoolConfig* find_pool(const Config& config, const std::string& name) {
  for (const SnatPoolConfig& pool : config.snat_pools) {
    if (pool.name == name) return &pool;
  }
  return nullptr;
}

std::string family_name(int family) { return family == 4 ? "IPv4" : "IPv6"; }

void check_pool_of(const Config& config, size_t index, const YamlNode& root,
                   Diagnostics& diagnostics) {
  const ServiceConfig& service = config.services[index];
  const auto position = [&] { return position_at(root, {"services", index, "snat_pool"}); };
  const SnatPoolConfig* pool = find_pool(config, service.snat_pool);
  const bool named = service.snat_pool != config.defaults.snat_pool;
  if (pool == nullptr) {
    if (named || service.mode == Mode::kFullnat) {
      diagnostics.error(position(), unknown_pool_message(config, service.snat_pool));
    }
    return;
  }
  const bool has_family = std::any_of(
      pool->addresses.begin(), pool->addresses.end(),
      [&](const IpAddress& address) { return address.family() == service.vip.family(); });
  if (service.mode == Mode::kFullnat && !has_family) {
    const std::string family = family_name(service.vip.family());
    diagnostics.error(position(), "the SNAT pool '" + pool->name + "' has no " + family +
                                      " address for the fullnat of " + to_string(service.vip) +
                                      "; add one, or write a pool that has");
  }
}

void check_reals(const ServiceConfig& service, size_t index, const YamlNode& root,
                 Diagnostics& diagnostics) {
  std::map<std::tuple<IpAddress, uint16_t>, int> seen;
  for (size_t k = 0; k < service.reals.size() && !diagnostics.full(); ++k) {
    const RealConfig& real = service.reals[k];
    if (real.address.family() != service.vip.family()) {
      diagnostics.error(position_at(root, {"services", index, "reals", k, "address"}),
                        "the real " + to_string(real.address) +
                            " is not of the VIP's family; write an " +
                            family_name(service.vip.family()) + " address");
    }
    const auto [first, is_new] = seen.try_emplace({real.address, real.port}, real.position.line);
    if (!is_new) {
      diagnostics.error(real.position, "the real " + endpoint_to_string(real.address, real.port) +
                                           " is already in line " + std::to_string(first->second) +
                                           "; keep one of them (a weight says how much it gets)");
    }
  }
  const size_t rows = service.maglev_rows == 0 ? kMaxRealsPerService : service.maglev_rows;
  const size_t most = std::min(rows, kMaxRealsPerService);
  if (service.reals.size() > most) {
    diagnostics.error(position_at(root, {"services", index, "reals"}),
                      std::to_string(service.reals.size()) +
                          " reals; with these maglev_rows a "
                          "service has at most " +
                          std::to_string(most));
  }
}

void check_unique(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  std::map<std::tuple<IpAddress, uint16_t, Protocol>, int> by_vip;
  std::map<std::tuple<std::string_view, int, uint16_t, Protocol>, int> by_name;
  for (size_t i = 0; i < config.services.size() && !diagnostics.full(); ++i) {
    const ServiceConfig& service = config.services[i];
    const std::string protocol(to_string(service.protocol));
    const auto [vip, new_vip] =
        by_vip.try_emplace({service.vip, service.port, service.protocol}, service.position.line);
    if (!new_vip) {
      diagnostics.error(position_at(root, {"services", i, "vip"}),
                        endpoint_to_string(service.vip, service.port) + "/" + protocol +
                            " is already served by the service in line " +
                            std::to_string(vip->second) + "; write another VIP, port or protocol");
    }
    const auto [name, new_name] =
        by_name.try_emplace({service.name, service.vip.family(), service.port, service.protocol},
                            service.position.line);
    if (!new_name) {
      diagnostics.error(position_at(root, {"services", i, "name"}),
                        "'" + service.name + "' already has an " +
                            family_name(service.vip.family()) + " service with port " +
                            std::to_string(service.port) + "/" + protocol + " in line " +
                            std::to_string(name->second) + "; write another name or port");
    }
  }
}

void check_limits(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  size_t reals = 0;
  std::set<std::string_view> names;
  for (const ServiceConfig& service : config.services) {
    reals += service.reals.size();
    names.insert(service.name);
  }
  const auto check = [&](size_t count, size_t limit, const std::string& what) {
    if (count <= limit) return;
    diagnostics.error(position_at(root, {"services"}),
                      "there are " + std::to_string(count) + " " + what + ", and limits." + what +
                          " is " + std::to_string(limit) + "; raise the limit or remove some");
  };
  check(config.services.size(), config.limits.services, "services");
  check(reals, config.limits.reals, "reals");
  check(names.size(), config.limits.dns_names, "dns_names");
}

}  // namespace

std::string unknown_pool_message(const Config& config, const std::string& name) {
  std::string message = "there is no SNAT pool '" + name + "'; ";
  if (config.snat_pools.empty()) return message + "add it to snat_pools";
  message += "write one of ";
  for (size_t i = 0; i < config.snat_pools.size(); ++i) {
    message += (i > 0 ? ", " : "") + config.snat_pools[i].name;
  }
  return message;
}

void check_services(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  check_limits(config, root, diagnostics);
  check_unique(config, root, diagnostics);
  const ZoneConfig* zone = services_zone(config);
  for (size_t i = 0; i < config.services.size() && !diagnostics.full(); ++i) {
    const ServiceConfig& service = config.services[i];
    check_pool_of(config, i, root, diagnostics);
    check_reals(service, i, root, diagnostics);
    const size_t length = service.name.size() + (zone ? 1 + zone->name.size() : 0);
    if (length > kMaxNameLength) {
      diagnostics.error(position_at(root, {"services", i, "name"}),
                        "with its zone '" + zone->name + "' the name has " +
                            std::to_string(length) + " characters; a DNS name has at most 253");
    }
  }
}

}  // namespace vipgate
