#include "controlplane/naming/mesos_dns_records.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "controlplane/naming/label_cleaning.h"

namespace vipgate {
namespace {

// Each is four SRV records or more.
constexpr uint32_t kMaxRecordPorts = 16'384;
constexpr std::string_view kProtocols[] = {"tcp", "udp"};

std::string join(std::string_view first, std::string_view rest) {
  std::string name;
  name.reserve(first.size() + rest.size() + 1);
  return name.append(first).append(1, '.').append(rest);
}

void add_once(std::vector<IpAddress>& addresses, const IpAddress& address) {
  if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
    addresses.push_back(address);
  }
}

void add_text(std::vector<IpAddress>& addresses, const std::string& text) {
  if (const auto address = parse_task_address(text)) add_once(addresses, *address);
}

std::vector<IpAddress> netinfo_addresses(const MesosTaskStatus& status) {
  std::vector<IpAddress> addresses;
  for (const MesosNetworkInfo& network : status.networks) {
    for (const std::string& text : network.ip_addresses) add_text(addresses, text);
    if (network.ip_addresses.empty()) add_text(addresses, network.ip_address);
  }
  return addresses;
}

std::vector<IpAddress> label_addresses(const MesosTaskStatus& status, std::string_view key) {
  std::vector<IpAddress> addresses;
  for (const MesosLabel& label : status.labels) {
    if (label.key == key) add_text(addresses, label.value);
  }
  return addresses;
}

std::vector<IpAddress> source_addresses(IpSource source, const MesosTaskStatus* status,
                                        const std::vector<IpAddress>& agent) {
  if (source == IpSource::kHost) return agent;
  if (status == nullptr) return {};
  switch (source) {
    case IpSource::kNetinfo:
      return netinfo_addresses(*status);
    case IpSource::kMesos:
      return label_addresses(*status, "MesosContainerizer.NetworkSettings.IPAddress");
    case IpSource::kDocker:
      return label_addresses(*status, "Docker.NetworkSettings.IPAddress");
    case IpSource::kHost:
      break;
  }
  return {};
}

void set_resource_ports(const MesosTask& task, TaskNames& names, std::vector<BadItem>& bad) {
  uint32_t left = kMaxRecordPorts;
  for (const auto& [first, last] : task.resource_ports) {
    if (last < first || last > kMaxPort) {
      bad.push_back({"ports " + std::to_string(first) + "-" + std::to_string(last),
                     "they are no range within 0-65535"});
      continue;
    }
    const uint32_t count = std::min(last - first + 1, left);
    if (count < last - first + 1) {
      bad.push_back({"ports " + std::to_string(first) + "-" + std::to_string(last),
                     "a task has SRV records for 16384 ports at the most"});
      if (count == 0) return;
    }
    names.ports.emplace_back(static_cast<uint16_t>(first),
                             static_cast<uint16_t>(first + count - 1));
    left -= count;
  }
}

void set_discovery_ports(const MesosDiscovery& discovery, const MesosDnsOptions& options,
                         TaskNames& names, std::vector<BadItem>& bad) {
  for (const MesosDiscoveryPort& port : discovery.ports) {
    const uint32_t number = port.number.value_or(0);
    if (number > kMaxPort || names.discovery_ports.size() == kMaxRecordPorts) {
      bad.push_back({"port '" + port.name + "' " + std::to_string(number),
                     number > kMaxPort ? "its number is above 65535"
                                       : "a task has SRV records for 16384 ports at the most"});
      continue;
    }
    names.discovery_ports.push_back(
        {clean_mesos_dns_label(port.name, options.enforce_rfc952),
         clean_mesos_dns_label(port.protocol.value_or(""), options.enforce_rfc952),
         static_cast<uint16_t>(number)});
  }
}

void set_dcos_names(const MesosTask& task, const MesosFramework& framework, TaskNames& names) {
  const std::string& name = names.has_discovery ? task.discovery->name : task.name;
  names.dcos_name = join(clean_vip_label(name), clean_vip_label(framework.name));
  if (const MesosTaskStatus* status = running_status(task); status != nullptr) {
    names.container_addresses = netinfo_addresses(*status);
  }
  std::vector<BadItem> said_with_the_vips;
  for (const TaskPort& port : task_ports(task, said_with_the_vips)) {
    names.auto_is_agent = names.auto_is_agent || port.host_port != 0;
  }
}

void add_port_records(const TaskNames& names, std::string_view owner_name, std::string_view base,
                      std::string_view target, RecordList& list) {
  for (const std::string_view protocol : kProtocols) {
    for (const auto& [first, last] : names.ports) {
      for (uint32_t port = first; port <= last; ++port) {
        list.add_srv({"_", owner_name, "._", protocol, ".", base}, target,
                     static_cast<uint16_t>(port));
      }
    }
  }
}

void add_discovery_records(const TaskNames& names, std::string_view name, std::string_view base,
                           std::string_view target, RecordList& list) {
  const auto add = [&](const TaskNames::Port& port, std::string_view protocol) {
    list.add_srv({"_", name, "._", protocol, ".", base}, target, port.number);
    if (port.name.empty()) return;
    list.add_srv({"_", port.name, "._", name, "._", protocol, ".", base}, target, port.number);
  };
  for (const TaskNames::Port& port : names.discovery_ports) {
    if (!port.protocol.empty()) {
      add(port, port.protocol);
      continue;
    }
    for (const std::string_view protocol : kProtocols) add(port, protocol);
  }
}

// Of a pid's or a bare host; a fault is listed.
std::vector<IpAddress> known_addresses(const std::string& host, const std::string& item,
                                       const HostLookup& lookup, RecordList& list) {
  auto addresses = host_addresses(host, lookup);
  if (addresses.empty()) list.add_fault(item, "its host '" + host + "' has no known address");
  return addresses;
}

uint32_t ttl_of(const Config& config, const MesosConfig& mesos, const ZoneConfig* zone,
                DnsType type) {
  return mesos.ttl_s >= 0 ? static_cast<uint32_t>(mesos.ttl_s) : dns_ttl_s(config.dns, zone, type);
}

MesosDnsTtls ttls_of(const Config& config, const MesosConfig& mesos, std::string_view name) {
  const auto known = std::find_if(config.dns.zones.begin(), config.dns.zones.end(),
                                  [&](const ZoneConfig& zone) { return zone.name == name; });
  const ZoneConfig* zone = known == config.dns.zones.end() ? nullptr : &*known;
  return {ttl_of(config, mesos, zone, DnsType::kA), ttl_of(config, mesos, zone, DnsType::kAaaa),
          ttl_of(config, mesos, zone, DnsType::kSrv)};
}

}  // namespace

