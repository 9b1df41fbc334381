#include "perf/generator/flow_chooser.h"

#include <cmath>

namespace vipgate::generator {
namespace {

// Of each flow, how many times the mean it is drawn.
std::vector<double> zipf_shares(uint32_t flows, double exponent) {
  std::vector<double> shares(flows);
  double sum = 0;
  for (uint32_t i = 0; i < flows; ++i) sum += shares[i] = std::pow(i + 1.0, -exponent);
  for (double& share : shares) share *= flows / sum;
  return shares;
}

}  // namespace

FlowChooser::FlowChooser(uint32_t flows, double exponent, uint64_t seed)
    : flows_(flows), state_(seed) {
  if (exponent == 0) return;
  std::vector<double> shares = zipf_shares(flows, exponent);
  columns_.resize(flows);
  std::vector<uint32_t> poor;
  std::vector<uint32_t> rich;
  for (uint32_t i = 0; i < flows; ++i) (shares[i] < 1 ? poor : rich).push_back(i);
  // Each poor flow's column is filled up by a rich one, which may become poor by that (Vose 1991).
  while (!poor.empty() && !rich.empty()) {
    const uint32_t low = poor.back();
    const uint32_t high = rich.back();
    poor.pop_back();
    columns_[low] = {static_cast<uint32_t>(shares[low] * 4294967296.0), high};
    shares[high] -= 1 - shares[low];
    if (shares[high] < 1) {
      rich.pop_back();
      poor.push_back(high);
    }
  }
  // What rounding has left is full.
  for (const auto* rest : {&poor, &rich}) {
    for (const uint32_t flow : *rest) columns_[flow] = {UINT32_MAX, flow};
  }
}

}  // namespace vipgate::generator
