// What has passed, by service and by real: plain numbers, added up over the workers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/addresses.h"
#include "common/named_counters.h"
#include "common/service.h"

namespace vipgate {

// Which service figures are of.
struct ServiceLabel {
  std::string name;
  IpAddress vip;
  uint16_t port = 0;
  ServiceExtent extent{};
  Protocol protocol = Protocol::kTcp;
};

// All of them count from when the service, or the real, came; `connections` and `flows` are of now.
struct ServiceFigures {
  ServiceLabel label;
  uint64_t forward_packets = 0, forward_bytes = 0, return_packets = 0, return_bytes = 0;
  uint64_t flows_created = 0, no_real = 0, connections = 0, over_limit = 0;
};

struct RealFigures {
  size_t service = 0;  // in TrafficFigures::services
  IpAddress address;
  uint16_t port = 0;
  uint64_t packets = 0, bytes = 0, flows_created = 0, flows = 0;
};

struct TrafficFigures {
  std::vector<ServiceFigures> services;
  std::vector<RealFigures> reals;
};

// Those that are not zero, by name: "service.redis.marathon.11.202.66.36:6379/tcp.forward_packets".
NamedCounters named_counters(const TrafficFigures& traffic);

}  // namespace vipgate
