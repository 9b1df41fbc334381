// What Mesos-DNS's /v1/enumerate tells (mesos-dns 9): each framework's tasks, and their records.
#pragma once

#include <string>

#include "controlplane/naming/task_listing.h"

namespace vipgate {

// {"frameworks":[{"tasks":[{"name":…,"id":…,"records":[{"name":…,"host":…,"rtype":…},…]},…],
// "name":…},…]}: frameworks by name, tasks by id. A record that a task before it has is not told
// again. Any thread; takes time and memory for each record.
std::string mesos_dns_enumeration_text(const TaskListing& listing);

}  // namespace vipgate
