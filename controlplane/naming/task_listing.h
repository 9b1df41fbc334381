// The tasks of a cluster that have records, copied a part at a time, so that the control thread is
// held up by none of them for long; what is copied belongs to any thread.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>

#include "controlplane/mesos/mesos_cluster.h"
#include "controlplane/mesos/shared_text.h"
#include "controlplane/naming/mesos_dns_records.h"

namespace vipgate {

struct TaskListing {
  struct Task {
    SharedText framework_id;
    SharedText id;
    std::string name;  // as the cluster has it
    TaskNames names;
  };

  MesosDnsOptions options;                       // by which the records are made
  std::map<SharedText, std::string> frameworks;  // names by id; some have no task
  std::deque<Task> tasks;  // in no useful order; grows without moving what is there

  // How far the view has been gone through, and how it was laid out then: laid out anew, it is
  // gone through anew.
  size_t next_bucket = 0;
  size_t buckets = 0;
};

// See MesosView::list_tasks(). `tasks`: by key, what has `names`, perhaps none. An item of an
// unordered map stays in its bucket as long as there are as many buckets.
template <class Tasks>
bool list_some_tasks(const Tasks& tasks, const MesosDnsOptions& options,
                     const MesosCluster& cluster, TaskListing& listing, size_t most) {
  if (listing.next_bucket == 0 || listing.buckets != tasks.bucket_count()) {
    listing = {};
    listing.options = options;
    listing.buckets = tasks.bucket_count();
    for (const auto& [id, framework] : cluster.frameworks()) {
      listing.frameworks.emplace(id, framework.name);
    }
  }
  for (size_t looked_at = 0; looked_at < most; ++looked_at) {
    if (listing.next_bucket == listing.buckets) return false;
    const size_t bucket = listing.next_bucket++;
    for (auto at = tasks.begin(bucket); at != tasks.end(bucket); ++at, ++looked_at) {
      const auto& [key, task] = *at;
      const MesosTask* known = cluster.task(key);
      if (!task.names || known == nullptr) continue;
      listing.tasks.push_back({known->framework_id, known->id, known->name, *task.names});
      const MesosFramework* framework = cluster.framework(key.framework_id);
      if (framework != nullptr) listing.frameworks.try_emplace(key.framework_id, framework->name);
    }
  }
  return listing.next_bucket != listing.buckets;
}

}  // namespace vipgate
