// Warnings of SNAT pools that have no port for new flows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "controlplane/config/config.h"
#include "controlplane/model/snat_layout.h"

namespace vipgate {

// What is to be told of one pool's family.
struct SnatTurn {
  std::string pool;
  int family = 4;
  uint64_t refused = 0;  // new flows, since it was told last
  std::string detail;    // a sentence
};

// Owned and called by the control thread. A pool's ports run out by family, so each family of a
// pool has lines of its own, the first at once and others at least a minute later: a flood of
// refused flows is no flood of lines.
class SnatWatch {
 public:
  static constexpr int64_t kBetweenWarningsMs = 60'000;

  explicit SnatWatch(const Config& config);
  // `exhausted`: DataplaneControl::snat_exhausted(). A line for each pool that has refused flows
  // since its last one.
  std::vector<SnatTurn> look(std::span<const uint64_t> exhausted, int64_t now_ms);

 private:
  struct Pool {
    SnatRange range;
    uint64_t told = 0;  // refused flows that a line was about
    int64_t told_ms = 0;
  };
  std::vector<Pool> pools_;
};

}  // namespace vipgate
