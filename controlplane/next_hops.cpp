#include "controlplane/next_hops.h"

namespace vipgate {

std::optional<NextHop> find_next_hop(std::span<const PortConfig> ports,
                                     const IpAddress& destination) {
  std::optional<NextHop> on_link;
  int longest = -1;
  for (size_t i = 0; i < ports.size(); ++i) {
    for (const IpPrefix& prefix : ports[i].addresses) {
      if (!prefix.contains(destination) || prefix.length <= longest) continue;
      on_link = NextHop{static_cast<uint8_t>(i), destination};
      longest = prefix.length;
    }
  }
  if (on_link) return on_link;
  for (size_t i = 0; i < ports.size(); ++i) {
    for (const IpAddress& gateway : ports[i].gateways) {
      if (gateway.family() != destination.family()) continue;
      return NextHop{static_cast<uint8_t>(i), gateway};
    }
  }
  return std::nullopt;
}

bool is_on_link(std::span<const PortConfig> ports, const IpAddress& address) {
  const auto next_hop = find_next_hop(ports, address);
  return next_hop && next_hop->address == address;
}

std::optional<MacAddress> static_neighbor(std::span<const PortConfig> ports,
                                          const NextHop& next_hop) {
  for (const NeighborConfig& neighbor : ports[next_hop.port].neighbors) {
    if (neighbor.address == next_hop.address) return neighbor.mac;
  }
  return std::nullopt;
}

}  // namespace vipgate
