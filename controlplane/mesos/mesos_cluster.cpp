// The events of the stream; whole states are in mesos_cluster_state.cpp.
#include "controlplane/mesos/mesos_cluster.h"

#include <algorithm>
#include <utility>

namespace vipgate {
namespace {

constexpr size_t kMaxBuried = size_t{1} << 18;
constexpr int64_t kBuriedMs = 60'000;

// Remembers a removal. Of too many, those are forgotten that no sweep under way can be older than.
template <class Graves, class Key>
void bury(Graves& graves, const Key& key, int64_t now_ms) {
  if (graves.size() >= kMaxBuried) {
    std::erase_if(graves, [&](const auto& grave) { return grave.second < now_ms - kBuriedMs; });
    if (graves.size() > kMaxBuried / 2) graves.clear();
  }
  graves.insert_or_assign(key, now_ms);
}

// Of the statuses those that anyone reads: the newest, and the newest that is RUNNING.
void trim_statuses(std::vector<MesosTaskStatus>& statuses) {
  if (statuses.size() < 2) return;
  size_t newest = 0;
  std::optional<size_t> running;
  for (size_t i = 0; i < statuses.size(); ++i) {
    if (statuses[i].timestamp_s >= statuses[newest].timestamp_s) newest = i;
    if (statuses[i].state != MesosTaskState::kRunning) continue;
    if (!running || statuses[i].timestamp_s > statuses[*running].timestamp_s) running = i;
  }
  std::vector<MesosTaskStatus> kept;
  const size_t other = running.value_or(newest);
  kept.reserve(other == newest ? 1 : 2);
  kept.push_back(std::move(statuses[std::min(newest, other)]));
  if (other != newest) kept.push_back(std::move(statuses[std::max(newest, other)]));
  statuses = std::move(kept);
}

// The statuses after one more. What the stream tells last is newest, whatever the agent's clock
// says: older statuses stay only where RUNNING would be forgotten.
std::vector<MesosTaskStatus> with_status(const std::vector<MesosTaskStatus>& statuses,
                                         MesosTaskStatus status) {
  std::vector<MesosTaskStatus> next;
  const auto is_running = [](const auto& one) { return one.state == MesosTaskState::kRunning; };
  const auto running = std::find_if(statuses.rbegin(), statuses.rend(), is_running);
  const bool keeps_running = !is_running(status) && running != statuses.rend();
  next.reserve(keeps_running ? 2 : 1);
  if (keeps_running) next.push_back(*running);
  next.push_back(std::move(status));
  return next;
}

}  // namespace

void MesosCluster::apply(MesosEvent event, int64_t now_ms) {
  std::visit([&](auto&& what) { on(std::forward<decltype(what)>(what), now_ms); },
             std::move(event));
}

void MesosCluster::on(MesosTaskAdded event, int64_t now_ms) {
  MesosTaskKey key = event.task.key();
  if (is_terminal(event.task.state)) {
    // An agent that came back may tell of a task whose end was not acknowledged yet.
    bury(buried_tasks_, key, now_ms);
    erase_task(key);
    return;
  }
  buried_tasks_.erase(key);
  put_task(std::move(key), std::move(event.task)).told_ms = now_ms;
}

void MesosCluster::on(MesosTaskUpdated event, int64_t now_ms) {
  KnownTask* task = find_task(event.key);
  if (is_terminal(event.state) || is_terminal(event.status.state)) {
    bury(buried_tasks_, event.key, now_ms);
    erase_task(event.key);
    return;
  }
  // Of a task that is not known there is nothing to merge with; the next sweep will have it.
  if (task == nullptr) return;
  auto statuses = with_status(task->statuses, std::move(event.status));
  if (task->state != event.state || task->statuses != statuses) {
    task->state = event.state;
    task->statuses = std::move(statuses);
    if (tasks_.contains(event.key)) note_change(event.key, *task);
  }
  task->told_ms = now_ms;
  task->is_held = false;
}

void MesosCluster::on(MesosAgentAdded event, int64_t now_ms) {
  auto& agent = put_agent(std::move(event.agent));
  agent.told_ms = now_ms;
  agent.is_held = false;
  buried_agents_.erase(agent.id);
  if (recovering_.erase(agent.id) != 0) returned_.insert_or_assign(agent.id, now_ms);
}

void MesosCluster::on(const MesosAgentRemoved& event, int64_t now_ms) {
  bury(buried_agents_, event.agent_id, now_ms);
  recovering_.erase(event.agent_id);
  returned_.erase(event.agent_id);
  for (const MesosTaskKey& key : keys_of_agent(event.agent_id)) {
    bury(buried_tasks_, key, now_ms);
    erase_task(key);
  }
  erase_agent(event.agent_id);
  drop_idle_frameworks();
}

void MesosCluster::on(MesosFrameworkAdded event, int64_t now_ms) {
  auto& framework = put_framework(std::move(event.framework));
  framework.told_ms = now_ms;
  framework.is_held = false;
  buried_frameworks_.erase(framework.id);
}

void MesosCluster::on(const MesosFrameworkRemoved& event, int64_t now_ms) {
  bury(buried_frameworks_, event.framework_id, now_ms);
  for (const MesosTaskKey& key : keys_of_framework(event.framework_id)) {
    bury(buried_tasks_, key, now_ms);
    erase_task(key);
  }
  erase_framework(event.framework_id);
}

// A heartbeat comes on the same line as the events, after those that an agent's return made.
void MesosCluster::on(const MesosHeartbeat& /*event*/, int64_t now_ms) {
  const size_t dropped = std::erase_if(returned_, [&](const auto& agent) {
    if (now_ms - agent.second < options_.return_ms) return false;
    drop_held_tasks(agent.first);
    return true;
  });
  if (dropped != 0) drop_idle_frameworks();
}

void MesosCluster::set_masters(MesosMasters masters) {
  if (masters == masters_) return;
  masters_ = std::move(masters);
  changes_.masters = true;
}

bool MesosCluster::advance(int64_t now_ms) {
  if (is_out_of_touch_) return false;
  std::vector<SharedText> late;
  for (const auto& [id, deadline_ms] : recovering_) {
    if (deadline_ms <= now_ms) late.push_back(id);
  }
  for (const SharedText& id : late) {
    recovering_.erase(id);
    drop_held_tasks(id);
    const auto agent = agents_.find(id);
    if (agent != agents_.end() && agent->second.is_held) erase_agent(id);
  }
  if (!late.empty()) drop_idle_frameworks();
  return !late.empty();
}

int64_t MesosCluster::next_deadline_ms() const {
  int64_t next_ms = INT64_MAX;
  if (is_out_of_touch_) return next_ms;
  for (const auto& [id, deadline_ms] : recovering_) next_ms = std::min(next_ms, deadline_ms);
  return next_ms;
}

const MesosTask* MesosCluster::task(const MesosTaskKey& key) const {
  const auto found = tasks_.find(key);
  return found == tasks_.end() ? nullptr : &found->second;
}

const MesosAgent* MesosCluster::agent(const SharedText& id) const {
  const auto found = agents_.find(id);
  return found == agents_.end() ? nullptr : &found->second;
}

const MesosFramework* MesosCluster::framework(const SharedText& id) const {
  const auto found = frameworks_.find(id);
  return found == frameworks_.end() ? nullptr : &found->second;
}

MesosChanges MesosCluster::take_changes() {
  MesosChanges changes = std::exchange(changes_, {});
  auto keys = std::exchange(changed_tasks_, std::vector<MesosTaskKey>());
  ++change_set_;
  sort_task_keys(keys);
  for (MesosTaskKey& key : keys) changes.tasks.insert(changes.tasks.end(), std::move(key));
  return changes;
}

void MesosCluster::note_change(const MesosTaskKey& key, KnownTask& task) {
  if (std::exchange(task.changed_in, change_set_) != change_set_) changed_tasks_.push_back(key);
}

MesosCluster::KnownTask& MesosCluster::put_task(MesosTaskKey key, MesosTask task) {
  KnownTask* known = find_task(key);
  if (known == nullptr) return add_task(std::move(key), std::move(task));
  replace_task(key, *known, std::move(task));
  return *known;
}

MesosCluster::KnownTask& MesosCluster::add_task(MesosTaskKey key, MesosTask task) {
  trim_statuses(task.statuses);
  const bool is_visible = is_placeable(task);
  const auto added = (is_visible ? tasks_ : waiting_).try_emplace(std::move(key)).first;
  KnownTask& known = added->second;
  static_cast<MesosTask&>(known) = std::move(task);
  index(added->first, known);
  if (is_visible) note_change(added->first, known);
  return known;
}

void MesosCluster::replace_task(const MesosTaskKey& key, KnownTask& known, MesosTask task) {
  trim_statuses(task.statuses);
  known.is_held = false;
  if (static_cast<const MesosTask&>(known) == task) return;
  if (tasks_.contains(key)) note_change(key, known);
  if (known.agent_id == task.agent_id) {
    static_cast<MesosTask&>(known) = std::move(task);
    return;
  }
  const MesosTaskKey& kept_key = *by_agent_.at(known.agent_id)[known.agent_slot].key;
  unindex(known);
  static_cast<MesosTask&>(known) = std::move(task);
  index(kept_key, known);
  place(kept_key);
}

MesosKnown<MesosAgent>& MesosCluster::put_agent(MesosAgent agent) {
  const auto [at, is_new] = agents_.try_emplace(agent.id);
  auto& known = at->second;
  if (!is_new && static_cast<const MesosAgent&>(known) == agent) return known;
  changes_.agents.insert(agent.id);
  const auto tasks = by_agent_.find(agent.id);
  static_cast<MesosAgent&>(known) = std::move(agent);
  if (tasks == by_agent_.end()) return known;
  for (const TaskRef& ref : tasks->second) {
    if (is_new) {
      place(*ref.key);
    } else if (tasks_.contains(*ref.key)) {
      note_change(*ref.key, *ref.task);
    }
  }
  return known;
}

MesosKnown<MesosFramework>& MesosCluster::put_framework(MesosFramework framework) {
  const auto [at, is_new] = frameworks_.try_emplace(framework.id);
  auto& known = at->second;
  if (!is_new && static_cast<const MesosFramework&>(known) == framework) return known;
  changes_.frameworks.insert(framework.id);
  static_cast<MesosFramework&>(known) = std::move(framework);
  if (!is_new) {
    for (auto& [key, task] : tasks_) {
      if (key.framework_id == known.id) note_change(key, task);
    }
  } else if (!waiting_.empty()) {
    for (const MesosTaskKey& key : keys_of_framework(known.id)) place(key);
  }
  return known;
}

MesosCluster::KnownTask* MesosCluster::find_task(const MesosTaskKey& key) {
  if (const auto found = tasks_.find(key); found != tasks_.end()) return &found->second;
  if (waiting_.empty()) return nullptr;
  const auto found = waiting_.find(key);
  return found == waiting_.end() ? nullptr : &found->second;
}

bool MesosCluster::is_placeable(const MesosTask& task) const {
  return agents_.contains(task.agent_id) && frameworks_.contains(task.framework_id);
}

void MesosCluster::place(const MesosTaskKey& key) {
  const bool is_visible = tasks_.contains(key);
  Tasks& from = is_visible ? tasks_ : waiting_;
  const auto found = from.find(key);
  if (found == from.end() || is_placeable(found->second) == is_visible) return;
  note_change(key, found->second);
  (is_visible ? waiting_ : tasks_).insert(from.extract(found));
}

void MesosCluster::erase_task(const MesosTaskKey& key) {
  Tasks& from = tasks_.contains(key) ? tasks_ : waiting_;
  const auto found = from.find(key);
  if (found == from.end()) return;
  if (&from == &tasks_) note_change(key, found->second);
  unindex(found->second);
  from.erase(found);
}

// `id` may be part of what is erased.
void MesosCluster::erase_agent(SharedText id) {
  if (agents_.erase(id) == 0) return;
  for (const MesosTaskKey& key : keys_of_agent(id)) place(key);
  changes_.agents.insert(std::move(id));
}

void MesosCluster::erase_framework(SharedText id) {
  if (frameworks_.erase(id) == 0) return;
  for (const MesosTaskKey& key : keys_of_framework(id)) place(key);
  changes_.frameworks.insert(std::move(id));
}

void MesosCluster::drop_held_tasks(const SharedText& agent_id) {
  for (const MesosTaskKey& key : keys_of_agent(agent_id)) {
    if (find_task(key)->is_held) erase_task(key);
  }
}

void MesosCluster::drop_idle_frameworks() {
  std::vector<SharedText> held;
  for (const auto& [id, framework] : frameworks_) {
    if (framework.is_held) held.push_back(id);
  }
  if (held.empty()) return;
  const auto used = frameworks_of_held_tasks();
  for (const SharedText& id : held) {
    if (!used.contains(id)) erase_framework(id);
  }
}

void MesosCluster::index(const MesosTaskKey& key, KnownTask& task) {
  auto& refs = by_agent_[task.agent_id];
  task.agent_slot = static_cast<uint32_t>(refs.size());
  refs.push_back({&key, &task});
}

void MesosCluster::unindex(KnownTask& task) {
  const auto found = by_agent_.find(task.agent_id);
  auto& refs = found->second;
  refs.back().task->agent_slot = task.agent_slot;
  refs[task.agent_slot] = refs.back();
  refs.pop_back();
  if (refs.empty()) by_agent_.erase(found);
}

std::vector<MesosTaskKey> MesosCluster::keys_of_agent(const SharedText& id) const {
  std::vector<MesosTaskKey> keys;
  const auto found = by_agent_.find(id);
  if (found == by_agent_.end()) return keys;
  for (const TaskRef& ref : found->second) keys.push_back(*ref.key);
  return keys;
}

// Looks at all tasks: frameworks come, change and go seldom.
std::vector<MesosTaskKey> MesosCluster::keys_of_framework(const SharedText& id) const {
  std::vector<MesosTaskKey> keys;
  for (const Tasks* tasks : {&tasks_, &waiting_}) {
    for (const auto& [key, task] : *tasks) {
      if (key.framework_id == id) keys.push_back(key);
    }
  }
  return keys;
}

std::unordered_set<SharedText> MesosCluster::frameworks_of_held_tasks() const {
  std::unordered_set<SharedText> ids;
  for (const Tasks* tasks : {&tasks_, &waiting_}) {
    for (const auto& [key, task] : *tasks) {
      if (task.is_held) ids.insert(key.framework_id);
    }
  }
  return ids;
}

}  // namespace vipgate
