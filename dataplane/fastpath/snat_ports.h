// Which worker owns which SNAT port, and which record a port means: pure functions of the layout,
// the same in every worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/snapshot.h"
#include "dataplane/fastpath/knobs.h"

namespace vipgate {

class SnatPorts {
 public:
  SnatPorts(const SnatAddress& address, uint32_t workers)
      : low_(address.port_low), high_(address.port_high), workers_(workers) {}

  bool contains(uint16_t port) const { return port >= low_ && port <= high_; }
  // REQUIRES: contains(port)
  uint32_t owner(uint16_t port) const {
    return workers_ == 1 ? 0 : static_cast<uint32_t>(port - low_) % workers_;
  }
  // Number of ports that `worker` owns.
  uint32_t count(uint32_t worker) const {
    const uint32_t all = static_cast<uint32_t>(high_ - low_) + 1;
    return worker >= all ? 0 : (all - 1 - worker) / workers_ + 1;
  }
  // Position of a port among those of its owner, and back.
  uint32_t position(uint16_t port) const {
    const auto offset = static_cast<uint32_t>(port - low_);
    return workers_ == 1 ? offset : offset / workers_;
  }
  uint16_t port(uint32_t position, uint32_t worker) const {
    return static_cast<uint16_t>(low_ + position * workers_ + worker);
  }

 private:
  uint16_t low_, high_;
  uint32_t workers_;
};

}  // namespace vipgate