MesosDnsOptions mesos_dns_options(const Config& config, const MesosConfig& mesos) {
  MesosDnsOptions options;
  options.domain = mesos.domain;
  options.ip_sources = mesos.ip_sources;
  options.enforce_rfc952 = mesos.enforce_rfc952;
  options.srv_weight = mesos.srv_weight;
  options.healthy_only = mesos.healthy_only;
  options.ttl = ttls_of(config, mesos, mesos.domain);
  options.dcos_ttl = ttls_of(config, mesos, kDcosZone);
  options.ptr_ttl_s = ttl_of(config, mesos, nullptr, DnsType::kPtr);
  options.dcos_names = std::any_of(config.dns.zones.begin(), config.dns.zones.end(),
                                   [](const ZoneConfig& zone) { return zone.name == kDcosZone; });
  return options;
}

std::optional<TaskNames> task_names(const MesosTask& task, const std::vector<IpAddress>& on_agent,
                                    const MesosFramework& framework, const MesosDnsOptions& options,
                                    std::vector<BadItem>& bad) {
  if (task.state != MesosTaskState::kRunning) return std::nullopt;
  if (options.healthy_only && task_weight(task) != 1) {
    bad.push_back({task.name, "it is not healthy, and healthy_only is set"});
    return std::nullopt;
  }
  TaskNames names;
  names.framework = clean_mesos_dns_domain(framework.name, options.enforce_rfc952);
  names.has_discovery = task.discovery && !task.discovery->name.empty();
  const std::string& name = names.has_discovery ? task.discovery->name : task.name;
  std::string cleaned = clean_mesos_dns_label(name, options.enforce_rfc952);
  if (names.has_discovery && name != cleaned) names.names.push_back(name);
  names.names.push_back(std::move(cleaned));
  names.tail = "-" + task_hash(task.id) + "-" + agent_tail(task.agent_id);
  names.agent_addresses = on_agent;
  const MesosTaskStatus* status = running_status(task);
  for (const IpSource source : options.ip_sources) {
    names.addresses = source_addresses(source, status, names.agent_addresses);
    if (!names.addresses.empty()) break;
  }
  set_resource_ports(task, names, bad);
  if (names.has_discovery) set_discovery_ports(*task.discovery, options, names, bad);
  if (options.dcos_names) set_dcos_names(task, framework, names);
  return names;
}

