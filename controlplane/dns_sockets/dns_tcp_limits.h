// What DNS over TCP may cost.
#pragma once

#include <chrono>
#include <cstdint>

namespace vipgate {

struct DnsTcpLimits {
  uint32_t connections = 1000;  // when one more comes, that which has been idle for longest goes
  uint32_t per_client = 20;     // of an IPv4 address, of an IPv6 prefix of 64 bits; more are closed
  std::chrono::milliseconds idle{10'000};
  uint32_t cache_mb = 16;  // of resolvers' answers that are kept; 0: none is
  bool operator==(const DnsTcpLimits&) const = default;
};

}  // namespace vipgate
