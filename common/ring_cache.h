// Maglev tables by the set of reals that they spread over, so that services with equal reals share
// one, and a set that comes back while its table is still in use gets it again. All sets of a
// single real share one table per number of rows.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "common/addresses.h"
#include "common/maglev.h"

namespace vipgate {

// Calls job(i) once for each i below `count`, in any order, perhaps on several threads, and returns
// when all are done.
using RingRunner = std::function<void(size_t count, const std::function<void(size_t)>& job)>;

// What a table is a pure function of.
struct RingKey {
  struct Real {
    IpAddress address;
    uint16_t port = 0;
    uint32_t weight = 1;
    friend bool operator==(const Real&, const Real&) = default;
    friend auto operator<=>(const Real&, const Real&) = default;
  };
  uint32_t rows = 0;
  std::vector<Real> reals;  // sorted, weights above 0
  friend bool operator==(const RingKey&, const RingKey&) = default;
  friend auto operator<=>(const RingKey&, const RingKey&) = default;
};

struct RingTable {
  std::shared_ptr<const MaglevRows> rows;
  uint64_t checksum = 0;  // maglev_checksum() of the rows
};

// Owned and called by one thread. Holds no table alive by itself.
class RingCache {
 public:
  // REQUIRES: there is a runner.
  explicit RingCache(RingRunner runner) : runner_(std::move(runner)) {}

  // One table per key. `built`: how many were not there yet.
  [[nodiscard]] std::vector<RingTable> get(const std::vector<RingKey>& keys, size_t& built);

 private:
  struct Entry {
    std::weak_ptr<const MaglevRows> rows;
    uint64_t checksum = 0;
  };
  void forget_unused();

  RingRunner runner_;
  std::map<RingKey, Entry> tables_;
  size_t forget_at_ = 1024;  // size at which to look for tables that nobody uses any more
};

}  // namespace vipgate
