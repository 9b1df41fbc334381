// What a trial gave, as one line of JSON.
#pragma once

#include <cstdint>
#include <string>

#include "perf/generator/accounts.h"

namespace vipgate::generator {

// Of the sending side. `offered` is what was due and tried; those that the ring refused (`refused`)
// are lost as much as those that went in and did not come out.
struct Sending {
  double asked_rate = 0;
  uint64_t offered = 0;
  uint64_t refused = 0;
  double seconds = 0;       // from the first to the last
  double put_off = 0;       // packets of time in which the generator was held up
  uint64_t unanswered = 0;  // answers that the ring refused
};

std::string trial_report(const Options& options, const Sending& sending, const Accounts& accounts);

}  // namespace vipgate::generator
