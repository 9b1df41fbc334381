// What to do next, by lines of standard input, so that a search keeps its connection and flows.
#pragma once

#include <istream>
#include <ostream>

#include "common/result.h"
#include "perf/generator/trial.h"

namespace vipgate::generator {

// "touch RATE", "trial RATE PACKETS" and "quit", or the end of the input. A report for each.
Status run_commands(std::istream& in, std::ostream& out, TrialRunner& runner);

}  // namespace vipgate::generator
