// Which way a real is reached: by which port, and which neighbour gets the frames.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "common/addresses.h"
#include "controlplane/config/config.h"

namespace vipgate {

struct NextHop {
  uint8_t port = 0;  // position in the configuration's `ports`
  IpAddress address;
  friend bool operator==(const NextHop&, const NextHop&) = default;
  friend auto operator<=>(const NextHop&, const NextHop&) = default;
};

// The link-layer address of a neighbour, if it is known.
using NeighborLookup = std::function<std::optional<MacAddress>(const NextHop&)>;

enum class RouteKind : uint8_t {
  kForward,
  // These refuse (RTN_* of rtnetlink(7)).
  kBlackhole,
  kUnreachable,
  kProhibit,
  kThrow,
  kEncapsulating,  // by MPLS, SRv6, …: the packet path cannot
};

// The route of the kernel that an address has.
struct RouteMatch {
  IpPrefix prefix;
  RouteKind kind = RouteKind::kForward;
  NextHop next_hop;  // kForward
  friend bool operator==(const RouteMatch&, const RouteMatch&) = default;
};

// The kernel's route with the longest prefix of more than `above` bits that leads by a port of
// ours, or refuses.
using RouteLookup =
    std::function<std::optional<RouteMatch>(const IpAddress& destination, int above)>;

struct Way {
  std::optional<NextHop> next_hop;  // nothing: no way leads there
  std::optional<RouteMatch> route;  // that has decided; nothing: the configuration has
  int length = -1;                  // of the prefix that has decided; -1: none has
  // Whether it may be another one after these prefixes' routes have changed, this one being already
  // found by the new ones.
  bool depends_on(int longest_changed) const {
    return route || length < 0 ? longest_changed >= length : longest_changed > length;
  }
};

// By the longest prefix: of ports, whose addresses are on link (of equals the first one); of the
// kernel's routes; of length 0, the gateway of the first port that has one of that family. Between
// equals the configuration wins. `routes` may be empty.
[[nodiscard]] Way find_way(std::span<const PortConfig> ports, const RouteLookup& routes,
                           const IpAddress& destination);

// Why there is none, in a few words; of a way that has one, why a real that must be on the segment
// cannot be reached.
[[nodiscard]] std::string why_unreachable(const Way& way);

// Whether the address is on the segment of a port.
[[nodiscard]] bool is_on_link(std::span<const PortConfig> ports, const IpAddress& address);

// `ports[].gateway`, but for those whose link-layer address is configured, too.
[[nodiscard]] std::set<NextHop> unresolved_gateways(std::span<const PortConfig> ports);

// `ports[].neighbors`.
[[nodiscard]] std::optional<MacAddress> static_neighbor(std::span<const PortConfig> ports,
                                                        const NextHop& next_hop);

}  // namespace vipgate
