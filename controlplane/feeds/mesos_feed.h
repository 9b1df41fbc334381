// Brings the Mesos clusters to the reconciler: what their sources put into the queue is applied to
// the clusters, what changed goes through the views, and is remembered in the store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/named_counters.h"
#include "common/table_figures.h"
#include "controlplane/config/config.h"
#include "controlplane/feeds/commit_pacer.h"
#include "controlplane/feeds/loop_client.h"
#include "controlplane/feeds/mesos_store.h"
#include "controlplane/loop/reconciler.h"
#include "controlplane/mesos/mesos_cluster.h"
#include "controlplane/mesos/mesos_source.h"
#include "controlplane/naming/mesos_view.h"
#include "controlplane/naming/vip_allocator.h"

namespace vipgate {

// Owned by the control loop, called by the control thread. The references outlive this.
class MesosFeed : public LoopClient {
 public:
  // What the views of the clusters ask about things that the cluster does not tell.
  struct Lookups {
    HostLookup hosts;
    const SchedulerHealth* scheduler_health = nullptr;
  };
  MesosFeed(const Config& config, VipAllocator& allocator, const Lookups& lookups,
            StateStore& store, Reconciler& reconciler, CommitPacer& pacer);
  ~MesosFeed() override;

  // Stages what the store has of the clusters: the last good state, until they tell otherwise.
  void restore();
  // Something other than the cluster has changed of the task: its framework's own health checks.
  void touch(const std::string& framework_name, const std::string& task_id);
  // The addresses of these hosts have changed.
  void touch_hosts(const std::set<std::string>& names);
  // The configuration has changed in what a reload may change: what the clusters mean is told anew.
  void remake_views();
  // Begins to follow them. An error: a file that the configuration names cannot be used.
  Status start(int64_t now_ms);
  // Hands the store all that it has not got yet: at the end.
  void save_all();

  // See MesosView::list_tasks().
  bool list_tasks(size_t cluster, TaskListing& listing, size_t most) const;

  // What the clusters told and waits to be looked at.
  [[nodiscard]] TableFill queue() const;

  [[nodiscard]] int fd() const override;
  void process(int64_t now_ms) override;
  void act(int64_t now_ms) override;
  [[nodiscard]] int64_t next_deadline_ms() const override;
  [[nodiscard]] NamedCounters counters() const override;
  void add_sources(std::vector<SourceReport>& sources,
                   std::optional<size_t> ignored) const override;

 private:
  struct Cluster;

  std::unique_ptr<MesosView> make_view(size_t index) const;
  void apply(Cluster& cluster, MesosInput input, int64_t now_ms);
  void apply_link(Cluster& cluster, const MesosLink& link, int64_t now_ms);
  void expire(Cluster& cluster, int64_t now_ms);
  static void take_whole(Cluster& cluster);
  void tell_known(Cluster& cluster);
  static const char* what_stays(const Cluster& cluster);
  void stage(Cluster& cluster, int64_t now_ms);
  void mark(Cluster& cluster);
  bool is_served() const;  // all that was staged
  void show(Cluster& cluster, const MesosChanges& changes);
  void forget_unused_claims();
  static void add_ignored(const Cluster& cluster, size_t most, SourceReport& report);
  static void report_skipped(Cluster& cluster, int64_t now_ms);

  const Config& config_;
  VipAllocator& allocator_;
  const Lookups lookups_;
  Reconciler& reconciler_;
  CommitPacer& pacer_;
  const MesosCluster nothing_{MesosClusterOptions{}};
  std::vector<std::unique_ptr<Cluster>> clusters_;
  std::unique_ptr<MesosQueue> queue_;
  int64_t last_save_ms_ = 0;
  bool claims_are_settled_ = false;
  bool has_more_ = false;  // in the queue, beyond what one round takes
};

}  // namespace vipgate
