// Which reals the operator has taken out, since when and until when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/traffic_figures.h"
#include "controlplane/loop/drain_target.h"
#include "controlplane/loop/reconciler.h"
#include "controlplane/model/model.h"
#include "controlplane/store/state_store.h"

namespace vipgate {

// Unix time outlives the process; what happens within it goes by the other one.
struct DrainClock {
  int64_t unix_s = 0;
  int64_t monotonic_s = 0;
};
DrainClock drain_clock();

struct Drain {
  // Unix time, for people and for the store; 0: it does not end.
  int64_t since_s = 0;
  int64_t ends_s = 0;
  // Monotonic: from when on the real gets nothing; until when it may be nobody's.
  int64_t over_at_s = kNever;
  int64_t awaited_until_s = 0;
  bool is_over = false;
};

// Owned by RestFeed; control thread only. What is staged is committed by the caller.
class DrainDesk {
 public:
  explicit DrainDesk(Reconciler& reconciler) : reconciler_(reconciler) {}

  static constexpr std::string_view kSpace = "drains";  // of the store
  static constexpr size_t kMost = 1000;

  // One that is taken out now, for so many seconds before it gets nothing; 0: for ever. Again: it
  // keeps the time since when.
  Drain planned(const DrainTarget& target, int64_t seconds, const DrainClock& now) const;
  // Each returns what is to be stored.
  StoreWrite take_out(const DrainTarget& target, const Drain& drain);
  StoreWrite give_back(const DrainTarget& target);
  // What an earlier start has stored, to be called before the first snapshot. Returns a sentence
  // for each row that cannot be read.
  std::vector<std::string> restore(const std::map<std::string, std::string>& rows,
                                   const DrainClock& now);

  // Ends what is due, and forgets a target with a port when nobody wants its real any longer: the
  // next task there is another one. To be called in each round. Returns what is to be stored.
  std::vector<StoreWrite> advance(int64_t monotonic_s);

  const std::map<DrainTarget, Drain>& all() const { return drains_; }
  bool is_full() const { return drains_.size() >= kMost; }

  // What a target has: tracked flows of now, and services that have a real of it, perhaps one that
  // is leaving.
  struct Use {
    uint64_t flows = 0;
    std::vector<ServiceKey> services;
    bool is_wanted = false;  // by one of them
  };
  using Uses = std::map<DrainTarget, Use>;
  // Of each of the targets, by one look at all services.
  Uses uses_of(const std::set<DrainTarget>& targets, const TrafficFigures& traffic) const;
  Use use_of(const DrainTarget& target, const TrafficFigures& traffic) const {
    return uses_of({target}, traffic).at(target);
  }
  // Of all().
  Uses uses(const TrafficFigures& traffic) const;

  // {"real":…,"since":…,"ends":…,"state":"draining"|"drained"|"over","flows":…,"services":[ids]}:
  // times in Unix seconds, or null. `drain`: as it is, or would be.
  std::string text(const DrainTarget& target, const Drain& drain, const Use& use) const;

  // Services that would have no real left for new flows without the target.
  std::vector<ServiceKey> emptied_by(const DrainTarget& target) const {
    return reconciler_.emptied_by(target);
  }

 private:
  Reconciler& reconciler_;
  std::map<DrainTarget, Drain> drains_;
  int64_t next_look_s_ = 0;  // monotonic
};

}  // namespace vipgate
