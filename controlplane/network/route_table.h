// The kernel's main routing table, as far as it leads by ports of ours, as plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "common/addresses.h"
#include "controlplane/network/next_hops.h"
#include "controlplane/network/prefix_map.h"

namespace vipgate {

struct RouteHop {
  uint8_t port = 0;
  IpAddress gateway;    // of either family; none: the destination is on the segment
  uint32_t weight = 1;  // of several
  friend bool operator==(const RouteHop&, const RouteHop&) = default;
};

struct Route {
  IpPrefix prefix;
  uint32_t metric = 0;  // the lowest counts
  RouteKind kind = RouteKind::kForward;
  std::vector<RouteHop> hops;  // those that are alive, by ports of ours
  size_t all_hops = 0;         // with those by other interfaces

  bool leads_somewhere() const { return kind != RouteKind::kForward || !hops.empty(); }
};

struct RouteEvent {
  bool is_gone = false;
  bool replaces = false;  // the one that has this prefix and metric, whatever its hops are
  Route route;
};

// Owned by RouteWatcher. Has all routes of the main table, those that lead elsewhere too, since an
// event may be about them: a kernel's full table takes some 300 bytes each.
class RouteTable {
 public:
  // False: several routes share the prefix and metric, and only the kernel's own table tells which
  // counts now. Nothing has changed then.
  [[nodiscard]] bool apply(const RouteEvent& event);
  // All there are; those that share prefix and metric in the kernel's order.
  void replace(std::vector<Route> routes);

  // See RouteLookup. Of several hops the one is chosen by the destination's address (rendezvous
  // hashing, by weight): when one of them goes, only its destinations move.
  std::optional<RouteMatch> find(const IpAddress& destination, int above) const;

  // Prefixes that lead elsewhere than at the last call.
  ChangedPrefixes take_changed() { return std::exchange(changed_, {}); }
  size_t size() const { return routes_.size(); }

 private:
  using Routes = std::vector<Route>;  // of one prefix: by metric, then in the kernel's order
  static const Route* best(const Routes* routes);
  void note(const IpPrefix& prefix, const Route* before, const Route* after);

  PrefixMap<Routes> routes_;
  ChangedPrefixes changed_;
};

}  // namespace vipgate
