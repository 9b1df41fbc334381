#include "controlplane/naming/vip_backends.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>

namespace vipgate {
namespace {

// Of one task: whoever deploys it decides on these numbers, and they multiply.
constexpr size_t kMaxTaskPorts = 4096;
constexpr size_t kMaxPortVips = 256;
constexpr size_t kMaxBackends = 4096;

std::string label_text(const MesosLabel& label) { return label.key + "=" + label.value; }

bool has_vip_label(const MesosDiscoveryPort& port) {
  return std::any_of(port.labels.begin(), port.labels.end(),
                     [](const MesosLabel& label) { return is_vip_key(label.key); });
}

std::string port_text(const MesosDiscoveryPort& port) {
  return "port '" + port.name + "'" + (port.number ? " " + std::to_string(*port.number) : "");
}

class PortList {
 public:
  explicit PortList(std::vector<BadItem>& bad) : bad_(bad) {}

  // One and the same port may be told of by several sources.
  void join(TaskPort added) {
    const auto same = std::find_if(ports_.begin(), ports_.end(), [&](const TaskPort& port) {
      return port.protocol == added.protocol &&
             ((added.port != 0 && port.port == added.port) ||
              (added.host_port != 0 && port.host_port == added.host_port));
    });
    if (same == ports_.end() && ports_.size() == kMaxTaskPorts) {
      if (!added.vips.empty()) {
        bad_.push_back({added.vips[0].name, "the task has more than 4096 ports"});
      }
      return;
    }
    if (same == ports_.end()) {
      ports_.push_back({added.protocol, added.port, added.host_port, {}});
      add_vips(ports_.back(), std::move(added.vips));
      return;
    }
    if (same->port == 0) same->port = added.port;
    if (same->host_port == 0) same->host_port = added.host_port;
    add_vips(*same, std::move(added.vips));
  }

  std::vector<TaskPort> take() { return std::move(ports_); }
  std::vector<BadItem>& bad() { return bad_; }

 private:
  void add_vips(TaskPort& port, std::vector<VipTarget> vips) {
    for (VipTarget& vip : vips) {
      if (std::find(port.vips.begin(), port.vips.end(), vip) != port.vips.end()) continue;
      if (port.vips.size() == kMaxPortVips) {
        bad_.push_back({vip.name, "its port has more than 256 VIPs"});
        return;
      }
      port.vips.push_back(std::move(vip));
    }
  }

