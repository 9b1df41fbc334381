// The cluster as the events tell it, with memory for what the stream does not tell: tasks of agents
// that have not come back after a failover of the master stay, events may come in any order, and
// nothing is lost because a source is silent.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "controlplane/mesos/mesos_event.h"

namespace vipgate {

struct MesosClusterOptions {
  int64_t recovery_ms = 600'000;  // how long the tasks of recovered agents are kept
  // An agent that came back tells of its tasks at once. What it has not told by the first heartbeat
  // after so long is gone.
  int64_t return_ms = 5'000;
};

// What changed since it was last taken. Keys may name what is gone by now. A change of an agent or
// framework concerns all of its tasks, which are then in `tasks`, too.
struct MesosChanges {
  std::set<MesosTaskKey> tasks;
  std::set<SharedText> agents;
  std::set<SharedText> frameworks;
  bool masters = false;
  bool empty() const { return tasks.empty() && agents.empty() && frameworks.empty() && !masters; }
};

struct MesosTaskKeyHash {
  size_t operator()(const MesosTaskKey& key) const {
    return key.task_id.hash() * 0x9e3779b97f4a7c15 ^ key.framework_id.hash();
  }
};

// What the cluster keeps of an item beside itself: who told of it last, and when.
template <class Item>
struct MesosKnown : Item {
  int64_t told_ms = INT64_MIN;  // by an event of the stream; INT64_MIN: by a whole state
  uint32_t round = 0;           // of the last whole state that had it
  // The master of now has not told of it: it is kept until it must have.
  bool is_held = false;
  // Of a task: its place among those of its agent, and the last set of changes that names it.
  uint32_t agent_slot = 0;
  uint64_t changed_in = 0;
};

// Owned and called by the control thread. Times are monotonic milliseconds.
class MesosCluster {
 public:
  // By key; a task's key differs from task.key() only if a state had two tasks of one id, the
  // earlier of which gets a key of its own.
  using Tasks = std::unordered_map<MesosTaskKey, MesosKnown<MesosTask>, MesosTaskKeyHash>;
  using Agents = std::unordered_map<SharedText, MesosKnown<MesosAgent>>;
  using Frameworks = std::unordered_map<SharedText, MesosKnown<MesosFramework>>;

  explicit MesosCluster(const MesosClusterOptions& options) : options_(options) {}
  // Tasks are referred to from within.
  MesosCluster(const MesosCluster&) = delete;
  MesosCluster& operator=(const MesosCluster&) = delete;
  MesosCluster(MesosCluster&&) = default;
  MesosCluster& operator=(MesosCluster&&) = default;

  // SUBSCRIBED and events of the stream.
  void apply(MesosEvent event, int64_t now_ms);
  // A sweep: as SUBSCRIBED, but a task that was added or updated by the stream at or after
  // `asked_ms` is left as the stream has it. One that was asked for before the last SUBSCRIBED is
  // passed over.
  void apply_sweep(MesosState state, int64_t asked_ms, int64_t now_ms);
  void set_masters(MesosMasters masters);
  // What the state store had. Everything of it counts as recovered: kept until the cluster tells.
  void restore(MesosState state);
  // The source is out of touch: nothing times out until the next whole state, since who does not
  // hear cannot know.
  void lost_touch() { is_out_of_touch_ = true; }

  // Lets go of what was kept for agents that did not come back in time. True: something changed.
  bool advance(int64_t now_ms);
  int64_t next_deadline_ms() const;  // INT64_MAX: none

  // Tasks whose agent and framework are known, in any state that is not terminal.
  const MesosTask* task(const MesosTaskKey& key) const;
  const MesosAgent* agent(const SharedText& id) const;
  const MesosFramework* framework(const SharedText& id) const;
  const MesosMasters& masters() const { return masters_; }
  const Tasks& tasks() const { return tasks_; }
  const Agents& agents() const { return agents_; }
  const Frameworks& frameworks() const { return frameworks_; }
  // Their agent or framework was not seen yet.
  const Tasks& waiting() const { return waiting_; }
  size_t waiting_tasks() const { return waiting_.size(); }
  size_t recovered_agents() const { return recovering_.size(); }
  const std::vector<MesosSkipped>& skipped() const { return skipped_; }  // of the last whole state

  MesosChanges take_changes();

 private:
  using KnownTask = MesosKnown<MesosTask>;

