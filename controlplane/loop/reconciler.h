// Owns what should be, and brings the data plane there: what sources and health checks say →
// desired state → model → snapshot → publish.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/named_counters.h"
#include "common/snapshot_builder.h"
#include "controlplane/dns/dns_view_tables.h"
#include "controlplane/histogram.h"
#include "controlplane/loop/announcer.h"
#include "controlplane/loop/dataplane_control.h"
#include "controlplane/loop/publisher.h"
#include "controlplane/loop/source_change.h"
#include "controlplane/model/compiler.h"
#include "controlplane/model/desired_state.h"
#include "controlplane/model/fallbacks.h"
#include "controlplane/model/model.h"
#include "controlplane/model/moved_rows.h"

namespace vipgate {

struct ReloadOutcome {
  ModelChange change;
  std::vector<std::string> needs_restart;  // changed keys that were not applied
  std::vector<std::string> problems;       // with names; all else is in force
};

// Computes Maglev tables on TBB's threads.
[[nodiscard]] RingRunner parallel_ring_runner();

// Owned and called by the control thread; times are monotonic seconds; never blocks. A change costs
// what it touches.
class Reconciler {
 public:
  // `config` is in force for all that a reload cannot change. `neighbors` and `routes`, which may
  // be empty, must outlive this.
  Reconciler(const Config& config, DataplaneControl& dataplane, NeighborLookup neighbors,
             const DnsHashSecret& secret, RingRunner runner, RouteLookup routes = {});

  // The first snapshot, and each further one that a configuration makes, with all that is staged.
  // On an error the configuration in force stays as it was.
  Result<ReloadOutcome> apply(const Config& next, int64_t now_s);

  // What a source other than the configuration wants now. Nothing is published before commit(), so
  // that all that belongs to one event comes with one snapshot.
  void stage(const SourceId& source, SourceChange change);
  // Whether the model has room for what a source is about to want; else a sentence that says what
  // it would refuse first. What is staged is not looked at.
  [[nodiscard]] Status check(const SourceChange& change, int64_t now_s) const;
  // Whether all is known that the cluster, by its position in config.mesos, has: at the start it is
  // not. Until it is, names without records in the zones that it feeds are answered SERVFAIL.
  void stage_cluster(size_t cluster, bool is_known);
  // Takes reals out, or gives them back, whoever wants them: see DesiredState.
  void stage_drain(const DrainTarget& target, DrainStage stage) {
    desired_.set_drain(target, stage);
  }
  [[nodiscard]] std::vector<ServiceKey> emptied_by(const DrainTarget& target) const {
    return desired_.emptied_by(target);
  }
  // What the health checker says of a real. Ignored when it is not to be checked (any longer).
  void stage_health(const ServiceKey& service, const RealKey& real, RealHealth health);
  bool has_staged() const;
  // Publishes one snapshot with all that is staged, if it makes a difference. `oldest_received_ns`:
  // when the first of it was received, by monotonic_ns(); 0: unknown. An error names what cannot be
  // served as it is wanted for another reason than those of refused(); all else is.
  Status commit(int64_t now_s, int64_t oldest_received_ns);
  // Since the last call.
  HealthChanges take_health_changes() { return targets_.take_changes(); }
  const HealthTargets& health_targets() const { return targets_; }
  // Services that have entered panic (true) or are no longer in it since the last call; one that is
  // gone is not told of.
  std::map<ServiceKey, bool> take_panic_changes() { return std::exchange(panic_changes_, {}); }

  // Drops what has drained, and rows that have moved long ago; publishes names that waited,
  // announces addresses that began to serve. To be called at next_deadline_s(), and every 2 ms or
  // so for as long as is_pending().
  Status tick(int64_t now_s);
  // The link-layer address of a neighbour has changed: publishes anew what depends on it.
  Status neighbors_changed(int64_t now_s);
  // Routes of these prefixes have changed: publishes anew what depends on them, as long as all
  // reals take to be looked through.
  Status routes_changed(const ChangedPrefixes& changed, int64_t now_s);

  // Which resolvers of dns.forward do not answer: publishes whom to ask instead.
  Status resolvers_changed(std::set<RealKey> down, int64_t now_s);
  const std::set<RealKey>& down_resolvers() const { return down_resolvers_; }

  // Errors that workers have noted about packets of tunnels: publishes shorter ones for the ways
  // that they tell of. Every service with a tunnel is looked at.
  Status tunnel_errors(std::span<const TunnelError> errors, int64_t now_s);

  bool is_pending() const { return publisher_.waits() || announcer_.is_pending(); }
  // Whether all workers have taken the present state, with all its names.
  bool settled() const { return publisher_.settled(); }
  int64_t next_deadline_s() const {
    return std::min({model_.next_deadline_s(), moved_rows_.next_deadline_s(),
                     compiler_.path_mtus().next_deadline_s()});
  }

