// Which flow the next packet belongs to.
#pragma once

#include <cstdint>
#include <vector>

namespace vipgate::generator {

class FlowChooser {
 public:
  // With exponent 0 each flow in turn; else at random, flow i as often as 1 / (i + 1)^exponent says
  // (Zipf). The same seed gives the same flows. REQUIRES: flows > 0, exponent >= 0.
  FlowChooser(uint32_t flows, double exponent, uint64_t seed);

  uint32_t next() {
    if (columns_.empty()) {
      const uint32_t flow = turn_;
      turn_ = flow + 1 == flows_ ? 0 : flow + 1;
      return flow;
    }
    const uint64_t drawn = random();
    const auto column = static_cast<uint32_t>(((drawn >> 32) * flows_) >> 32);
    const Column& chosen = columns_[column];
    return static_cast<uint32_t>(drawn) < chosen.own_below ? column : chosen.other;
  }

 private:
  // Of Walker's alias method: one draw and one look whatever the number of flows.
  struct Column {
    uint32_t own_below = 0;  // of 2^32
    uint32_t other = 0;
  };

  // SplitMix64.
  uint64_t random() {
    uint64_t mixed = state_ += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }

  uint32_t flows_;
  uint32_t turn_ = 0;
  uint64_t state_;
  std::vector<Column> columns_;
};

}  // namespace vipgate::generator
