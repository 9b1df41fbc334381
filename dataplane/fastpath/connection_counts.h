// How many flows each service with `max_connections` has in one worker's flow store. A flow is
// counted when it begins and until its entry goes, and says itself that it was counted, so that
// flows of all other services cost nothing; ServiceCounters::connections holds the result, which
// other workers read when a flow of the service is to begin, and at no other time.
//
// Only the owning worker changes it. Flows know their service by its flow id alone, which is not
// given to another service while a flow may hold it; the slots here lead from it to the counters.
#pragma once

#include <cstdint>
#include <span>

#include "common/counters.h"
#include "common/hash.h"

namespace vipgate {

class ConnectionCounts {
 public:
  // All zero: nobody's.
  struct Slot {
    uint32_t flow_id = 0;
    uint32_t service = 0;  // its index
    uint32_t live = 0;     // never 0 in use
  };

  // Slots for so many services that have counted flows at the same time.
  static size_t slots_for(size_t services) { return services * 2; }

  // Both outlive the object; `slots` are zeroed.
  ConnectionCounts(std::span<Slot> slots, std::span<ServiceCounters> services)
      : slots_(slots), services_(services) {}

  // Whether it is counted: not of a service that has no counters, nor without a free slot.
  bool begin(uint32_t flow_id, uint32_t service) {
    if (service >= services_.size()) return false;
    Slot* slot = find(flow_id);
    if (slot == nullptr) return false;
    if (slot->flow_id == 0) {
      if (used_ >= slots_.size() / 2) return false;
      ++used_;
      *slot = {flow_id, service, 0};
    }
    ++slot->live;
    services_[service].connections.add();
    return true;
  }

  // REQUIRES: begin(flow_id) was true, once for each call.
  void end(uint32_t flow_id) {
    Slot* slot = find(flow_id);
    services_[slot->service].connections.take();
    if (--slot->live == 0) erase(static_cast<size_t>(slot - slots_.data()));
  }

 private:
  size_t home(uint32_t flow_id) const {
    return scale(flow_id * 0x9e3779b1u, static_cast<uint32_t>(slots_.size()));
  }
  size_t after(size_t at) const { return at + 1 == slots_.size() ? 0 : at + 1; }

  // That of the id, or a free one; null: there are no slots. At most half are in use.
  Slot* find(uint32_t flow_id) {
    if (slots_.empty()) return nullptr;
    size_t at = home(flow_id);
    while (slots_[at].flow_id != 0 && slots_[at].flow_id != flow_id) at = after(at);
    return &slots_[at];
  }

  // Closes the gap, so that a search may end at the first free slot.
  void erase(size_t gap) {
    --used_;
    for (size_t at = after(gap); slots_[at].flow_id != 0; at = after(at)) {
      const size_t from_home = (at + slots_.size() - home(slots_[at].flow_id)) % slots_.size();
      const size_t from_gap = (at + slots_.size() - gap) % slots_.size();
      if (from_home < from_gap) continue;  // it may not lie before its home
      slots_[gap] = slots_[at];
      gap = at;
    }
    slots_[gap] = {};
  }

  std::span<Slot> slots_;
  std::span<ServiceCounters> services_;
  size_t used_ = 0;
};

}  // namespace vipgate
