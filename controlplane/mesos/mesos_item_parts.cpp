// The parts of a task: labels, networks, statuses, discovery, container, resources.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

#include "controlplane/mesos/mesos_items.h"

namespace vipgate {
namespace {

using Element = MesosItemReader::Element;
using Array = MesosItemReader::Array;
using Object = MesosItemReader::Object;

// A list's size is a hint from outside: it is reserved up to here, and grows beyond.
constexpr size_t kMaxReserved = 16;

// Whole numbers only; Mesos writes some of them as 2.0.
bool read_number(const Element& element, uint32_t& out) {
  constexpr uint64_t kMax = std::numeric_limits<uint32_t>::max();
  uint64_t whole = 0;
  double real = 0;
  if (element.get(whole) == simdjson::SUCCESS) {
    if (whole > kMax) return false;
    out = static_cast<uint32_t>(whole);
    return true;
  }
  if (element.get(real) != simdjson::SUCCESS) return false;
  if (!(real >= 0 && real <= static_cast<double>(kMax)) || real != std::floor(real)) return false;
  out = static_cast<uint32_t>(real);
  return true;
}

template <class Items>
void reserve(Items& items, const Array& array) {
  items.reserve(std::min(array.size(), kMaxReserved));
}

std::string numbered(std::string_view what, size_t position) {
  return std::string(what) + " " + std::to_string(position);
}

bool read_label(const Element& element, MesosLabel& label) {
  Object object;
  if (element.get(object) != simdjson::SUCCESS) return false;
  for (const auto [key, value] : object) {
    if (value.is_null()) continue;
    if (key == "key" && !read_mesos_text(value, label.key)) return false;
    if (key == "value" && !read_mesos_text(value, label.value)) return false;
  }
  return true;
}

bool read_port_mapping(const Element& element, MesosPortMapping& mapping) {
  Object object;
  if (element.get(object) != simdjson::SUCCESS) return false;
  for (const auto [key, value] : object) {
    if (value.is_null()) continue;
    if (key == "host_port" && !read_number(value, mapping.host_port)) return false;
    if (key == "container_port" && !read_number(value, mapping.container_port)) return false;
    if (key == "protocol" && !read_mesos_text(value, mapping.protocol)) return false;
  }
  return true;
}

}  // namespace

void MesosItemReader::labels(const Element& element, std::string_view of,
                             std::vector<MesosLabel>& out) {
  out.clear();
  std::optional<Array> list;
  if (!read_list(element, "labels", list)) {
    note("the labels of the " + std::string(of) + " are not a list");
    return;
  }
  if (!list) return;
  reserve(out, *list);
  size_t position = 0;
  for (const Element item : *list) {
    MesosLabel label;
    if (read_label(item, label)) {
      out.push_back(std::move(label));
    } else {
      note(numbered("label", position) + " of the " + std::string(of) + " is not a pair of texts");
    }
    ++position;
  }
}

void MesosItemReader::port_mappings(const Element& element, std::vector<MesosPortMapping>& out) {
  Array array;
  if (element.get(array) != simdjson::SUCCESS) {
    note("port_mappings is not a list");
    return;
  }
  size_t position = 0;
  for (const Element item : array) {
    MesosPortMapping mapping;
    if (read_port_mapping(item, mapping)) {
      out.push_back(std::move(mapping));
    } else {
      note(numbered("port mapping", position) + " has a member of the wrong type");
    }
    ++position;
  }
}

void MesosItemReader::ip_addresses(const Element& element, std::vector<std::string>& out) {
  out.clear();
  Array array;
  if (element.get(array) != simdjson::SUCCESS) {
    note("ip_addresses is not a list");
    return;
  }
  for (const Element item : array) {
    // An item may name a protocol only: an address that is yet to be given.
    const auto text = find_member(item, {"ip_address"});
    if (!text || text->is_null()) continue;
    if (std::string address; read_mesos_text(*text, address)) {
      out.push_back(std::move(address));
    } else {
      note("an ip_address is not a text");
    }
  }
}

void MesosItemReader::network_infos(const Element& element, std::vector<MesosNetworkInfo>& out) {
  out.clear();
  Array array;
  if (element.get(array) != simdjson::SUCCESS) {
    note("network_infos is not a list");
    return;
  }
  reserve(out, array);
  for (const Element item : array) {
    MesosNetworkInfo info;
    Object object;
    if (item.get(object) != simdjson::SUCCESS) {
      note("a network info is not an object");
      continue;
    }
    for (const auto [key, value] : object) {
      if (value.is_null()) continue;
      if (key == "ip_addresses") {
        ip_addresses(value, info.ip_addresses);
      } else if (key == "ip_address") {
        if (!read_mesos_text(value, info.ip_address)) note("ip_address is not a text");
      } else if (key == "port_mappings") {
        info.port_mappings.clear();
        port_mappings(value, info.port_mappings);
      }
    }
    out.push_back(std::move(info));
  }
}

void MesosItemReader::container_status(const Element& element, std::vector<MesosNetworkInfo>& out) {
  if (!element.is_object()) {
    note("container_status is not an object");
    return;
  }
  const auto infos = find_member(element, {"network_infos"});
  if (infos && !infos->is_null()) network_infos(*infos, out);
}

bool MesosItemReader::status(const Element& element, MesosTaskStatus& status) {
  Object object;
  if (element.get(object) != simdjson::SUCCESS) return false;
  for (const auto [key, value] : object) {
    if (value.is_null()) continue;
    if (key == "state") {
      if (!read_mesos_state(value, status.state)) return false;
    } else if (key == "timestamp") {
      if (value.get(status.timestamp_s) != simdjson::SUCCESS) return false;
    } else if (key == "healthy") {
      bool healthy = false;
      if (value.get(healthy) != simdjson::SUCCESS) return false;
      status.healthy = healthy;
    } else if (key == "labels") {
      labels(value, "status", status.labels);
    } else if (key == "container_status") {
      container_status(value, status.networks);
    }
  }
  return true;
}

void MesosItemReader::statuses(const Element& element, std::vector<MesosTaskStatus>& out) {
  out.clear();
  Array array;
  if (element.get(array) != simdjson::SUCCESS) {
    note("statuses is not a list");
    return;
  }
  reserve(out, array);
  size_t position = 0;
  for (const Element item : array) {
    MesosTaskStatus one;
    if (status(item, one)) {
      out.push_back(std::move(one));
    } else {
      note(numbered("status", position) + " has a member of the wrong type");
    }
    ++position;
  }
}

bool MesosItemReader::discovery_port(const Element& element, MesosDiscoveryPort& port) {
  Object object;
  if (element.get(object) != simdjson::SUCCESS) return false;
  for (const auto [key, value] : object) {
    if (value.is_null()) continue;
    if (key == "number") {
      uint32_t number = 0;
      if (!read_number(value, number)) return false;
      port.number = number;
    } else if (key == "name") {
      if (!read_mesos_text(value, port.name)) return false;
    } else if (key == "protocol") {
      if (!read_mesos_text(value, port.protocol.emplace())) return false;
    } else if (key == "labels") {
      labels(value, "port", port.labels);
    }
  }
  return true;
}

void MesosItemReader::discovery(const Element& element, std::optional<MesosDiscovery>& out) {
  out.reset();
  Object object;
  if (element.get(object) != simdjson::SUCCESS) {
    note("discovery is not an object");
    return;
  }
  MesosDiscovery& discovery = out.emplace();
  for (const auto [key, value] : object) {
    if (value.is_null()) continue;
    if (key == "name" && !read_mesos_text(value, discovery.name))
      note("discovery.name is not a text");
    if (key != "ports") continue;
    discovery.ports.clear();
    std::optional<Array> list;
    if (!read_list(value, "ports", list)) note("discovery.ports is not a list");
    if (!list) continue;
    reserve(discovery.ports, *list);
    size_t position = 0;
    for (const Element item : *list) {
      MesosDiscoveryPort port;
      if (discovery_port(item, port)) {
        discovery.ports.push_back(std::move(port));
      } else {
        note(numbered("discovery port", position) + " has a member of the wrong type");
      }
      ++position;
    }
  }
}

void MesosItemReader::container(const Element& element, MesosTask& task) {
  task.container = MesosContainerType::kNone;
  task.docker_port_mappings.clear();
  task.network_port_mappings.clear();
  Object object;
  if (element.get(object) != simdjson::SUCCESS) {
    note("container is not an object");
    return;
  }
  for (const auto [key, value] : object) {
    if (value.is_null()) continue;
    if (key == "type") {
      std::string_view type;
      if (value.get(type) != simdjson::SUCCESS) note("container.type is not a text");
      if (type == "MESOS") task.container = MesosContainerType::kMesos;
      if (type == "DOCKER") task.container = MesosContainerType::kDocker;
    } else if (key == "docker") {
      const auto mappings = find_member(value, {"port_mappings"});
      if (mappings && !mappings->is_null()) port_mappings(*mappings, task.docker_port_mappings);
    } else if (key == "network_infos") {
      std::vector<MesosNetworkInfo> infos;
      network_infos(value, infos);
      for (MesosNetworkInfo& info : infos) {
        std::move(info.port_mappings.begin(), info.port_mappings.end(),
                  std::back_inserter(task.network_port_mappings));
      }
    }
  }
}

// "[31000-31001, 31005-31005]"
void MesosItemReader::port_ranges_of_text(std::string_view text, MesosTask& task) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    std::string_view range = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    while (range.starts_with(' ')) range.remove_prefix(1);
    if (range.empty()) continue;
    std::pair<uint32_t, uint32_t> ports;
    const char* end = range.data() + range.size();
    const auto first = std::from_chars(range.data(), end, ports.first);
    const bool is_range = first.ec == std::errc() && first.ptr != end && *first.ptr == '-';
    const auto last = is_range ? std::from_chars(first.ptr + 1, end, ports.second) : first;
    if (is_range && last.ec == std::errc() && last.ptr == end && ports.first <= ports.second) {
      task.resource_ports.push_back(ports);
    } else {
      note("the ports resource has '" + std::string(range.substr(0, 64)) + "', which is no range");
    }
  }
}

