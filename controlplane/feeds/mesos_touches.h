// What of a cluster is to be shown anew though the cluster itself has not changed. Pure functions.
#pragma once

#include <set>
#include <string>

#include "controlplane/mesos/mesos_cluster.h"

namespace vipgate {

MesosChanges everything_in(const MesosCluster& cluster);

// Adds what goes by the addresses of these hosts: masters, frameworks, agents and their tasks.
void touch_named(const MesosCluster& cluster, const std::set<std::string>& hosts,
                 MesosChanges& touched);

}  // namespace vipgate
