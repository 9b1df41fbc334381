// Whole states: SUBSCRIBED, sweeps, and what the state store had.
#include <algorithm>
#include <utility>

#include "controlplane/mesos/mesos_cluster.h"

namespace vipgate {
namespace {

// Ids are unique in a cluster. A document that has one twice keeps both tasks, up to so many.
constexpr int kMostOfOneId = 16;

template <class Graves, class Key>
bool is_buried_since(const Graves& graves, const Key& key, int64_t asked_ms) {
  if (graves.empty()) return false;
  const auto grave = graves.find(key);
  return grave != graves.end() && grave->second >= asked_ms;
}

template <class Graves>
void forget_before(Graves& graves, int64_t asked_ms) {
  std::erase_if(graves, [&](const auto& grave) { return grave.second < asked_ms; });
}

}  // namespace

void MesosCluster::on(MesosSubscribed event, int64_t now_ms) {
  subscribed_ms_ = now_ms;
  apply_whole(std::move(event.state), INT64_MAX, now_ms, false);
}

void MesosCluster::apply_sweep(MesosState state, int64_t asked_ms, int64_t now_ms) {
  if (asked_ms < subscribed_ms_) return;
  apply_whole(std::move(state), asked_ms, now_ms, true);
}

void MesosCluster::restore(MesosState state) {
  for (MesosAgent& agent : state.agents) {
    recovering_.insert_or_assign(agent.id, INT64_MAX);
    put_agent(std::move(agent)).is_held = true;
  }
  for (MesosFramework& framework : state.frameworks) {
    put_framework(std::move(framework)).is_held = true;
  }
  for (MesosTask& task : state.tasks) {
    if (is_terminal(task.state)) continue;
    MesosTaskKey key = task.key();
    put_task(std::move(key), std::move(task)).is_held = true;
  }
}

void MesosCluster::apply_whole(MesosState state, int64_t asked_ms, int64_t now_ms, bool is_sweep) {
  ++round_;
  is_out_of_touch_ = false;
  take_agents(std::move(state.agents), asked_ms);
  take_recovered(state.recovered_agent_ids, asked_ms, now_ms, is_sweep);
  take_frameworks(std::move(state.frameworks), asked_ms);
  take_tasks(std::move(state.tasks), asked_ms);
  drop_untold(asked_ms);
  skipped_ = std::move(state.skipped);
}

void MesosCluster::take_agents(std::vector<MesosAgent> agents, int64_t asked_ms) {
  for (MesosAgent& agent : agents) {
    if (is_buried_since(buried_agents_, agent.id, asked_ms)) continue;
    recovering_.erase(agent.id);
    const auto found = agents_.find(agent.id);
    const bool is_known = found != agents_.end();
    if (is_known && found->second.round == round_) continue;  // it is there twice
    const bool is_newer = is_known && found->second.told_ms >= asked_ms;
    auto& known = is_newer ? found->second : put_agent(std::move(agent));
    known.round = round_;
    known.is_held = false;
  }
}

// Agents that are registered have been taken before: one that is in both lists is registered.
void MesosCluster::take_recovered(const std::vector<SharedText>& ids, int64_t asked_ms,
                                  int64_t now_ms, bool is_sweep) {
  std::unordered_set<SharedText> still;
  const int64_t deadline_ms = now_ms + options_.recovery_ms;
  for (const SharedText& id : ids) {
    if (is_buried_since(buried_agents_, id, asked_ms) || is_told_since(id, asked_ms)) continue;
    const auto found = agents_.find(id);
    if (found != agents_.end()) {
      if (found->second.round == round_) continue;
      found->second.round = round_;
      found->second.is_held = true;
    }
    // A new leader gives the agents their time anew; a sweep of the same one does not.
    int64_t& until_ms = recovering_.try_emplace(id, deadline_ms).first->second;
    until_ms = is_sweep ? std::min(until_ms, deadline_ms) : deadline_ms;
    still.insert(id);
  }
  std::erase_if(recovering_, [&](const auto& agent) { return !still.contains(agent.first); });
}

void MesosCluster::take_frameworks(std::vector<MesosFramework> frameworks, int64_t asked_ms) {
  for (MesosFramework& framework : frameworks) {
    if (is_buried_since(buried_frameworks_, framework.id, asked_ms)) continue;
    const auto found = frameworks_.find(framework.id);
    const bool is_known = found != frameworks_.end();
    if (is_known && found->second.round == round_) continue;  // it is there twice
    const bool is_newer = is_known && found->second.told_ms >= asked_ms;
    auto& known = is_newer ? found->second : put_framework(std::move(framework));
    known.round = round_;
    known.is_held = false;
  }
}

// The key to keep the task under is another one than its own if this round had a task of
// that id before. Nothing: it is the same task once more.
std::optional<MesosCluster::Place> MesosCluster::place_in_round(const MesosTask& task) {
  MesosTaskKey key = task.key();
  for (int nth = 2; nth <= kMostOfOneId + 1; ++nth) {
    KnownTask* known = find_task(key);
    if (known == nullptr || known->round != round_) return Place{std::move(key), known};
    // A task that is no longer unreachable can be told of as both.
    if (task.state == MesosTaskState::kUnreachable || known->name == task.name) break;
    // No id has a line feed.
    key.task_id = task.id.str() + '\n' + std::to_string(nth);
  }
  return std::nullopt;
}

void MesosCluster::take_tasks(std::vector<MesosTask> tasks, int64_t asked_ms) {
  tasks_.reserve(tasks.size());
  // From the end, where those are that can be reached.
  for (auto at = tasks.rbegin(); at != tasks.rend(); ++at) {
    MesosTask& task = *at;
    if (is_terminal(task.state)) continue;
    std::optional<Place> place = place_in_round(task);
    if (!place || is_buried_since(buried_tasks_, place->key, asked_ms)) continue;
    KnownTask* known = place->known;
    if (known == nullptr) {
      known = &add_task(std::move(place->key), std::move(task));
    } else if (known->told_ms < asked_ms) {
      replace_task(place->key, *known, std::move(task));
    }
    known->round = round_;
  }
}

bool MesosCluster::is_told_since(const SharedText& agent_id, int64_t asked_ms) const {
  const auto found = agents_.find(agent_id);
  return found != agents_.end() && found->second.told_ms >= asked_ms;
}

void MesosCluster::drop_untold(int64_t asked_ms) {
  drop_untold_tasks(asked_ms);
  std::vector<SharedText> gone;
  for (const auto& [id, agent] : agents_) {
    if (agent.round != round_ && agent.told_ms < asked_ms) gone.push_back(id);
  }
  for (const SharedText& id : gone) erase_agent(id);
  drop_untold_frameworks(asked_ms);
  // A master takes an agent back with all of its tasks in one step: a state that was asked for
  // later has told of those that are left.
  forget_before(returned_, asked_ms);
  forget_before(buried_tasks_, asked_ms);
  forget_before(buried_agents_, asked_ms);
  forget_before(buried_frameworks_, asked_ms);
}

void MesosCluster::drop_untold_tasks(int64_t asked_ms) {
  std::vector<MesosTaskKey> gone;
  for (Tasks* tasks : {&tasks_, &waiting_}) {
    for (auto& [key, task] : *tasks) {
      if (task.round == round_ || task.told_ms >= asked_ms) continue;
      if (recovering_.contains(task.agent_id)) {
        task.is_held = true;
      } else if (!is_told_since(task.agent_id, asked_ms)) {
        gone.push_back(key);
      }
    }
  }
  for (const MesosTaskKey& key : gone) erase_task(key);
}

void MesosCluster::drop_untold_frameworks(int64_t asked_ms) {
  std::vector<SharedText> untold;
  for (const auto& [id, framework] : frameworks_) {
    if (framework.round != round_ && framework.told_ms < asked_ms) untold.push_back(id);
  }
  if (untold.empty()) return;
  const auto used = frameworks_of_held_tasks();
  for (const SharedText& id : untold) {
    if (used.contains(id)) {
      frameworks_.at(id).is_held = true;
    } else {
      erase_framework(id);
    }
  }
}

}  // namespace vipgate
