// Begins and ends watches of the running workers, one at a time, each with an id of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/snapshot.h"
#include "common/watch.h"
#include "dataplane/fastpath/watch.h"
#include "dataplane/watch_session.h"

namespace vipgate {

struct WatchDeskOptions {
  std::vector<std::string> port_names;
  std::vector<int> cpus;  // that the thread of a watch may use; empty: any
  std::function<std::shared_ptr<const Snapshot>()> current;  // for names; any thread
};

// Owned by the data plane, used by the control thread. Outlives the workers, but its watch does
// not: stop() comes before they end.
class WatchDesk {
 public:
  explicit WatchDesk(WatchDeskOptions options);
  ~WatchDesk();
  WatchDesk(const WatchDesk&) = delete;
  WatchDesk& operator=(const WatchDesk&) = delete;

  // In the order of the workers, before any of them runs.
  void add_worker(WatchSlot& slot);
  // Ends the watch before. An error: a file cannot be made.
  Status start(const WatchOptions& wanted);
  void stop() { session_.reset(); }
  WatchStatus status() const { return session_ ? session_->status() : WatchStatus{}; }

 private:
  const WatchDeskOptions options_;
  const int event_fd_;  // wakes the thread that writes
  KernelWaker waker_;
  std::vector<WatchSlot*> slots_;
  uint32_t started_ = 0;
  std::unique_ptr<WatchSession> session_;  // the last one
};

}  // namespace vipgate
