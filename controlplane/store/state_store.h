// What must survive kill -9, as keys and values in spaces. Writes are handed over and done in order
// by a thread of the store's own, so that a slow or full disk never holds up the control thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace vipgate {

// Pauses before what failed is tried again: twice as long each time, between these.
inline constexpr auto kFirstRetry = std::chrono::milliseconds(100);
inline constexpr auto kLongestRetry = std::chrono::milliseconds(5000);

struct StoreWrite {
  std::string space;
  std::string key;
  std::optional<std::string> value;  // nothing: the key is removed
};

// Spaces that all gateways share, where the store can: kVipSpace (allocations, owners),
// kServiceSpace (services made through the API). All others are this gateway's own.
inline constexpr std::string_view kVipSpace = "vip";
inline constexpr std::string_view kServiceSpace = "service";

struct StoreHealth {
  bool ok = true;
  std::string problem;    // what the last write failed with
  uint64_t failures = 0;  // writes that failed and are tried again
  uint64_t waiting = 0;   // writes not done yet
};

// Created and called by the control thread.
class StateStore {
 public:
  // By the text of the key `store`: "sqlite:PATH", "zk://hosts/path" or "none". `local_path` is the
  // SQLite file for what a ZooKeeper store does not share.
  static Result<std::unique_ptr<StateStore>> open(const std::string& url,
                                                  const std::string& local_path);
  // Whether an earlier start left one of that text on this machine.
  static bool exists(const std::string& url, const std::string& local_path);
  virtual ~StateStore() = default;

  virtual Result<std::map<std::string, std::string>> load(std::string_view space) = 0;
  // All of it or nothing, after all earlier ones. What fails is kept and tried again; later writes
  // of the same key replace earlier ones that wait.
  virtual void write(std::vector<StoreWrite> batch) = 0;
  // This gateway's own spaces that have rows.
  virtual Result<std::set<std::string>> spaces() = 0;
  // Removes all rows of a space of this gateway's own, which is neither written nor loaded again.
  virtual void erase(const std::string& space) = 0;
  // Waits until what was handed over is stored, at most so long.
  virtual Status flush(int64_t timeout_ms) = 0;
  [[nodiscard]] virtual StoreHealth health() const = 0;
  // A number for all that was handed over so far, and whether what a number stands for survives a
  // crash of this machine.
  [[nodiscard]] virtual uint64_t handed() const = 0;
  [[nodiscard]] virtual bool is_stored(uint64_t number) const = 0;

  // Readable when another gateway has changed a shared space; -1: nobody shares.
  [[nodiscard]] virtual int fd() const { return -1; }
  virtual std::vector<StoreWrite> take_remote_changes() { return {}; }
};

}  // namespace vipgate
