#include "common/traffic_figures.h"

namespace vipgate {
namespace {

std::string name_of(const ServiceLabel& service) {
  return service.name + "." + endpoint_to_string(service.vip, service.port) + "/" +
         std::string(to_string(service.protocol));
}

}  // namespace

NamedCounters named_counters(const TrafficFigures& traffic) {
  NamedCounters counters;
  const auto add = [&](std::string name, uint64_t value) {
    if (value != 0) counters.emplace_back(std::move(name), value);
  };
  for (const ServiceFigures& service : traffic.services) {
    const std::string prefix = "service." + name_of(service.label) + ".";
    add(prefix + "forward_packets", service.forward_packets);
    add(prefix + "forward_bytes", service.forward_bytes);
    add(prefix + "return_packets", service.return_packets);
    add(prefix + "return_bytes", service.return_bytes);
    add(prefix + "flows_created", service.flows_created);
    add(prefix + "no_real", service.no_real);
    add(prefix + "connections", service.connections);
    add(prefix + "over_limit", service.over_limit);
  }
  for (const RealFigures& real : traffic.reals) {
    const std::string prefix = "real." + name_of(traffic.services[real.service].label) + "." +
                               endpoint_to_string(real.address, real.port) + ".";
    add(prefix + "packets", real.packets);
    add(prefix + "bytes", real.bytes);
    add(prefix + "flows_created", real.flows_created);
  }
  return counters;
}

}  // namespace vipgate
