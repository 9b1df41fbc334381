// Of a service's specification, what its Maglev table is made from.
#pragma once

#include <algorithm>
#include <tuple>
#include <vector>

#include "common/snapshot_builder.h"

namespace vipgate {

// Those that accept flows, in an order that all gateways share.
inline std::vector<const RealSpec*> live_reals(const ServiceSpec& service) {
  std::vector<const RealSpec*> live;
  for (const RealSpec& real : service.reals) {
    if (real.state == RealState::kUp && real.weight != 0) live.push_back(&real);
  }
  const auto is_before = [](const RealSpec* a, const RealSpec* b) {
    return std::tie(a->address, a->port) < std::tie(b->address, b->port);
  };
  if (!std::is_sorted(live.begin(), live.end(), is_before)) {
    std::sort(live.begin(), live.end(), is_before);
  }
  return live;
}

inline bool has_gue_hops(const ServiceSpec& spec) {
  return spec.mode == Mode::kGue && spec.tunnel.gue_hops != 0;
}

}  // namespace vipgate
