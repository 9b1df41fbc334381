// What the feed keeps of one cluster, and whom it hears from. Of MesosFeed alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "controlplane/feeds/mesos_feed.h"
#include "controlplane/monotonic_clock.h"

namespace vipgate {

struct MesosFeed::Cluster {
  static constexpr int64_t kNeverNs = std::numeric_limits<int64_t>::max();

  Cluster(const Config& config, size_t number, std::unique_ptr<MesosView> shown, StateStore& state)
      : index(number),
        label("mesos[" + std::to_string(number) + "] (" + config.mesos[number].domain + ")"),
        cluster({int64_t{config.mesos[number].recovery_s} * 1000}),
        view(std::move(shown)),
        store(state, mesos_store_name(config, number)) {}

  // As the API names it.
  std::string id() const { return "mesos." + std::to_string(index); }

  // Since it was heard of last. A stored state that the cluster has not confirmed is as old as our
  // start, or older.
  int64_t age_ms() const {
    return std::max<int64_t>(monotonic_ms() - (heard_ms != 0 ? heard_ms : lost_at_ms), 0);
  }

  const size_t index;
  const std::string label;
  MesosCluster cluster;
  std::unique_ptr<MesosView> view;
  MesosStore store;
  std::unique_ptr<MesosSource> source;
  MesosChanges touched;  // by something other than the cluster
  // Very many, that the store is told of when they are served.
  std::optional<MesosChanges> unmarked;
  int64_t mark_by_ms = 0;  // REQUIRES: unmarked
  uint64_t moves = 0;      // of the allocator, as the view knows it
  bool connected = false;
  std::string link_detail;                // the last that was said of the connection
  bool expired = false;                   // the view is shown nothing
  bool is_known = false;                  // all that it has is shown
  int64_t lost_at_ms = 0;                 // REQUIRES: !connected
  int64_t oldest_received_ns = kNeverNs;  // of what was applied and not staged yet
  int64_t heard_ms = 0;                   // 0: never
  uint64_t events = 0, whole_states = 0;
  size_t reported_skipped = 0;
  bool may_skip_more = false;  // since the last report
  int64_t next_report_ms = 0;
};

}  // namespace vipgate
