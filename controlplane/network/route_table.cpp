#include "controlplane/network/route_table.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/hash.h"

namespace vipgate {
namespace {

uint64_t hash_of(const IpAddress& destination, const RouteHop& hop) {
  uint64_t state = hop.port;
  for (const IpAddress& address : {destination, hop.gateway}) {
    for (const size_t at : {size_t{0}, size_t{8}}) {
      state =
          hash_detail::mix64(state ^ hash_detail::load_big_endian(address.bytes().data() + at)) +
          0x9e3779b97f4a7c15;
    }
  }
  return hash_detail::mix64(state);
}

// Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates"; with weights: the
// earliest of exponential variables.
const RouteHop& choose(const std::vector<RouteHop>& hops, const IpAddress& destination) {
  const RouteHop* chosen = &hops.front();
  if (hops.size() == 1) return *chosen;
  double earliest = std::numeric_limits<double>::infinity();
  for (const RouteHop& hop : hops) {
    const double uniform = (static_cast<double>(hash_of(destination, hop) >> 11) + 0.5) * 0x1p-53;
    const double at = -std::log(uniform) / hop.weight;
    if (at >= earliest) continue;
    earliest = at;
    chosen = &hop;
  }
  return *chosen;
}

bool leads_alike(const Route* a, const Route* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return a->kind == b->kind && a->hops == b->hops;
}

}  // namespace

const Route* RouteTable::best(const Routes* routes) {
  if (routes == nullptr) return nullptr;
  const auto at = std::find_if(routes->begin(), routes->end(),
                               [](const Route& route) { return route.leads_somewhere(); });
  return at == routes->end() ? nullptr : &*at;
}

void RouteTable::note(const IpPrefix& prefix, const Route* before, const Route* after) {
  if (!leads_alike(before, after)) changed_[prefix];
}

bool RouteTable::apply(const RouteEvent& event) {
  const IpPrefix& prefix = event.route.prefix;
  Routes routes;
  if (const Routes* known = routes_.find(prefix)) routes = *known;
  const auto [first, last] =
      std::equal_range(routes.begin(), routes.end(), event.route,
                       [](const Route& a, const Route& b) { return a.metric < b.metric; });
  if (last - first > 1) return false;
  if (event.is_gone) {
    if (first == last) return true;
    // Of IPv6 routes a single hop may go.
    if (first->all_hops != event.route.all_hops) return false;
    routes.erase(first);
  } else if (first == last) {
    routes.insert(first, event.route);
  } else if (event.replaces) {
    *first = event.route;
  } else {
    return false;
  }
  note(prefix, best(routes_.find(prefix)), best(&routes));
  if (routes.empty()) {
    routes_.erase(prefix);
  } else {
    routes_[prefix] = std::move(routes);
  }
  return true;
}

void RouteTable::replace(std::vector<Route> routes) {
  PrefixMap<Routes> before = std::exchange(routes_, {});
  for (Route& route : routes) {
    Routes& known = routes_[route.prefix];
    const auto behind =
        std::upper_bound(known.begin(), known.end(), route,
                         [](const Route& a, const Route& b) { return a.metric < b.metric; });
    known.insert(behind, std::move(route));
  }
  before.for_each([&](const IpPrefix& prefix, const Routes& old) {
    note(prefix, best(&old), best(routes_.find(prefix)));
  });
  routes_.for_each([&](const IpPrefix& prefix, const Routes& now) {
    if (before.find(prefix) == nullptr) note(prefix, nullptr, best(&now));
  });
}

std::optional<RouteMatch> RouteTable::find(const IpAddress& destination, int above) const {
  std::optional<RouteMatch> match;
  routes_.visit(destination, above, [&](const IpPrefix& prefix, const Routes& routes) {
    const Route* route = best(&routes);
    if (route == nullptr) return false;
    match = RouteMatch{prefix, route->kind, {}};
    if (route->kind == RouteKind::kForward) {
      const RouteHop& hop = choose(route->hops, destination);
      match->next_hop = {hop.port, hop.gateway.family() == 0 ? destination : hop.gateway};
    }
    return true;
  });
  return match;
}

}  // namespace vipgate
