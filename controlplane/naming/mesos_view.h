// What a Mesos cluster means for us: services from its VIP labels, records from its tasks, agents
// and masters. Follows a MesosCluster change by change; the cost is that of what changed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controlplane/config/config.h"
#include "controlplane/loop/source_change.h"
#include "controlplane/mesos/mesos_cluster.h"
#include "controlplane/naming/scheduler_health.h"
#include "controlplane/naming/vip_allocator.h"
#include "controlplane/naming/vip_backends.h"

namespace vipgate {

struct TaskListing;

// What was left out of the input, and why.
struct Skipped {
  std::string kind;       // "task" | "agent" | "framework" | "port" | "label" | "record" | "claim"
  std::string framework;  // name; empty: does not apply
  std::string task;       // id
  std::string item;       // the label's text, the record's name …
  std::string why;        // one sentence
  friend auto operator<=>(const Skipped&, const Skipped&) = default;
};

// Owned and called by the control thread.
class MesosView {
 public:
  // `cluster` is the position in config.mesos: beyond its end, the defaults count. `config` and
  // `allocator` outlive this. `lookup` knows hosts of pids that are no addresses; it must not
  // block. `scheduler_health` may be null: a task of which it changes is to be named as changed.
  MesosView(const Config& config, size_t cluster, VipAllocator& allocator, HostLookup lookup = {},
            const SchedulerHealth* scheduler_health = nullptr);
  ~MesosView();

  // Also without changes, after another source changed the allocator: what it pinned or let go of
  // may concern us.
  SourceChange update(const MesosCluster& cluster, const MesosChanges& changes);
  // Takes back all that it has given, its uses of the allocator among it.
  SourceChange take_back();
  std::vector<Skipped> skipped() const;  // sorted
  // Without those that lost a claim; costs nothing.
  size_t skipped_count() const;
  // Adds the next tasks that have records to `listing`, which was begun empty; looks at about
  // `most` of all tasks. False: those were the last ones. A task that stays meanwhile is listed
  // once; one that comes or goes may be. `cluster`: that of the last update().
  bool list_tasks(const MesosCluster& cluster, TaskListing& listing, size_t most) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vipgate
