// All services, some at a time, so that a long list keeps the control thread for a moment only.
#pragma once

#include <cstddef>
#include <optional>

#include "controlplane/model/model.h"

namespace vipgate {

// Calls visit(key, service) for those behind `last`, which goes along, until about `most` services
// and reals have been looked at. False: those were the last ones.
template <class Visit>
bool walk_services(const Model& model, std::optional<ServiceKey>& last, size_t most,
                   Visit&& visit) {
  const auto& services = model.services();
  auto at = last ? services.upper_bound(*last) : services.begin();
  for (size_t looked_at = 0; at != services.end(); ++at) {
    if (looked_at >= most) return true;
    const auto& [key, service] = *at;
    looked_at += 1 + service.reals.size();
    last = key;
    visit(key, service);
  }
  return false;
}

}  // namespace vipgate
