// What the feed tells of the clusters: in the log, and as counters.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "controlplane/feeds/mesos_feed_cluster.h"
#include "controlplane/monotonic_clock.h"

namespace vipgate {
namespace {

// Between two lists of what is left out, and how much of it they show.
constexpr int64_t kReportMs = 10'000;
constexpr size_t kReportedItems = 3;

// "label VIP_0=/redis:0 of task 'redis.1' of 'marathon': why"
std::string line_of(const Skipped& item) {
  std::string line = item.kind + " " + item.item;
  if (!item.task.empty()) line += " of task '" + item.task + "'";
  if (!item.framework.empty() && item.framework != item.item)
    line += " of '" + item.framework + "'";
  return line + ": " + item.why;
}

}  // namespace

// What is left out, and who lost a claim to whom. Not at once for each change: the list is made
// anew.
void MesosFeed::report_skipped(Cluster& cluster, int64_t now_ms) {
  if (!cluster.may_skip_more || now_ms < cluster.next_report_ms) return;
  cluster.may_skip_more = false;
  cluster.next_report_ms = now_ms + kReportMs;
  const std::vector<Skipped> skipped = cluster.view->skipped();
  const auto& unread = cluster.cluster.skipped();
  const size_t count = skipped.size() + unread.size();
  if (count > cluster.reported_skipped) {
    spdlog::warn("{}: {} items cannot be used and are left out, among them:", cluster.label, count);
    for (size_t i = 0; i < std::min(skipped.size(), kReportedItems); ++i) {
      spdlog::warn("  {}", line_of(skipped[i]));
    }
    for (size_t i = 0; i < std::min(unread.size(), kReportedItems); ++i) {
      spdlog::warn("  {}: {}", unread[i].where, unread[i].why);
    }
  }
  cluster.reported_skipped = count;
}

NamedCounters MesosFeed::counters() const {
  NamedCounters counters;
  for (const auto& cluster : clusters_) {
    const std::string prefix = "mesos." + std::to_string(cluster->index) + ".";
    counters.emplace_back(prefix + "tasks", cluster->cluster.tasks().size());
    counters.emplace_back(prefix + "tasks_waiting", cluster->cluster.waiting_tasks());
    counters.emplace_back(prefix + "agents", cluster->cluster.agents().size());
    counters.emplace_back(prefix + "agents_recovered", cluster->cluster.recovered_agents());
    counters.emplace_back(prefix + "events", cluster->events);
    counters.emplace_back(prefix + "whole_states", cluster->whole_states);
    counters.emplace_back(prefix + "skipped", cluster->reported_skipped);
    counters.emplace_back(prefix + "connected", cluster->connected ? 1 : 0);
    counters.emplace_back(prefix + "stale", cluster->connected ? 0 : 1);
    // A stored state that the cluster has not confirmed is as old as our start, or older.
    const int64_t since_ms = cluster->heard_ms != 0 ? cluster->heard_ms : cluster->lost_at_ms;
    const int64_t age_ms = std::max<int64_t>(monotonic_ms() - since_ms, 0);
    counters.emplace_back(prefix + "age_ms", static_cast<uint64_t>(age_ms));
    if (cluster->source == nullptr) continue;
    const MesosSourceCounters source = cluster->source->counters();
    counters.emplace_back(prefix + "connects", source.connects);
    counters.emplace_back(prefix + "drops", source.drops);
    counters.emplace_back(prefix + "records", source.records);
    counters.emplace_back(prefix + "bytes", source.bytes);
    counters.emplace_back(prefix + "garbage", source.garbage);
    counters.emplace_back(prefix + "oversize", source.oversize);
    counters.emplace_back(prefix + "sweeps", source.sweeps);
    counters.emplace_back(prefix + "failed_sweeps", source.failed_sweeps);
  }
  return counters;
}

}  // namespace vipgate
