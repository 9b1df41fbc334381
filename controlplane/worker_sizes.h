// What the configuration's limits give each worker. For those who see both sides: see main.cpp.
#pragma once

#include "controlplane/config/config.h"
#include "dataplane/worker_sizes.h"

namespace vipgate {

inline WorkerSizes worker_sizes(const Limits& limits) {
  return {.flows = limits.flows_per_worker,
          .wide_flows = limits.wide_flows_per_worker,
          .affinities = limits.affinities_per_worker,
          .fragments = limits.fragments_per_worker,
          .dns_rates = limits.dns_rates_per_worker,
          .dns_answers = limits.dns_answers_per_worker,
          .dns_questions = limits.dns_questions_per_worker,
          .services = limits.services,
          .reals = limits.reals};
}

}  // namespace vipgate
