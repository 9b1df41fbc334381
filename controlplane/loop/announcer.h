// Which addresses the snapshots serve, and telling the network of those that have begun to.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "common/addresses.h"
#include "controlplane/loop/dataplane_control.h"

namespace vipgate {

// Owned and called by the control thread. An address is announced (gratuitous ARP, unsolicited
// neighbour advertisement) once all workers have taken the snapshot that first serves it: what
// comes in answer then finds it served.
class Announcer {
 public:
  // `dataplane` outlives this.
  explicit Announcer(DataplaneControl& dataplane) : dataplane_(dataplane) {}

  // The next snapshot has one user more, or one less, of the address. What is not served any longer
  // draws no traffic here; should it return, it is announced anew.
  void set_serving(const IpAddress& address, bool is_served);
  // All that is served is announced anew: those who knew may have forgotten.
  void repeat();
  // The version of the snapshot that has all that was set.
  void published(uint64_t version);
  // `passed`: the version that all workers have taken. Announces some of what is due.
  void advance(uint64_t passed);
  bool is_pending() const { return !waiting_.empty() || !due_.empty(); }

 private:
  DataplaneControl& dataplane_;
  std::map<IpAddress, uint32_t> serving_;               // by how many users
  std::vector<IpAddress> began_;                        // with the next snapshot
  std::deque<std::pair<uint64_t, IpAddress>> waiting_;  // until that version was passed
  std::set<IpAddress> due_;
};

}  // namespace vipgate
