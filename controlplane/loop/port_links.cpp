#include "controlplane/loop/port_links.h"

#include <algorithm>

namespace vipgate {

PortLinks::PortLinks(const Config& config) {
  const auto& clients = config.announce.ports;
  for (size_t i = 0; i < config.ports.size(); ++i) {
    const std::string& name = config.ports[i].name;
    links_.push_back({.name = name, .is_up = {}});
    if (std::find(clients.begin(), clients.end(), name) != clients.end()) client_ports_ |= 1u << i;
  }
}

std::vector<PortLinks::Change> PortLinks::note(const std::vector<bool>& up) {
  std::vector<Change> changes;
  for (size_t i = 0; i < links_.size(); ++i) {
    Link& link = links_[i];
    if (link.is_up.value_or(true) != up[i]) changes.push_back({link.name, up[i]});
    if (link.is_up && *link.is_up && !up[i]) ++link.losses;
    link.is_up = up[i];
    link.has_been_up |= up[i];
  }
  return changes;
}

bool PortLinks::clients_can_come(uint32_t real_ports) const {
  uint32_t up = 0, used = 0;
  for (size_t i = 0; i < links_.size(); ++i) {
    if (links_[i].has_been_up) used |= 1u << i;
    if (links_[i].is_up.value_or(true)) up |= 1u << i;
  }
  const uint32_t clients = client_ports_ != 0 ? client_ports_ : used & ~real_ports;
  return clients != 0 ? (up & clients) != 0 : up != 0;
}

NamedCounters PortLinks::counters() const {
  NamedCounters counters;
  for (const Link& link : links_) {
    if (link.losses != 0) counters.emplace_back("port." + link.name + ".link_losses", link.losses);
    if (link.is_up) {
      counters.emplace_back("port." + link.name + ".without_link", *link.is_up ? 0 : 1);
    }
  }
  return counters;
}

}  // namespace vipgate
