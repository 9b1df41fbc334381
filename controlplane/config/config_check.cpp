#include "controlplane/config/config_check.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "controlplane/config/config_check_dns.h"
#include "controlplane/config/config_check_services.h"
#include "controlplane/config/config_check_sources.h"
#include "controlplane/config/config_reader_rest.h"
#include "controlplane/config/config_reader_watch.h"
#include "controlplane/config/config_rules.h"
#include "controlplane/model/fallbacks.h"

namespace vipgate {
namespace {

// What an address has already been used for, so that each can have one meaning only.
class AddressUses {
 public:
  AddressUses(const Config& config, Diagnostics& diagnostics) : diagnostics_(diagnostics) {
    if (named_vips_used(config)) ranges_ = {config.named_vips.ipv4, config.named_vips.ipv6};
  }

  // An address of the gateway's own: it must not be given to a name later on.
  void claim_own(const IpAddress& address, const char* what, SourcePosition position) {
    claim(address, what, false, position);
    for (const IpRange& range : ranges_) {
      if (address < range.first || range.last < address) continue;
      diagnostics_.error(position, to_string(address) + " cannot be " + what +
                                       ": it lies in the range " + to_string(range.first) + "-" +
                                       to_string(range.last) +
                                       " of named_vips; write another, or change the range");
    }
  }

  // `what` is "an SNAT address"; `same_allowed`: several uses of this very kind are no conflict.
  void claim(const IpAddress& address, const char* what, bool same_allowed,
             SourcePosition position) {
    const auto [found, is_new] = uses_.try_emplace(address, Use{what, position.line});
    if (is_new || (same_allowed && found->second.what == what)) return;
    diagnostics_.error(position, to_string(address) + " cannot be " + what + ": it is already " +
                                     found->second.text() +
                                     "; each address has one use, write another");
  }

  // The addresses of a prefix that have a use already.
  void claim_prefix(const IpRange& range, SourcePosition position) {
    for (auto at = uses_.lower_bound(range.first); at != uses_.end(); ++at) {
      if (!range.contains(at->first)) return;
      if (at->second.what == "a VIP") continue;
      diagnostics_.error(position, "the prefix cannot be a VIP: it holds " + to_string(at->first) +
                                       ", which is already " + at->second.text() +
                                       "; each address has one use, write another");
      return;
    }
  }

  // Traffic for a real leaves for another machine; none of our own addresses is on one. Another
  // service's VIP may be: a second tier of gateways serves it, too.
  void refuse_real(const IpAddress& address, const ServiceConfig& service, const YamlNode& root,
                   std::initializer_list<YamlStep> path) {
    const IpAddress& vip = service.vip;
    if (service.extent.prefix_length != 0 && vip_prefix(service).contains(address)) {
      diagnostics_.error(position_at(root, path),
                         to_string(address) +
                             " cannot be a real's address: it lies in the VIP's "
                             "prefix; write the address of another machine");
      return;
    }
    const auto found = uses_.find(address);
    if (found == uses_.end() || (found->second.what == "a VIP" && address != vip)) return;
    diagnostics_.error(position_at(root, path),
                       to_string(address) + " cannot be a real's address: it is already " +
                           found->second.text() + "; write the address of another machine");
  }

 private:
  struct Use {
    std::string what;
    int line;  // 0: it does not stand in what is read

