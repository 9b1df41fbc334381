// In which order the addresses of SNAT pools go by numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/snapshot.h"
#include "controlplane/config/config.h"

namespace vipgate {

// Where a pool's addresses of one family are among all.
struct SnatRange {
  std::string pool;
  int family = 4;
  uint32_t first = 0;
  uint32_t count = 0;
};

// The addresses of all pools, each pool's IPv4 ones together, then its IPv6 ones: this order is the
// data plane's from start to stop.
struct SnatLayout {
  std::vector<SnatAddress> addresses;
  std::vector<SnatRange> ranges;
};

[[nodiscard]] SnatLayout snat_layout(const Config& config);

}  // namespace vipgate
