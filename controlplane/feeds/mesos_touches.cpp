#include "controlplane/feeds/mesos_touches.h"

#include <algorithm>

#include "controlplane/naming/vip_backends.h"

namespace vipgate {

MesosChanges everything_in(const MesosCluster& cluster) {
  MesosChanges all;
  for (const auto& [key, task] : cluster.tasks()) all.tasks.insert(key);
  for (const auto& [id, agent] : cluster.agents()) all.agents.insert(id);
  for (const auto& [id, framework] : cluster.frameworks()) all.frameworks.insert(id);
  all.masters = true;
  return all;
}

void touch_named(const MesosCluster& cluster, const std::set<std::string>& hosts,
                 MesosChanges& touched) {
  const auto is_named = [&](const auto& item) {
    const auto pid = parse_pid(item.pid);
    return hosts.contains(item.hostname) || (pid && hosts.contains(pid->host));
  };
  const auto is_master_named = [&](const MesosMaster& master) { return hosts.contains(master.ip); };
  const MesosMasters& masters = cluster.masters();
  touched.masters = touched.masters ||
                    std::any_of(masters.masters.begin(), masters.masters.end(), is_master_named) ||
                    (masters.leader && is_master_named(*masters.leader));
  for (const auto& [id, framework] : cluster.frameworks()) {
    if (is_named(framework)) touched.frameworks.insert(id);
  }
  for (const auto& [id, agent] : cluster.agents()) {
    if (is_named(agent)) touched.agents.insert(id);
  }
  if (touched.agents.empty()) return;
  for (const auto& [key, task] : cluster.tasks()) {
    if (touched.agents.contains(task.agent_id)) touched.tasks.insert(key);
  }
}

}  // namespace vipgate