  // VIPs, and prefixes of them, that somebody has begun to serve (true), or nobody serves any
  // longer, since the last call: a real that is not down, of theirs or of their fallback's. In
  // force with version() at the latest.
  std::vector<std::pair<IpPrefix, bool>> take_serving_changes() {
    return std::exchange(serving_changes_, {});
  }
  // A bit for each port by which reals are reached.
  uint32_t real_ports() const { return compiler_.real_ports(); }
  // Has the segments told anew which addresses live here.
  void repeat_announcements() { announcer_.repeat(); }
  // Versions of the last snapshot, and of the last one that all workers were seen to have taken.
  uint64_t version() const { return publisher_.version(); }
  // How long that took, in ns: from an event to the tables that show it; until all workers had
  // them.
  const Histogram& event_to_published() const { return event_to_published_; }
  const Histogram& published_to_passed() const { return publisher_.passing(); }
  uint64_t passed() const { return publisher_.passed(); }

  const Config& config() const { return config_; }
  const Model& model() const { return model_; }
  RealChanges take_real_changes() { return model_.take_real_changes(); }
  // Services that are not, or not wholly, served as they are wanted: a sentence for each.
  const std::map<ServiceKey, std::string>& refused() const { return model_.refused(); }
  const std::set<NextHop>& next_hops() const { return compiler_.next_hops(); }
  const std::set<NextHop>& unresolved() const { return compiler_.unresolved(); }
  const std::set<IpAddress>& unreachable() const { return compiler_.unreachable(); }
  std::string why_unreachable(const IpAddress& real) const {
    return compiler_.why_unreachable(real);
  }
  // Another number whenever one of these three has changed.
  uint64_t routes_version() const { return compiler_.routes_version(); }
  // The last one that was made; null: none was. It does not change.
  const std::shared_ptr<const Snapshot>& snapshot() const { return builder_.last(); }
  const SnapshotBuildStats& build_stats() const { return builder_.stats(); }
  // The names that are answered, and the records that limits.dns_names has no room for.
  const LimitedDnsTable& dns_table() const { return publisher_.table(); }
  // What the last snapshot answers from, for all but the clients of views; null: there is none yet.
  const std::shared_ptr<const DnsTable>& dns_answers() const { return publisher_.answers(); }
  // What gateways can be compared by, how many names there are, how many services have all their
  // reals in use though most are down, or none to give new flows to, and how long updates took, in
  // microseconds: for the line of counters.
  NamedCounters counters() const;

 private:
  ModelRules rules(const Config& config, const ServiceCompiler& compiler) const;
  Status check_services(const Config& config, const std::set<ServiceKey>& changed,
                        int64_t now_s) const;
  void set_frame();
  Status put_in_force(const Config& config);
  [[nodiscard]] const ServiceKey* fallback_of(const ServiceKey& key) const;
  ModelChange update_model(int64_t now_s);
  void follow_health(const DesiredChanges& changes);
  void follow_panic(const ServiceKey& key, const DesiredService* service);
  void retry_refused();
  bool is_incomplete(const Config& config, const std::string& zone) const;
  Status take_staged_records();
  void take_staged_clusters();
  void recompile_tunnels(const std::set<IpAddress>& reals);
  bool compile_dirty();
  void compile(const ServiceKey& key);
  Status publish(int64_t now_s);
  void set_serving(const ServiceKey& key, bool is_served);
  bool has_living(const ServiceKey& key) const;
  void follow_living(const ServiceKey& key);

  Config config_;
  DataplaneControl& dataplane_;
  DesiredState desired_;
  HealthTargets targets_;
  std::set<ServiceKey> in_panic_;
  std::map<ServiceKey, bool> panic_changes_;  // since they were last taken
  Model model_;
  ServiceCompiler compiler_;
  DnsOptions dns_;
  std::set<RealKey> down_resolvers_;
  // Of the configuration in force, and of the API.
  FallbackTable file_fallbacks_;
  FallbackTable rest_fallbacks_;
  DnsViewTables views_;
  SnapshotBuilder builder_;
  Publisher publisher_;

  DnsRecordList staged_added_;
  std::vector<DnsRecord> staged_removed_;
  std::map<size_t, bool> staged_clusters_;  // whether it is known
  std::set<size_t> unknown_clusters_;
  bool has_room_ = false;  // something went, so what was refused may fit
  ServiceKey last_retried_;

  // What the next snapshot will have that the last one has not.
  SnapshotUpdate update_;
  std::set<ServiceKey> recompile_;  // though the model has not changed
  bool must_publish_ = false;       // though no service has changed
  uint32_t reals_down_ = 0;         // that should get flows, of services that are configured
  MovedRows moved_rows_;
  std::set<ServiceKey> without_real_;       // that are configured
  std::set<ServiceKey> living_;             // with a real that is not down, perhaps a fallback's
  std::map<IpPrefix, size_t> living_vips_;  // by prefix: how many services
  std::vector<std::pair<IpPrefix, bool>> serving_changes_;
  // What was made of each service of the model.
  struct Made {
    uint32_t index = 0;
    uint32_t reals_down = 0;
    std::vector<DnsRecord> records;
  };
  std::map<ServiceKey, Made> made_;
  std::vector<DnsRecord> static_records_;

  Announcer announcer_;  // of VIPs, SNAT and DNS addresses
  Histogram event_to_published_;
};

}  // namespace vipgate
