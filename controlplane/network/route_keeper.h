// Puts the kernel's routes in force when their gateways' neighbours are known, or will hardly be.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/named_counters.h"
#include "controlplane/network/next_hops.h"
#include "controlplane/network/prefix_map.h"
#include "controlplane/network/route_watcher.h"

namespace vipgate {

// When staged routes are put in force. A route that moves to another gateway goes on by the old one
// while that gateway is asked for its link-layer address: no packet is lost in between. Owned by
// RouteKeeper, called by its thread. Times are monotonic milliseconds.
class RouteSchedule {
 public:
  // Gateways that do not answer for so long do not hold back what else has changed.
  static constexpr int64_t kMaxWaitMs = 500;
  // A route that goes may be followed by its successor: BIRD replaces IPv6 routes so.
  static constexpr int64_t kRemovalMs = 20;
  static constexpr int64_t kRetryMs = 1000;  // after an error

  // Something was staged, `has_removal`: routes that go among it.
  void staged(bool has_removal, int64_t now_ms);
  // `misses_gateway`: a staged route leads to a gateway whose link-layer address is unknown.
  bool is_due(bool misses_gateway, int64_t now_ms) const;
  void committed(bool is_ok, int64_t now_ms);
  // Nothing is due until then: the last change was costly, and there are other things to do.
  void rest_until(int64_t ms) { not_before_ms_ = std::max(not_before_ms_, ms); }
  // When is_due() may next say otherwise; INT64_MAX: not by time alone.
  int64_t next_ms(int64_t now_ms) const;

 private:
  int64_t first_ms_ = INT64_MAX;    // when the oldest was staged; INT64_MAX: nothing is
  int64_t removal_ms_ = INT64_MIN;  // when a route that goes was last staged
  int64_t not_before_ms_ = INT64_MIN;
};

// Owned and called by the control thread. Times are monotonic milliseconds.
class RouteKeeper {
 public:
  // `interfaces`: by port; empty where the port has no kernel side. Without any there are no
  // routes.
  static Result<std::unique_ptr<RouteKeeper>> create(const std::vector<std::string>& interfaces);

  // Readable when process() has something to do; negative when there is nothing to follow.
  int fd() const { return watcher_ == nullptr ? -1 : watcher_->fd(); }
  void process(int64_t now_ms);

  // Gateways of routes that are not in force yet: somebody is to ask for them.
  const std::set<NextHop>& awaited() const { return awaited_; }
  // Puts in force what is due and returns the prefixes that lead elsewhere from now on; nothing:
  // none does.
  std::optional<ChangedPrefixes> advance(const NeighborLookup& neighbors, int64_t now_ms);
  // What advance() has returned took so long to be followed, until now.
  void rest_after(int64_t took_ms, int64_t now_ms) {
    constexpr int64_t kRestsPerWork = 4;
    schedule_.rest_until(now_ms + kRestsPerWork * took_ms);
  }
  // When advance() wants to be called next, whatever else happens.
  int64_t next_ms(int64_t now_ms) const { return schedule_.next_ms(now_ms); }

  // See RouteLookup.
  std::optional<RouteMatch> find(const IpAddress& destination, int above) const;
  NamedCounters counters() const;

 private:
  std::unique_ptr<RouteWatcher> watcher_;  // null without interfaces
  std::set<NextHop> awaited_;
  RouteSchedule schedule_;
  uint64_t changes_ = 0;
};

}  // namespace vipgate
