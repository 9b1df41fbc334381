// Routes of VIPs in a table of the kernel, from where routing daemons (BIRD, FRR) announce them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/addresses.h"
#include "controlplane/config/config.h"
#include "controlplane/network/netlink_events.h"

namespace vipgate {

// Whether the VIP, or the prefix of VIPs, has somebody who serves it.
using ServingChange = std::pair<IpPrefix, bool>;

// A VIP's route comes once all workers have taken the snapshot that first serves it, and goes with
// the last real that could. Owned and called by the control thread, which waits for the kernel's
// acknowledgments (some 20 µs each). Sees the network namespace of the thread that made it.
class RouteAnnouncer {
 public:
  // REQUIRES: config.table is not 0. Routes of config.protocol in that table are taken for
  // left-overs: those of VIPs that are served stay as they are.
  static Result<std::unique_ptr<RouteAnnouncer>> create(const AnnounceConfig& config);
  ~RouteAnnouncer() { withdraw_all(); }

  // What has changed with the snapshot of this version.
  void update(std::span<const ServingChange> changes, uint64_t version);
  // Why nothing may be announced, for the log; empty: it may.
  void suspend(std::string why);
  // Adds and removes some of what is due. `passed`: the version that all workers have taken. Errors
  // are logged once a minute, and tried anew after a second.
  void advance(uint64_t passed, int64_t now_ms);
  void withdraw_all();

  // When advance() wants to be called; INT64_MAX: when something has changed.
  int64_t next_ms(int64_t now_ms) const;
  size_t installed() const { return installed_.size(); }

 private:
  explicit RouteAnnouncer(const AnnounceConfig& config);
  Status open();
  void read_left_over(nl_msg* message);
  bool is_wanted(const IpPrefix& prefix) const {
    return suspended_.empty() && able_.contains(prefix);
  }
  Status change(const IpPrefix& prefix, bool is_added);

  AnnounceConfig config_;
  NetlinkEvents netlink_;
  int loopback_ = 0;
  std::set<IpPrefix> served_;                          // by the last snapshot
  std::deque<std::pair<uint64_t, IpPrefix>> waiting_;  // until that version was passed
  std::set<IpPrefix> able_;                            // served by all workers
  std::set<IpPrefix> installed_;
  std::set<IpPrefix> due_;  // may be installed and not wanted, or the other way around
  bool has_left_overs_ = true;
  std::string suspended_;  // why; empty: it is not
  int64_t retry_ms_ = 0;
  int64_t next_error_ms_ = 0;
};

}  // namespace vipgate
