// Short words for clusters in tests.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/mesos/mesos_cluster.h"

namespace vipgate::test {

inline MesosAgent agent(const std::string& id) {
  return {id, "host-" + id, "slave(1)@10.0.0.1:5051", "", ""};
}

inline MesosFramework framework(const std::string& id) {
  return {id, "name-" + id, "scheduler@10.0.0.9:9000", "host"};
}

inline MesosTaskStatus status(MesosTaskState state, double timestamp_s) {
  MesosTaskStatus status;
  status.state = state;
  status.timestamp_s = timestamp_s;
  return status;
}

inline MesosTask task(const std::string& id, const std::string& agent_id,
                      const std::string& framework_id = "F") {
  MesosTask task;
  task.id = id;
  task.name = "name-" + id;
  task.framework_id = framework_id;
  task.agent_id = agent_id;
  task.state = MesosTaskState::kRunning;
  task.statuses = {status(MesosTaskState::kRunning, 1)};
  return task;
}

inline MesosTaskKey key(const std::string& id, const std::string& framework_id = "F") {
  return {framework_id, id};
}

inline MesosTaskUpdated updated(const std::string& id, MesosTaskState state, double timestamp_s,
                                const std::string& framework_id = "F") {
  return {key(id, framework_id), state, status(state, timestamp_s)};
}

inline MesosState state(std::vector<MesosAgent> agents, std::vector<MesosFramework> frameworks,
                        std::vector<MesosTask> tasks,
                        std::vector<SharedText> recovered_agents = {}) {
  MesosState state;
  state.agents = std::move(agents);
  state.frameworks = std::move(frameworks);
  state.tasks = std::move(tasks);
  state.recovered_agent_ids = std::move(recovered_agents);
  return state;
}

// Of the tasks that can be seen, in order.
inline std::set<std::string> ids(const MesosCluster& cluster) {
  std::set<std::string> ids;
  for (const auto& [key, task] : cluster.tasks()) ids.insert(task.id.str());
  return ids;
}

}  // namespace vipgate::test