// {"range":[{"begin":31000,"end":31001}]}
void MesosItemReader::port_ranges(const Element& element, MesosTask& task) {
  std::optional<Array> list;
  if (!read_list(element, "range", list)) note("the ports resource has no list of ranges");
  if (!list) return;
  for (const Element item : *list) {
    std::pair<uint32_t, uint32_t> ports;
    const auto begin = find_member(item, {"begin"});
    const auto end = find_member(item, {"end"});
    if (begin && end && read_number(*begin, ports.first) && read_number(*end, ports.second) &&
        ports.first <= ports.second) {
      task.resource_ports.push_back(ports);
    } else {
      note("a range of the ports resource is not two numbers in order");
    }
  }
}

void MesosItemReader::resources(const Element& element, MesosTask& task) {
  task.resource_ports.clear();
  Array list;
  if (element.is_object()) {  // v0
    const auto ports = find_member(element, {"ports"});
    std::string_view text;
    if (!ports || ports->is_null()) return;
    if (ports->get(text) == simdjson::SUCCESS) {
      port_ranges_of_text(text, task);
    } else {
      note("the ports resource is not a text");
    }
  } else if (element.get(list) == simdjson::SUCCESS) {
    for (const Element item : list) {
      const auto name = find_member(item, {"name"});
      const auto ranges = find_member(item, {"ranges"});
      std::string_view text;
      if (!name || name->get(text) != simdjson::SUCCESS || text != "ports") continue;
      if (ranges && !ranges->is_null()) port_ranges(*ranges, task);
    }
  } else {
    note("resources is neither a list nor an object");
  }
}

}  // namespace vipgate
