#include "controlplane/model/locality.h"

#include <algorithm>

namespace vipgate {

bool Locality::is_own(std::string_view region, std::string_view zone) const {
  const bool same_region = region.empty() || config_.region.empty() || region == config_.region;
  return same_region && zone == config_.zone;
}

bool Locality::is_local(std::string_view region, std::string_view zone,
                        const IpAddress& address) const {
  if (config_.zone.empty()) return false;
  if (!zone.empty()) return is_own(region, zone);
  const ZonePrefixConfig* longest = nullptr;
  for (const ZonePrefixConfig& one : config_.prefixes) {
    if (!one.prefix.contains(address)) continue;
    if (longest == nullptr || one.prefix.length > longest->prefix.length) longest = &one;
  }
  return longest != nullptr && is_own(longest->region, longest->zone);
}

void prefer_local_reals(ServiceConfig& service, const std::set<RealKey>& down) {
  if (service.locality.prefer != Prefer::kZone) return;
  size_t local = 0;
  size_t live = 0;
  for (const RealConfig& real : service.reals) {
    if (!real.is_local) continue;
    ++local;
    if (real.weight != 0 && !down.contains({real.address, real.port})) ++live;
  }
  // Further away is better than to reals that do not answer.
  const size_t least = std::max(service.locality.spill_below_percent, service.health.panic_percent);
  if (live == 0 || live * 100 < local * least) return;
  for (RealConfig& real : service.reals) {
    if (!real.is_local) real.weight = 0;
  }
}

}  // namespace vipgate
