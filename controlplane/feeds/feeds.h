// All that the control loop follows besides signals, neighbours and time: the sources of services
// other than the configuration, the health checks, and the store that other gateways may share.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/named_counters.h"
#include "common/table_figures.h"
#include "controlplane/config/config.h"
#include "controlplane/feeds/commit_pacer.h"
#include "controlplane/feeds/loop_client.h"
#include "controlplane/feeds/source_report.h"
#include "controlplane/health/check_times.h"
#include "controlplane/loop/dataplane_control.h"
#include "controlplane/loop/reconciler.h"
#include "controlplane/naming/host_resolver.h"
#include "controlplane/naming/scheduler_health.h"
#include "controlplane/naming/vip_allocator.h"
#include "controlplane/naming/yaml_vips.h"
#include "controlplane/store/state_store.h"

namespace vipgate {

class HealthFeed;
class MesosFeed;
class RestFeed;
struct TaskListing;

// Owned by the control loop, called by the control thread. The references outlive this.
class Feeds {
 public:
  // Opens the store, if the configuration needs one or one is there. An error: this machine lacks
  // what they need.
  static Result<std::unique_ptr<Feeds>> create(const Config& config, Reconciler& reconciler,
                                               const DataplaneControl& dataplane);
  ~Feeds();

  // Opens the store when the configuration is the first one that needs it: before resolve().
  void require_store(const Config& config);

  // Addresses as they will be when a configuration has come into force.
  struct Resolved {
    VipAllocator allocator;
    YamlVips yaml_vips;
  };
  // Gives the services of a configuration their addresses. Nothing is changed by it until adopt().
  Result<Resolved> resolve(Config& config) const;
  // The configuration has come into force.
  void adopt(Resolved resolved);
  // Brings what comes from Mesos in line with the configuration that is in force now.
  void follow(const Config& in_force);

  // What was stored of the clusters. To be called once, after the first configuration was resolved
  // and adopted, before the first snapshot.
  void restore_sources(const Config& resolved);
  // Begins to follow. An error: a file that the configuration names cannot be used.
  Status start(int64_t now_ms);

  // What the API makes; lives as long as this.
  [[nodiscard]] RestFeed& rest() { return *rest_; }

  // Those to wait for. Once started, only a store and checks of resolvers that were not needed
  // before are added to them.
  [[nodiscard]] std::span<const std::unique_ptr<LoopClient>> clients() const { return clients_; }
  // What is due, in each round: the clients' acts, and a commit if there is one to make.
  void act(int64_t now_ms);
  [[nodiscard]] int64_t next_deadline_ms() const;
  [[nodiscard]] NamedCounters counters() const;
  // What clusters told and waits to be looked at; no capacity: there are none.
  [[nodiscard]] TableFill mesos_queue() const;
  // Names of hosts that are looked up.
  [[nodiscard]] size_t host_names() const { return hosts_ == nullptr ? 0 : hosts_->size(); }
  // Of reals: how long health checks took.
  [[nodiscard]] CheckTimes check_times() const;
  // How the sources are; `ignored`: see LoopClient.
  [[nodiscard]] std::vector<SourceReport> sources(std::optional<size_t> ignored) const;
  // Of a cluster, by its position in the configuration: see MesosView::list_tasks().
  bool list_tasks(size_t cluster, TaskListing& listing, size_t most) const;
  // Waits for what is not stored yet, at the end.
  void flush();

 private:
  Feeds(const Config& config, Reconciler& reconciler);
  void open_store();
  Status make_rest();
  Status require_resolvers(const Config& config);
  Result<Resolved> resolve_beside(Config& config, std::vector<ServiceConfig>& made) const;
  void forget_clusters();
  void report_refused();
  void report_waiting_names();
  void report_collisions();

  Config config_;  // that of the start, but for what follow() takes over
  Reconciler& reconciler_;
  std::unique_ptr<StateStore> store_;  // null as long as nothing needed one
  VipAllocator allocator_;
  SchedulerHealth scheduler_health_;
  std::unique_ptr<HostResolver> hosts_;
  YamlVips yaml_vips_;
  uint64_t resolved_moves_ = 0;  // of the allocator, when all services were resolved last
  CommitPacer pacer_;
  std::vector<std::unique_ptr<LoopClient>> clients_;
  MesosFeed* mesos_ = nullptr;          // one of the clients
  const HealthFeed* health_ = nullptr;  // another
  RestFeed* rest_ = nullptr;            // another
  bool has_resolvers_ = false;          // another one asks resolvers
  size_t reported_refused_ = 0;
  size_t reported_waiting_ = 0;
  size_t reported_collisions_ = 0;
};

}  // namespace vipgate