    std::string text() const {
      return line == 0 ? what : what + " (line " + std::to_string(line) + ")";
    }
  };
  Diagnostics& diagnostics_;
  std::vector<IpRange> ranges_;  // that named VIPs are given addresses from
  std::map<IpAddress, Use> uses_;
};

void check_addresses(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  AddressUses uses(config, diagnostics);
  for (size_t i = 0; i < config.ports.size(); ++i) {
    for (size_t k = 0; k < config.ports[i].addresses.size(); ++k) {
      uses.claim_own(config.ports[i].addresses[k].address, "a port's address",
                     position_at(root, {"ports", i, "addresses", k}));
    }
  }
  for (size_t i = 0; i < config.snat_pools.size(); ++i) {
    for (size_t k = 0; k < config.snat_pools[i].addresses.size(); ++k) {
      uses.claim_own(config.snat_pools[i].addresses[k], "an SNAT address",
                     position_at(root, {"snat_pools", i, "addresses", k}));
    }
  }
  for (size_t i = 0; i < config.dns.listen.size(); ++i) {
    uses.claim_own(config.dns.listen[i], "a DNS address", position_at(root, {"dns", "listen", i}));
  }
  for (size_t i = 0; i < config.services.size() && !diagnostics.full(); ++i) {
    const ServiceConfig& service = config.services[i];
    if (service.vip_auto || service.extent.prefix_length != 0) continue;
    uses.claim(config.services[i].vip, "a VIP", true, position_at(root, {"services", i, "vip"}));
  }
  for (size_t i = 0; i < config.services.size() && !diagnostics.full(); ++i) {
    const ServiceConfig& service = config.services[i];
    if (service.extent.prefix_length == 0) continue;
    uses.claim_prefix(vip_range(service.vip, service.extent),
                      position_at(root, {"services", i, "vip"}));
  }
  for (size_t i = 0; i < config.services.size(); ++i) {
    const std::vector<RealConfig>& reals = config.services[i].reals;
    for (size_t k = 0; k < reals.size() && !diagnostics.full(); ++k) {
      uses.refuse_real(reals[k].address, config.services[i], root,
                       {"services", i, "reals", k, "address"});
    }
  }
}

void check_cpu_lists(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  const auto check_unique = [&](const std::vector<uint16_t>& cpus, std::string_view section) {
    std::set<uint16_t> seen;
    for (size_t i = 0; i < cpus.size(); ++i) {
      if (!seen.insert(cpus[i]).second) {
        diagnostics.error(
            position_at(root, {section, "cpus", i}),
            "CPU " + std::to_string(cpus[i]) + " stands here again; name each CPU once");
      }
    }
  };
  check_unique(config.control.cpus, "control");
  check_unique(config.workers.cpus, "workers");
  constexpr size_t kMaxWorkers = 64;
  if (config.workers.cpus.size() > kMaxWorkers) {
    diagnostics.error(
        position_at(root, {"workers", "cpus"}),
        std::to_string(config.workers.cpus.size()) + " workers; name at most 64 CPUs");
  }
  // A worker that sleeps when idle can share its CPU on a small machine; one that polls starves
  // what it shares it with.
  if (config.workers.idle == IdleMode::kAdaptive) return;
  for (size_t i = 0; i < config.workers.cpus.size(); ++i) {
    const uint16_t cpu = config.workers.cpus[i];
    const auto& control = config.control.cpus;
    if (std::find(control.begin(), control.end(), cpu) != control.end()) {
      diagnostics.error(
          position_at(root, {"workers", "cpus", i}),
          "CPU " + std::to_string(cpu) +
              " is in control.cpus; a worker that polls needs a CPU of its own: choose "
              "another, or idle: adaptive");
    }
  }
}

// The part of a device that must be unique: "net_tap0" of "net_tap0,iface=vg0".
std::string device_id(const std::string& device) { return device.substr(0, device.find(',')); }

void check_gateways(const PortConfig& port, size_t index, const YamlNode& root,
                    Diagnostics& diagnostics) {
  std::set<int> families;
  for (size_t k = 0; k < port.gateways.size(); ++k) {
    const IpAddress& gateway = port.gateways[k];
    const SourcePosition position = position_at(root, {"ports", index, "gateway", k});
    const std::string family = "IPv" + std::to_string(gateway.family());
    if (!families.insert(gateway.family()).second) {
      diagnostics.error(position, "gateway: a second one for " + family + "; write one per family");
    }
    // An IPv6 link-local address is on every segment.
    bool on_link = unusable_because(gateway, AddressUse::kEndpoint) != nullptr;
    bool own = false;
    for (const IpPrefix& address : port.addresses) {
      on_link = on_link || address.contains(gateway);
      own = own || address.address == gateway;
    }
    if (own) {
      diagnostics.error(position, "gateway: " + to_string(gateway) +
                                      " is the port's own address; write the router's");
    } else if (!on_link) {
      diagnostics.error(position, "gateway: " + to_string(gateway) + " is on none of the port's " +
                                      family +
                                      " segments; write one that shares a prefix with `addresses`");
    }
  }
}

// What "vg-" leaves of the 15 characters of an interface's name.
constexpr size_t kMaxKernelPortName = 12;

void check_ports(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  std::set<std::string> names;
  std::set<std::string> devices;
  for (size_t i = 0; i < config.ports.size(); ++i) {
    const PortConfig& port = config.ports[i];
    if (!names.insert(port.name).second) {
      diagnostics.error(position_at(root, {"ports", i, "name"}),
                        "a second port is named '" + port.name + "'; give it another name");
    }
    if (port.kernel && port.name.size() > kMaxKernelPortName) {
      diagnostics.error(position_at(root, {"ports", i, "name"}),
                        "name: '" + port.name + "' has " + std::to_string(port.name.size()) +
                            " characters; a port with a kernel side, whose interface is "
                            "vg-<name>, has at most 12");
    }
    if (!devices.insert(device_id(port.device)).second) {
      diagnostics.error(position_at(root, {"ports", i, "device"}),
                        "another port already uses '" + device_id(port.device) +
                            "'; write the device of this port");
    }
    check_gateways(port, i, root, diagnostics);
    std::set<IpAddress> neighbors;
    for (size_t k = 0; k < port.neighbors.size(); ++k) {
      if (!neighbors.insert(port.neighbors[k].address).second) {
        diagnostics.error(position_at(root, {"ports", i, "neighbors", k, "address"}),
                          "a second neighbour has the address " +
                              to_string(port.neighbors[k].address) + "; keep one of them");
      }
    }
  }
}

void check_announce(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  std::set<std::string> seen;
  for (size_t i = 0; i < config.announce.ports.size(); ++i) {
    const std::string& name = config.announce.ports[i];
    const SourcePosition position = position_at(root, {"announce", "ports", i});
    if (std::none_of(config.ports.begin(), config.ports.end(),
                     [&](const PortConfig& port) { return port.name == name; })) {
      diagnostics.error(position,
                        "ports: no port is named '" + name + "'; write the name of one of `ports`");
    } else if (!seen.insert(name).second) {
      diagnostics.error(position, "ports: '" + name + "' is there twice; write it once");
    }
  }
}

void check_pools(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  std::set<std::string> names;
  for (size_t i = 0; i < config.snat_pools.size(); ++i) {
    const SnatPoolConfig& pool = config.snat_pools[i];
    if (!names.insert(pool.name).second) {
      diagnostics.error(position_at(root, {"snat_pools", i, "name"}),
                        "a second pool is named '" + pool.name + "'; give it another name");
    }
    const size_t ports = size_t{pool.ports.last} - pool.ports.first + 1;
    // FlowOwners shares 512 from a multiple of 512 on evenly: among 1023 there are some.
    constexpr size_t kLeastShared = 1023, kBlock = 512;
    const size_t first_block = (pool.ports.first + kBlock - 1) / kBlock * kBlock;
    const bool has_block = first_block + kBlock - 1 <= pool.ports.last;
    if (config.workers.cpus.size() > 1 && !has_block) {
      diagnostics.error(position_at(root, {"snat_pools", i, "ports"}),
                        "ports: " + std::to_string(ports) +
                            " are too few to be shared by several workers; write at least " +
                            std::to_string(kLeastShared));
    }
  }
  const YamlNode* defaults = find_key(root, "defaults");
  const bool named = defaults != nullptr && find_key(*defaults, "snat_pool") != nullptr;
  if (named && !names.contains(config.defaults.snat_pool)) {
    diagnostics.error(position_at(root, {"defaults", "snat_pool"}),
                      unknown_pool_message(config, config.defaults.snat_pool));
  }
}

}  // namespace

void check_config(const Config& config, const YamlNode& root, ConfigUse use,
                  Diagnostics& diagnostics) {
  check_cpu_lists(config, root, diagnostics);
  check_ports(config, root, diagnostics);
  check_announce(config, root, diagnostics);
  check_pools(config, root, diagnostics);
  check_zones(config, root, diagnostics);
  check_forward(config, root, diagnostics);
  check_search(config, root, diagnostics);
  check_services_alone(config, root, diagnostics);
  check_fallbacks(config, root, fallbacks_among(config.services), diagnostics);
  check_sources(config, root, use, diagnostics);
  check_rest(config, root, use, diagnostics);
  check_watch(config, root, diagnostics);
}

void check_services_alone(const Config& config, const YamlNode& root, Diagnostics& diagnostics,
                          const ServicesBeside& beside) {
  check_addresses(config, root, diagnostics);
  check_services(config, root, diagnostics, beside);
}

}  // namespace vipgate
