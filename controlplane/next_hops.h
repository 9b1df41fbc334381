// Which way a real is reached: by which port, and which neighbour gets the frames.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "common/addresses.h"
#include "controlplane/config.h"

namespace vipgate {

struct NextHop {
  uint8_t port = 0;  // position in the configuration's `ports`
  IpAddress address;
  friend bool operator==(const NextHop&, const NextHop&) = default;
  friend auto operator<=>(const NextHop&, const NextHop&) = default;
};

// The link-layer address of a neighbour, if it is known.
using NeighborLookup = std::function<std::optional<MacAddress>(const NextHop&)>;

// The address itself on the port with the longest prefix that has it (the first of equals), or else
// the gateway of the first port that has one of that family. Nothing: no way leads there.
[[nodiscard]] std::optional<NextHop> find_next_hop(std::span<const PortConfig> ports,
                                                   const IpAddress& destination);

// Whether the address is on the segment of a port.
[[nodiscard]] bool is_on_link(std::span<const PortConfig> ports, const IpAddress& address);

// `ports[].neighbors`.
[[nodiscard]] std::optional<MacAddress> static_neighbor(std::span<const PortConfig> ports,
                                                        const NextHop& next_hop);

}  // namespace vipgate
