// The generator's ends of net_memif, and DPDK around them.
#pragma once

#include <rte_mempool.h>

#include <cstdint>
#include <string>

#include "common/result.h"
#include "perf/generator/options.h"

namespace vipgate::generator {

struct Ports {
  uint16_t edge = 0;
  uint16_t cluster = 0;  // the same as `edge` where there is one alone
  rte_mempool* pool = nullptr;

  bool two() const { return cluster != edge; }
};

// Starts DPDK, which can be done once a process; the calling thread is on options.cpu from then on.
// Waits until the gateway has taken both ends.
Result<Ports> open_ports(const Options& options);
void close_ports(const Ports& ports);

}  // namespace vipgate::generator
