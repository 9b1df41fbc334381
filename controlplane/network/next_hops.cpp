#include "controlplane/network/next_hops.h"

namespace vipgate {
namespace {

Way on_link_way(std::span<const PortConfig> ports, const IpAddress& destination) {
  Way way;
  for (size_t i = 0; i < ports.size(); ++i) {
    for (const IpPrefix& prefix : ports[i].addresses) {
      if (!prefix.contains(destination) || prefix.length <= way.length) continue;
      way.next_hop = NextHop{static_cast<uint8_t>(i), destination};
      way.length = prefix.length;
    }
  }
  return way;
}

Way gateway_way(std::span<const PortConfig> ports, int family) {
  for (size_t i = 0; i < ports.size(); ++i) {
    for (const IpAddress& gateway : ports[i].gateways) {
      if (gateway.family() != family) continue;
      return {NextHop{static_cast<uint8_t>(i), gateway}, std::nullopt, 0};
    }
  }
  return {};
}

}  // namespace

Way find_way(std::span<const PortConfig> ports, const RouteLookup& routes,
             const IpAddress& destination) {
  Way way = on_link_way(ports, destination);
  if (!way.next_hop) way = gateway_way(ports, destination.family());
  if (!routes) return way;
  if (const auto match = routes(destination, way.length)) {
    way = {std::nullopt, match, match->prefix.length};
    if (match->kind == RouteKind::kForward) way.next_hop = match->next_hop;
  }
  return way;
}

std::string why_unreachable(const Way& way) {
  if (way.next_hop) return "behind " + to_string(way.next_hop->address);
  if (!way.route) return "no route";
  const auto refusal = [&] {
    switch (way.route->kind) {
      case RouteKind::kBlackhole:
        return "blackhole ";
      case RouteKind::kUnreachable:
        return "unreachable ";
      case RouteKind::kProhibit:
        return "prohibit ";
      case RouteKind::kThrow:
        return "throw ";
      case RouteKind::kEncapsulating:
        return "encapsulating route ";
      case RouteKind::kForward:
        break;
    }
    return "";
  };
  return refusal() + to_string(way.route->prefix);
}

bool is_on_link(std::span<const PortConfig> ports, const IpAddress& address) {
  return on_link_way(ports, address).next_hop.has_value();
}

std::set<NextHop> unresolved_gateways(std::span<const PortConfig> ports) {
  std::set<NextHop> gateways;
  for (size_t i = 0; i < ports.size(); ++i) {
    for (const IpAddress& gateway : ports[i].gateways) {
      const NextHop next_hop{static_cast<uint8_t>(i), gateway};
      if (!static_neighbor(ports, next_hop)) gateways.insert(next_hop);
    }
  }
  return gateways;
}

std::optional<MacAddress> static_neighbor(std::span<const PortConfig> ports,
                                          const NextHop& next_hop) {
  for (const NeighborConfig& neighbor : ports[next_hop.port].neighbors) {
    if (neighbor.address == next_hop.address) return neighbor.mac;
  }
  return std::nullopt;
}

}  // namespace vipgate