  void on(MesosSubscribed event, int64_t now_ms);
  void on(MesosTaskAdded event, int64_t now_ms);
  void on(MesosTaskUpdated event, int64_t now_ms);
  void on(MesosAgentAdded event, int64_t now_ms);
  void on(const MesosAgentRemoved& event, int64_t now_ms);
  void on(MesosFrameworkAdded event, int64_t now_ms);
  void on(const MesosFrameworkRemoved& event, int64_t now_ms);
  void on(const MesosHeartbeat& event, int64_t now_ms);
  void on(const MesosUnknownEvent& /*event*/, int64_t /*now_ms*/) {}

  // A whole state. `asked_ms`: what the stream told then or later is newer; INT64_MAX: nothing is.
  void apply_whole(MesosState state, int64_t asked_ms, int64_t now_ms, bool is_sweep);
  void take_agents(std::vector<MesosAgent> agents, int64_t asked_ms);
  void take_recovered(const std::vector<SharedText>& ids, int64_t asked_ms, int64_t now_ms,
                      bool is_sweep);
  void take_frameworks(std::vector<MesosFramework> frameworks, int64_t asked_ms);
  void take_tasks(std::vector<MesosTask> tasks, int64_t asked_ms);
  void drop_untold(int64_t asked_ms);
  void drop_untold_tasks(int64_t asked_ms);
  void drop_untold_frameworks(int64_t asked_ms);
  bool is_told_since(const SharedText& agent_id, int64_t asked_ms) const;

  // Each returns the task, agent, framework as it is kept now, and notes what changed.
  KnownTask& put_task(MesosTaskKey key, MesosTask task);
  KnownTask& add_task(MesosTaskKey key, MesosTask task);
  void replace_task(const MesosTaskKey& key, KnownTask& known, MesosTask task);
  MesosKnown<MesosAgent>& put_agent(MesosAgent agent);
  MesosKnown<MesosFramework>& put_framework(MesosFramework framework);
  KnownTask* find_task(const MesosTaskKey& key);
  // Moves the task to where it belongs: among the tasks, or among those that wait.
  void place(const MesosTaskKey& key);
  bool is_placeable(const MesosTask& task) const;

  void erase_task(const MesosTaskKey& key);
  // The agent, but not its tasks, which wait from then on.
  void erase_agent(SharedText id);
  void erase_framework(SharedText id);
  void drop_held_tasks(const SharedText& agent_id);
  // Frameworks that are kept for held tasks alone, and have none any more.
  void drop_idle_frameworks();

  void note_change(const MesosTaskKey& key, KnownTask& task);
  void index(const MesosTaskKey& key, KnownTask& task);
  void unindex(KnownTask& task);
  std::vector<MesosTaskKey> keys_of_agent(const SharedText& id) const;
  std::vector<MesosTaskKey> keys_of_framework(const SharedText& id) const;
  std::unordered_set<SharedText> frameworks_of_held_tasks() const;
  // Where a task of a whole state belongs, and what is kept there by now.
  struct Place {
    MesosTaskKey key;
    KnownTask* known;
  };
  std::optional<Place> place_in_round(const MesosTask& task);

  // Where a task is referred to; keys and tasks stay where they are while they are in a map.
  struct TaskRef {
    const MesosTaskKey* key;
    KnownTask* task;
  };

  MesosClusterOptions options_;
  Tasks tasks_;
  Tasks waiting_;
  Agents agents_;
  Frameworks frameworks_;
  MesosMasters masters_;
  std::unordered_map<SharedText, std::vector<TaskRef>> by_agent_;
  // Agents that registered with an earlier master only: until when their tasks are kept.
  std::unordered_map<SharedText, int64_t> recovering_;
  // Agents that came back and have held tasks: when they did.
  std::unordered_map<SharedText, int64_t> returned_;
  // What the stream took away, and when, so that an older sweep does not bring it back.
  std::unordered_map<MesosTaskKey, int64_t, MesosTaskKeyHash> buried_tasks_;
  std::unordered_map<SharedText, int64_t> buried_agents_;
  std::unordered_map<SharedText, int64_t> buried_frameworks_;
  std::vector<MesosTaskKey> changed_tasks_;  // few of them twice
  uint64_t change_set_ = 1;
  MesosChanges changes_;
  std::vector<MesosSkipped> skipped_;
  int64_t subscribed_ms_ = INT64_MIN;
  uint32_t round_ = 0;
  bool is_out_of_touch_ = false;
};

}  // namespace vipgate
