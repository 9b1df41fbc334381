// What MesosParser reads, written in the form of the operator API v1.
#include <array>
#include <charconv>
#include <span>

#include "common/json_text.h"
#include "controlplane/mesos/mesos_parser.h"

namespace vipgate {
namespace {

// Members of an object or items of a list, with the commas between them.
class JsonList {
 public:
  JsonList(std::string& out, char open, char close) : out_(out), close_(close) { out_ += open; }
  ~JsonList() { out_ += close_; }
  JsonList(const JsonList&) = delete;
  JsonList& operator=(const JsonList&) = delete;

  std::string& item() {
    if (!is_first_) out_ += ',';
    is_first_ = false;
    return out_;
  }
  std::string& member(std::string_view key) {
    item() += json_quote(key);
    return out_ += ':';
  }
  void text(std::string_view key, std::string_view value) { member(key) += json_quote(value); }
  void id(std::string_view key, std::string_view value) {
    member(key) += "{\"value\":" + json_quote(value) + "}";
  }
  void number(std::string_view key, uint64_t value) { member(key) += std::to_string(value); }

 private:
  std::string& out_;
  char close_;
  bool is_first_ = true;
};

template <class Items, class Write>
void write_list(std::string& out, const Items& items, Write write) {
  JsonList list(out, '[', ']');
  for (const auto& item : items) write(list.item(), item);
}

// {"labels":[…]}
void write_labels(std::string& out, const std::vector<MesosLabel>& labels) {
  JsonList outer(out, '{', '}');
  write_list(outer.member("labels"), labels, [](std::string& text, const MesosLabel& label) {
    JsonList object(text, '{', '}');
    object.text("key", label.key);
    object.text("value", label.value);
  });
}

void write_port_mappings(std::string& out, const std::vector<MesosPortMapping>& mappings) {
  write_list(out, mappings, [](std::string& text, const MesosPortMapping& mapping) {
    JsonList object(text, '{', '}');
    object.number("host_port", mapping.host_port);
    object.number("container_port", mapping.container_port);
    if (!mapping.protocol.empty()) object.text("protocol", mapping.protocol);
  });
}

void write_network(std::string& out, const MesosNetworkInfo& network) {
  JsonList object(out, '{', '}');
  if (!network.ip_addresses.empty()) {
    write_list(object.member("ip_addresses"), network.ip_addresses,
               [](std::string& text, const std::string& address) {
                 JsonList(text, '{', '}').text("ip_address", address);
               });
  }
  if (!network.ip_address.empty()) object.text("ip_address", network.ip_address);
  if (!network.port_mappings.empty()) {
    write_port_mappings(object.member("port_mappings"), network.port_mappings);
  }
}

void write_status(std::string& out, const MesosTaskStatus& status) {
  JsonList object(out, '{', '}');
  object.text("state", to_string(status.state));
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), status.timestamp_s).ptr;
  object.member("timestamp").append(digits.begin(), end);
  if (status.healthy) object.member("healthy") += *status.healthy ? "true" : "false";
  if (!status.labels.empty()) write_labels(object.member("labels"), status.labels);
  if (!status.networks.empty()) {
    JsonList container(object.member("container_status"), '{', '}');
    write_list(container.member("network_infos"), status.networks, write_network);
  }
}

void write_discovery_port(std::string& out, const MesosDiscoveryPort& port) {
  JsonList object(out, '{', '}');
  if (port.number) object.number("number", *port.number);
  if (!port.name.empty()) object.text("name", port.name);
  if (port.protocol) object.text("protocol", *port.protocol);
  if (!port.labels.empty()) write_labels(object.member("labels"), port.labels);
}

void write_discovery(std::string& out, const MesosDiscovery& discovery) {
  JsonList object(out, '{', '}');
  object.text("name", discovery.name);
  JsonList ports(object.member("ports"), '{', '}');
  write_list(ports.member("ports"), discovery.ports, write_discovery_port);
}

void write_container(std::string& out, const MesosTask& task) {
  JsonList object(out, '{', '}');
  if (task.container == MesosContainerType::kMesos) object.text("type", "MESOS");
  if (task.container == MesosContainerType::kDocker) object.text("type", "DOCKER");
  if (!task.docker_port_mappings.empty()) {
    JsonList docker(object.member("docker"), '{', '}');
    write_port_mappings(docker.member("port_mappings"), task.docker_port_mappings);
  }
  if (!task.network_port_mappings.empty()) {
    write_list(object.member("network_infos"), std::span(&task, 1),
               [](std::string& text, const MesosTask& owner) {
                 JsonList info(text, '{', '}');
                 write_port_mappings(info.member("port_mappings"), owner.network_port_mappings);
               });
  }
}

void write_resource_ports(std::string& out, const MesosTask& task) {
  JsonList resources(out, '[', ']');
  JsonList ports(resources.item(), '{', '}');
  ports.text("name", "ports");
  ports.text("type", "RANGES");
  JsonList ranges(ports.member("ranges"), '{', '}');
  write_list(ranges.member("range"), task.resource_ports, [](std::string& text, const auto& range) {
    JsonList object(text, '{', '}');
    object.number("begin", range.first);
    object.number("end", range.second);
  });
}

}  // namespace

std::string to_json(const MesosTask& task) {
  std::string out;
  {
    JsonList object(out, '{', '}');
    object.text("name", task.name);
    object.id("task_id", task.id);
    object.id("framework_id", task.framework_id);
    object.id("agent_id", task.agent_id);
    object.text("state", to_string(task.state));
    if (!task.resource_ports.empty()) write_resource_ports(object.member("resources"), task);
    if (!task.statuses.empty()) write_list(object.member("statuses"), task.statuses, write_status);
    if (!task.labels.empty()) write_labels(object.member("labels"), task.labels);
    if (task.discovery) write_discovery(object.member("discovery"), *task.discovery);
    if (task.container != MesosContainerType::kNone || !task.docker_port_mappings.empty() ||
        !task.network_port_mappings.empty()) {
      write_container(object.member("container"), task);
    }
    if (task.has_health_check) object.member("health_check") += "{}";
  }
  return out;
}

std::string to_json(const MesosAgent& agent) {
  std::string out;
  {
    JsonList object(out, '{', '}');
    {
      JsonList info(object.member("agent_info"), '{', '}');
      info.id("id", agent.id);
      info.text("hostname", agent.hostname);
      if (!agent.region.empty() || !agent.zone.empty()) {
        JsonList domain(info.member("domain"), '{', '}');
        JsonList fault_domain(domain.member("fault_domain"), '{', '}');
        JsonList(fault_domain.member("region"), '{', '}').text("name", agent.region);
        JsonList(fault_domain.member("zone"), '{', '}').text("name", agent.zone);
      }
    }
    if (!agent.pid.empty()) object.text("pid", agent.pid);
  }
  return out;
}

std::string to_json(const MesosFramework& framework) {
  std::string out;
  {
    JsonList object(out, '{', '}');
    {
      JsonList info(object.member("framework_info"), '{', '}');
      info.id("id", framework.id);
      info.text("name", framework.name);
      info.text("hostname", framework.hostname);
    }
    if (!framework.pid.empty()) object.text("pid", framework.pid);
  }
  return out;
}

}  // namespace vipgate