void add_task_records(const TaskNames& names, const MesosDnsOptions& options, RecordList& list) {
  const std::string base = join(names.framework, options.domain);
  const std::string slave_base = join(names.framework, "slave." + options.domain);
  for (const std::string& name : names.names) {
    const std::string canonical = name + names.tail;
    list.add_addresses({name, ".", base}, names.addresses);
    list.add_addresses({canonical, ".", base}, names.addresses);
    list.add_addresses({name, ".", slave_base}, names.agent_addresses);
    list.add_addresses({canonical, ".", slave_base}, names.agent_addresses);
    const std::string slave_target = list.target({canonical, ".", slave_base});
    add_port_records(names, name, slave_base, slave_target, list);
    if (names.has_discovery) {
      add_discovery_records(names, name, base, list.target({canonical, ".", base}), list);
    } else {
      add_port_records(names, name, base, slave_target, list);
    }
  }
  if (names.dcos_name.empty()) return;
  const auto add = [&](std::string_view kind, const std::vector<IpAddress>& addresses) {
    list.add_addresses({names.dcos_name, ".", kind, ".", kDcosZone}, addresses);
  };
  add("agentip", names.agent_addresses);
  add("containerip", names.container_addresses);
  add("autoip", names.auto_is_agent ? names.agent_addresses : names.container_addresses);
}

std::string task_name(const TaskNames& names, const MesosDnsOptions& options) {
  return join(join(names.names.back(), names.framework), options.domain);
}

void add_framework_records(const MesosFramework& framework, const MesosDnsOptions& options,
                           const HostLookup& lookup, RecordList& list) {
  const std::string domain = clean_mesos_dns_domain(framework.name, options.enforce_rfc952);
  const std::string name = join(domain, options.domain);
  if (framework.pid.empty() && framework.hostname.empty()) {
    list.add_fault(framework.name, "it tells neither a pid nor a host name");
    return;
  }
  if (framework.pid.empty()) {
    list.add_addresses({name}, known_addresses(framework.hostname, framework.name, lookup, list));
    return;
  }
  const auto pid = parse_pid(framework.pid);
  if (!pid) {
    list.add_fault(framework.name, "its pid '" + framework.pid + "' is not name@host:port");
    return;
  }
  list.add_addresses({name}, known_addresses(pid->host, framework.name, lookup, list));
  list.add_srv({"_framework._tcp.", name}, list.target({name}), pid->port);
}

void add_agent_records(const MesosAgent& agent, const std::vector<IpAddress>& addresses,
                       const MesosDnsOptions& options, RecordList& list) {
  const std::string name = "slave." + options.domain;
  if (addresses.empty()) {
    list.add_fault(agent.id.str(), "neither its pid '" + agent.pid + "' nor its host name '" +
                                       agent.hostname + "' has a known address");
  }
  list.add_addresses({name}, addresses);
  if (const auto pid = parse_pid(agent.pid)) {
    list.add_srv({"_slave._tcp.", options.domain}, list.target({name}), pid->port);
  } else {
    list.add_fault(agent.id.str(), "its pid '" + agent.pid + "' is not name@host:port");
  }
}

void add_master_records(const MesosMasters& masters, const MesosDnsOptions& options,
                        const HostLookup& lookup, RecordList& list) {
  std::vector<std::vector<IpAddress>> known;  // by number
  std::vector<std::string> zones = {options.domain};
  if (options.dcos_names) zones.emplace_back(kDcosZone);
  const auto add = [&](const MesosMaster& master) {
    auto addresses = known_addresses(master.ip, "master " + master.ip, lookup, list);
    for (const std::string& zone : zones) list.add_addresses({"master.", zone}, addresses);
    if (!addresses.empty() && std::find(known.begin(), known.end(), addresses) == known.end()) {
      known.push_back(addresses);
    }
    return addresses;
  };
  for (const MesosMaster& master : masters.masters) add(master);
  if (masters.leader) {
    const auto addresses = add(*masters.leader);
    for (const std::string& zone : zones) list.add_addresses({"leader.", zone}, addresses);
    const std::string target = list.target({"leader.", options.domain});
    for (const std::string_view protocol : kProtocols) {
      list.add_srv({"_leader._", protocol, ".", options.domain}, target, masters.leader->port);
    }
  }
  for (size_t i = 0; i < known.size(); ++i) {
    list.add_addresses({"master", std::to_string(i), ".", options.domain}, known[i]);
  }
}

}  // namespace vipgate