  std::vector<TaskPort> ports_;
  std::vector<BadItem>& bad_;
};

void add_mappings(const std::vector<MesosPortMapping>& mappings, PortList& ports) {
  for (const MesosPortMapping& mapping : mappings) {
    const auto protocol = parse_vip_protocol(mapping.protocol.empty() ? "tcp" : mapping.protocol);
    if (!protocol || mapping.host_port > kMaxPort || mapping.container_port > kMaxPort) continue;
    ports.join({*protocol,
                static_cast<uint16_t>(mapping.container_port),
                static_cast<uint16_t>(mapping.host_port),
                {}});
  }
}

std::optional<uint16_t> resource_port(const MesosTask& task, size_t index) {
  for (const auto& [first, last] : task.resource_ports) {
    if (last < first) continue;
    const size_t count = static_cast<size_t>(last) - first + 1;
    if (index < count) {
      const size_t port = first + index;
      if (port == 0 || port > kMaxPort) return std::nullopt;
      return static_cast<uint16_t>(port);
    }
    index -= count;
  }
  return std::nullopt;
}

void add_task_labels(const MesosTask& task, PortList& ports) {
  for (const MesosLabel& label : task.labels) {
    auto parsed = parse_task_vip_label(label);
    if (!parsed) continue;
    if (!parsed->ok()) {
      ports.bad().push_back({label_text(label), parsed->error()});
      continue;
    }
    TaskVipLabel& vip = parsed->value();
    const auto port = resource_port(task, vip.port_index);
    if (!port) {
      ports.bad().push_back(
          {label_text(label), "the task's resources have no port of that number"});
      continue;
    }
    ports.join({vip.protocol, 0, *port, {std::move(vip.target)}});
  }
}

// What is wrong with the port itself, or nothing and `result`.
std::optional<std::string> read_discovery_port(const MesosDiscoveryPort& port, TaskPort& result) {
  if (!port.protocol) return "it has no protocol";
  const auto protocol = parse_vip_protocol(*port.protocol);
  if (!protocol) return "its protocol '" + *port.protocol + "' is neither tcp nor udp";
  const std::string* scope = nullptr;
  for (const MesosLabel& label : port.labels) {
    if (label.key != "network-scope") continue;
    if (scope != nullptr) return "it has several labels network-scope";
    scope = &label.value;
  }
  if (scope != nullptr && *scope != "host" && *scope != "container") {
    return "its network-scope '" + *scope + "' is neither host nor container";
  }
  if (!port.number || *port.number == 0) return "it has no number";
  if (*port.number > kMaxPort) return "its number is above 65535";
  result.protocol = *protocol;
  const bool on_host = scope != nullptr && *scope == "host";
  (on_host ? result.host_port : result.port) = static_cast<uint16_t>(*port.number);
  return std::nullopt;
}

void add_discovery_port(const MesosDiscoveryPort& port, PortList& ports) {
  TaskPort result;
  if (const auto fault = read_discovery_port(port, result)) {
    // Of no concern to us unless it was to be behind a VIP.
    if (has_vip_label(port)) ports.bad().push_back({port_text(port), *fault});
    return;
  }
  for (const MesosLabel& label : port.labels) {
    if (!is_vip_key(label.key)) continue;
    auto target = parse_vip_value(label.value);
    if (target) {
      result.vips.push_back(std::move(*target));
    } else {
      ports.bad().push_back({label_text(label), target.error()});
    }
  }
  ports.join(std::move(result));
}

// The one that tells where the task is. While Docker starts it, its status has the agent's address,
// and the task's own state may be ahead of that status; when it is being killed, none may be told.
const MesosTaskStatus* network_status(const MesosTask& task) {
  const bool has_run =
      task.state == MesosTaskState::kRunning || task.state == MesosTaskState::kKilling;
  return has_run ? running_status(task) : latest_status(task);
}

std::vector<IpAddress> task_addresses(const MesosTask& task) {
  std::vector<IpAddress> addresses;
  const MesosTaskStatus* status = network_status(task);
  if (status == nullptr) return addresses;
  for (const MesosNetworkInfo& network : status->networks) {
    for (const std::string& text : network.ip_addresses) {
      const auto address = parse_task_address(text);
      if (!address) continue;
      if (std::find(addresses.begin(), addresses.end(), *address) == addresses.end()) {
        addresses.push_back(*address);
      }
    }
  }
  return addresses;
}

// Whether packets can be sent to it as to one machine.
bool is_unicast(const IpAddress& address) {
  const uint8_t first = address.bytes()[0];
  if (address.is_v4()) return first != 0 && first < 224;
  return first != 0xff && address != IpAddress(Ipv6Address{});
}

}  // namespace

std::optional<MesosPid> parse_pid(std::string_view pid) {
  pid.remove_prefix(pid.rfind('@') + 1);  // 0 when there is none
  const size_t colon = pid.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  MesosPid result;
  const std::string_view digits = pid.substr(colon + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  std::string_view host = pid.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty()) return std::nullopt;
  result.host = host;
  return result;
}

std::optional<IpAddress> parse_task_address(std::string_view text) {
  static constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  auto address = parse_ip_address(text);
  if (!address) return std::nullopt;
  const auto& bytes = address->bytes();
  if (address->is_v6() && std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
    Ipv4Address v4;
    std::memcpy(&v4, bytes.data() + kMapped.size(), sizeof v4);
    return v4;
  }
  return *address;
}

std::vector<IpAddress> host_addresses(const std::string& host, const HostLookup& lookup) {
  if (const auto address = parse_task_address(host)) return {*address};
  if (host.empty() || !lookup) return {};
  return lookup(host);
}

std::vector<IpAddress> agent_addresses(const MesosAgent& agent, const HostLookup& lookup) {
  if (const auto pid = parse_pid(agent.pid)) {
    auto addresses = host_addresses(pid->host, lookup);
    if (!addresses.empty()) return addresses;
  }
  return host_addresses(agent.hostname, lookup);
}

const MesosTaskStatus* latest_status(const MesosTask& task) {
  const auto latest =
      std::max_element(task.statuses.begin(), task.statuses.end(),
                       [](const auto& a, const auto& b) { return a.timestamp_s < b.timestamp_s; });
  return latest == task.statuses.end() ? nullptr : &*latest;
}

const MesosTaskStatus* running_status(const MesosTask& task) {
  const MesosTaskStatus* latest = nullptr;
  for (const MesosTaskStatus& status : task.statuses) {
    if (status.state != MesosTaskState::kRunning) continue;
    if (latest == nullptr || status.timestamp_s > latest->timestamp_s) latest = &status;
  }
  return latest;
}

std::optional<uint16_t> task_weight(const MesosTask& task) {
  if (task.state == MesosTaskState::kKilling) return 0;
  if (task.state != MesosTaskState::kRunning) return std::nullopt;
  const MesosTaskStatus* status = latest_status(task);
  const bool known = status != nullptr && status->healthy.has_value();
  if (known) return *status->healthy ? 1 : 0;
  return task.has_health_check ? 0 : 1;
}

std::vector<TaskPort> task_ports(const MesosTask& task, std::vector<BadItem>& bad) {
  PortList ports(bad);
  const MesosTaskStatus* status = network_status(task);
  if (task.container == MesosContainerType::kDocker) {
    add_mappings(task.docker_port_mappings, ports);
  } else if (!task.network_port_mappings.empty()) {
    add_mappings(task.network_port_mappings, ports);
  } else if (status != nullptr) {
    for (const MesosNetworkInfo& network : status->networks) {
      add_mappings(network.port_mappings, ports);
    }
  }
  add_task_labels(task, ports);
  if (task.discovery) {
    for (const MesosDiscoveryPort& port : task.discovery->ports) {
      add_discovery_port(port, ports);
    }
  }
  return ports.take();
}

namespace {

// A task that is starting has no address of its own yet; but a port that is a resource of its agent
// is the host's.
bool is_on_agent(const MesosTask& task, const TaskPort& port) {
  if (port.host_port != 0) return true;
  if (latest_status(task) != nullptr && !task_addresses(task).empty()) return false;
  return std::any_of(
      task.resource_ports.begin(), task.resource_ports.end(),
      [&](const auto& range) { return range.first <= port.port && port.port <= range.second; });
}

std::vector<VipBackend> backends_of(const MesosTask& task,
                                    const std::vector<IpAddress>& agent_addresses, uint16_t weight,
                                    bool is_coming, std::vector<BadItem>& bad) {
  const std::vector<TaskPort> ports = task_ports(task, bad);
  std::vector<IpAddress> on_agent;
  std::vector<IpAddress> own;
  std::vector<VipBackend> backends;
  for (const TaskPort& port : ports) {
    if (port.vips.empty()) continue;
    const bool mapped = is_coming ? is_on_agent(task, port) : port.host_port != 0;
    std::vector<IpAddress>& addresses = mapped ? on_agent : own;
    if (addresses.empty()) {
      addresses = mapped ? agent_addresses : task_addresses(task);
      std::erase_if(addresses, [](const IpAddress& address) { return !is_unicast(address); });
    }
    for (const VipTarget& vip : port.vips) {
      const size_t before = backends.size();
      for (const IpAddress& address : addresses) {
        if (vip.name.empty() && vip.address.family() != address.family()) continue;
        if (backends.size() == kMaxBackends) {
          bad.push_back({vip.name, "the task has more than 4096 backends"});
          return backends;
        }
        const uint16_t number = port.host_port != 0 ? port.host_port : port.port;
        backends.push_back({vip, port.protocol, address, number, weight});
      }
      if (backends.size() > before) continue;
      const std::string item = vip.name.empty() ? endpoint_to_string(vip.address, vip.port)
                                                : vip.name + ":" + std::to_string(vip.port);
      bad.push_back({item, mapped ? "the agent has no usable address of the VIP's family"
                                  : "the task has no usable address of the VIP's family"});
    }
  }
  return backends;
}

}  // namespace

std::vector<VipBackend> vip_backends(const MesosTask& task, const std::vector<IpAddress>& on_agent,
                                     std::vector<BadItem>& bad) {
  const auto weight = task_weight(task);
  if (!weight) return {};
  return backends_of(task, on_agent, *weight, false, bad);
}

std::vector<VipBackend> coming_vip_backends(const MesosTask& task,
                                            const std::vector<IpAddress>& on_agent) {
  const bool is_coming =
      task.state == MesosTaskState::kStaging || task.state == MesosTaskState::kStarting;
  if (!is_coming) return {};
  std::vector<BadItem> not_yet;  // what is wrong is told when it runs
  return backends_of(task, on_agent, 1, true, not_yet);
}

}  // namespace vipgate
