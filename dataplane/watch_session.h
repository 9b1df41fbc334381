// One watch from its start to its end: takes it to the workers, writes what they tell, and takes it
// away again. Runs on a thread of its own, among those of the control plane.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "common/result.h"
#include "common/snapshot.h"
#include "common/watch.h"
#include "dataplane/fastpath/watch.h"
#include "dataplane/pcapng_file.h"
#include "dataplane/watch_trace.h"

namespace vipgate {

struct WatchSessionOptions {
  WatchOptions watch;
  uint32_t id = 1;  // never the same twice in a process; below 2^24, not 0
  std::vector<std::string> port_names;
  std::vector<int> cpus;              // that the thread may use; empty: any
  uint64_t ticks_per_second = 0;      // of the time stamp counter
  std::span<WatchSlot* const> slots;  // of all workers, by index
  KernelWaker* waker = nullptr;       // that the slots have, and that wakes by event_fd
  int event_fd = -1;
  std::function<std::shared_ptr<const Snapshot>()> current;  // for names; any thread
};

// Owned by the data plane; made and destroyed by the control thread. The slots outlive it, and
// their workers run as long as it lives.
class WatchSession {
 public:
  // An error: a file cannot be made, or there is no memory.
  static Result<std::unique_ptr<WatchSession>> start(const WatchSessionOptions& options);
  // Ends it, if it has not ended by itself, when each worker has begun another loop.
  ~WatchSession();
  WatchSession(const WatchSession&) = delete;
  WatchSession& operator=(const WatchSession&) = delete;

  // Any thread.
  WatchStatus status() const;

 private:
  // The records of one worker and its rings, in memory of their own.
  struct Lane {
    std::unique_ptr<std::byte[]> records;
    struct Free {
      void operator()(void* memory) const { std::free(memory); }
    };
    std::unique_ptr<rte_ring, Free> free, full;
  };

  explicit WatchSession(const WatchSessionOptions& options);
  Status prepare();
  Status open_files();
  Status open_output();
  void run();
  void follow();
  // Waits until all workers use `watch`, which may be null.
  void bring(Watch* watch);
  void wait(int timeout_ms);
  bool drain();
  void take(WatchRecord& record);
  Status write_frame(const WatchRecord& record, uint64_t time_ns, const Snapshot* snapshot);
  void check(const Status& status);
  void finish();
  uint64_t wall_ns(uint64_t ticks) const;
  uint64_t lost() const;

  const WatchSessionOptions options_;
  Watch watch_;
  std::vector<Lane> lanes_;
  std::optional<PcapngWriter> capture_;
  std::optional<WatchTrace> trace_;
  uint64_t start_ticks_ = 0, start_ns_ = 0;  // the same moment by both clocks
  uint64_t frames_ = 0;                      // in the capture
  std::vector<bool> ended_;                  // by the packet's number
  uint32_t ended_count_ = 0;
  std::string error_;  // the first one; the session ends with it
  std::atomic<uint64_t> records_{0};
  std::atomic<uint64_t> no_room_{0};  // in the output
  std::atomic<bool> stop_{false}, done_{false};
  std::thread thread_;
};

}  // namespace vipgate
