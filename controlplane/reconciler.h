// Owns what should be, and brings the data plane there: configuration → model → snapshot → publish.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/snapshot_builder.h"
#include "controlplane/compiler.h"
#include "controlplane/dataplane_control.h"
#include "controlplane/model.h"
#include "controlplane/publisher.h"

namespace vipgate {

struct ReloadOutcome {
  ModelChange change;
  std::vector<std::string> needs_restart;  // changed keys that were not applied
};

// Computes Maglev tables on TBB's threads.
[[nodiscard]] RingRunner parallel_ring_runner();

// Owned and called by the control thread; times are monotonic seconds; never blocks.
class Reconciler {
 public:
  // `config` is in force for all that a reload cannot change. `neighbors` must outlive this.
  Reconciler(const Config& config, DataplaneControl& dataplane, NeighborLookup neighbors,
             const DnsHashSecret& secret, RingRunner runner);

  // The first snapshot, and each further one that a configuration makes. On an error everything
  // stays as it was.
  Result<ReloadOutcome> apply(const Config& next, int64_t now_s);

  // Drops what has drained, publishes names that waited, announces addresses that began to serve.
  // To be called at next_deadline_s(), and every 2 ms or so for as long as is_pending().
  Status tick(int64_t now_s);
  // The link-layer address of a neighbour has changed: publishes anew.
  Status neighbors_changed() { return publisher_.refresh(); }

  bool is_pending() const { return publisher_.waits() || !to_announce_.empty(); }
  // Whether all workers have taken the present state, with all its names.
  bool settled() const { return publisher_.settled(); }
  int64_t next_deadline_s() const { return next_deadline_s_; }

  const Config& config() const { return config_; }
  const Model& model() const { return model_; }
  const std::set<NextHop>& next_hops() const { return next_hops_; }
  const std::set<NextHop>& unresolved() const { return unresolved_; }
  const std::set<IpAddress>& unreachable() const { return unreachable_; }

 private:
  Result<std::shared_ptr<const Snapshot>> compile(const DnsNames& names);
  Result<std::shared_ptr<const DnsTable>> dns_table(const DnsNames& names);
  void queue_announcements();
  void announce_some();

  Config config_;
  DataplaneControl& dataplane_;
  NeighborLookup neighbors_;
  const DnsHashSecret secret_;
  Model model_;
  SnapshotBuilder builder_;
  Publisher publisher_;
  uint64_t generation_ = 0;
  int64_t next_deadline_s_ = kNever;

  std::set<NextHop> next_hops_;
  std::set<NextHop> unresolved_;
  std::set<IpAddress> unreachable_;
  std::set<IpAddress> serving_;  // VIPs, SNAT and DNS addresses of the last snapshot
  std::set<IpAddress> queued_;   // those that were given to to_announce_ at some time
  std::set<IpAddress> to_announce_;

  // The last table and what it was made from.
  std::shared_ptr<const DnsTable> dns_;
  DnsNames dns_names_;
  DnsConfig dns_config_;
};

}  // namespace vipgate
