// Asks the running workers which flows they have, and gives these their names.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "common/flow_list.h"
#include "common/result.h"
#include "common/snapshot.h"
#include "dataplane/fastpath/flow_walk.h"
#include "dataplane/fastpath/kernel_port.h"

namespace vipgate {

// Owned by the data plane. Outlives the workers.
class FlowDesk {
 public:
  static constexpr int kPatienceMs = 4000;

  // `current`: what is served, for names; any thread.
  explicit FlowDesk(std::function<std::shared_ptr<const Snapshot>()> current,
                    int patience_ms = kPatienceMs);
  ~FlowDesk();
  FlowDesk(const FlowDesk&) = delete;
  FlowDesk& operator=(const FlowDesk&) = delete;

  // In the order of the workers, before any of them runs.
  void add_worker(FlowWalkSlot& slot);
  // Any thread; waits for the workers, as long as its patience lasts, and for those who have asked
  // before. An error: nothing is served yet, or a worker does not come round.
  Result<FlowList> list(const FlowQuestion& question);

 private:
  // What is lent to the workers.
  struct Loan {
    std::shared_ptr<const Snapshot> snapshot;
    std::vector<uint64_t> ids, wide_ids, reals;
    std::vector<std::vector<FlowRow>> rows;        // by worker
    std::vector<std::unique_ptr<FlowWalk>> walks;  // by worker; null: not asked
  };

  bool is_back() const;
  bool wait_until_back();

  const std::function<std::shared_ptr<const Snapshot>()> current_;
  const int patience_ms_;
  const int event_fd_;  // wakes who waits
  KernelWaker waker_;
  std::vector<FlowWalkSlot*> slots_;
  std::mutex mutex_;            // who asks
  std::unique_ptr<Loan> loan_;  // the last one: a worker may have it still
};

}  // namespace vipgate
