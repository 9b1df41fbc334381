// Which reals are near: in the gateway's own zone, as Mesos' fault domains or the configuration
// tell.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "common/addresses.h"
#include "controlplane/config/config.h"
#include "controlplane/model/model.h"

namespace vipgate {

// Made from a configuration that outlives it; never changed: any thread may ask. Without a zone of
// the gateway's own, nothing is local.
class Locality {
 public:
  explicit Locality(const LocalityConfig& config) : config_(config) {}

  // Of a real at `address` that is said to be in this zone of this region. An empty zone: the
  // longest of the configuration's prefixes tells. An empty region: the gateway's own; a gateway
  // without a region goes by the zone alone.
  bool is_local(std::string_view region, std::string_view zone, const IpAddress& address) const;

 private:
  bool is_own(std::string_view region, std::string_view zone) const;

  const LocalityConfig& config_;
};

// Gives the reals outside of the gateway's zone no new flows, if the service prefers the zone and
// enough of its reals inside live: take new flows and are not `down`. What Mesos or its scheduler
// finds unhealthy has the weight 0, so it does not live. A function of its arguments alone.
void prefer_local_reals(ServiceConfig& service, const std::set<RealKey>& down);

}  // namespace vipgate
