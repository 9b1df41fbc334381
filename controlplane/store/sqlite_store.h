// The state store in a file of this gateway's own.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "controlplane/store/sqlite_database.h"
#include "controlplane/store/state_store.h"

namespace vipgate {

// Writes wait in memory, one per key, so that memory is bounded by what is stored however long the
// disk is away. A thread of its own writes all that waits as one transaction: thus no batch is ever
// half there, and the order between batches is kept.
class SqliteStore : public StateStore {
 public:
  explicit SqliteStore(const std::string& path);
  // Tries once more to store what waits.
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  Result<std::map<std::string, std::string>> load(std::string_view space) override;
  void write(std::vector<StoreWrite> batch) override;
  Result<std::set<std::string>> spaces() override;
  void erase(const std::string& space) override;
  Status flush(int64_t timeout_ms) override;
  [[nodiscard]] StoreHealth health() const override;
  [[nodiscard]] uint64_t handed() const override;
  [[nodiscard]] bool is_stored(uint64_t number) const override;

 private:
  void run();
  bool has_work() const { return !waiting_.empty() || !erased_.empty(); }
  // One transaction. REQUIRES: `lock` holds mutex_; it is open while the disk works.
  void write_waiting(std::unique_lock<std::mutex>& lock);
  // With the database for itself. REQUIRES: `lock` holds mutex_; it is open meanwhile.
  Status use_database(std::unique_lock<std::mutex>& lock, const std::function<Status()>& use);
  // Once for each kind of failure. REQUIRES: mutex_ is held.
  void report(const std::string& problem);

  std::mutex database_mutex_;  // taken before mutex_, never after it
  SqliteDatabase database_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;  // there is work, or work was done
  StoreRows waiting_;
  StoreRows in_flight_;           // being written now
  std::set<std::string> erased_;  // spaces that are to go
  uint64_t handed_ = 0;           // batches so far
  uint64_t stored_ = 0;           // of these, on the disk
  uint64_t failures_ = 0;
  std::string problem_;  // of the last transaction; empty: it went well
  bool retry_now_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace vipgate
