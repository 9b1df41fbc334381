// How much a worker has room for: its share of what the configuration calls limits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vipgate {

struct WorkerSizes {
  size_t flows = 1 << 20;       // of each family
  size_t wide_flows = 1 << 16;  // those of them whose ids are wide, of each family
  size_t affinities = 1 << 16;  // clients that keep their real, of each family
  size_t fragments = 4096;      // fragmented datagrams
  size_t dns_rates = 1 << 16;   // what DNS replies are counted by
  size_t dns_answers = 16384;   // of resolvers, that are kept
  size_t dns_questions = 1024;  // packets that wait for resolvers
  uint32_t services = 0;        // indices 0 to services - 1 have counters
  uint32_t reals = 0;
};

}  // namespace vipgate
