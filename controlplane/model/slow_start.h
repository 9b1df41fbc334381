// Slow start: a real that comes to others gets its share of new flows in steps.
#pragma once

#include <cstdint>
#include <set>

#include "controlplane/model/model.h"

namespace vipgate {

// The reals that take new flows; none for a service without slow start.
std::set<RealKey> takers_of(const ModelService& service);
// The real's share at `now_s`, and when the next step is due.
void ramp_up(const ServiceConfig& config, ModelReal& real, int64_t now_s);
// A real that did not take flows before, as those in `before` did, begins with little beside them.
// Where there are none, all begin alike, and the shares are right at once.
void start_slowly(ModelService& service, const std::set<RealKey>& before, int64_t now_s);

}  // namespace vipgate
