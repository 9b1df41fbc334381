#include "controlplane/model/slow_start.h"

#include <algorithm>

namespace vipgate {

std::set<RealKey> takers_of(const ModelService& service) {
  std::set<RealKey> takers;
  if (service.config.slow_start_s == 0) return takers;
  for (const auto& [key, real] : service.reals) {
    if (real.takes_flows()) takers.insert(key);
  }
  return takers;
}

void ramp_up(const ServiceConfig& config, ModelReal& real, int64_t now_s) {
  constexpr int64_t kSteps = ModelReal::kFullRamp;
  const int64_t whole = config.slow_start_s;
  const int64_t step = std::min(1 + (now_s - real.ramp_from_s) * kSteps / whole, kSteps);
  real.ramp = static_cast<uint32_t>(step);
  real.ramps_at_s =
      step == kSteps ? kNever : real.ramp_from_s + (step * whole + kSteps - 1) / kSteps;
}

void start_slowly(ModelService& service, const std::set<RealKey>& before, int64_t now_s) {
  const bool has_others = std::any_of(before.begin(), before.end(), [&](const RealKey& key) {
    return service.reals.at(key).takes_flows();
  });
  for (auto& [key, real] : service.reals) {
    if (service.config.slow_start_s == 0 || !real.takes_flows()) {
      real.ramp = ModelReal::kFullRamp;
      real.ramps_at_s = kNever;
    } else if (has_others && !before.contains(key)) {
      real.ramp_from_s = now_s;
      ramp_up(service.config, real, now_s);
    } else if (real.ramp != ModelReal::kFullRamp) {
      ramp_up(service.config, real, now_s);
    }
  }
}

}  // namespace vipgate
