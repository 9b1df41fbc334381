#include "controlplane/model/snat_layout.h"

namespace vipgate {

SnatLayout snat_layout(const Config& config) {
  SnatLayout layout;
  for (const SnatPoolConfig& pool : config.snat_pools) {
    for (const int family : {4, 6}) {
      const auto first = static_cast<uint32_t>(layout.addresses.size());
      for (const IpAddress& address : pool.addresses) {
        if (address.family() != family) continue;
        layout.addresses.push_back({address, pool.ports.first, pool.ports.last});
      }
      const auto count = static_cast<uint32_t>(layout.addresses.size()) - first;
      layout.ranges.push_back({pool.name, family, first, count});
    }
  }
  return layout;
}

}  // namespace vipgate
