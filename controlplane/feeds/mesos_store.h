// A cluster's last good state in the state store: one entry per task, agent and framework, as v1
// JSON; and the masters. Only what changed is written, a bounded part at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>

#include "controlplane/config/config.h"
#include "controlplane/mesos/mesos_cluster.h"
#include "controlplane/mesos/mesos_parser.h"
#include "controlplane/store/state_store.h"

namespace vipgate {

// The name of a cluster in the store, by its position in the configuration.
std::string mesos_store_name(const Config& config, size_t cluster);

// Takes out of the store what it has of clusters that the configuration does not have. Their names.
Result<std::set<std::string>> forget_other_clusters(StateStore& store, const Config& config);

// Owned and called by the control thread. `store` outlives this. What waits to be stored is bounded
// by what the cluster has and the store has had, however long the store is away.
class MesosStore {
 public:
  // `name` tells the cluster from others: its spaces are "mesos/<name>/…".
  MesosStore(StateStore& store, const std::string& name);

  struct Restored {
    // Of a state whose first storing did not come to its end: how many tasks it had.
    std::optional<size_t> tasks_of;
  };
  // What was stored goes to the cluster, as not confirmed yet. An error: it cannot be read; the
  // cluster stays empty.
  Result<Restored> restore(MesosCluster& cluster);

  // Notes what must be written. `cluster` has these changes.
  void mark(MesosChanges changes, const MesosCluster& cluster);
  // The cluster has told all of itself: once all that is marked is stored, the store has the whole.
  void told_whole() { told_whole_ = true; }
  // Hands over a part of it, unless the store is far behind. The values are those of now.
  void save_some(const MesosCluster& cluster);
  // Hands over all of it, however far behind the store is.
  void save_all(const MesosCluster& cluster);
  // Whether there is more to hand over, and how many entries.
  bool waits() const { return !unsaved_.empty(); }
  size_t unsaved() const {
    return unsaved_.tasks.size() + unsaved_.agents.size() + unsaved_.frameworks.size();
  }

 private:
  using Hash = size_t;

  template <class Key, class Find>
  void mark_some(std::set<Key>& unsaved, const std::string& space, std::set<Key> keys,
                 const Find& find);
  void hand_over(const MesosCluster& cluster);

  StateStore& store_;
  const std::string task_space_;
  const std::string agent_space_;
  const std::string framework_space_;
  const std::string master_space_;
  const std::string unfinished_space_;
  MesosChanges unsaved_;
  std::unordered_set<Hash> stored_;  // entries that the store has, or will have
  // What the store has, or will have, is but a part of the first state. It says so itself.
  bool unfinished_ = false;
  bool told_whole_ = false;
};

}  // namespace vipgate
