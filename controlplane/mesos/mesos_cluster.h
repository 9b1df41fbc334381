// The cluster as the events tell it, with memory for what the stream does not tell: tasks of agents
// that have not come back after a failover of the master stay, events may come in any order, and
// nothing is lost because a source is silent.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "controlplane/mesos/mesos_event.h"

namespace vipgate {

struct MesosClusterOptions {
  int64_t recovery_ms = 600'000;  // how long the tasks of recovered agents are kept
};

// What changed since it was last taken. Keys may name what is gone by now. A change of an agent or
// framework concerns all of its tasks, which are then in `tasks`, too.
struct MesosChanges {
  std::set<MesosTaskKey> tasks;
  std::set<std::string> agents;
  std::set<std::string> frameworks;
  bool masters = false;
  bool empty() const { return tasks.empty() && agents.empty() && frameworks.empty() && !masters; }
};

// Owned and called by the control thread. Times are monotonic milliseconds.
class MesosCluster {
 public:
  explicit MesosCluster(const MesosClusterOptions& options) : options_(options) {}

  // SUBSCRIBED and events of the stream.
  void apply(MesosEvent event, int64_t now_ms);
  // A sweep: as SUBSCRIBED, but a task that was added or updated by the stream at or after
  // `asked_ms` is left as the stream has it.
  void apply_sweep(MesosState state, int64_t asked_ms, int64_t now_ms);
  void set_masters(MesosMasters masters);
  // What the state store had. Everything of it counts as recovered: kept until the cluster tells.
  void restore(MesosState state);

  // Lets go of what was kept for agents that did not come back in time. True: something changed.
  bool advance(int64_t now_ms);
  int64_t next_deadline_ms() const;  // INT64_MAX: none

  const MesosTask* task(const MesosTaskKey& key) const;
  const MesosAgent* agent(const std::string& id) const;
  const MesosFramework* framework(const std::string& id) const;
  const MesosMasters& masters() const;
  const std::map<MesosTaskKey, MesosTask>& tasks() const;
  const std::map<std::string, MesosAgent>& agents() const;
  const std::map<std::string, MesosFramework>& frameworks() const;
  size_t waiting_tasks() const;  // of agents or frameworks not seen yet
  size_t recovered_agents() const;
  const std::vector<MesosSkipped>& skipped() const;  // of the last whole state

  MesosChanges take_changes();

 private:
  MesosClusterOptions options_;
};

}  // namespace vipgate
