// Keeps the next hops' link-layer addresses known, by way of the kernel.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "controlplane/neighbors.h"
#include "controlplane/next_hops.h"

namespace vipgate {

// Owned and called by the control thread. Times are monotonic milliseconds.
class NeighborKeeper {
 public:
  // `interfaces`: by port; empty where the port has no kernel side, and nothing is resolved there.
  static Result<std::unique_ptr<NeighborKeeper>> create(std::vector<std::string> interfaces);

  // Readable when process() has something to do; negative when there is nothing to follow.
  int fd() const { return watcher_ == nullptr ? -1 : watcher_->fd(); }
  // True: an address that is followed has changed.
  bool process() { return watcher_ != nullptr && watcher_->process(); }

  std::optional<MacAddress> find(const NextHop& next_hop) const;

  // From now on follows these, and has those resolved that it did not know. True: as process().
  bool follow(const std::set<NextHop>& next_hops);

  // Asks the kernel again for `unresolved` ones every second, and for all every 15 s or so, so that
  // it notices when a neighbour has moved. Returns when it wants to be called next.
  int64_t refresh(const std::set<NextHop>& unresolved, int64_t now_ms);

 private:
  explicit NeighborKeeper(std::vector<std::string> interfaces);
  std::optional<NeighborKey> key_of(const NextHop& next_hop) const;
  void resolve(const NextHop& next_hop);

  std::vector<std::string> interfaces_;
  std::unique_ptr<NeighborWatcher> watcher_;  // null without interfaces
  std::set<NextHop> followed_;
  int64_t next_retry_ms_ = 0;
  int64_t next_refresh_ms_ = 0;
  std::minstd_rand jitter_;
};

}  // namespace vipgate
