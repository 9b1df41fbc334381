// Keeps the next hops' link-layer addresses known, by way of the kernel.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/network/neighbors.h"
#include "controlplane/network/next_hops.h"

namespace vipgate {

// Decides when the kernel is asked to resolve which next hop, and when a refusal is worth a line in
// the log. Owned by NeighborKeeper, called by its thread. Times are monotonic milliseconds.
class ResolveSchedule {
 public:
  static constexpr size_t kMaxPerRound = 256;
  // Per port and family: those after them are put off as if they had been refused, too, since each
  // refusal costs the kernel a walk through its full table.
  static constexpr size_t kMaxRefusals = 16;
  static constexpr int64_t kRoundMs = 20;  // from one round to the next

  using Resolve = std::function<Status(const NextHop&)>;

  // These and no others from now on; those that are new are due at once.
  void follow(const std::set<NextHop>& next_hops);
  // Which of them have no link-layer address now. One that has just lost it is due at once.
  void update(const std::set<NextHop>& unresolved, int64_t now_ms);
  // Asks for up to kMaxPerRound of those that are due: unresolved ones after 1, 2, 4 … 30 s, others
  // every 15 s or so, so that the kernel notices when one has moved. Returns what to warn of, if
  // anything was refused: at first, and then once a minute or when others are refused than before.
  std::optional<std::string> run(int64_t now_ms, const Resolve& resolve);
  // When run() has something to do; INT64_MAX: never.
  int64_t next_ms() const;

 private:
  using Kind = std::pair<uint8_t, int>;  // port and family
  struct Entry {
    int64_t due_ms = 0;
    int64_t retry_ms = 0;
    bool unresolved = false;
  };
  struct Round {
    size_t asked = 0;
    size_t refused = 0;
    std::string example;
    std::map<Kind, size_t> refusals;
  };
  void set_due(const NextHop& next_hop, Entry& entry, int64_t due_ms);
  void ask(const NextHop& next_hop, const Entry& entry, const Resolve& resolve, Round& round);
  std::optional<std::string> warning(const Round& round, int64_t now_ms);
  int64_t refresh_delay_ms();

  std::map<NextHop, Entry> entries_;
  std::set<std::pair<int64_t, NextHop>> due_;  // the entries by due_ms
  size_t unresolved_count_ = 0;
  int64_t next_round_ms_ = 0;
  int64_t next_warning_ms_ = 0;
  std::set<Kind> warned_;
  std::minstd_rand jitter_{std::random_device{}()};
};

// Owned and called by the control thread. Times are monotonic milliseconds.
class NeighborKeeper {
 public:
  // `interfaces`: by port; empty where the port has no kernel side, and nothing is resolved there.
  static Result<std::unique_ptr<NeighborKeeper>> create(std::vector<std::string> interfaces);

  // Readable when process() has something to do; negative when there is nothing to follow.
  int fd() const { return watcher_ == nullptr ? -1 : watcher_->fd(); }
  // True: an address that is followed has changed.
  bool process();

  std::optional<MacAddress> find(const NextHop& next_hop) const;

  // From now on follows these; the next refresh() has the new ones resolved. True: as process().
  bool follow(const std::set<NextHop>& next_hops);

  // Asks the kernel for what is due (see ResolveSchedule), and logs what it refused. `unresolved`:
  // those of the next hops that lack an address. Returns when it wants to be called next.
  int64_t refresh(const std::set<NextHop>& unresolved, int64_t now_ms);

 private:
  explicit NeighborKeeper(std::vector<std::string> interfaces);
  std::optional<NeighborKey> key_of(const NextHop& next_hop) const;
  Status resolve(const NextHop& next_hop);

  std::vector<std::string> interfaces_;
  std::unique_ptr<NeighborWatcher> watcher_;  // null without interfaces
  std::set<NextHop> followed_;
  ResolveSchedule schedule_;
  bool has_changed_ = false;  // since the last refresh()
};

}  // namespace vipgate
